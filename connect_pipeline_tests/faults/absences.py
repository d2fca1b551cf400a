"""Absences of a small home: an upload, an attendance run, and what a sender finds.

For: the fault tests. Does not belong here: what is expected of a run.
"""

from __future__ import annotations

import csv
import os
import sys
import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from connect_pipeline.contract import ATTENDANCE
from connect_pipeline.errors import ConnectError
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.lifecycle import district_run
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import NAME, SmallHome

ZONE = ZoneInfo("America/Los_Angeles")


def absent(home: SmallHome, *rows: str) -> None:
    """Upload today's absences, each as `school,student,period,code`."""
    today = datetime.now(ZONE)
    lines = [f'{row},"Lopez, Maria",{today:%m/%d/%y}' for row in rows]
    header = FILES[ATTENDANCE.file_name].splitlines()[0]
    home.upload({ATTENDANCE.file_name: "\n".join((header, *lines)) + "\n"})


def list_absences(home: SmallHome, deadline: datetime | None = None) -> DistrictRun:
    """The steps of the attendance job; the run after its end."""
    with home.here():
        return _list_absences(home.home, deadline)


def _list_absences(home: Home, deadline: datetime | None = None) -> DistrictRun:
    """What the assets of `attendance_alerts` call, in their order."""
    run: DistrictRun | None = None
    try:
        with district_run(home, NAME, uuid.uuid4().hex, ATTENDANCE_JOB, deadline) as run:
            run.visit.receive(ATTENDANCE)
            run.visit.confirm()
            run.refuse_missing((ATTENDANCE,))
            run.check(ATTENDANCE)
            run.attendance.day.build_absences()
            if run.attendance.settle_day() and run.attendance.settle_hold():
                run.attendance.day.build_accounting()
                run.attendance.list_recipients()
    except ConnectError:
        if run is None or run.outcome == "failed":
            raise
    return run


def told(home: SmallHome) -> list[tuple[str, ...]]:
    """Every line of every list, as a sender finds them, without the batch's name and time."""
    lines = []
    for path in sorted(home.home.outbox(NAME).glob("*.csv")):
        for row in csv.DictReader(path.read_text().splitlines()):
            lines.append((row["channel"], row["destination"], row["student_id"]))
    return lines


def main() -> None:
    """One attendance run on CONNECT_HOME, for a process of its own."""
    done = _list_absences(Home.from_environment())
    sys.stdout.write(f"{done.outcome} {done.message}\n")
    sys.exit(0 if done.outcome in ("listed", "nothing_new") else int(os.EX_SOFTWARE))
