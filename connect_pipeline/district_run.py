"""One run for one district, step by step: the path of a file through the program.

For: holding what the steps of a run share (ledger, scratch database, connection to the drop) and
offering each step as a method. Dagster's assets and the tests call these; they know no Dagster.
Belongs here: the order of things within a step, and what a run may come to. Does not belong here:
how a run begins and ends (`run_lifecycle.py`), how a step works (`sftp/`, `validation.py`,
`roster/`, `attendance/`).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from connect_pipeline import landing, roster, snapshots
from connect_pipeline.attendance.batch import Batch
from connect_pipeline.attendance.day import AttendanceDay
from connect_pipeline.attendance.lunch import LunchBatch, LunchList
from connect_pipeline.attendance.told import LOW_LUNCH_BALANCE
from connect_pipeline.checks import readmit
from connect_pipeline.contract import (
    ATTENDANCE,
    CORE,
    EXPORTS,
    SCHOOLS,
    STAFF,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.databases import count_rows
from connect_pipeline.deadlines import attendance_wanted_since, deadline_before
from connect_pipeline.drop_visit import DropVisit
from connect_pipeline.erasure.keep_out import CODE as ERASED
from connect_pipeline.errors import (
    ConnectError,
    Refused,
    SystemFault,
    UnbalancedError,
)
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, PREVIEW_JOB, Ledger, now, set_sha256
from connect_pipeline.outcomes import as_our_error
from connect_pipeline.published import open_published
from connect_pipeline.recovery import refuse_lost_ledger
from connect_pipeline.report.hand_back import hand_back
from connect_pipeline.report.of_run import report_path
from connect_pipeline.retention import made_current
from connect_pipeline.rules import catalogue
from connect_pipeline.rules.rule import Severity
from connect_pipeline.settings import District
from connect_pipeline.sftp import FileTooLarge
from connect_pipeline.validation import (
    ExportReport,
    Report,
    check_read,
)

log = logging.getLogger(__name__)


@dataclass
class DistrictRun:
    """A run under way. `outcome` says what became of it.

    It is `failed` until the run has come to something: `published`, `unchanged`, `listed`,
    `nothing_new`, `blocked`, `held`, `discarded`, or `failed:<exit code>` with a known reason.
    `deadline` is set when the run was started because files were due then, not because they came.
    """

    home: Home
    name: str
    district: District
    ledger: Ledger
    run_id: str
    job: str
    started: datetime
    connection: duckdb.DuckDBPyConnection
    report: Report
    deadline: datetime | None = None
    outcome: str = "failed"
    message: str = ""
    fault: str = SystemFault.kind
    usable: set[str] = field(default_factory=set)
    snapshot_id: str | None = None
    is_of_today: bool = False
    changed: dict[str, int] = field(default_factory=dict)
    hold_preview: dict[str, Any] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()
    _changes: list[roster.Change] = field(default_factory=list)

    @cached_property
    def visit(self) -> DropVisit:
        """What this run has from the drop."""
        return DropVisit(
            self.home,
            self.name,
            self.district,
            self.ledger,
            self.run_id,
            self.report,
            is_preview=self.job == PREVIEW_JOB,
        )

    # -- checks ----------------------------------------------------------------------------

    def check(self, spec: ExportSpec) -> ExportReport | None:
        """Read and check one received export; a core one that is not there is a finding."""
        if spec.file_name not in self.visit.fetched:
            if spec is SCHOOLS:  # it comes once; one that is too large to be fetched is reported
                return self.report.exports.get(spec.file_name)
            export = ExportReport.missing(spec)
            self.report.exports[spec.file_name] = export
            return export
        if spec is ATTENDANCE:
            self.usable |= roster.expose_published(self.connection)
        export = check_read(self.report, self.visit.read(spec), self.usable, self.district)
        if spec in (STAFF, STUDENTS) and export.checked and export.checked.usable:
            kept = roster.keep_people(self.connection, spec, add_only=self._adds_only)
            for person in kept.invalid:
                export.findings.add("kept_previous", record_id=person)
            if kept.deferred:
                entity = "students" if spec is STUDENTS else "staff members"
                export.findings.add("removal_deferred", count=kept.deferred, entity=entity)
        self._note_refusal()
        log.info(
            "%s: checked %s, %s of %s lines accepted, %s",
            self.name,
            spec.file_name,
            f"{export.accepted:,}",
            f"{export.lines:,}",
            # To `validate` a hold is blocked, too; here an operator may release it.
            "held" if export.verdict == "blocked" and not export.is_blocked else export.verdict,
        )
        return export

    # -- the nightly job -------------------------------------------------------------------

    @property
    def set_sha256(self) -> str:
        """What exactly was received: the identity of the set that a hold is about."""
        return set_sha256({name: one.facts.sha256 for name, one in self.visit.fetched.items()})

    def is_unchanged(self) -> bool:
        """Whether these bytes, under these settings, are what is published already.

        The published file is whole: the run began by proving that (`recovery.py`).
        """
        current = self.ledger.current_snapshot(self.name)
        if current is None or len([s for s in CORE if s.file_name in self.visit.fetched]) < len(
            CORE
        ):
            return False
        return bool(
            current["set_sha256"] == self.set_sha256
            and current["exports"].get("settings") == self._fingerprint
        )

    def ends_unchanged(self) -> bool:
        """Whether the run ends here, because these bytes are published already.

        At the deadline the report still says which files nobody has uploaded since the last one.
        """
        if not self.is_unchanged():
            return False
        self.outcome = "unchanged"
        current = self.ledger.current_snapshot(self.name)
        self.snapshot_id = None if current is None else str(current["snapshot_id"])
        self._judge_age()
        log.info("%s: the same bytes as published, nothing to do", self.name)
        return True

    @property
    def stale(self) -> list[ExportSpec]:
        """Core files of before the last deadline; at a deadline, of before the one before it."""
        since = deadline_before(self.deadline or self.started, self.district)
        return [
            spec
            for spec in CORE
            if spec.file_name in self.visit.uploaded and self.visit.uploaded[spec.file_name] < since
        ]

    @property
    def held_as_stale(self) -> list[ExportSpec]:
        """Core files that nobody has uploaded since the deadline before this one."""
        is_judged = self.deadline is not None and self.district.hold_stale_files
        return self.stale if is_judged else []

    def _judge_age(self) -> None:
        for spec in self.held_as_stale:
            self.report.findings_of(spec).add("stale_file")

    def build(self) -> dict[str, int]:
        """Build the candidate and judge its changes; returns counts per entity and change."""
        self._refuse_blocked()
        roster.build_candidate(
            self.connection, self._candidate, self.district, self.report, add_only=self._adds_only
        )
        roster.compare_candidate(self.connection)
        roster.judge_nights(self.visit.uploaded, self.report, self.district.mixed_nights_hours)
        self._judge_age()
        self._changes = roster.judge_changes(
            self.connection, self.report, self.district, self._today
        )
        roster.judge_groups(self.connection, self.report)
        current = self.ledger.current_snapshot(self.name)
        if current is not None and current["rolled_back"]:
            self.report.drop.add("rolled_back")
        self.changed = roster.change_counts(self.connection)
        return self.changed

    @property
    def _today(self) -> date:
        """Today in the district's zone."""
        return self.district.day_of(self.started)

    @property
    def _adds_only(self) -> bool:
        window = self.district.add_only
        return window is not None and window.covers(self._today)

    @property
    def _fingerprint(self) -> str:
        """What beside the files shapes a snapshot: with others, the same bytes are news."""
        relevant = {
            "sites": self.district.sites,
            "low_lunch_balance": self.district.low_lunch_balance,
            "staff_access": self.district.staff_access.model_dump(mode="json"),
            "add_only": self._adds_only,
            "erased": sorted(self.erased),
        }
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()

    @property
    def _candidate(self) -> Path:
        return self.home.scratch(self.name) / "candidate.duckdb"

    def settle_hold(self) -> bool:
        """Whether to go on: nothing holds, or an operator approved exactly these bytes.

        Otherwise the outcome is `held` or `discarded`, in the ledger too.
        """
        return self._may_go_on(
            self.report.holding_codes(),
            roster.preview_of(self.report, self._changes, self.district.sites),
        )

    def _may_go_on(self, codes: dict[str, int], preview: dict[str, Any] | None = None) -> bool:
        decision = self._decision(self.job, codes)
        if codes and decision == "approved":
            log.info("%s: approved by an operator, going on", self.name)
            return True
        if decision == "discarded":
            self.outcome = "discarded"
            self.message = (
                f"{self.name}: these files were discarded by an operator. What is published stays."
                " Upload new ones."
            )
            return False
        if not codes:
            return True
        self.hold_preview = preview or {}
        if self.job == CORE_JOB:
            self.hold_preview["report"] = self.report_page.name
            would_vanish = roster.write_would_vanish(self.connection, self.report_page)
            self.hold_preview["would_vanish"] = would_vanish.name if would_vanish else None
        # What is undecided of absences ends with its day, too.
        day = datetime.combine(self._today, time.min, self.district.zone)
        since = day if self.job == ATTENDANCE_JOB else None
        self.ledger.hold(self.name, self.job, self.set_sha256, codes, self.hold_preview, since)
        self.outcome = "held"
        self.message = (
            f"{self.name}: held ({', '.join(codes)}). What is published stays. Look at the report,"
            f" then run `connect-pipeline approve {self.name}` or `discard {self.name}`."
        )
        return False

    def _decision(self, job: str, codes: Collection[str]) -> str | None:
        """What an operator decided about exactly these bytes; None also when other reasons came.

        An approval is of the reasons that were there to be seen; that nobody has uploaded anything
        since is none. What is decided of absences is of its day: without dates, the same bytes are
        another day's absences on another day.
        """
        hold = self.ledger.last_hold(self.name, job, self.set_sha256)
        if hold is None:
            return None
        held_on = self.district.day_of(datetime.fromisoformat(hold["held_at"]))
        if job == ATTENDANCE_JOB and held_on != self._today:
            return None
        if hold["state"] == "approved" and not {*codes} <= {*hold["codes"], "stale_file"}:
            return None
        return str(hold["state"])

    def publish(self) -> str:
        """Publish the candidate as the current snapshot; returns its ID."""
        if self.visit.uploaded:
            self.visit.confirm(strictly=False)
        published_at = snapshots.next_moment(self.ledger, self.name)
        snapshot_id = snapshots.new_snapshot_id(published_at, self.run_id)
        roster.finish_candidate(
            self.connection,
            self._candidate,
            self.report,
            snapshot_id=snapshot_id,
            published_at=published_at,
            run_id=self.run_id,
        )
        exports: dict[str, object] = {
            name: {
                "sha256": one.facts.sha256,
                "rows": self.report.exports[name].accepted,
                "erased_rows": self.report.exports[name].findings.counts.get(ERASED, 0),
            }
            for name, one in self.visit.fetched.items()
            if name in self.report.exports
        }
        exports["settings"] = self._fingerprint
        exports["changes"] = self.changed
        snapshots.publish(
            self.home,
            self.ledger,
            self.name,
            self._candidate,
            snapshot_id,
            published_at=published_at,
            run_id=self.run_id,
            exports=exports,
            set_hash=self.set_sha256,
        )
        snapshots.prune(self.home, self.ledger, self.name, self.district.keep.snapshots)
        landing.prune(
            self.home,
            self.name,
            made_current(self.ledger, self.name),
            self.district.keep.landing_days,
        )
        self.snapshot_id, self.outcome = snapshot_id, "published"
        log.info("%s: published snapshot %s", self.name, snapshot_id)
        return snapshot_id

    def published_rows(self, *tables: str) -> dict[str, int]:
        """Rows of these published tables, by their name with schema."""
        with open_published(self.home.roster(self.name)) as published:
            return {name: count_rows(published, name) for name in tables}

    def list_low_balances(self) -> LunchBatch | None:
        """List whose family is to be told of a low lunch balance; None when nobody is due."""
        wanted = self.district.lunch_list
        if not wanted.enabled or self.stale:  # who has paid since must not be told
            return None
        outbox = self.home.outbox(self.name) / LOW_LUNCH_BALANCE
        refuse_lost_ledger(self.ledger, self.name, outbox, timedelta(days=wanted.every_days + 1))
        batch = LunchList(
            connection=self.connection,
            home=self.home,
            name=self.name,
            district=self.district,
            ledger=self.ledger,
            run_id=self.run_id,
            set_sha256=self.set_sha256,
            now=self.started,
        ).write()
        if batch is not None:
            log.info("%s: listed %s low lunch balances", self.name, f"{batch.students:,}")
        return batch

    # -- the attendance job ----------------------------------------------------------------

    @cached_property
    def attendance_day(self) -> AttendanceDay:
        """The received attendance file as a day's work. Raises `Refused` without a usable one."""
        self._refuse_blocked()
        checked = self.report.exports[ATTENDANCE.file_name].checked
        if checked is not None:
            readmit(checked.read, "unknown_student")
        file = self.visit.fetched[ATTENDANCE.file_name]
        return AttendanceDay(
            connection=self.connection,
            home=self.home,
            name=self.name,
            district=self.district,
            ledger=self.ledger,
            run_id=self.run_id,
            file_sha256=file.facts.sha256,
            arrived_at=self.visit.uploaded[ATTENDANCE.file_name],
            now=self.started,
        )

    def settle_day(self) -> bool:
        """Whether the file says anything about today; a file of another day is blocked."""
        if self.attendance_day.is_of_today:
            self._note_emptied_file()
            if self.is_late:
                self.report.exports[ATTENDANCE.file_name].findings.escalate(
                    "stale_file",
                    Severity.WARNING,
                    "Nobody has uploaded this file since the last time of sending, and it is due:"
                    " absences that came later are not in it. Export them and upload the file.",
                )
            return True
        self.report.exports[ATTENDANCE.file_name].findings.escalate(
            "stale_file",
            Severity.BLOCK,
            "No row of this file is of today, so it tells nobody anything. Export today's absences"
            " and upload them.",
        )
        self.outcome, self.message = "blocked", self._blocked_message(self._blocked())
        return False

    @property
    def is_late(self) -> bool:
        """Whether an attendance file was due when this run began, and none has come for it."""
        uploaded = self.visit.uploaded.get(ATTENDANCE.file_name)
        if self.deadline is None or self.job != ATTENDANCE_JOB or uploaded is None:
            return False
        return uploaded < attendance_wanted_since(self.deadline, self.district)

    def _note_emptied_file(self) -> None:
        """A file without a row is lawful, and worth a look when the one before had some."""
        export = self.report.exports[ATTENDANCE.file_name]
        path = self.home.attendance(self.name)
        if export.accepted or not path.exists() or not self.attendance_day.is_school_day:
            return
        with suppress(duckdb.Error), open_published(path) as day:
            if day.execute("SELECT 1 FROM attendance.absences LIMIT 1").fetchone():
                export.findings.escalate(
                    "no_data_rows",
                    Severity.WARNING,
                    "By this file nobody is absent, and by the one before somebody was. If the"
                    " export selected nothing by mistake, correct it and upload it again: whoever"
                    " was listed today counts as cleared.",
                )

    def account_absences(self) -> tuple[dict[str, int], bool]:
        """Counts of what becomes of each absent student, and whether the sums balance."""
        try:
            return self.attendance_day.build_accounting(), True
        except UnbalancedError as error:
            self.fail(error)
            return {}, False

    def settle_attendance(self) -> bool:
        """Whether the batch may be listed: nothing holds it, or an operator approved the file."""
        return self._may_go_on(self._attendance_holds())

    def _attendance_holds(self) -> dict[str, int]:
        """What of the file must wait for an operator: codes with their counts."""
        findings = self.report.exports[ATTENDANCE.file_name].findings
        if schools := self.attendance_day.emptied_schools():
            findings.add("mass_absence", found=schools)
        if students := self.attendance_day.absent_by_another_days_file():
            findings.add("file_of_another_day", found=students)
        if students := self.attendance_day.cleared_beyond_measure():
            findings.add("mass_cleared", found=students)
        return self.report.holding_codes()

    def destinations_listed_twice(self) -> int:
        """Destinations that stand twice in one batch of the published day: always none."""
        with open_published(self.home.attendance(self.name)) as day:
            return int(
                day.execute(
                    "SELECT count(*) - count(DISTINCT (batch_id, channel, destination))"
                    " FROM attendance.recipients"
                ).fetchall()[0][0]
            )

    def preview_recipients(self) -> dict[str, int]:
        """Who would be listed, as counts: everything of an attendance run but the listing."""
        self.visit.receive(ATTENDANCE)
        self.refuse_missing((ATTENDANCE,))
        self.check(ATTENDANCE)
        self._refuse_blocked()
        self.attendance_day.build_absences()
        if not self.settle_day():
            self._refuse_blocked()
        accounting = self.attendance_day.build_accounting()
        holds = self._attendance_holds()
        decision = self._decision(ATTENDANCE_JOB, holds)
        if decision in ("approved", "discarded"):
            holds = {}
        listed = {"discarded": 1} if decision == "discarded" else self.attendance_day.preview()
        self.outcome = "previewed"
        return {
            **{f"absent, {reason}": count for reason, count in accounting.items()},
            **listed,
            **{f"held: {code}": count for code, count in holds.items()},
        }

    def list_recipients(self) -> Batch | None:
        """List whom to tell, once; None when nobody new is to be told."""
        self.is_of_today = self.attendance_day.is_of_today
        self.visit.confirm(strictly=False)
        batch = self.attendance_day.list_recipients()
        self.outcome = "listed" if batch else "nothing_new"
        return batch

    # -- endings ---------------------------------------------------------------------------

    @property
    def report_page(self) -> Path:
        """Where the run's report will be, for people: the run writes it at its end."""
        return report_path(self.home, self.name, self.job, self.started)

    def hand_back_report(self) -> None:
        """Put the page on the district's server, if the settings say where. Never fails a run.

        Without an answer from the server in this run, it is not asked again.
        """
        folder = self.district.sftp.report_folder
        if folder is None or not self.visit.has_looked:
            return
        page = self.report_page
        try:
            name = self.visit.with_drop(lambda drop: hand_back(drop, folder, page, now()))
        except (ConnectError, OSError) as error:
            log.warning("%s: the report was not handed back: %s", self.name, as_our_error(error))
        else:
            log.info("%s: the report is on the server as %s/%s", self.name, folder, name)

    def refuse_missing(self, required: tuple[ExportSpec, ...]) -> None:
        """Raise `Refused` when a required export is not in the drop.

        What is there is checked all the same, so that the report is whole.
        """
        missing = [spec for spec in required if spec.file_name not in self.visit.fetched]
        if not missing:
            return
        for spec in EXPORTS:
            if spec in required:
                self.check(spec)
        self._refuse_blocked()

    def fail(self, error: ConnectError) -> None:
        """A step failed with this error. What was already decided (blocked, held) stays."""
        if isinstance(error, FileTooLarge):
            self.outcome, self.message = "blocked", self._blocked_message(self._blocked())
        if self.outcome in ("failed", "unchanged", "published", "listed", "nothing_new"):
            self.outcome = f"failed:{error.exit_code}"
            self.fault = error.kind
        self.message = self.message or str(error)

    def _refuse_blocked(self) -> None:
        """Raise `Refused` when an export of the job is blocked. Holds are settled later.

        Raises `SystemFault` when one was read wrongly by us.
        """
        error = self._note_refusal()
        if error is not None:
            raise error

    def _note_refusal(self) -> ConnectError | None:
        """Why nothing of these files may be published: our bug, before what is theirs; or None."""
        lost = [name for name, one in self.report.exports.items() if one.findings.is_our_bug]
        if lost:
            bug = SystemFault(
                f"{self.name}: the rows of {', '.join(lost)} do not add up. That is a bug in"
                " connect_pipeline, and nothing is wrong with the file. What is published stays;"
                " please report this line."
            )
            self.outcome, self.fault = f"failed:{bug.exit_code}", bug.kind
            self.message = str(bug)
            return bug
        if blocked := self._blocked():
            self.outcome, self.message = "blocked", self._blocked_message(blocked)
            return Refused(self.message)
        return None

    def _blocked(self) -> list[str]:
        """The blocked exports. A blocked SchoolExport stops only itself."""
        return [
            name
            for name, export in self.report.exports.items()
            if export.is_blocked and export.spec is not SCHOOLS
        ]

    def _blocked_message(self, blocked: list[str]) -> str:
        """Which files, and what is wrong with each, in words that hold nothing of the file."""
        reasons = []
        for name in blocked:
            worst = next(iter(self.report.exports[name].findings))
            reasons.append(f"{name}: {catalogue()[worst.code].doc}")
        more = "`validate`" if self.job == PREVIEW_JOB else "The report"  # a preview writes none
        return (
            f"{self.name}: blocked. {' '.join(reasons)} What is published stays."
            f" {more} says what to change."
        )
