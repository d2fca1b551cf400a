"""`python -m benchmarks`: everything in turn; `--smoke` is the quick guard that CI runs.

Writes docs/benchmarks.md (not for the smoke run). Fails only on a ratio, never on a time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import math
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks.measure import Cost, Spread, run, spread
from connect_pipeline.sample.district import generate
from connect_pipeline_tests.sshd import OpenSshd

PYTHON = sys.executable
CLI = [PYTHON, "-m", "connect_pipeline.cli"]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
# validate may cost this many times the plain script (see docs/benchmarks.md); a smoke run is
# small, so start-up weighs more and the guard is wider.
VALIDATE_CEILING = 2.5
SMOKE_CEILING = 4.0
TODAY = dt.date.today()  # noqa: DTZ011 - the absences must be of this machine's day


class Bench:
    """A folder for everything that a run needs; removed at its end."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.folder, self.runs = folder, runs
        self.log = folder / "output.log"

    def district(self, students: int) -> Path:
        """The exports of a district of this size, generated once."""
        place = self.folder / "drop" / f"d{students}"
        if not place.exists():
            generate(place, students, 1, today=TODAY)
        return place

    def in_turn(self, ours: list[str], theirs: list[str], **environment: str) -> Pairs:
        """A B A B …, after one uncounted run of each."""
        pairs = [
            (run(ours, environment, self.log), run(theirs, environment, self.log))
            for _ in range(self.runs + 1)
        ]
        return Pairs(pairs[1:])


class Pairs:
    """Runs of two commands, one after the other."""

    def __init__(self, pairs: list[tuple[Cost, Cost]]) -> None:
        self.pairs = pairs

    @property
    def ratio(self) -> Spread:
        return spread([ours.wall_seconds / theirs.wall_seconds for ours, theirs in self.pairs])

    def wall(self, side: int) -> Spread:
        return spread([pair[side].wall_seconds for pair in self.pairs])

    def peak(self, side: int) -> float:
        return max(pair[side].peak_mb for pair in self.pairs)


def bench_validate(bench: Bench, students: int) -> Pairs:
    """`validate` against the plain script that reads the same files and checks keys."""
    exports = str(bench.district(students))
    return bench.in_turn(
        [*CLI, "validate", exports, "--json"],
        [PYTHON, "-m", "benchmarks.reference", "keys", exports],
    )


def bench_sync(bench: Bench, students: int) -> tuple[Pairs, Pairs]:
    """First night and second (unchanged) night through a real sshd, against fetch and load."""
    exports = bench.district(students)
    with OpenSshd(bench.folder / "sshd") as server:
        home = bench.folder / "home"
        settings = server.settings(exports)
        sftp = settings.model_dump(mode="json", exclude_none=True)
        home.mkdir(mode=0o700, exist_ok=True)
        district = {"name": "Bench", "sftp": sftp, "attendance": {"enabled": True}}
        (home / "districts.yaml").write_text(yaml.safe_dump({"districts": {"bench": district}}))
        remote = [f"127.0.0.1:{settings.port}", str(settings.private_key), str(exports)]
        theirs = [PYTHON, "-m", "benchmarks.reference", "fetch-and-load", *remote]
        theirs += [str(bench.folder / "fetched"), str(bench.folder / "reference.duckdb")]
        ours = [*CLI, "sync", "bench"]
        first, again = [], []
        for _ in range(bench.runs):
            for state in home.iterdir():
                if state.name == "districts.yaml":
                    continue
                shutil.rmtree(state) if state.is_dir() else state.unlink()
            environment = {"CONNECT_HOME": str(home)}
            night = run(ours, environment, bench.log)
            reference = run(theirs, environment, bench.log)
            first.append((night, reference))
            again.append((run(ours, environment, bench.log), reference))
    return Pairs(first), Pairs(again)


def growth_exponent(small: tuple[int, float], large: tuple[int, float]) -> float:
    """The power with which cost grows with size."""
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


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


def full(bench: Bench, sizes: tuple[int, ...]) -> str:
    """Run everything; the text of docs/benchmarks.md."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Ratios of runs in turn; medians, with minimum and maximum.",
        "",
        _machine(),
        "",
        "## `validate` against one plain DuckDB script (read, keys, references)",
        "",
        "| students | ratio | ours, s | script, s | ours, peak MB | script, peak MB |",
        "|---|---|---|---|---|---|",
    ]
    walls: dict[int, float] = {}
    for students in sizes:
        pairs = bench_validate(bench, students)
        walls[students] = pairs.wall(0).median
        lines.append(
            f"| {students:,} | {pairs.ratio} | {pairs.wall(0)} | {pairs.wall(1)}"
            f" | {pairs.peak(0):.0f} | {pairs.peak(1):.0f} |"
        )
    lines += [
        "",
        "## `sync` over a real sshd against OpenSSH `sftp` and a plain load (rosters, groups,",
        "recipients, on disk)",
        "",
        "Start-up is that of the smallest district, and is subtracted in the last column.",
        "",
        "| students | ratio | ours, s | script, s | peak MB | unchanged, s | ratio less start-up |",
        "|---|---|---|---|---|---|---|",
    ]
    start: tuple[float, float] | None = None
    nights: dict[int, float] = {}
    for students in sizes:
        first, again = bench_sync(bench, students)
        ours, theirs = first.wall(0).median, first.wall(1).median
        start = start or (ours, theirs)
        less = (ours - start[0]) / (theirs - start[1]) if theirs - start[1] > 0.2 else None
        nights[students] = ours - start[0]
        lines.append(
            f"| {students:,} | {first.ratio} | {first.wall(0)} | {first.wall(1)}"
            f" | {first.peak(0):.0f} | {again.wall(0)} | {f'{less:.2f}' if less else '–'} |"
        )
    measured = [size for size in sizes if nights.get(size, 0) > 0.2]
    if len(measured) >= 2:
        low, high = measured[0], measured[-1]
        exponent = growth_exponent((low, nights[low]), (high, nights[high]))
        lines += ["", f"Growth exponent of `sync` from {low:,} to {high:,}: {exponent:.2f}."]
    lines += ["", "## Peers on the checks of `validate`", "", "| students | peer | peer / ours |"]
    lines += ["|---|---|---|"]
    for students, peer in ((10_000, "frictionless"), (100_000, "pandas")):
        if students not in sizes:
            continue
        exports = str(bench.district(students))
        try:
            pairs = bench.in_turn(
                [PYTHON, "-m", "benchmarks.peers", peer, exports],
                [*CLI, "validate", exports, "--json"],
            )
        except RuntimeError:
            lines.append(f"| {students:,} | {peer} | not installed |")
            continue
        lines.append(f"| {students:,} | {peer} | {pairs.ratio} |")
    return "\n".join(lines) + "\n"


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
        sizes = tuple(size for size in SIZES if size <= options.largest)
        text = full(bench, sizes)
    (Path(__file__).parents[1] / "docs" / "benchmarks.md").write_text(text)
    print(text)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
