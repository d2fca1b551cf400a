"""The rules about tables: keys, references, whatever needs more than one row.

Belongs here: how one runs, and that a file of which too many rows fail is held.
"""

from __future__ import annotations

from connect_pipeline.checks.records import SHOWN_RECORD_ID, remove
from connect_pipeline.findings import STORED_PER_CODE
from connect_pipeline.limits import Thresholds
from connect_pipeline.reader import BAD_ROWS_FLOOR, ReadResult
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.references.diagnosis import NOT_IN_FILE
from connect_pipeline.rules.rule import Severity, ShareHold, TableCheck, TableRule
from connect_pipeline.rules.sql import alike


def run_table_rules(read: ReadResult, usable: set[str], thresholds: Thresholds) -> None:
    """Run them in their order; `usable` names the files that references may look into."""
    ((alike_rows,),) = read.connection.execute(
        f"CREATE OR REPLACE TABLE records.{read.spec.table}_alike AS {alike(read.spec)}"
    ).fetchall()
    for rule in sorted(rules_of(TableRule), key=lambda rule: rule.order):
        if rule.among_alike and not alike_rows:
            continue
        for check in rule.checks:
            if check.looks_at(read.spec, usable):
                _run_table_rule(read, rule, check, thresholds)


def _run_table_rule(
    read: ReadResult, rule: TableRule, check: TableCheck, thresholds: Thresholds
) -> None:
    made = read.connection.execute(
        "CREATE OR REPLACE TEMP TABLE hits AS"
        " SELECT line, nullif(record_id::VARCHAR, '') AS record_id,"
        " column_name::VARCHAR AS column_name, detail::VARCHAR AS detail"
        f" FROM ({check.select})"
    )
    ((total,),) = made.fetchall()
    if not total:
        return
    places = read.connection.execute(
        f"SELECT line, {SHOWN_RECORD_ID}, column_name, detail FROM hits ORDER BY line LIMIT $cap",
        {"cap": STORED_PER_CODE},
    ).fetchall()
    read.findings.add_many(
        rule.code,
        total,
        (
            {"line": line, "record_id": record_id, "column": column, "detail": detail or ""}
            for line, record_id, column, detail in places
        ),
    )
    if rule.hold:
        _hold_over_share(read, rule.code, rule.hold, getattr(thresholds, rule.hold.over))
    if rule.severity is Severity.QUARANTINE or (rule.drops_rows and not check.keeps_rows):
        remove(read, rule, "SELECT line, record_id FROM hits")


def _hold_over_share(read: ReadResult, code: str, hold: ShareHold, share: float) -> None:
    """Hold the file when more than `share` of its rows (or of those alike in one column) failed."""
    alike = f'"{hold.by}"' if hold.by else "NULL"
    ((failing,),) = read.connection.execute(
        f"""
        SELECT max(failing)
        FROM (
            SELECT count(*) FILTER (WHERE line IN (SELECT line FROM hits)) AS failing, count(*) AS n
            FROM records.{read.spec.table}
            GROUP BY {alike}
        )
        -- A decimal: of 100 rows, 0.29 as a float is less than 29.
        WHERE failing > greatest(n * $share::DECIMAL(18, 9), $floor)
        """,
        {"share": share, "floor": BAD_ROWS_FLOOR},
    ).fetchall()
    if failing:
        ((detail,),) = read.connection.execute("SELECT mode(detail) FROM hits").fetchall()
        usual = f" Most often: {detail}." if detail not in (None, NOT_IN_FILE) else ""
        message = hold.message.format(count=f"{failing:,}", usual=usual)
        fix = hold.fixes.get(detail, hold.fix)
        read.findings.escalate(code, Severity.HOLD, f"{message} {fix}")
