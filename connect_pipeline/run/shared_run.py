"""What the steps of a run share, whichever job it is of, and what it may come to.

For: `nightly_steps.py` and `attendance_steps.py`, which have it all from here: ledger, scratch
database, what was received, the report, the outcome.
Belongs here: checking one export, whether an operator's decision lets a run go on, and its endings
that are not good. Does not belong here: how a run begins and ends (`lifecycle.py`), what only
one of the jobs does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy.engine import RowMapping

from connect_pipeline import roster
from connect_pipeline.contract import ATTENDANCE, EXPORTS, SCHOOLS, STAFF, STUDENTS, ExportSpec
from connect_pipeline.drop.visit import DropVisit
from connect_pipeline.errors import BrokenOff, ConnectError, Refused, SystemFault
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.ledger import (
    ATTENDANCE_JOB,
    PREVIEW_JOB,
    Ledger,
    adds_reason,
    now,
    set_sha256,
)
from connect_pipeline.outcomes import GOOD, failed
from connect_pipeline.process.stops import is_stop
from connect_pipeline.report.hand_back import hand_back, remove_old
from connect_pipeline.report.of_run import report_path
from connect_pipeline.rules import catalogue, family_of
from connect_pipeline.settings import District
from connect_pipeline.sftp import FileTooLarge, NotAFile
from connect_pipeline.validation import ExportReport, Report, check_read

log = logging.getLogger(__name__)


@dataclass
class SharedRun:
    """A run under way, less the steps of its job. `outcome` says what became of it.

    It is `failed` until the run has come to something (`outcomes.py`).
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
    done: str = ""  # the outcome that it had when it failed
    fault: str = SystemFault.kind
    usable: set[str] = field(default_factory=set)
    snapshot_id: str | None = None
    hold_preview: dict[str, Any] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()

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

    @property
    def today(self) -> date:
        """Today in the district's zone."""
        return self.district.day_of(self.started)

    @property
    def adds_only(self) -> bool:
        """Whether nobody who is missing is removed: a window of the settings."""
        window = self.district.add_only
        return window is not None and window.covers(self.today)

    @property
    def set_sha256(self) -> str:
        """What exactly was received: the identity of the set that a hold is about."""
        return set_sha256({name: one.facts.sha256 for name, one in self.visit.fetched.items()})

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
            columns = len(export.checked.read.columns)
            roster.keep_people(
                self.connection, spec, export.findings, columns, add_only=self.adds_only
            )
        self._note_refusal()
        log.info(
            "%s: checked %s, %s rows accepted, %s kept out, %s",
            self.name,
            spec.file_name,
            f"{export.accepted:,}",
            f"{export.quarantined:,}",
            "held" if export.is_held else export.verdict,
        )
        return export

    # -- an operator's decision ------------------------------------------------------------

    def may_go_on(
        self,
        codes: dict[str, int],
        *,
        since: datetime | None = None,
        preview: Callable[[], dict[str, Any]] = dict,
    ) -> bool:
        """Whether to go on: nothing holds, or an operator approved exactly these bytes.

        Otherwise the outcome is `held` or `discarded`, in the ledger too. `preview` says what going
        on would do, and is asked when the run is held. What was decided before `since` is void.
        """
        seen = self.ledger.last_hold(self.name, self.job, self.set_sha256)
        decision = self._decided(seen, codes, since)
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
            # What held these bytes before is gone, so nobody may decide on it while they go out.
            if seen is None or seen["state"] != "held" or self.ledger.withdraw_hold(seen):
                return True
            return self.may_go_on(codes, since=since, preview=preview)
        self.hold_preview = preview()
        if not self.ledger.hold(
            self.name, self.job, self.set_sha256, codes, self.hold_preview, since, seen
        ):
            return self.may_go_on(codes, since=since, preview=preview)
        self.outcome = "held"
        self.message = (
            f"{self.name}: held ({', '.join(codes)}). What is published stays. Look at the report,"
            f" then run `connect-pipeline approve {self.name}` or `discard {self.name}`, or the job"
            " `decide_hold` in Dagster."
        )
        return False

    def decision(
        self, job: str, codes: Collection[str], since: datetime | None = None
    ) -> str | None:
        """What an operator decided about exactly these bytes; None also when other reasons came."""
        hold = self.ledger.last_hold(self.name, job, self.set_sha256)
        return self._decided(hold, codes, since)

    def _decided(
        self, hold: RowMapping | None, codes: Collection[str], since: datetime | None
    ) -> str | None:
        """What was decided by this hold, the last one on these bytes.

        An approval is of what was there to be seen: the reasons, and whether an add-only window
        keeps those who are missing. What was discarded for being of several nights, and is uploaded
        anew in one, is free.
        """
        if hold is None:
            return None
        if since is not None and datetime.fromisoformat(hold["held_at"]) < since:
            return None
        state, reasons = str(hold["state"]), {*hold["codes"]}
        if state == "published" and hold["job"] == ATTENDANCE_JOB:  # these very absences, once more
            state = "approved"
        if state == "approved" and adds_reason(codes, reasons):
            return None
        of_its_nights = "mixed_nights" in reasons and reasons <= {"mixed_nights", "stale_file"}
        if state == "discarded" and of_its_nights and not reasons & {*codes}:
            return None
        seen = (hold["preview"] or {}).get("adds_only", self.adds_only)
        if state == "approved" and seen != self.adds_only:
            return None
        return state

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
            name = self.visit.with_drop(lambda drop: hand_back(drop, folder, page))
        except Exception as error:
            log.warning("%s: the report was not handed back: %s", self.name, as_our_error(error))
            return
        log.info("%s: the report is on the server as %s/%s", self.name, folder, name)
        try:
            self.visit.with_drop(lambda drop: remove_old(drop, folder, now()))
        except Exception as error:
            log.warning("%s: old reports stay on the server: %s", self.name, as_our_error(error))

    def refuse_missing(self, required: tuple[ExportSpec, ...]) -> None:
        """Raise `Refused` when a required export is not in the drop.

        What is there is checked all the same, so that the report is whole.
        """
        if all(spec.file_name in self.visit.fetched for spec in required):
            return
        for spec in required:
            self.check(spec)
        self.refuse_blocked()

    def check_rest(self) -> None:
        """Check what was received of a refused set and no step looked at. Never fails a run.

        Dagster skips the step of a file that refers to a refused one; without this, what is wrong
        with that file itself would come to light a night later.
        """
        if self.outcome != "blocked":
            return
        for spec in EXPORTS:
            export = self.report.exports.get(spec.file_name)
            if spec.file_name not in self.visit.fetched or (export and export.checked):
                continue
            try:
                self.check(spec)
            except Exception as error:
                if is_stop(error):
                    raise
                reason = as_our_error(error)
                log.warning("%s: %s was not checked: %s", self.name, spec.file_name, reason)
                return

    def fail(self, error: ConnectError) -> None:
        """A step failed with this error. What was already decided (blocked, held) stays."""
        if isinstance(error, (FileTooLarge, NotAFile)):
            self.outcome, self.message = "blocked", self.blocked_message()
        elif self.outcome in ("failed", *GOOD):
            self._note_done()
            self.outcome = failed(error.exit_code)
            self.fault = error.kind
            self.message = str(error)

    def stop(self) -> None:
        """Somebody stopped the run before its end."""
        self._note_done()
        self.outcome, self.fault = failed(), "stopped"
        self.message = f"{self.name}: stopped before its end. What is published stays."

    def note_broken_off(self) -> None:
        """Nobody goes on with a run that has come to nothing and in which no step has failed.

        Dagster (1.13) ends it so when its own storage refuses, and when somebody stops it between
        two steps: as one whose steps are all done.
        """
        if self.outcome == "failed":
            self.fail(
                BrokenOff(
                    f"{self.name}: Dagster ended the run in the middle. If nobody stopped it, look"
                    " at its database, its disk and its log of the run, then run again. What is"
                    " published stays."
                )
            )

    def _note_done(self) -> None:
        """What the run had come to is not undone by what fails afterwards."""
        if self.outcome in GOOD:
            self.done = self.outcome

    def refuse_blocked(self) -> None:
        """Raise `Refused` when an export of the job is blocked. Holds are settled later.

        Raises `SystemFault` when one was read wrongly by us.
        """
        error = self._note_refusal()
        if error is not None:
            raise error

    def _note_refusal(self) -> ConnectError | None:
        """Why nothing of these files may be published: our bug, before what is theirs; or None."""
        if lost := self.report.misread:
            bug = SystemFault(
                f"{self.name}: the rows of {', '.join(lost)} do not add up. That is a bug in"
                " connect_pipeline, and nothing is wrong with the file. What is published stays;"
                " please report this line."
            )
            self.outcome, self.fault = failed(bug.exit_code), bug.kind
            self.message = str(bug)
            return bug
        if self._blocked():
            self.outcome, self.message = "blocked", self.blocked_message()
            return Refused(self.message)
        return None

    def _blocked(self) -> list[str]:
        """The blocked exports. A blocked SchoolExport stops only itself."""
        return [
            name
            for name, export in self.report.exports.items()
            if export.is_blocked and export.spec is not SCHOOLS
        ]

    def blocked_message(self) -> str:
        """Which files, and what is wrong with each, in words that hold nothing of the file."""
        reasons = []
        for name in self._blocked():
            worst = next(iter(self.report.exports[name].findings))
            # A rule on a whole file or the set says in its doc what several cases are, and here it
            # is one of them. What a finding says of a header quotes that.
            is_of_whole = family_of(worst.code) in ("drop", "file")
            what = worst.message if is_of_whole else catalogue()[worst.code].doc
            reasons.append(f"{name}: {what}")
        more = "`validate`" if self.job == PREVIEW_JOB else "The report"  # a preview writes none
        return (
            f"{self.name}: blocked. {' '.join(reasons)} What is published stays."
            f" {more} says what to change."
        )
