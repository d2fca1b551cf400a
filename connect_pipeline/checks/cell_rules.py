"""The rules about cells: one scan for all of them, and details of the rows that fail.

Belongs here: how they run, and which need not be asked.
"""

from __future__ import annotations

from connect_pipeline.checks.records import SHOWN_RECORD_ID, record_id_sql, remove
from connect_pipeline.contract import Column
from connect_pipeline.findings import STORED_PER_CODE
from connect_pipeline.reader import ReadResult
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.rule import CellRule, Severity


def run_cell_rules(read: ReadResult, doubtful: set[Column]) -> None:
    """One scan finds the rows that fail any cell rule; details are extracted from those only.

    A `doubtful` column has one root cause, which is said already: only its keys are looked at.
    """
    pairs = [
        (rule, column, where)
        for rule in rules_of(CellRule)
        for column in read.columns
        if rule.applies(column)
        and (column.key or column not in doubtful)
        and not (rule.holds_if_plain and read.is_plain)
        and (where := _broken(rule, column, read))
    ]
    if pairs and _find_hits(read, [where for _, _, where in pairs]):
        _report_hits(read, [(rule, column) for rule, column, _ in pairs])


def _find_hits(read: ReadResult, broken: list[str]) -> bool:
    """Fill `hits`: a broken cell, by its line and the place in `broken` of what it breaks.

    Returns whether there are any.
    """
    table = read.spec.table
    verbatim = f" JOIN raw.{table} AS raw USING (line)" if read.padded else ""
    anything = " OR ".join(f"({where})" for where in broken)
    failing = read.connection.execute(
        "CREATE OR REPLACE TEMP TABLE failing AS"
        f" SELECT cells.* FROM records.{table} AS cells{verbatim} WHERE {anything}"
    ).fetchall()
    if not failing[0][0]:
        return False
    each = ", ".join(f"CASE WHEN {where} THEN {i} END" for i, where in enumerate(broken))
    read.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE hits AS
        SELECT line, record_id, hit
        FROM (
            SELECT line, {record_id_sql(read.spec)} AS record_id, unnest([{each}]) AS hit
            FROM failing AS cells{verbatim}
        )
        WHERE hit IS NOT NULL;
        DROP TABLE failing;
        """
    )
    return True


def _report_hits(read: ReadResult, pairs: list[tuple[CellRule, Column]]) -> None:
    totals = read.connection.execute(
        "SELECT hit, count(*), min(line) FROM hits GROUP BY hit ORDER BY hit"
    ).fetchall()
    for hit, total, first_line in totals:
        rule, column = pairs[hit]
        if rule.counted:
            read.findings.add(rule.code, line=first_line, column=column.name, count=total)
            continue
        places = read.connection.execute(
            f"SELECT line, {SHOWN_RECORD_ID} FROM hits WHERE hit = $hit ORDER BY line LIMIT $cap",
            {"hit": hit, "cap": STORED_PER_CODE},
        ).fetchall()
        read.findings.add_many(
            rule.code,
            total,
            (
                {"line": line, "record_id": record_id, "column": column.name}
                for line, record_id in places
            ),
        )
        if rule.severity is Severity.QUARANTINE:
            remove(read, rule, f"SELECT line, record_id FROM hits WHERE hit = {hit}")


def _broken(rule: CellRule, column: Column, read: ReadResult) -> str:
    """SQL for whether a cell of `column` breaks `rule`; '' when that need not be asked."""
    parts = [rule.where, rule.where_padded if column.field in read.padded else ""]
    where = " OR ".join(f"({part})" for part in parts if part)
    return where.format(cell=f"cells.{column.quoted}", raw=f"raw.{column.quoted}", kind=column.kind)
