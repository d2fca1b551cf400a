"""`python -m benchmarks`: everything in turn; `--smoke` is the quick guard that CI runs.

Writes docs/benchmarks.md (not for the smoke run). Fails only on a ratio, never on a time.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.jobs import TODAY, Bench, bench_validate
from benchmarks.sections import (
    OLDER_DUCKDB,
    PEERS_PYTHON,
    ROOT,
    alerts_section,
    duckdb_section,
    fetch_section,
    peers_section,
    phases_section,
    sync_section,
    validate_section,
)

SIZES = (1_000, 10_000, 100_000, 300_000, 1_000_000)
MIDDLE = 300_000  # the size that ratios are judged at; the largest one shows growth and memory
PEERS_LARGEST = 100_000
# A smoke run is small, so start-up weighs more than in docs/benchmarks.md: the guard is wider.
SMOKE_CEILING = 4.0


def smoke(bench: Bench) -> int:
    """One ratio at one small size; the exit code."""
    pairs = bench_validate(bench, 20_000)
    print(f"validate / plain SQL at 20,000 students: {pairs.ratio}")  # noqa: T201
    return 0 if pairs.ratio.low <= SMOKE_CEILING else 1


def _machine() -> str:
    versions = {name: importlib.metadata.version(name) for name in ("duckdb", "dagster")}
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" DuckDB {versions['duckdb']}, Dagster {versions['dagster']}."
    )


def full(bench: Bench, largest: int) -> str:
    """Run everything; the text of docs/benchmarks.md."""
    sizes = [size for size in SIZES if size <= largest]
    middle = [size for size in sizes if size <= MIDDLE]
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {TODAY}: {_machine()}",
        "",
        f"Commands are run in turn, {bench.runs} times; medians, with minimum and maximum. Seconds",
        "are of this machine on that day; what counts are the ratios.",
        "",
        *sync_section(bench, sizes),
        *validate_section(bench, middle),
        *fetch_section(bench, middle[-1]),
        *phases_section(bench, sizes[-1]),
        *alerts_section(bench, [sizes[0], sizes[-1]]),
    ]
    if PEERS_PYTHON.exists():
        lines += peers_section(bench, [size for size in middle if size <= PEERS_LARGEST][-1:])
    if OLDER_DUCKDB.exists():
        lines += duckdb_section(bench, middle[-1])
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--smoke", action="store_true", help="one small ratio, for CI")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="leave out larger districts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="connect-bench-") as folder:
        bench = Bench(Path(folder), options.runs)
        if options.smoke:
            return smoke(bench)
        text = full(bench, options.largest)
    (ROOT / "docs" / "benchmarks.md").write_text(text)
    print(text)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
