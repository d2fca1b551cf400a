"""What is too much: of one file, of one run, and of one night's changes.

For: the checks, which have these with their defaults where there are no settings, and the settings
(`settings.py`), which have them as sections. Belongs here: numbers, their defaults and what is
allowed. Does not belong here: what happens above them; pydantic, which costs `validate` more
time than the checks of a small file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True)
class Limits:
    """What bounds the cost of one file and of one run.

    A run's database keeps `memory_mb` in memory and writes the rest below the home; the program
    itself needs some 200 MB more. Without `threads` it uses every core.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    file_bytes: Annotated[int, Gt(0)] = 2 * 1024**3
    line_bytes: Annotated[int, Ge(1024)] = 64 * 1024
    rows: Annotated[int, Gt(0)] = 20_000_000
    memory_mb: Annotated[int, Ge(100)] = 600
    threads: Annotated[int, Ge(1)] | None = None


@dataclass(frozen=True)
class Thresholds:
    """Shares above which a file is blocked, or the core set is held (design, sections 4 and 5)."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    removed: Share = 0.10
    changed: Share = 0.75
    reachability_points: Annotated[float, Ge(0), Le(100)] = 10
    unknown_references: Share = 0.10
    unmatched_periods: Share = 0.20
    bad_rows: Share = 0.05
