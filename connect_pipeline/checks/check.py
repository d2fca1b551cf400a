"""One export, from what was read to what is accepted: the way through its rules.

Belongs here: the order. Does not belong here: how a kind of rule runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from connect_pipeline.cells import normalise
from connect_pipeline.checks.cell_rules import run_cell_rules
from connect_pipeline.checks.column_rules import run_column_rules
from connect_pipeline.checks.kept_out import settle_kept_out
from connect_pipeline.checks.records import create_records, expose
from connect_pipeline.checks.table_rules import run_table_rules
from connect_pipeline.contract import Kind
from connect_pipeline.erased.keep_out import keep_out_erased
from connect_pipeline.limits import Thresholds
from connect_pipeline.reader import ReadResult


@dataclass(frozen=True)
class CheckedExport:
    """One export after its checks: `records.<table>` holds the `accepted` rows.

    Rows that repeat an earlier row are accepted and said, and are in `records` once. `quarantined`
    counts the rows that a rule quarantined; what is `usable` may be referred to and published.
    """

    read: ReadResult
    quarantined: int = 0
    usable: bool = False

    @property
    def accepted(self) -> int:
        """Rows accepted: read and not quarantined by any rule."""
        return self.read.accepted_rows - self.quarantined


def check_export(read: ReadResult, usable: set[str], thresholds: Thresholds) -> CheckedExport:
    """Run every rule on one export. `usable` names the files that references may look into.

    Call in the order schools, staff, students, classes, absences, so that root causes come
    first. Findings are added to `read.findings`.
    """
    if read.refused:
        return CheckedExport(read)
    create_records(read)
    if keep_out_erased(read):
        expose(read)
    if _has_foreign_phones(read):
        normalise.register(read.connection)
    doubtful = run_column_rules(read)
    run_cell_rules(read, doubtful)
    run_table_rules(read, usable, thresholds)
    quarantined = settle_kept_out(read, thresholds)
    return CheckedExport(read, quarantined, usable=not read.findings.blocks_file)


def _has_foreign_phones(read: ReadResult) -> bool:
    phones = [column.quoted for column in read.columns if column.kind is Kind.PHONE]
    if not phones:
        return False
    anywhere = " OR ".join(f"({normalise.is_foreign_phone(cell)})" for cell in phones)
    return bool(
        read.connection.execute(
            f"SELECT 1 FROM records.{read.spec.table} WHERE {anywhere} LIMIT 1"
        ).fetchall()
    )
