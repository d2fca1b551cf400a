"""What a run can come to, and the exit code of its command.

Belongs here: the outcomes. Does not belong here: errors (`errors.py`), and what is said of an
outcome (`alarms/words.py`, `report/words.py`).
"""

from __future__ import annotations

from connect_pipeline.errors import ConnectError

GOOD = ("published", "unchanged", "listed", "nothing_new", "previewed")
"""Outcomes of runs that did what they are for."""
OF_THE_FILES = ("blocked", "held", "discarded")
"""Outcomes of runs that found nothing that could be used. `running` is none yet; all others are
`failed`, with the exit code behind it: `failed:3`."""


def failed(exit_code: int = ConnectError.exit_code) -> str:
    """The outcome of a run that could not do its work."""
    return f"failed:{exit_code}"


def without_code(outcome: str) -> str:
    """An outcome as people and programs are told of it."""
    return outcome.partition(":")[0]


def outcome_exit_code(outcome: str) -> int:
    """The exit code of a command whose run had this outcome (DESIGN section 8)."""
    if outcome in GOOD:
        return 0
    if outcome in OF_THE_FILES:
        return 1
    _, _, code = outcome.partition(":")
    return int(code or 3)
