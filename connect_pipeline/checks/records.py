"""`records.<table>`: the rows of an export that no rule has kept out, every cell trimmed.

Belongs here: making it, and taking rows out and back. Does not belong here: which rows (the rules),
what becomes of the ones that are out (`kept_out.py`).
"""

from __future__ import annotations

from connect_pipeline.contract import Column, ExportSpec
from connect_pipeline.databases import count_rows
from connect_pipeline.line_law import BLANKS
from connect_pipeline.reader import ReadResult
from connect_pipeline.rules.rule import CellRule, Severity, TableRule

# A finding shows less than its row is known by: what looks like an ID, for columns may be swapped,
# and is no mere word, which may be a name. A UUID in braces has 38 characters.
SHOWN_RECORD_ID = (
    "CASE WHEN regexp_full_match(record_id, '[A-Za-z0-9._{}-]{1,38}')"
    " AND regexp_matches(record_id, '[0-9]') THEN record_id END"
)


def create_records(read: ReadResult) -> None:
    """`records.<table>_checked`: what was read, or a trimmed copy where cells need trimming."""
    table = read.spec.table
    cells = ", ".join(
        f'{_trimmed(read, column)} AS "{column.field}"'
        if column in read.columns
        else f'NULL::VARCHAR AS "{column.field}"'
        for column in read.spec.columns
    )
    rows = f"SELECT line, {cells} FROM raw.{table}"
    if read.padded:
        read.connection.execute(f"CREATE OR REPLACE TABLE records.{table}_trimmed AS {rows}")
        rows = f"SELECT * FROM records.{table}_trimmed"
    read.connection.execute(f"CREATE OR REPLACE VIEW records.{table}_checked AS {rows}")
    expose(read)


def _trimmed(read: ReadResult, column: Column) -> str:
    cell = column.quoted
    return f"trim({cell}, '{BLANKS}')" if column.field in read.padded else cell


def expose(read: ReadResult) -> None:
    """`records.<table>`: the checked rows that no rule has removed so far."""
    table, file_name = read.spec.table, read.spec.file_name
    removed = f"records.removed WHERE export = '{file_name}'"
    without = (
        f" WHERE line NOT IN (SELECT line FROM {removed})"
        if count_rows(read.connection, removed)
        else ""
    )
    read.connection.execute(
        f"CREATE OR REPLACE VIEW records.{table} AS SELECT * FROM records.{table}_checked{without}"
    )


def remove(read: ReadResult, rule: CellRule | TableRule, select: str) -> None:
    """Take rows out of `records`; the first rule to name a row keeps it."""
    quarantines = rule.severity is Severity.QUARANTINE
    counts = quarantines and (not isinstance(rule, TableRule) or rule.counts_as_bad_row)
    read.connection.execute(
        f"""
        INSERT INTO records.removed
        SELECT $export, line, $code, any_value(record_id), {quarantines}, {counts}
        FROM ({select})
        WHERE line NOT IN (SELECT line FROM records.removed WHERE export = $export)
        GROUP BY line
        """,
        {"export": read.spec.file_name, "code": rule.code},
    )
    expose(read)


def readmit(read: ReadResult, code: str) -> None:
    """Take the rows that one rule removed back into `records`.

    Attendance accounts for absent students whom the roster does not know.
    """
    read.connection.execute(
        "DELETE FROM records.removed WHERE export = $export AND code = $code",
        {"export": read.spec.file_name, "code": code},
    )
    expose(read)


def record_id_sql(spec: ExportSpec) -> str:
    """SQL for the ID of whom a row is about; NULL when it is blank."""
    name = spec.record_field
    return "NULL::VARCHAR" if name is None else f"nullif(cells.\"{name}\", '')"
