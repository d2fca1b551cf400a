"""Who is told how a run ended: alarms, and the report on the district's server.

Belongs here: what of a run an alarm is made of. Does not belong here: whom it goes to (`alarms/`).
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress

from connect_pipeline import alarms
from connect_pipeline.alarms.words import Cause
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.ledger import ATTENDANCE_JOB, PREVIEW_JOB
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.settings import Settings

log = logging.getLogger(__name__)


def tell(run: DistrictRun, settings: Settings) -> None:
    """Raise alarms, then hand the report back, which takes minutes where that server is slow."""
    try:
        if run.job != PREVIEW_JOB:
            _note_alarms(run, settings)
            run.hand_back_report()
    finally:
        run.visit.hang_up()


def _note_alarms(run: DistrictRun, settings: Settings) -> None:
    """Say what the run came to, for those who are told. Never fails a run."""
    try:
        _say_how_it_ended(run, settings)
    except Exception as error:
        fault = as_our_error(error)
        log.error("%s: nobody can be told how the run ended: %s", run.name, fault)
        if fault.kind == "bug":  # the ledger itself may well be there
            with suppress(Exception):
                alarms.raise_alarm(
                    run.ledger,
                    settings,
                    run.name,
                    run.job,
                    Cause.FAILED,
                    {"bug": 1},
                    run_id=run.run_id,
                )


def _say_how_it_ended(run: DistrictRun, settings: Settings) -> None:
    codes = Counter(run.report.counts(lambda severity: severity.stops_file))
    hold = run.ledger.open_hold(run.name, run.job)
    if hold is not None and run.outcome == "held":
        codes |= Counter(hold["codes"])
    is_in_time = False
    if run.job == ATTENDANCE_JOB:
        codes |= Counter(run.attendance.lateness)
        is_in_time = run.attendance.is_listed_in_time
        if run.attendance.lateness:  # which is not of the district's doing
            del codes["stale_file"]
        is_fresh = run.attendance.is_of_today and run.attendance.is_fresh
        if run.attendance.is_late:
            codes["stale_file"] = 1
    else:
        if run.outcome == "unchanged":  # old files hold nothing then, and newer ones are due
            codes["stale_file"] = run.report.counts().get("stale_file", 0)
        # Whom old files do not concern is not told that they still are.
        is_fresh = not run.district.hold_stale_files or (
            bool(run.visit.uploaded) and not run.night.stale
        )
    if run.outcome == "discarded" and run.deadline is not None:  # there is no file to be used
        codes["missing_file"] = 1
    alarms.after_run(
        run.ledger,
        settings,
        run.name,
        run.job,
        run.outcome,
        codes,
        run_id=run.run_id,
        done=run.done,
        fault=run.fault,
        is_fresh=is_fresh,
        is_in_time=is_in_time,
        is_held=hold is not None,
    )
