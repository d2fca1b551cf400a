"""What came of a check: a sentence, and an exit code.

Belongs here: that a check that fails keeps no other from being made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from connect_pipeline.disk import disk_fault
from connect_pipeline.foreign_errors import as_our_error

T = TypeVar("T")


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at. `exit_code` is 0 when it is well."""

    what: str
    exit_code: int
    says: str


def check(what: str, work: Callable[[], str | None]) -> Diagnosis:
    """What came of `work`: its error, or else what it says, "well" where that is nothing."""
    says, diagnosis = attempt(what, work)
    return diagnosis if says is None else replace(diagnosis, says=says)


def attempt(what: str, work: Callable[[], T]) -> tuple[T | None, Diagnosis]:
    """What `work` gave, None when it failed, and the diagnosis of that."""
    try:
        return work(), Diagnosis(what, 0, "well")
    except Exception as error:  # a check that fails keeps no other from being made
        ours = as_our_error(error)
        if isinstance(error, OSError) and error.filename:  # which would refer to `doctor`
            ours = disk_fault(error, f"use {error.filename}")
        return None, Diagnosis(what, ours.exit_code, str(ours))
