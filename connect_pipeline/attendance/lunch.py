"""Low lunch balances: whose family is to be told, at most once every so many days per student.

For: the list in `outbox/<district>/low_lunch_balance/`, made from the published roster with the
machinery of absences: destinations, opt-outs, staged files, one transaction of the ledger. It lies
apart, so that nobody sends it as absences.
Belongs here: the order of its steps, and what is said of the list. Does not belong here: who is
told (`sql/lunch_*.sql`), when it is made (`run/nightly_steps.py`).

A balance is in the list and nowhere else: not in a manifest, a count or a message of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
from sqlalchemy.engine import Connection

from connect_pipeline.attendance import files, staging, told
from connect_pipeline.attendance.attached import attached_roster
from connect_pipeline.attendance.batch import (
    accounted,
    common_facts,
    recipients_per_channel,
    students_listed,
)
from connect_pipeline.attendance.destinations import find_destinations
from connect_pipeline.attendance.new_batch import new_batch
from connect_pipeline.attendance.statements import bind_batch, prepare, require_balance, run
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger
from connect_pipeline.settings import District

CLERKS_LIST = "students_with_low_balance.csv"


@dataclass(frozen=True)
class LunchBatch:
    """A list that was made. `accounting` counts all students below the threshold by their fate."""

    batch_id: str
    recipients: dict[str, int]
    students: int
    accounting: dict[str, int]


@dataclass(frozen=True)
class LunchList:
    """The list to be made from the published roster."""

    connection: duckdb.DuckDBPyConnection
    home: Home
    name: str
    district: District
    ledger: Ledger
    run_id: str
    set_sha256: str
    now: datetime

    @property
    def today(self) -> date:
        """Today in the district's zone."""
        return self.district.day_of(self.now)

    def write(self) -> LunchBatch | None:
        """List who is to be told, once; None when nobody is due.

        Raises `SettingsError` when the opt-outs cannot be read, `EnvironmentFault` when disk or
        ledger refuse, `UnbalancedError` when the sums do not hold: then nobody was listed, or the
        list is committed and whoever comes next gives its files their names.
        """
        prepare(self.connection)
        self._read_roster()
        find_destinations(self.connection, self.home, self.name, self.district, self.ledger)
        with staging.deciding(self.home, self.ledger, self.name) as transaction:
            self._account(transaction)
            batch = self._stage(transaction) if students_listed(self.connection) else None
        if batch is not None:
            staging.place(self.home, self.name, batch.batch_id)
        self._write_clerks_list()
        return batch

    def _read_roster(self) -> None:
        with attached_roster(self.connection, self.home, self.name):
            run(self.connection, "lunch_students", threshold=str(self.district.low_lunch_balance))
            for step in ("lunch_children", "contacts", "roster_facts"):
                run(self.connection, step)

    def _account(self, transaction: Connection) -> None:
        first_day = self.today - timedelta(days=self.district.lunch_list.every_days - 1)
        recently = told.told_of_balance(transaction, self.name, first_day)
        run(self.connection, "lunch_recently", recently=recently)
        run(self.connection, "lunch_entries")
        run(self.connection, "lunch_accounting")
        require_balance(
            self.connection, "lunch_sums", f"{self.name}: the accounting of lunch balances"
        )
        run(
            self.connection,
            "recipients",
            default_language=self.district.attendance.default_language,
        )

    def _stage(self, transaction: Connection) -> LunchBatch:
        """Write the list under staged names, then its ledger rows, still uncommitted."""
        new = new_batch(transaction, self.name, self.today, self.now)
        final = staging.batch_files(self.home, self.name, new.batch_id)
        batch = LunchBatch(
            batch_id=new.batch_id,
            recipients=recipients_per_channel(self.connection),
            students=students_listed(self.connection),
            accounting=accounted(self.connection),
        )
        facts = common_facts(self.connection, new)
        with staging.discarding(self.home, self.name, new.batch_id):
            files.write_list(
                self.connection, "lunch_outbox", new, final.lunch, final.lunch_manifest, facts
            )
            told.record_batch(
                self.connection,
                transaction,
                "lunch_ledger_rows",
                new,
                run_id=self.run_id,
                file_sha256=self.set_sha256,
                counts={**batch.recipients, told.LOW_LUNCH_BALANCE: batch.students},
            )
        return batch

    def _write_clerks_list(self) -> None:
        """Write whose balance is low, and what became of each."""
        bind_batch(self.connection, self.today)
        files.write_clerks_list(self.connection, self.home, self.name, CLERKS_LIST, "lunch_fates")
