"""Runs that came to something bad and could not say so: the ledger broke off before their alarm.

For: `night_watch`. What such a run held would wait for nobody, and a day's absences with it.
Belongs here: finding these ends, and raising what they should have raised. Does not belong here:
runs that have no end (`dead_runs.py`), what a run says of its own end (`run/telling.py`).
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.engine import RowMapping

from connect_pipeline import alarms
from connect_pipeline.alarms.words import Cause
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, Ledger, adds_reason, now
from connect_pipeline.process.locks import is_held
from connect_pipeline.rules import catalogue
from connect_pipeline.settings import Settings

SAYS_WITHIN = timedelta(minutes=1)
"""From a run's end in the ledger to its alarm."""
LOOKED_BACK = timedelta(days=1)


def tell_of_untold_ends(home: Home, ledger: Ledger, settings: Settings) -> None:
    """Raise what the last run of a district and job should have raised, unless it is said."""
    at = now()
    said = {(row["district"], row["job"], row["cause"]): row for row in alarms.open_alarms(ledger)}
    for run in ledger.bad_ends(at - LOOKED_BACK, at - SAYS_WITHIN):
        name, job = str(run["district"]), str(run["job"])
        district = settings.districts.get(name)
        if district is None or is_held(home.lock(name)):
            continue
        if job == ATTENDANCE_JOB and not district.attendance.enabled:  # no run would end the alarm
            continue
        for cause, codes in _causes(ledger, run).items():
            alarm = said.get((name, job, cause.value))
            if alarm is None or (cause is Cause.HELD and adds_reason(codes, alarm["codes"])):
                alarms.raise_alarm(ledger, settings, name, job, cause, codes, run_id=run["run_id"])


def _causes(ledger: Ledger, run: RowMapping) -> dict[Cause, dict[str, int]]:
    """What somebody must be told of a run, as far as the ledger knows it."""
    if run["outcome"] == "held":
        hold = ledger.open_hold(run["district"], run["job"])
        return {} if hold is None else alarms.causes_at_end("held", hold["codes"], "")
    if run["outcome"] == "blocked":
        rules = catalogue()
        codes = {one: n for one, n in run["codes"].items() if one in rules}
        stopping = {one: n for one, n in codes.items() if rules[one].severity.stops_file}
        return alarms.causes_at_end("blocked", stopping, "")
    return {Cause.FAILED: {}}  # its message, in `status`, says with what
