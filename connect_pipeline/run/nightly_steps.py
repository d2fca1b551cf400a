"""The nightly job's steps: what becomes of a core set that was received and checked.

For: unchanged, or built, judged against last night, held or published. Dagster's assets and the
tests call these.
Belongs here: the order of things within a step. Does not belong here: how a candidate is built and
compared (`roster/`), how a snapshot is published (`snapshots/`).
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.engine import RowMapping

from connect_pipeline import landing, roster, snapshots
from connect_pipeline.attendance.lunch import LunchBatch, LunchList
from connect_pipeline.contract import CORE, SCHOOLS, STUDENTS, ExportSpec
from connect_pipeline.databases import count_rows
from connect_pipeline.drop.deadlines import deadline_before
from connect_pipeline.drop.visit import REFUSED_SCHOOLS
from connect_pipeline.erased.keep_out import CODE as ERASED
from connect_pipeline.ledger import CORE_JOB, now, set_sha256
from connect_pipeline.published import open_published
from connect_pipeline.rules.drop import old_file_again, stale_file
from connect_pipeline.rules.rule import Severity
from connect_pipeline.run.lost_lists import refuse_lost_balances
from connect_pipeline.run.retention import files_of_current
from connect_pipeline.run.shared_run import SharedRun
from connect_pipeline.run.still_out import say_again

log = logging.getLogger(__name__)


@dataclass
class NightlySteps:
    """The steps of a nightly run, in their order."""

    run: SharedRun
    kept: int = 0
    """People and enrollments that stay as last published, in the candidate."""
    _changed: dict[str, int] = field(default_factory=dict)
    _changes: list[roster.Change] = field(default_factory=list)

    def ends_unchanged(self) -> bool:
        """Whether the run ends here: these bytes, under these settings, are published already.

        The published file is whole: the run began by proving that (`recovery.py`). At the deadline
        the report still says which files nobody has uploaded since the last one; and on each such
        night, which rows of them are kept out.
        """
        run = self.run
        current = run.ledger.current_snapshot(run.name)
        if (
            current is None
            or any(spec.file_name not in run.visit.fetched for spec in CORE)
            or current["set_sha256"] != run.set_sha256
            or current["exports"].get("settings") != self._fingerprint
        ):
            return False
        run.outcome, run.snapshot_id = "unchanged", str(current["snapshot_id"])
        received = {name: one.facts for name, one in run.visit.fetched.items()}
        still_out = say_again(run.connection, received, run.report)
        if says := still_out.sentence(self._first_report(current)):
            run.message = f"{run.name}: {says}"
        self._note_age()
        log.info("%s: the same bytes as published, nothing to do", run.name)
        return True

    def _first_report(self, current: RowMapping) -> str:
        """The name of the report of the run that published this snapshot, while it is kept."""
        name = str(current["exports"].get("kept", {}).get("report", ""))
        return name if name and (self.run.home.reports(self.run.name) / name).exists() else ""

    @property
    def stale(self) -> list[ExportSpec]:
        """Core files of before the last deadline; at a deadline, of before the one before it.

        The deadline of a run that is executed again later is the last one then.
        """
        run = self.run
        since = deadline_before(run.started, run.district)
        if run.deadline is not None:
            since = deadline_before(max(run.deadline, since), run.district)
        return [
            spec
            for spec in CORE
            if spec.file_name in run.visit.uploaded and run.visit.uploaded[spec.file_name] < since
        ]

    @property
    def held_as_stale(self) -> list[ExportSpec]:
        """Core files that nobody has uploaded since the deadline before this one.

        Without a deadline nobody waits for newer ones, unless these very files were held for it
        and nobody has approved them: then the next run must not publish them by itself.
        """
        run = self.run
        is_judged = run.deadline is not None or self._were_held_as_stale
        return self.stale if is_judged and run.district.hold_stale_files else []

    @property
    def _were_held_as_stale(self) -> bool:
        """Of these core files, whatever SchoolExport came with them: it says nothing of their age.

        With the same one, what an operator discarded is refused for that (`shared_run.py`).
        """
        run = self.run
        names = [spec.file_name for spec in CORE if spec.file_name in run.visit.fetched]
        core = {name: run.visit.fetched[name].facts.sha256 for name in names}
        schools = run.ledger.all_received(run.name, SCHOOLS.file_name)
        sets = [core, *({**core, SCHOOLS.file_name: one} for one in schools)]
        hold = run.ledger.last_hold(run.name, CORE_JOB, *map(set_sha256, sets))
        if hold is None or hold["state"] not in ("held", "expired", "discarded"):
            return False
        return "stale_file" in hold["codes"]

    def _note_age(self) -> None:
        """Say of files that are published already that they are old: there is nothing to hold."""
        run = self.run
        for spec in self.held_as_stale:
            day = run.district.day_of(run.visit.uploaded[spec.file_name])
            message = stale_file.PUBLISHED_MESSAGE.format(day=day)
            findings = run.report.findings_of(spec)
            findings.escalate(stale_file.RULE.code, Severity.WARNING, message)

    def _judge_age(self) -> None:
        for spec in self.held_as_stale:
            self.run.report.findings_of(spec).add("stale_file")

    def _judge_return(self) -> None:
        """Say of a core file that is news tonight when it was so before, and was replaced since.

        What was not uploaded is none: a damaged snapshot is rebuilt from what came before.
        """
        run = self.run
        for spec in CORE:
            name, file = spec.file_name, run.visit.fetched[spec.file_name]
            if name not in run.visit.uploaded or not run.visit.is_news(file):
                continue
            uploaded_at, others = run.ledger.replaced(run.name, name, file.facts.sha256)
            if uploaded_at is None:
                continue
            findings, rule = run.report.findings_of(spec), old_file_again.RULE
            day, rows = run.district.day_of(uploaded_at), run.report.exports[name].accepted
            if others > 1 and rows >= old_file_again.MANY_ROWS:
                message = old_file_again.OLDER_MESSAGE.format(day=day, others=others)
                findings.escalate(rule.code, Severity.HOLD, message)
            else:
                findings.add(rule.code, day=day)

    def build(self) -> dict[str, int]:
        """Build the candidate and judge its changes; returns counts per entity and change."""
        run = self.run
        run.refuse_blocked()
        roster.build_candidate(
            run.connection, self._candidate, run.district, run.report, add_only=run.adds_only
        )
        roster.compare_candidate(run.connection)
        roster.judge_nights(run.visit.uploaded, run.report, run.district.mixed_nights_hours)
        self._judge_age()
        self._judge_return()
        self._changes = roster.judge_changes(run.connection, run.report, run.district, run.today)
        roster.judge_groups(run.connection, run.report)
        current = run.ledger.current_snapshot(run.name)
        if current is not None and current["rolled_back"]:
            run.report.drop.add("rolled_back")
        if current is None and run.ledger.publications_of(run.name):
            run.report.drop.add("roster_lost")
        self._changed = roster.totals_of_changes(run.connection)
        self.kept = count_rows(run.connection, "candidate.connect.kept")
        return self._changed

    def settle_hold(self) -> bool:
        """Whether to publish: nothing holds, or an operator approved exactly these bytes.

        Otherwise the outcome is `held` or `discarded`, in the ledger too.
        """
        return self.run.may_go_on(self.run.report.holding_codes(), preview=self._preview)

    def _preview(self) -> dict[str, Any]:
        """What publishing would change, for the operator who decides."""
        run = self.run
        would_vanish = roster.write_would_vanish(run.connection, run.report_page)
        return {
            **roster.preview_of(run.report, self._changes, run.district.sites),
            "adds_only": run.adds_only,
            "report": run.report_page.name,
            "would_vanish": would_vanish.name if would_vanish else None,
        }

    def publish(self, *, rebuilds: RowMapping | None = None) -> str:
        """Publish the candidate as the current snapshot; returns its ID.

        `rebuilds` is the damaged one in whose place it comes.
        """
        run = self.run
        replaced = {} if rebuilds is None else snapshots.rebuilding(rebuilds)
        if run.visit.uploaded:
            run.visit.confirm(strictly=False)
        published_at = snapshots.next_moment(run.ledger, run.name)
        snapshot_id = snapshots.new_snapshot_id(published_at, run.run_id)
        roster.finish_candidate(
            run.connection,
            self._candidate,
            run.report,
            snapshot_id=snapshot_id,
            published_at=published_at,
            run_id=run.run_id,
        )
        snapshots.publish(
            run.home,
            run.ledger,
            run.name,
            self._candidate,
            snapshot_id,
            published_at=published_at,
            run_id=run.run_id,
            exports={**self._exports(), **replaced},
            set_hash=run.set_sha256,
        )
        snapshots.prune(run.home, run.ledger, run.name, run.district.keep.snapshots)
        landing.prune(
            run.home,
            run.name,
            files_of_current(run.ledger, run.name),
            run.district.keep.landing_days,
        )
        run.snapshot_id, run.outcome = snapshot_id, "published"
        log.info("%s: published snapshot %s", run.name, snapshot_id)
        return snapshot_id

    def published_rows(self, *tables: str) -> dict[str, int]:
        """Rows of these published tables, by their name with schema."""
        with open_published(self.run.home.roster(self.run.name)) as published:
            return {name: count_rows(published, name) for name in tables}

    def list_low_balances(self) -> LunchBatch | None:
        """List whose family is to be told of a low lunch balance; None when nobody is due."""
        run = self.run
        if not run.district.lunch_list.enabled:
            return None
        if self._balances_are_old():  # who has paid since must not be told
            log.warning("%s: no list of low lunch balances, for the student file is old", run.name)
            return None
        refuse_lost_balances(run.home, run.ledger, run.name, run.district)
        batch = LunchList(
            connection=run.connection,
            home=run.home,
            name=run.name,
            district=run.district,
            ledger=run.ledger,
            run_id=run.run_id,
            set_sha256=run.set_sha256,
            now=now(),
        ).write()
        if batch is not None:
            log.info("%s: listed %s low lunch balances", run.name, f"{batch.students:,}")
        return batch

    def _balances_are_old(self) -> bool:
        """Whether the student file is of an earlier night: by its upload, as what it is, or chosen.

        Also one that came in time for a deadline, but before noon: who paid during the day must not
        be told by the file of the night before. What an operator went back to is older than what
        was told of since.
        """
        district, uploaded = self.run.district, self.run.visit.uploaded.get(STUDENTS.file_name)
        if uploaded and district.night_of(uploaded) != district.night_of(self.run.started):
            return True
        current = self.run.ledger.current_snapshot(self.run.name)
        if STUDENTS in self.stale or (current is not None and current["rolled_back"]):
            return True
        said = f"code = '{old_file_again.RULE.code}' AND export = '{STUDENTS.file_name}'"
        with open_published(self.run.home.roster(self.run.name)) as published:
            return count_rows(published, f"(FROM quality.findings WHERE {said})") > 0

    def _exports(self) -> dict[str, object]:
        """What the ledger keeps of what the snapshot was made from: files by name, and settings.

        Of a SchoolExport that could not be used it keeps the one whose names stay published.
        """
        run = self.run
        exports: dict[str, object] = {
            name: {
                "sha256": one.facts.sha256,
                "rows": run.report.exports[name].accepted,
                "erased_rows": run.report.exports[name].findings.counts.get(ERASED, 0),
            }
            for name, one in run.visit.fetched.items()
            if name in run.report.exports
        }
        schools = run.report.exports.get(SCHOOLS.file_name)
        if schools is not None and schools.verdict == "blocked":
            exports.pop(SCHOOLS.file_name, None)
            current = run.ledger.current_snapshot(run.name)
            if current is not None and SCHOOLS.file_name in current["exports"]:
                exports[SCHOOLS.file_name] = current["exports"][SCHOOLS.file_name]
            if SCHOOLS.file_name in run.visit.fetched:
                refused = run.visit.fetched[SCHOOLS.file_name]
                exports[REFUSED_SCHOOLS] = refused.facts.sha256
        more = {
            "settings": self._fingerprint,
            "changes": self._changed,
            "kept": {"rows": self.kept, "report": run.report_page.name},
        }
        return {**exports, **more}

    @property
    def _fingerprint(self) -> str:
        """What beside the files shapes a snapshot: with others, the same bytes are news."""
        run = self.run
        relevant = {
            "sites": run.district.sites,
            "low_lunch_balance": run.district.low_lunch_balance,
            "staff_access": run.district.staff_access.model_dump(mode="json"),
            "add_only": run.adds_only,
            "erased": sorted(run.erased),
        }
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()

    @property
    def _candidate(self) -> Path:
        return self.run.home.scratch(self.run.name) / "candidate.duckdb"
