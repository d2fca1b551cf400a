"""The sections of docs/benchmarks.md: one comparison each, as Markdown.

Belongs here: which sizes, which numbers, the words around them. Does not belong here: how a
comparison is run (`jobs.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.jobs import (
    CLI,
    Bench,
    Night,
    Pairs,
    bench_alerts,
    bench_fetch,
    bench_sync,
    bench_validate,
)
from benchmarks.peers import PEERS
from connect_pipeline_tests.sshd import OpenSshd

ROOT = Path(__file__).parents[1]
PEERS_PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
OLDER_DUCKDB = ROOT / ".venv" / "duckdb-1.5"
LEAST_SECONDS = 0.2  # below this a difference is noise


def growth_exponent(small: tuple[int, float], large: tuple[int, float]) -> float:
    """The power with which cost grows with size."""
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


def less_start_up(pairs: Pairs, start: Pairs) -> str:
    """The ratio of what the two cost beyond a district that is all start-up."""
    ours, theirs = (pairs.wall(side).median - start.wall(side).median for side in (0, 1))
    return f"{ours / theirs:.2f}" if theirs > LEAST_SECONDS else "–"


def table(heads: str, rows: Iterable[Iterable[object]]) -> list[str]:
    """A table in Markdown."""
    columns = heads.count("|") + 1
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return [f"| {heads} |", "|" + "---|" * columns, *lines, ""]


def validate_section(bench: Bench, sizes: Sequence[int]) -> list[str]:
    """Ratios, seconds and memory of `validate` by size."""
    rows = []
    for students in sizes:
        pairs = bench_validate(bench, students)
        peaks = [f"{pairs.peak(side):.0f}" for side in (0, 1)]
        rows.append([f"{students:,}", pairs.ratio, pairs.wall(0), pairs.wall(1), *peaks])
    return [
        "## `validate` against one plain DuckDB script (read, keys, references)",
        "",
        *table("students | ratio | ours, s | script, s | ours, peak MB | script, peak MB", rows),
    ]


def peers_section(bench: Bench, sizes: Sequence[int]) -> list[str]:
    """What the same checks cost with other tools."""
    rows = []
    for students in sizes:
        exports = str(bench.district(students))
        ours = [*CLI, "validate", exports, "--json"]
        for peer in PEERS:
            theirs = [str(PEERS_PYTHON), "-m", "benchmarks.peers", peer, exports]
            pairs = bench.in_turn(theirs, ours)
            peaks = [f"{pairs.peak(side):.0f}" for side in (0, 1)]
            rows.append([f"{students:,}", peer, pairs.ratio, pairs.wall(0), *peaks])
    return [
        "## Peers on keys, references and e-mails, against `validate` with all its rules",
        "",
        *table("students | peer | peer / ours | peer, s | peer, peak MB | ours, peak MB", rows),
    ]


def sync_section(bench: Bench, sizes: Sequence[int]) -> list[str]:
    """Ratios of the nightly run by size, its memory, its growth, and a night without news."""
    rows, walls = [], {}
    start: Pairs | None = None
    for students in sizes:
        first, again = bench_sync(bench, students)
        start = start or first
        walls[students] = first.wall(0).median - start.wall(0).median
        cells = [first.ratio, first.wall(0), first.wall(1), less_start_up(first, start)]
        peaks = [f"{first.peak(0):.0f}", f"{first.peak(1):.0f}"]
        rows.append([f"{students:,}", *cells, *peaks, again.wall(0)])
    lines = [
        "## `sync` over a real sshd against OpenSSH `sftp` and one plain DuckDB script",
        "",
        "The script reads, checks keys and references, and builds rosters, groups and recipients",
        "on disk. Start-up is what the smallest district takes. Unchanged: the same bytes again.",
        "",
        *table(
            "students | ratio | ours, s | script, s | ratio less start-up | ours, peak MB"
            " | script, peak MB | unchanged, s",
            rows,
        ),
    ]
    measured = [size for size in sizes if walls[size] > LEAST_SECONDS]
    if len(measured) >= 2:
        low, high = measured[0], measured[-1]
        exponent = growth_exponent((low, walls[low]), (high, walls[high]))
        lines += [f"Growth exponent from {low:,} to {high:,} students: {exponent:.2f}.", ""]
    return lines


def phases_section(bench: Bench, students: int) -> list[str]:
    """Where the CPU time of a night goes."""
    with OpenSshd(bench.folder / "sshd") as server:
        nights = Night(bench, students, server).phases()
    names = dict.fromkeys(name for night in nights for name in night["cpu_seconds"])
    rows = [
        [name, *(f"{night['cpu_seconds'].get(name, 0):.2f}" for night in nights)] for name in names
    ]
    rows.append(["peak MB", *(f"{night['peak_mb']:.0f}" for night in nights)])
    return [
        f"## Phases of a night of {students:,} students, CPU seconds, without Dagster",
        "",
        "The second night lacks one student in 200, and one in 100 has another number.",
        "",
        *table("phase | first night | second night", rows),
    ]


def fetch_section(bench: Bench, students: int) -> list[str]:
    """The ratio of fetching."""
    pairs = bench_fetch(bench, students)
    return [
        "## Fetch over loopback, hashed and checked, against OpenSSH `sftp`",
        "",
        *table(
            "students | ratio | ours, s | sftp, s",
            [[f"{students:,}", pairs.ratio, pairs.wall(0), pairs.wall(1)]],
        ),
    ]


def alerts_section(bench: Bench, sizes: Sequence[int]) -> list[str]:
    """The ratio of an absence list, by size."""
    rows = []
    start: Pairs | None = None
    for students in sizes:
        pairs = bench_alerts(bench, students)
        start = start or pairs
        work = pairs.wall(0).median - start.wall(0).median
        cells = [pairs.wall(0), pairs.wall(1), f"{work / pairs.wall(1).median:.1f}"]
        cells += [less_start_up(pairs, start), f"{pairs.peak(0):.0f}"]
        rows.append([f"{students:,}", *cells])
    return [
        "## `alerts` against one plain join of the absences to the contacts",
        "",
        "Our start-up is what the smallest district takes, Dagster's included.",
        "",
        *table(
            "students | ours, s | join, s | ours less start-up / join"
            " | both less start-up | ours, peak MB",
            rows,
        ),
    ]


def duckdb_section(bench: Bench, students: int) -> list[str]:
    """The plain script under both DuckDB versions that we test."""
    with OpenSshd(bench.folder / "sshd") as server:
        night = Night(bench, students, server)
        pairs = [
            (night.reference("load", PYTHONPATH=str(OLDER_DUCKDB)), night.reference("load"))
            for _ in range(bench.runs)
        ]
    found = Pairs(pairs)
    return [
        "## The plain script under DuckDB 1.5, against the version that is pinned",
        "",
        *table(
            "students | ratio | 1.5, s | pinned, s",
            [[f"{students:,}", found.ratio, found.wall(0), found.wall(1)]],
        ),
    ]
