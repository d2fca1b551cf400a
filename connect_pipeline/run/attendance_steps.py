"""The attendance job's steps: what becomes of an attendance file that was received and checked.

For: a day's absences, in doubt or not, accounted for and listed; and the preview of that. Dagster's
assets, the command `alerts` and the tests call these.
Belongs here: the order of things within a step, and what of a file must wait for an operator. Does
not belong here: who is told of what (`attendance/`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property, partial
from math import ceil
from typing import Any

import duckdb

from connect_pipeline import roster
from connect_pipeline.alarms.words import MINUTES_LATE, NEVER_LISTED
from connect_pipeline.attendance.batch import Batch
from connect_pipeline.attendance.day import FEW_ROWS, AttendanceDay
from connect_pipeline.attendance.school_days import is_school_day
from connect_pipeline.attendance.told import CLEARED
from connect_pipeline.checks import readmit
from connect_pipeline.contract import ATTENDANCE, Kind
from connect_pipeline.databases import count_rows
from connect_pipeline.drop.deadlines import (
    attendance_due_before,
    attendance_wanted_since,
    sendings_on,
)
from connect_pipeline.errors import EnvironmentFault, TwiceListedError, UnbalancedError
from connect_pipeline.ledger import ATTENDANCE_JOB, now
from connect_pipeline.published import open_published
from connect_pipeline.rules.rule import Severity
from connect_pipeline.run.shared_run import SharedRun
from connect_pipeline.validation import ExportReport

MOSTLY = {
    "unknown_absence_code": (
        "have an absence code that the settings do not list, so nobody would be told of them. If"
        " your SIS has new codes, list them in the settings (`alert_codes` or `other_codes`); or"
        " have an operator approve this file."
    ),
    "unknown_student": (
        "name a student whom the published roster does not know, so nobody would be told of them."
        " If the IDs lost their leading zeros, a spreadsheet took them: upload the export as it"
        " comes from your SIS; or have an operator approve this file."
    ),
}
"""What is said of a file in which most rows have the finding."""


@dataclass
class AttendanceSteps:
    """The steps of an attendance run, in their order."""

    run: SharedRun
    is_of_today: bool = False
    """Whether the file says anything about today; known when the list is made."""
    is_listed_in_time: bool = False
    """Whether a list was made that missed no sending."""
    lateness: dict[str, int] = field(default_factory=dict)
    """How absences missed a sending that their file was in time for (`alarms/words.py`)."""

    @cached_property
    def day(self) -> AttendanceDay:
        """The received attendance file as a day's work. Raises `Refused` without a usable one."""
        run = self.run
        run.refuse_blocked()
        if self._export.checked is not None:
            readmit(self._export.checked.read, "unknown_student")
        file = run.visit.fetched[ATTENDANCE.file_name]
        return AttendanceDay(
            connection=run.connection,
            home=run.home,
            name=run.name,
            district=run.district,
            ledger=run.ledger,
            run_id=run.run_id,
            file_sha256=file.facts.sha256,
            arrived_at=run.visit.uploaded[ATTENDANCE.file_name],
            now=run.started,
            sources=run.report.sources,
        )

    @property
    def _export(self) -> ExportReport:
        return self.run.report.exports[ATTENDANCE.file_name]

    def settle_day(self) -> bool:
        """Whether the file says anything about today; a file of another day is blocked."""
        run = self.run
        if self.day.is_of_today:
            self._note_emptied_file()
            self._note_contradictions()
            if self.is_late:
                self._export.findings.escalate(
                    "stale_file",
                    Severity.WARNING,
                    "Nobody has uploaded this file since the last time of sending, and it is due:"
                    " absences that came later are not in it. Export them and upload the file.",
                )
            return True
        says = (
            "No row of this file is of today, so it tells nobody anything. Export today's absences"
            " and upload them."
        )
        if self._was_never_read():
            self.lateness = {NEVER_LISTED: 1}
            says = (
                f"This file came on {self.day.arrival_date}, in time, and no run read it on that"
                " day. That is over, so nobody is told of these absences. The export is not to"
                " blame: whoever runs the pipeline was to read it, and tells the schools."
            )
        self._export.findings.escalate("stale_file", Severity.BLOCK, says)
        run.outcome, run.message = "blocked", run.blocked_message()
        return False

    def _was_never_read(self) -> bool:
        """Whether the file could have been listed on an earlier day, and no run looked at it then.

        A run that looked has received what was there. Before the first file, nobody was to look.
        """
        run, day, uploaded = self.run, self.day.arrival_date, self.day.arrived_at
        sendings = sendings_on(day, run.district)
        midnight = datetime.combine(day + timedelta(days=1), time.min, run.district.zone)
        was_received = partial(run.ledger.has_received, run.name, ATTENDANCE.file_name)
        return (
            day < run.today
            and is_school_day(day, run.district.attendance)
            and self.day.speaks_for(day)
            and (not sendings or uploaded <= sendings[-1])
            and was_received(before=uploaded)
            and not was_received(since=uploaded, before=midnight)
        )

    @property
    def is_late(self) -> bool:
        """Whether this run is to say that a file was due and none has come for it."""
        return self.run.deadline is not None and self._is_older_than_due(self.run.deadline)

    @property
    def is_fresh(self) -> bool:
        """Whether nobody waits for a newer file: not since it was last due, whoever asks."""
        run = self.run
        due = attendance_due_before(run.started, run.district)
        return not self.is_late and (due is None or not self._is_older_than_due(due))

    def _is_older_than_due(self, due: datetime) -> bool:
        uploaded = self.run.visit.uploaded.get(ATTENDANCE.file_name)
        return uploaded is not None and uploaded < attendance_wanted_since(due, self.run.district)

    def _note_emptied_file(self) -> None:
        """A file without a row is lawful, and worth a look when the one before had some.

        Without a line end it may be the beginning of one that has rows.
        """
        run = self.run
        path = run.home.attendance(run.name)
        if self._export.accepted or not path.exists() or not self.day.is_school_day:
            return
        with suppress(duckdb.Error), open_published(path) as day:
            if day.execute("SELECT 1 FROM attendance.absences LIMIT 1").fetchone():
                facts = run.visit.fetched[ATTENDANCE.file_name].facts
                severity = Severity.WARNING if facts.ends_with_newline else Severity.HOLD
                cut_off = "" if facts.ends_with_newline else " It may be cut off behind its header."
                self._export.findings.escalate(
                    "no_data_rows",
                    severity,
                    "By this file nobody is absent, and by the one before somebody was. If the"
                    " export selected nothing by mistake, correct it and upload it again: whoever"
                    f" was listed today counts as cleared.{cut_off}",
                )

    def _note_contradictions(self) -> None:
        """Rows with and without a date are about one absence when the file is of that day."""
        line, lines = self.day.contradictions()
        if lines:
            self._export.findings.add(
                "conflicting_duplicate", line=line, column="Absence.code", count=lines, detail=""
            )

    def account(self) -> tuple[dict[str, int], bool]:
        """Counts of what becomes of each absent student, and whether the sums balance."""
        try:
            return self.day.build_accounting(), True
        except UnbalancedError as error:
            self.run.fail(error)
            return {}, False

    def settle_hold(self) -> bool:
        """Whether the batch may be listed: nothing holds it, or an operator approved the file."""
        return self.run.may_go_on(self._judge_file(), since=self._since, preview=self._hold_preview)

    def _hold_preview(self) -> dict[str, Any]:
        """What an operator decides on: the reasons in sentences, and who is absent where."""
        emptied = self.day.emptied_schools()
        shown = roster.shown_schools((school for school, *_ in emptied), self.run.district.sites)
        return {
            "reasons": self.run.report.reasons_to_hold(),
            "absent": [
                {"school": shown[school], "absent": absent, "students": students}
                for school, absent, students in emptied
            ],
        }

    @property
    def _since(self) -> datetime:
        """Since when a decision counts, and what is undecided stays.

        Without dates, the same bytes are another day's absences on another day.
        """
        return datetime.combine(self.run.today, time.min, self.run.district.zone)

    def _judge_file(self) -> dict[str, int]:
        """Note what of the file must wait for an operator; returns its codes with their counts."""
        findings = self._export.findings
        if schools := self.day.emptied_schools():
            findings.add("mass_absence", found=len(schools))
        if students := self.day.absent_by_another_days_file():
            findings.add("file_of_another_day", found=students)
        if students := self.day.cleared_beyond_measure():
            findings.add("mass_cleared", found=students)
        self._note_lost_dates()
        self._note_mostly_unknown()
        return self.run.report.holding_codes()

    def _note_mostly_unknown(self) -> None:
        """Most of a file that nobody would be told of is no day like another, however small it is.

        Codes say so only where the settings list all of them.
        """
        findings = self._export.findings
        # Repeated rows are among both: each of them has its findings.
        rows = self._export.accepted + findings.counts["unknown_student"]
        for code, message in MOSTLY.items():
            if code == "unknown_absence_code" and not self.run.district.attendance.other_codes:
                continue
            unknown = findings.counts[code]
            if unknown >= FEW_ROWS and unknown > rows / 2:
                findings.escalate(code, Severity.HOLD, f"Most rows {message}")

    def _note_lost_dates(self) -> None:
        """Without its dates, a file tells nobody of which day its absences are."""
        export = self._export
        date = next(one for one in ATTENDANCE.columns if one.kind is Kind.DATE)
        if export.checked is None or not self.day.has_lost_its_dates():
            return
        if date not in export.checked.read.columns:
            export.findings.add("column_vanished", column=date.name)
        elif export.accepted >= FEW_ROWS:
            export.findings.escalate(
                "column_emptied",
                Severity.HOLD,
                f'The column "{date.name}" is empty in every row, and the last published file had'
                " dates in it. Absences of other days would count as today's: fill it again, or"
                " have an operator approve this file.",
            )

    def published_recipients(self) -> int:
        """How many recipients the published day has, if there is one."""
        path = self.run.home.attendance(self.run.name)
        if not path.exists():
            return 0
        with open_published(path) as day:
            return count_rows(day, "attendance.recipients")

    def preview(self) -> dict[str, int]:
        """Who would be listed, as counts: everything of an attendance run but the listing."""
        run = self.run
        run.visit.receive(ATTENDANCE)
        run.refuse_missing((ATTENDANCE,))
        run.check(ATTENDANCE)
        self.day.build_absences()
        if not self.settle_day():
            run.refuse_blocked()
        accounting = self.day.build_accounting()
        holds = self._judge_file()
        decision = run.decision(ATTENDANCE_JOB, holds, self._since)
        if decision in ("approved", "discarded"):
            holds = {}
        listed = {"discarded": 1} if decision == "discarded" else self.day.preview()
        run.outcome = "previewed"
        return {
            **{f"absent, {reason}": count for reason, count in accounting.items()},
            **listed,
            **{f"held: {code}": count for code, count in holds.items()},
        }

    def list_recipients(self) -> tuple[Batch | None, bool]:
        """List whom to tell, once; None when nobody new is to be told.

        And whether each destination is in the list once: else nobody is listed, and the run fails.
        Raises `EnvironmentFault` when the day is over.
        """
        self.is_of_today = self.day.is_of_today
        if self.run.district.day_of(now()) != self.run.today:
            raise EnvironmentFault(
                f"{self.run.name}: the day was over before its list could be made. Nobody is"
                " listed: its absences are of yesterday now."
            )
        self.run.visit.confirm(strictly=False)
        at = now()  # a slow run may be too late by now
        try:
            batch = self.day.list_recipients(at)
        except TwiceListedError as error:
            self.run.fail(error)
            return None, False
        finally:
            if self.day.batch is not None:  # whatever fails afterwards, the sender has it
                self.run.outcome = "listed"
        if batch is None:
            self.run.outcome = "nothing_new"
        else:
            self._note_lateness(batch, at)
        cleared_batch = self.day.list_cleared(now())
        if cleared_batch is not None:
            says = (
                f"{self.run.name}: of some students, messages of earlier today are to be withheld"
                f" or taken back, or stand again. The sender's list of them is"
                f" {CLEARED}/{cleared_batch}.csv in the outbox."
            )
            self.run.message = f"{self.run.message} {says}".strip()
        return batch, True

    def _note_lateness(self, batch: Batch, at: datetime) -> None:
        """Note that this list, of that time, missed a sending: worth a word unless its file did."""
        self.is_listed_in_time = batch.missed_send_time is None
        if batch.missed_send_time is None:
            return
        clock = time.fromisoformat(batch.missed_send_time)
        sending = datetime.combine(self.run.today, clock, self.run.district.zone)
        if self.day.arrived_at > sending:
            return
        minutes = ceil((at - sending) / timedelta(minutes=1))
        self.lateness = {MINUTES_LATE: minutes}
        self.run.message = (
            f"{self.run.name}: listed {minutes} min after the sending at"
            f" {batch.missed_send_time}, which the file was in time for. Ask the sender whether it"
            " takes the list now."
        )
