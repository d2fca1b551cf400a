"""An operator's decision on what is held: the same from the shell and from the Dagster UI.

For: `approve`, `discard` and the job `decide_hold`. Belongs here: which holds are meant, and what
is said. Does not belong here: what a decision does to a run (`district_run.py`).
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from connect_pipeline.errors import UsageError
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, now, open_ledger
from connect_pipeline.settings import load_sound_districts

NEXT_COMMAND = {CORE_JOB: "sync", ATTENDANCE_JOB: "alerts"}


class Decision(StrEnum):
    """What becomes of held files."""

    APPROVED = "approved"
    DISCARDED = "discarded"


def decide(home: Home, district: str, decision: Decision, by: str) -> list[str]:
    """Decide on everything that is held for a district; returns what to tell the operator.

    Raises `UsageError` when nothing is held any more: then the next run looks again.
    """
    days = load_sound_districts(home.settings_file).district(district).keep.hold_days
    ledger = open_ledger(home)
    expired = ledger.expire_holds(district, now() - timedelta(days=days))
    held = [job for job in NEXT_COMMAND if ledger.open_hold(district, job)]
    if not held:
        why = f" What was held has waited for more than {days} days and expired." if expired else ""
        raise UsageError(
            f"Nothing is held for {district}; `status {district}` shows its state.{why}"
        )
    says = []
    for job in held:
        hold = ledger.decide(district, job, decision, by)
        reasons = ", ".join(f"{code} {count:,}" for code, count in hold["codes"].items())
        says.append(
            f"{district}: {decision} the {job} files held since {hold['held_at']} ({reasons})."
        )
    if decision is Decision.APPROVED:
        steps = " and ".join(f"`connect-pipeline {NEXT_COMMAND[job]} {district}`" for job in held)
        says.append(f"The next run goes on with them, if the files are still the same: {steps}.")
    return says
