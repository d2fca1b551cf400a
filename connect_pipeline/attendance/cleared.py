"""Cleared absences: what was listed today and is, by a later file, not so any more, or again.

For: the list from which a sender withholds or takes back messages, in `outbox/<district>/cleared/`.
It lies apart, so that nobody sends it as absences by mistake.
Belongs here: that list, each change of a message once. Does not belong here: which messages stand
(`sql/cleared.sql`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb
from sqlalchemy.engine import Connection

from connect_pipeline.attendance import day_file, files, staging, statements, told
from connect_pipeline.attendance.new_batch import new_batch
from connect_pipeline.attendance.statements import run
from connect_pipeline.databases import count_rows
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger


@dataclass(frozen=True)
class ClearedList:
    """The list to be made from one file, after its accounting."""

    connection: duckdb.DuckDBPyConnection
    home: Home
    name: str
    policy: str
    ledger: Ledger
    today: date
    now: datetime
    run_id: str
    file_sha256: str

    def write(self) -> str | None:
        """Write the list and commit it as a batch of its own; returns its ID, None without news."""
        if not count_rows(self.connection, "attendance.told"):
            return None
        with staging.deciding(self.home, self.ledger, self.name) as transaction:
            told.load_told(self.connection, transaction, self.name, self.today, self.policy)
            run(self.connection, "clearing", policy=self.policy, today=self.today)
            with day_file.earlier_today(self.connection, self.home, self.name, self.today):
                run(self.connection, "cleared", policy=self.policy)
            if not count_rows(self.connection, "attendance.cleared"):
                return None
            batch_id = self._stage(transaction)
        staging.place(self.home, self.name, batch_id)
        return batch_id

    def _stage(self, transaction: Connection) -> str:
        batch = new_batch(transaction, self.name, self.today, self.now)
        final = staging.batch_files(self.home, self.name, batch.batch_id)
        counts = dict.fromkeys((told.CLEARED, told.NO_LONGER_ALERTS, told.ABSENT_AGAIN), 0)
        counts |= statements.counts(
            self.connection,
            "SELECT change, count(DISTINCT student_id) FROM attendance.cleared GROUP BY change",
        )
        facts = {
            **batch.facts,
            "rows": count_rows(self.connection, "attendance.cleared"),
            "cleared_students": counts[told.CLEARED],
            "students_no_longer_alerting": counts[told.NO_LONGER_ALERTS],
            "students_absent_again": counts[told.ABSENT_AGAIN],
        }
        with staging.discarding(self.home, self.name, batch.batch_id):
            files.write_list(
                self.connection,
                "cleared_outbox",
                batch,
                final.cleared,
                final.cleared_manifest,
                facts,
            )
            told.record_batch(
                self.connection,
                transaction,
                "cleared_ledger_rows",
                batch,
                run_id=self.run_id,
                file_sha256=self.file_sha256,
                counts=counts,
            )
        return batch.batch_id
