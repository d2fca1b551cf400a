"""One run for one district, step by step: the path of a file through the program.

For: holding what the steps of a run share (ledger, scratch database, connection to the drop) and
offering each step as a method. Dagster's assets and the tests call these; they know no Dagster.
Belongs here: the order of things within a step, and what a run may come to. Does not belong here:
how a run begins and ends (`run_lifecycle.py`), how a step works (`sftp.py`, `validation.py`,
`roster/`, `attendance/`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from connect_pipeline import landing, roster, sftp, snapshots
from connect_pipeline.attendance.batch import Batch
from connect_pipeline.attendance.day import AttendanceDay
from connect_pipeline.attendance.lunch import LunchBatch, LunchList
from connect_pipeline.attendance.told import LOW_LUNCH_BALANCE
from connect_pipeline.checks import readmit
from connect_pipeline.contract import (
    ATTENDANCE,
    BY_FILE_NAME,
    CORE,
    EXPORTS,
    SCHOOLS,
    STAFF,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.deadlines import deadline_before
from connect_pipeline.erasure.keep_out import CODE as ERASED
from connect_pipeline.errors import (
    ConnectError,
    FileChanged,
    Refused,
    SystemFault,
    TransientFault,
    UnbalancedError,
)
from connect_pipeline.findings import Findings
from connect_pipeline.home import Home
from connect_pipeline.inputs import Received
from connect_pipeline.ledger import (
    ATTENDANCE_JOB,
    CORE_JOB,
    Ledger,
    now,
    set_sha256,
)
from connect_pipeline.outcomes import as_our_error
from connect_pipeline.published import open_published
from connect_pipeline.read_ahead import ReadAhead
from connect_pipeline.reader import count_rows
from connect_pipeline.recovery import refuse_lost_ledger
from connect_pipeline.report import report_path
from connect_pipeline.report.hand_back import hand_back
from connect_pipeline.retention import made_current
from connect_pipeline.rules import catalogue
from connect_pipeline.rules.rule import Severity
from connect_pipeline.settings import District
from connect_pipeline.validation import (
    ExportReport,
    Report,
    check_read,
    note_unexpected_name,
)

log = logging.getLogger(__name__)

T = TypeVar("T")


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
    uploaded: dict[str, datetime] = field(default_factory=dict)
    fetched: dict[str, sftp.Fetched] = field(default_factory=dict)
    usable: set[str] = field(default_factory=set)
    snapshot_id: str | None = None
    is_of_today: bool = False
    changed: dict[str, int] = field(default_factory=dict)
    hold_preview: dict[str, Any] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()
    _changes: list[roster.Change] = field(default_factory=list)
    _names: dict[str, sftp.RemoteFile] | None = None
    _drop: sftp.Drop | None = None
    _connections: ExitStack = field(default_factory=ExitStack)

    # -- arrival ---------------------------------------------------------------------------

    def receive(self, spec: ExportSpec) -> sftp.Fetched | None:
        """Fetch one export into `landing/`; None when it is not in the drop.

        SchoolExport is read when it is new; otherwise the last one received counts.
        Raises the errors of `sftp.py`; transient ones have been retried by then.
        """
        if spec.file_name not in self._look():
            return self._received_before(spec) if spec is SCHOOLS else None
        try:
            fetched = self._with_drop(
                lambda drop: landing.receive(
                    drop, spec.file_name, self.home, self.name, self.district.limits
                )
            )
        except sftp.FileTooLarge:
            self._refuse_too_large(spec)
            raise
        except FileChanged:
            self._findings_of(spec).add("file_still_changing")
            raise
        uploaded = datetime.fromtimestamp(fetched.mtime, UTC)
        self.ledger.record_received(
            self.name, spec.file_name, fetched.facts.sha256, fetched.size, uploaded, self.run_id
        )
        log.info("%s: received %s, %s bytes", self.name, spec.file_name, f"{fetched.size:,}")
        self.uploaded[spec.file_name] = uploaded
        self.fetched[spec.file_name] = fetched
        if self._is_news(fetched):
            self.reading.begin(spec, Received(fetched.path, fetched.facts))
        return fetched

    def _is_news(self, fetched: sftp.Fetched) -> bool:
        """Whether a file is sure to be read: not what the published snapshot was made from."""
        current = self.ledger.current_snapshot(self.name)
        published = current["exports"].get(fetched.name, {}) if current is not None else {}
        return bool(published.get("sha256") != fetched.facts.sha256)

    @cached_property
    def reading(self) -> ReadAhead:
        """What reads files while others are fetched."""
        return ReadAhead(self.connection, self.district)

    def await_rest(self, wanted: tuple[ExportSpec, ...], quiet_seconds: int) -> None:
        """At a deadline, which looks for no second time: wait until no file is being uploaded.

        A file that was changed less than `quiet_seconds` ago may be half there. Raises
        `FileChanged` when one still changes after twice as long.
        """
        if self.deadline is None:
            return
        until = time.monotonic() + 2 * quiet_seconds
        before: dict[str, tuple[int, int]] = {}
        while True:
            names = self._with_drop(lambda drop: drop.look())
            files = [names[spec.file_name] for spec in wanted if spec.file_name in names]
            seen = {file.name: (file.size, file.mtime) for file in files}
            # SFTP tells times in whole seconds: what was changed just now may look a second old.
            age = time.time() - max((file.mtime for file in files), default=0) - 1
            if seen == before or age >= quiet_seconds:
                return
            if before and time.monotonic() > until:
                for name in {name for name, _ in seen.items() ^ before.items()}:
                    self._findings_of(BY_FILE_NAME[name]).add("file_still_changing")
                raise FileChanged(
                    f"{self.name}: files are still being uploaded. What is published stays; they"
                    " are read when they have rested."
                )
            log.info("%s: waiting until the files have rested", self.name)
            before = seen
            time.sleep(quiet_seconds - max(age, 0.0))

    def confirm(self, *, strictly: bool = True) -> None:
        """Raise `FileChanged` when the drop does not hold what was fetched any more.

        So all files of a set lay there at one time, and none was being written. Not `strictly`, a
        drop that cannot be looked at again is no reason to give up.
        """
        try:
            seen = self._with_drop(lambda drop: drop.look())
        except TransientFault as fault:
            if strictly:
                raise
            log.warning("%s: the drop was not looked at again: %s", self.name, fault)
            return
        for name in self.uploaded:
            one, there = self.fetched[name], seen.get(name)
            if there is None or (there.size, there.mtime) != (one.size, one.mtime):
                self._findings_of(BY_FILE_NAME[name]).add("file_still_changing")
                raise FileChanged(
                    f"{self.name}: {name} was changed or removed while the run was reading the"
                    " drop, so nothing of it is used. Run again when the upload is complete."
                )

    def _findings_of(self, spec: ExportSpec) -> Findings:
        """The findings of an export, also before it was checked."""
        exports = self.report.exports
        return exports.setdefault(
            spec.file_name, ExportReport(spec, Findings(spec.file_name))
        ).findings

    def _refuse_too_large(self, spec: ExportSpec) -> None:
        """A file that was not fetched for its size is a finding like any other."""
        export = ExportReport(spec, Findings(spec.file_name))
        size, limit = self._look()[spec.file_name].size, self.district.limits.file_bytes
        export.findings.add("file_too_large", found=f"{size:,}", limit=f"{limit:,}")
        self.report.exports[spec.file_name] = export
        self.outcome, self.message = "blocked", self._blocked_message([spec.file_name])

    def _received_before(self, spec: ExportSpec) -> sftp.Fetched | None:
        row = self.ledger.last_received(self.name, spec.file_name)
        if row is None or not (self.home.landing(self.name) / str(row["sha256"])).exists():
            return None
        return self.take_landed(spec, str(row["sha256"]))

    def take_landed(self, spec: ExportSpec, sha256: str) -> sftp.Fetched:
        """Use a file that was received before. Raises `EnvironmentFault` without a whole one."""
        facts = landing.verify(self.home, self.name, sha256, self.district.limits)
        path = landing.landed_path(self.home, self.name, sha256)
        fetched = sftp.Fetched(spec.file_name, path, facts, 0, facts.byte_count)
        self.fetched[spec.file_name] = fetched
        return fetched

    def _look(self) -> dict[str, sftp.RemoteFile]:
        if self._names is None:
            self._names = self._with_drop(lambda drop: drop.look())
            for name in sorted(self._names):
                note_unexpected_name(self.report.drop, name)
        return self._names

    def _with_drop(self, work: Callable[[sftp.Drop], T]) -> T:
        """Work on the one connection of this run; a transient fault gets a new one."""

        def attempt() -> T:
            if self._drop is None:
                self._drop = self._connections.enter_context(sftp.connect(self.district.sftp))
            try:
                return work(self._drop)
            except TransientFault:
                self.hang_up()
                raise

        return sftp.with_retries(attempt)

    def hang_up(self) -> None:
        """Close the connection to the drop."""
        self._drop = None
        self._connections.close()

    # -- checks ----------------------------------------------------------------------------

    def check(self, spec: ExportSpec) -> ExportReport | None:
        """Read and check one received export; a core one that is not there is a finding."""
        fetched = self.fetched.get(spec.file_name)
        if fetched is None:
            if spec is SCHOOLS:
                return None
            export = ExportReport.missing(spec)
            self.report.exports[spec.file_name] = export
            return export
        if spec is ATTENDANCE:
            self.usable |= roster.expose_published(self.connection)
        read = self.reading.read(spec, Received(fetched.path, fetched.facts))
        export = check_read(self.report, read, self.usable, self.district)
        if spec in (STAFF, STUDENTS) and export.checked and export.checked.usable:
            kept = roster.keep_people(self.connection, spec, add_only=self._adds_only)
            for person in kept.invalid:
                export.findings.add("kept_previous", record_id=person)
            if kept.deferred:
                entity = "students" if spec is STUDENTS else "staff members"
                export.findings.add("removal_deferred", count=kept.deferred, entity=entity)
        if export.is_blocked and spec is not SCHOOLS:
            self.outcome, self.message = "blocked", self._blocked_message(self._blocked())
        log.info(
            "%s: checked %s, %s of %s lines accepted, %s",
            self.name,
            spec.file_name,
            f"{export.accepted:,}",
            f"{export.lines:,}",
            export.verdict,
        )
        return export

    # -- the nightly job -------------------------------------------------------------------

    @property
    def set_sha256(self) -> str:
        """What exactly was received: the identity of the set that a hold is about."""
        return set_sha256({name: one.facts.sha256 for name, one in self.fetched.items()})

    def is_unchanged(self) -> bool:
        """Whether these bytes, under these settings, are what is published already.

        The published file is whole: the run began by proving that (`recovery.py`).
        """
        current = self.ledger.current_snapshot(self.name)
        if current is None or len([s for s in CORE if s.file_name in self.fetched]) < len(CORE):
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
            if spec.file_name in self.uploaded and self.uploaded[spec.file_name] < since
        ]

    def _judge_age(self) -> None:
        """Hold core files that nobody has uploaded since the deadline before this one."""
        if self.deadline is not None and self.district.hold_stale_files:
            for spec in self.stale:
                self._findings_of(spec).add("stale_file")

    def build(self) -> dict[str, int]:
        """Build the candidate and judge its changes; returns counts per entity and change."""
        self._refuse_blocked()
        roster.build_candidate(
            self.connection, self._candidate, self.district, self.report, add_only=self._adds_only
        )
        roster.compare_candidate(self.connection)
        roster.judge_nights(self.uploaded, self.report, self.district.mixed_nights_hours)
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
        if not codes:
            return True
        decision = self.ledger.decision(self.name, self.job, self.set_sha256)
        if decision == "approved":
            log.info("%s: approved by an operator, going on", self.name)
            return True
        if decision == "discarded":
            self.outcome = "discarded"
            self.message = (
                f"{self.name}: these files were discarded by an operator. What is published stays."
                " Upload new ones."
            )
            return False
        self.hold_preview = preview or {}
        if self.job == CORE_JOB:
            self.hold_preview["report"] = self.report_page.name
            would_vanish = roster.write_would_vanish(self.connection, self.report_page)
            self.hold_preview["would_vanish"] = would_vanish.name if would_vanish else None
        self.ledger.hold(self.name, self.job, self.set_sha256, codes, self.hold_preview)
        self.outcome = "held"
        self.message = (
            f"{self.name}: held ({', '.join(codes)}). What is published stays. Look at the report,"
            f" then run `connect-pipeline approve {self.name}` or `discard {self.name}`."
        )
        return False

    def publish(self) -> str:
        """Publish the candidate as the current snapshot; returns its ID."""
        if self.uploaded:
            self.confirm(strictly=False)
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
            for name, one in self.fetched.items()
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
        if not wanted.enabled:
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
        file = self.fetched[ATTENDANCE.file_name]
        return AttendanceDay(
            connection=self.connection,
            home=self.home,
            name=self.name,
            district=self.district,
            ledger=self.ledger,
            run_id=self.run_id,
            file_sha256=file.facts.sha256,
            arrived_at=self.uploaded[ATTENDANCE.file_name],
            now=self.started,
        )

    def settle_day(self) -> bool:
        """Whether the file says anything about today; a file of another day is blocked."""
        if self.attendance_day.is_of_today:
            return True
        self.report.exports[ATTENDANCE.file_name].findings.escalate(
            "stale_file",
            Severity.BLOCK,
            "No row of this file is of today, so it tells nobody anything. Export today's absences"
            " and upload them.",
        )
        self.outcome, self.message = "blocked", self._blocked_message(self._blocked())
        return False

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
        schools = self.attendance_day.emptied_schools()
        if schools:
            self.report.exports[ATTENDANCE.file_name].findings.add("mass_absence", found=schools)
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
        self.receive(ATTENDANCE)
        self.refuse_missing((ATTENDANCE,))
        self.check(ATTENDANCE)
        self._refuse_blocked()
        self.attendance_day.build_absences()
        if not self.settle_day():
            self._refuse_blocked()
        accounting = self.attendance_day.build_accounting()
        holds = self._attendance_holds()
        if self.ledger.decision(self.name, ATTENDANCE_JOB, self.set_sha256) == "approved":
            holds = {}
        self.outcome = "previewed"
        return {
            **{f"absent, {reason}": count for reason, count in accounting.items()},
            **self.attendance_day.preview(),
            **{f"held: {code}": count for code, count in holds.items()},
        }

    def list_recipients(self) -> Batch | None:
        """List whom to tell, once; None when nobody new is to be told."""
        self.is_of_today = self.attendance_day.is_of_today
        self.confirm(strictly=False)
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
        if folder is None or self._names is None:
            return
        page = self.report_page
        try:
            name = self._with_drop(lambda drop: hand_back(drop, folder, page, now()))
        except (ConnectError, OSError) as error:
            log.warning("%s: the report was not handed back: %s", self.name, as_our_error(error))
        else:
            log.info("%s: the report is on the server as %s/%s", self.name, folder, name)

    def refuse_missing(self, required: tuple[ExportSpec, ...]) -> None:
        """Raise `Refused` when a required export is not in the drop.

        What is there is checked all the same, so that the report is whole.
        """
        missing = [spec for spec in required if spec.file_name not in self.fetched]
        if not missing:
            return
        for spec in EXPORTS:
            if spec in required:
                self.check(spec)
        self._refuse_blocked()

    def fail(self, error: ConnectError) -> None:
        """A step failed with this error. What was already decided (blocked, held) stays."""
        if self.outcome in ("failed", "unchanged", "published", "listed", "nothing_new"):
            self.outcome = f"failed:{error.exit_code}"
            self.fault = error.kind
        self.message = self.message or str(error)

    def _refuse_blocked(self) -> None:
        """Raise `Refused` when an export of the job is blocked. Holds are settled later."""
        blocked = self._blocked()
        if blocked:
            self.outcome, self.message = "blocked", self._blocked_message(blocked)
            raise Refused(self.message)

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
        return (
            f"{self.name}: blocked. {' '.join(reasons)} What is published stays."
            " The report says what to change."
        )
