"""What a district's settings allow that the standard does not, in words.

For: the report, so that a district sees which of its own settings a verdict rests on. Belongs
here: one phrase for each setting that changes a rule. Does not belong here: the settings' shape
and defaults (`settings.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connect_pipeline.limits import number, percent
from connect_pipeline.settings import District, Rollover, Window


def _share(value: float) -> str:
    return f"{percent(value)} %"


def _bytes(value: int) -> str:
    for size, unit in ((1024**3, "GB"), (1024**2, "MB"), (1024, "KB")):
        if value >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value} bytes"


def _count(value: int) -> str:
    return f"{value:,}"


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


def _codes(value: tuple[str, ...]) -> str:
    return ", ".join(value) or "none"


def _days(value: Window | None) -> str:
    return f"from {value.first_day} to {value.last_day}" if value else "never"


def _leavers(value: Rollover | None) -> str:
    return f"{_share(value.removed)}, {_days(value)}" if value else "never"


PHRASES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "limits.file_bytes": ("a file of up to {}", _bytes),
    "limits.rows": ("a file of up to {} rows", _count),
    "limits.line_bytes": ("a line of up to {}", _bytes),
    "thresholds.bad_rows": ("{} of a file's rows to be kept out before it is refused", _share),
    "thresholds.unknown_references": (
        "{} of a file's rows to name a teacher or student who is not in their file",
        _share,
    ),
    "thresholds.low_balances": ("{} of the lunch balances to become low in one night", _share),
    "thresholds.unmatched_periods": (
        "{} of a school's absences to be in periods in which the student has no class",
        _share,
    ),
    "thresholds.removed": ("{} of people or classes to be removed in one night", _share),
    "thresholds.changed": ("{} of people or classes to be changed in one night", _share),
    "thresholds.reachability_points": (
        "the share of families that can be reached to fall by {} points in one night",
        number,
    ),
    "attendance.max_absent_share": ("{} of a school's students to be absent on one day", _share),
    "attendance.max_cleared_share": (
        "{} of the students of whom somebody was told today to be gone from a later file",
        _share,
    ),
    "attendance.other_codes": ("these absence codes, which alert nobody: {}", _codes),
    "attendance.absent_floor": (
        "any share of fewer than {} students to be absent, or gone from a later file",
        _count,
    ),
    "hold_stale_files": ("old core files to wait for an operator: {}", _yes_or_no),
    "rollover": (
        "another school year: any change of people and classes, and leavers of {}",
        _leavers,
    ),
    "add_only": ("additions and changes alone, without removals, {}", _days),
    "mixed_nights_hours": ("the core files to be {} hours apart", number),
}
"""By setting: how "Your district allows ..." goes on, and how a value of it is written."""


def allowances(district: District) -> list[str]:
    """Every setting that changes a rule and differs from the standard, with both values."""
    phrases = []
    for key, (phrase, write) in PHRASES.items():
        value, standard = _value(district, key), _standard(key)
        if value != standard:
            phrases.append(f"{phrase.format(write(value))} (standard: {write(standard)})")
    return phrases


def _value(settings: object, key: str) -> Any:
    for part in key.split("."):
        settings = getattr(settings, part)
    return settings


def _standard(key: str) -> Any:
    first, _, rest = key.partition(".")
    default = District.model_fields[first].get_default()
    return _value(default, rest) if rest else default
