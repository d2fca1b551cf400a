"""One attendance file of one district on its way to at most one batch of recipients.

For: the steps in their order: absences, accounting, recipients. What a step makes is in
`attendance`, a database in memory.
Belongs here: the order, what is bound to the SQL, and the moment of decision. Does not belong
here: who is told of what (`sql/`), what of a file must wait for an operator (`hold.py`), the
ledger's rows (`told.py`), files (`files.py`, `day_file.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple

import duckdb
from sqlalchemy.engine import Connection

from connect_pipeline.attendance import day_file, files, school_days, staging, told
from connect_pipeline.attendance.attached import attached_roster
from connect_pipeline.attendance.batch import (
    Batch,
    accounted,
    describe_batch,
    manifest_facts,
    recipients_per_channel,
    students_listed,
)
from connect_pipeline.attendance.cleared import ClearedList
from connect_pipeline.attendance.destinations import find_destinations
from connect_pipeline.attendance.new_batch import new_batch
from connect_pipeline.attendance.roster_state import RosterState, state_of_roster
from connect_pipeline.attendance.statements import prepare, require_balance, require_once, run
from connect_pipeline.databases import insert_rows
from connect_pipeline.findings import Findings
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger
from connect_pipeline.settings import District

log = logging.getLogger(__name__)

CLERKS_LIST = "students_without_contact.csv"
FEW_ROWS = 3
"""Fewer rows may well all lack a date, or have a code that nobody has listed yet."""


class Dates(NamedTuple):
    """What the dates of a received file say: `sql/dates.sql`."""

    row_count: int
    are_there: bool
    students_without: int


@dataclass
class AttendanceDay:
    """One attendance file being turned into at most one batch.

    `connection` holds the checked file (`records.attendance`, `quality.quarantine`);
    `arrived_at` is the file's upload time, `sources` is what was found of it and may still grow. Of
    the home, only `list_recipients` changes anything.
    """

    connection: duckdb.DuckDBPyConnection
    home: Home
    name: str
    district: District
    ledger: Ledger
    run_id: str
    file_sha256: str
    arrived_at: datetime
    now: datetime
    sources: Sequence[Findings] = ()
    batch: Batch | None = None
    """What was committed by this run: listed, though its files may lack their names."""
    _considered: set[str] | None = None
    """The batches of today that `attendance.told` and the accounting know; None before that."""

    def __post_init__(self) -> None:
        prepare(self.connection)

    @property
    def today(self) -> date:
        """Today in the district's zone."""
        return self.district.day_of(self.now)

    @property
    def arrival_date(self) -> date:
        """The file's day of arrival in the district's zone."""
        return self.district.day_of(self.arrived_at)

    @property
    def is_of_today(self) -> bool:
        """Whether the file says anything about today. Call after `build_absences`."""
        return self.speaks_for(self.today)

    def speaks_for(self, day: date) -> bool:
        """Whether the file says anything about that day. Call after `build_absences`."""
        found = self.connection.execute(
            "SELECT 1 FROM attendance.spoken_for WHERE date = $day", {"day": day}
        ).fetchone()
        return found is not None

    @property
    def is_school_day(self) -> bool:
        """Whether the district's calendar has school today."""
        return school_days.is_school_day(self.today, self.district.attendance)

    # -- absences --------------------------------------------------------------------------

    def build_absences(self) -> dict[str, int]:
        """Resolve the file's rows through the published roster; returns counts.

        Raises `Refused` without a published roster.
        """
        settings = self.district.attendance
        with attached_roster(self.connection, self.home, self.name):
            for step in (
                "students",
                "contacts",
                "schools",
                "teachers",
                "kept_out",
                "roster_facts",
            ):
                run(self.connection, step)
        self._load_school_codes()
        run(
            self.connection,
            "absences",
            arrival_date=self.arrival_date,
            today=self.today,
            is_school_day=self.is_school_day,
            alert_codes=list(settings.alert_codes),
        )
        run(self.connection, "spoken_for", arrival_date=self.arrival_date)
        run(self.connection, "children", min_periods=settings.min_periods)
        with self.ledger.reading() as committed:  # for what may hold the file
            self._load_told(committed)
        return dict(run(self.connection, "absence_counts", today=self.today))

    def _load_school_codes(self) -> None:
        self.connection.execute(
            "CREATE OR REPLACE TABLE attendance.school_codes (school VARCHAR, codes VARCHAR[])"
        )
        codes = self.district.attendance.school_alert_codes
        insert_rows(
            self.connection,
            "attendance.school_codes",
            [(school, list(alerting)) for school, alerting in codes.items()],
        )

    @cached_property
    def dates(self) -> Dates:
        """What the dates of the file say. Call after `build_absences`."""
        return Dates(*run(self.connection, "dates")[0])

    @property
    def _is_dated(self) -> bool:
        """Whether the files published so far have dates. One that has hardly a row says nothing."""
        if self.dates.are_there or self.dates.row_count >= FEW_ROWS:
            return self.dates.are_there
        return day_file.had_dates(self.connection, self.home, self.name)

    # -- accounting ------------------------------------------------------------------------

    def build_accounting(self) -> dict[str, int]:
        """Decide, for every absent student and date, listed or suppressed and why; counts.

        Raises `SettingsError` when the opt-outs cannot be read, and `UnbalancedError` when the
        accounting does not balance: our bug, and nobody is listed.
        """
        find_destinations(self.connection, self.home, self.name, self.district, self.ledger)
        with self.ledger.reading() as committed:
            self._account(committed)
        return accounted(self.connection)

    def _account(self, ledger: Connection) -> None:
        """Account in the light of what the ledger has now."""
        self._load_told(ledger)
        settings = self.district.attendance
        run(self.connection, "entries", policy=settings.policy)
        run(
            self.connection,
            "accounting",
            today=self.today,
            is_school_day=self.is_school_day,
            speaks_for_today=self.is_of_today,
        )
        require_balance(
            self.connection,
            "balance",
            f"{self.name}: the accounting of absences",
            arrival_date=self.arrival_date,
        )
        run(self.connection, "recipients", default_language=settings.default_language)
        run(self.connection, "messages")

    def _load_told(self, ledger: Connection) -> None:
        """Who was told today, and of whom this file does not say for sure that they have come.

        Which batches there are, is read first: one that is committed in between is not among them,
        so `list_recipients` accounts once more. What a batch says never changes.
        """
        earlier = told.batches_of(ledger, self.name, self.today)
        batches = {one.batch_id for one in earlier}
        if batches == self._considered:
            return
        self._considered = batches
        policy = self.district.attendance.policy
        told.load_told(self.connection, ledger, self.name, self.today, policy)
        run(self.connection, "doubtful", today=self.today)
        run(self.connection, "clearing", policy=policy, today=self.today)

    # -- recipients ------------------------------------------------------------------------

    def preview(self) -> dict[str, int]:
        """How many would be listed now, per channel, and students. Nothing is touched.

        Call after `build_accounting`.
        """
        return {
            **recipients_per_channel(self.connection),
            "students": students_listed(self.connection),
        }

    def list_recipients(self, at: datetime) -> Batch | None:
        """List who is to be told, once, `at` this time; None with nobody new.

        The published day is refreshed either way. Call after `build_accounting`. Raises
        `TwiceListedError` when a destination would be twice in the batch, and `EnvironmentFault`
        when disk or ledger refuse: then nobody was listed, or the list is committed and whoever
        comes next gives its files their names.
        """
        roster = state_of_roster(self.ledger, self.name)
        with staging.deciding(self.home, self.ledger, self.name) as transaction:
            earlier = told.batches_of(transaction, self.name, self.today)
            if {one.batch_id for one in earlier} != self._considered:
                self._account(transaction)
            if not students_listed(self.connection):
                self._refresh_day()
                batch = None
            else:
                batch = self._stage_batch(transaction, earlier, roster, at)
            self._write_clerks_list()
        self.batch = batch
        if batch is not None:
            staging.place(self.home, self.name, batch.batch_id)
        return batch

    def list_cleared(self, at: datetime) -> str | None:
        """List the messages that do not stand any more, or again; the list's ID, None without news.

        It is listed `at` this time. Call after `list_recipients`. Raises
        `EnvironmentFault` when disk or ledger refuse.
        """
        return ClearedList(
            connection=self.connection,
            home=self.home,
            name=self.name,
            policy=self.district.attendance.policy,
            ledger=self.ledger,
            today=self.today,
            now=at,
            run_id=self.run_id,
            file_sha256=self.file_sha256,
        ).write()

    def _stage_batch(
        self,
        transaction: Connection,
        earlier: list[told.EarlierBatch],
        roster: RosterState,
        at: datetime,
    ) -> Batch:
        """Write the batch's files under staged names, and its ledger rows, still uncommitted."""
        new = new_batch(transaction, self.name, self.today, at)
        final = staging.batch_files(self.home, self.name, new.batch_id)
        require_once(self.connection, self.name)
        batch = describe_batch(
            self.connection,
            self.district,
            new,
            now=at,
            earlier=[one.listed_at for one in earlier if not one.is_cleared_list],
            roster=roster,
        )
        day, listed = (staging.staged(one, new.batch_id) for one in (final.day, final.outbox))
        is_dated = self._is_dated
        with staging.discarding(self.home, self.name, new.batch_id):
            with (
                day_file.earlier_today(self.connection, self.home, self.name, self.today),
                files.writing(
                    self.connection, day, listed, new, is_dated=is_dated, sources=self.sources
                ),
            ):
                told.record_batch(
                    self.connection,
                    transaction,
                    "ledger_rows",
                    new,
                    run_id=self.run_id,
                    file_sha256=self.file_sha256,
                    counts={**batch.recipients, "students": batch.students},
                )
            facts = manifest_facts(self.connection, new, batch)
            manifest = staging.staged(final.manifest, new.batch_id)
            files.write_manifest(manifest, final.outbox, listed, facts)
        return batch

    def _refresh_day(self) -> None:
        """Publish today's absences and accounting without a batch."""
        day = self.home.attendance(self.name)
        unlisted = staging.staged(day, "refresh")
        is_dated = self._is_dated
        with day_file.earlier_today(self.connection, self.home, self.name, self.today):
            day_file.write_day(
                self.connection, unlisted, self.today, is_dated=is_dated, sources=self.sources
            )
        staging.replace(unlisted, day)

    def _write_clerks_list(self) -> None:
        """Write who is absent today and cannot be told: the school's clerk calls or corrects."""
        files.write_clerks_list(self.connection, self.home, self.name, CLERKS_LIST, "unreachable")
