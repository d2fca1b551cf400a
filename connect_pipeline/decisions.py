"""An operator's decision on what is held: the same from the shell and from the Dagster UI.

For: `approve`, `discard` and the job `decide_hold`. Belongs here: which hold is meant, until when
it may be decided, and what is said. Does not belong here: what a decision does to a run
(`run/shared_run.py`).
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy.engine import RowMapping

from connect_pipeline import alarms
from connect_pipeline.alarms.words import Cause
from connect_pipeline.errors import UsageError
from connect_pipeline.home import Home
from connect_pipeline.interrupted import settle
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, Ledger, now, open_ledger, stamp
from connect_pipeline.process.locks import is_held, locked
from connect_pipeline.settings import District
from connect_pipeline.settings_file import load_sound_districts

NEXT_COMMAND = {CORE_JOB: "sync", ATTENDANCE_JOB: "alerts"}


class Decision(StrEnum):
    """What becomes of held files."""

    APPROVED = "approved"
    DISCARDED = "discarded"


class HeldJob(StrEnum):
    """Whose files are held: the night's or the absences'."""

    CORE = CORE_JOB
    ATTENDANCE = ATTENDANCE_JOB


def decide(
    home: Home,
    name: str,
    decision: Decision,
    by: str,
    job: HeldJob | None = None,
    asked_at: datetime | None = None,
) -> list[str]:
    """Decide on what is held for a district; returns what to tell the operator.

    Files that were approved and are not published yet may still be discarded, but not while a run
    is under way: it may have looked at the approval already, and would publish all the same.
    Raises `UsageError` then; and when nothing is held any more, for then the next run looks again,
    and when both jobs' files are held and `job` does not say which are meant: who has read why the
    absences are held has not read why the night is. So it does when the files are held since
    `asked_at`: a decision that had to wait is not of files that were held in the meantime.
    What a killed run was about to publish is settled first, or it would go out after a discard.
    """
    district = load_sound_districts(home.settings_file).district(name)
    with closing(open_ledger(home)) as ledger:
        if is_held(home.lock(name)):  # a run that lives sees what is decided on held ones
            return _decide(ledger, name, district, decision, by, job, asked_at, run_lives=True)
        with locked(home, name):
            settle(home, ledger, name)
            return _decide(ledger, name, district, decision, by, job, asked_at, run_lives=False)


def expire_undecided(ledger: Ledger, name: str, district: District, moment: datetime) -> int:
    """End the holds that can no longer be approved; returns how many that were.

    Absences are of their day, and what was judged against a roster of last week
    (`keep.hold_days`) says nothing about tonight's.
    """
    today = datetime.combine(district.day_of(moment), time.min, district.zone)
    return ledger.expire_holds(name, today, job=ATTENDANCE_JOB) + ledger.expire_holds(
        name, moment - timedelta(days=district.keep.hold_days)
    )


def _decide(
    ledger: Ledger,
    name: str,
    district: District,
    decision: Decision,
    by: str,
    job: HeldJob | None,
    asked_at: datetime | None,
    *,
    run_lives: bool,
) -> list[str]:
    if not by.strip():
        raise UsageError("Say who decides: the name stays in the ledger.")
    expired = expire_undecided(ledger, name, district, now())
    hold = _hold_meant(ledger, name, decision, job, run_lives=run_lives)
    if hold is None:
        why = (
            " What was held has expired: absences wait until their day is over, other files"
            f" {district.keep.hold_days} days."
            if expired
            else ""
        )
        raise UsageError(
            f"Nothing is held for {name}{f' ({job})' if job else ''};"
            f" `status {name}` shows its state.{why}"
        )
    if hold["state"] == "held" and asked_at and hold["held_at"] > stamp(asked_at):
        raise UsageError(
            f"{name}: other {hold['job']} files are held than when this was decided, or the same"
            f" for one reason more, since {hold['held_at']}. Look at them (`status {name}`),"
            " then decide again."
        )
    end_alarm = partial(alarms.clear_within, name=name, job=hold["job"], causes=[Cause.HELD])
    ledger.decide(hold, decision, by, also=end_alarm)
    return _told(name, decision, hold)


def _hold_meant(
    ledger: Ledger, name: str, decision: Decision, job: HeldJob | None, *, run_lives: bool
) -> RowMapping | None:
    """The one hold that can be decided on so; None when there is none."""
    jobs = [one for one in NEXT_COMMAND if job in (None, one)]
    held = [hold for one in jobs if (hold := ledger.open_hold(name, one))]
    if not held and decision is Decision.DISCARDED:
        held = [hold for one in jobs if (hold := ledger.usable_approval(name, one))]
        if held and run_lives:
            raise UsageError(
                f"{name}: these files are approved, and something is under way that may be the"
                f" run that goes on with them. When it has ended, look at `status {name}`, then"
                " decide again; what was published, `rollback` takes back."
            )
    if len(held) > 1:
        raise UsageError(
            f"{name}: both the core and the attendance files are held, for reasons of their"
            f" own; `status {name}` has them. Say which are meant: `--job core` or `--job"
            " attendance` (in the Dagster UI, `job: CORE` or `job: ATTENDANCE`)."
        )
    return held[0] if held else None


def _told(name: str, decision: Decision, hold: RowMapping) -> list[str]:
    """What to tell the operator of a decision on `hold`, which is as it was before."""
    job = hold["job"]
    reasons = ", ".join(f"{code} {count:,}" for code, count in hold["codes"].items())
    says = [f"{name}: {decision} the {job} files held since {hold['held_at']} ({reasons})."]
    if hold["state"] != "held":
        says.append("They had been approved, which is taken back.")
        if job == ATTENDANCE_JOB:
            says.append("Who is already listed stays listed.")
    if decision is Decision.APPROVED:
        says.append(
            "The next run goes on with them, if the files are still the same:"
            f" `connect-pipeline {NEXT_COMMAND[job]} {name}`."
        )
    return says
