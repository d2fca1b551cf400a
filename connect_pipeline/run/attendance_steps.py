"""The attendance job's steps: what becomes of an attendance file that was received and checked.

For: a day's absences, in doubt or not, accounted for and listed; and the preview of that. Dagster's
assets, the command `alerts` and the tests call these.
Belongs here: the order of things within a step, and what came too late. Does not belong here: who
is told of what, and what of a file must wait for an operator (`attendance/`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property, partial
from math import ceil
from typing import Any

from connect_pipeline import roster
from connect_pipeline.alarms.words import MINUTES_LATE, NEVER_LISTED
from connect_pipeline.attendance import hold
from connect_pipeline.attendance.batch import Batch
from connect_pipeline.attendance.day import AttendanceDay
from connect_pipeline.attendance.school_days import is_school_day
from connect_pipeline.attendance.told import CLEARED
from connect_pipeline.checks import readmit
from connect_pipeline.contract import ATTENDANCE
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
            facts = run.visit.fetched[ATTENDANCE.file_name].facts
            hold.note_emptied_file(
                self.day, self._export, ends_with_newline=facts.ends_with_newline
            )
            hold.note_contradictions(self.day, self._export)
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

    def account(self) -> tuple[dict[str, int], bool]:
        """Counts of what becomes of each absent student, and whether the sums balance."""
        try:
            return self.day.build_accounting(), True
        except UnbalancedError as error:
            self.run.fail(error)
            return {}, False

    def settle_hold(self) -> bool:
        """Whether the batch may be listed: nothing holds it, or an operator approved the file."""
        return self.run.may_go_on(
            self._holding_codes(), since=self._since, preview=self._hold_preview
        )

    def _hold_preview(self) -> dict[str, Any]:
        """What an operator decides on: the reasons in sentences, and who is absent where."""
        emptied = hold.emptied_schools(self.day)
        shown = roster.shown_schools((school for school, *_ in emptied), self.run.district.sites)
        return {
            "reasons": self.run.report.reasons_to_hold(),
            "absent": [
                {"school": shown[school], "absent": absent, "students": students}
                for school, absent, students in emptied
            ],
        }

    def _holding_codes(self) -> dict[str, int]:
        """Judge the file; the codes that hold it, with their counts."""
        hold.judge_file(self.day, self._export)
        return self.run.report.holding_codes()

    @property
    def _since(self) -> datetime:
        """Since when a decision counts, and what is undecided stays.

        Without dates, the same bytes are another day's absences on another day.
        """
        return datetime.combine(self.run.today, time.min, self.run.district.zone)

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
        holds = self._holding_codes()
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
        """Note that this list, of that time, missed a sending: worth a word unless its file did.

        Nor is it late for whom the roster, or an operator, has made reachable since a run dealt
        with the same file in time.
        """
        self.is_listed_in_time = batch.missed_send_time is None
        if batch.missed_send_time is None:
            return
        run = self.run
        sending = max(one for one in sendings_on(run.today, run.district) if one < at)
        if self.day.arrived_at > sending or run.ledger.was_dealt_with(
            run.name, ATTENDANCE.file_name, self.day.file_sha256, before=sending
        ):
            return
        minutes = ceil((at - sending) / timedelta(minutes=1))
        self.lateness = {MINUTES_LATE: minutes}
        self.run.message = (
            f"{self.run.name}: listed {minutes} min after the sending at"
            f" {batch.missed_send_time}, which the file was in time for. Ask the sender whether it"
            " takes the list now."
        )
