"""What is too much: of one file, of one run, and of one night's changes.

For: the checks, which have these with their defaults where there are no settings, and the settings
(`settings.py`), which have them as sections. Belongs here: numbers, their defaults and what is
allowed, what a share of a count comes to, and how a message writes them. Does not belong here:
what happens above them; pydantic, which costs `validate` more time than the checks of a small file.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar

from annotated_types import DocInfo, Ge, Gt, Le

Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True)
class Limits:
    """What bounds the cost of one file and of one run."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    file_bytes: Annotated[int, Gt(0), DocInfo("bytes of one file")] = 2 * 1024**3
    line_bytes: Annotated[int, Ge(1024), Le(128 * 1024), DocInfo("bytes of one line")] = 64 * 1024
    rows: Annotated[int, Gt(0), DocInfo("rows of one file")] = 20_000_000
    memory_mb: Annotated[
        int,
        Ge(100),
        Le(16 * 1024**2),
        DocInfo(
            "MB that a run's database keeps in memory, the rest below the home;"
            " the program itself needs some 200 more"
        ),
    ] = 600
    threads: Annotated[
        Annotated[int, Ge(1), Le(512)] | None,
        DocInfo("cores that a run on large files uses; every one without it"),
    ] = None


@dataclass(frozen=True)
class Thresholds:
    """Shares above which a file is refused or held, or the night is (a share is 0 to 1).

    Under every share, even 0, a few may pass: up to 10 students, 5 staff members, 10 classes and 50
    enrollments, unless 3 people or more are gone who are most of a school; and up to 5 rows of a
    file for `unknown_references`, `unmatched_periods` and `bad_rows`. So `removed: 0` still lets 10
    students of 1,000 go.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    removed: Annotated[Share, DocInfo("of people or classes gone in one night: held")] = 0.10
    changed: Annotated[Share, DocInfo("of people or classes changed in one night: held")] = 0.75
    reachability_points: Annotated[
        float, Ge(0), Le(100), DocInfo("points by which the families reached may fall: held")
    ] = 10
    unknown_references: Annotated[
        Share,
        DocInfo(
            "of a file's rows whose teacher is in no export, or whose student, each counted apart:"
            " held"
        ),
    ] = 0.10
    unmatched_periods: Annotated[
        Share, DocInfo("of a school's absences in periods without a class of the student: held")
    ] = 0.20
    low_balances: Annotated[
        Share, DocInfo("of lunch balances that become low in one night, with `lunch_list`: held")
    ] = 0.10
    bad_rows: Annotated[Share, DocInfo("of a file's rows kept out (and more than 5): refused")] = (
        0.05
    )


def most_within(of: int, share: float) -> int:
    """How many of `of` are not yet more than `share` of them.

    A product of floats would say otherwise of 29 of 100 and 0.29. SQL casts the share to a
    decimal for the same reason.
    """
    return int(of * Fraction(str(share)))


def percent(share: float) -> str:
    """A share in percent, so exact that one over its limit is not said to be the same."""
    return f"{100 * share:.3g}"


def number(value: float) -> str:
    """A number of the settings as one would write it: 10, not 10.0."""
    return f"{value:g}"
