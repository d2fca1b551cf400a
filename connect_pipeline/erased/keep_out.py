"""Keeping erased students out: their rows in a new upload are neither published nor quarantined.

For: the checks, which ask for every export that names students, and what reads of earlier that an
erasure which was cut short has not reached. IDs are compared by their keyed hash, for nothing else
of an erased student is known any more.
Belongs here: the SQL. Does not belong here: who is erased (`records.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from connect_pipeline import keyed_hash
from connect_pipeline.databases import count_rows, insert_rows, set_variables
from connect_pipeline.erased.broken_lines import BROKEN_ROW, words_that_may_be_ids
from connect_pipeline.reader import ReadResult

CODE = "student_erased"
STUDENT = "student_id"


def subject_text(district: str, student_id: str) -> str:
    """What is hashed: the same ID in two districts is two students."""
    return f"student {district} {student_id}"


def load_erased(
    connection: duckdb.DuckDBPyConnection,
    district: str,
    hashes: Iterable[str],
    key: bytes,
) -> None:
    """Tell the checks who is erased. `key` is the ledger's, with which the hashes were made."""
    insert_rows(connection, "district.erased", [(subject_hash,) for subject_hash in hashes])
    set_variables(connection, erased_prefix=subject_text(district, ""))
    keyed_hash.prepare(connection, key)


def keep_out_erased(read: ReadResult) -> bool:
    """Remove the rows of erased students before any rule looks at them.

    Lines that break the law are asked word by word, and forgotten, too, with those on which their
    values go on, but for this run: they may be about others (`records.forgotten`, in the scratch).
    The finding counts them.
    Returns whether there were any.
    """
    connection, table = read.connection, read.spec.table
    named = any(column.field == STUDENT for column in read.spec.columns)
    if not named or not count_rows(connection, "district.erased"):
        return False
    values = {"export": read.spec.file_name, "code": CODE}
    connection.execute(
        f"""
        INSERT INTO records.removed
        SELECT $export, line, $code, NULL, true, false FROM records.{table}
        WHERE {_is_erased(STUDENT)}
        """,
        values,
    )
    rows = count_rows(
        connection, f"records.removed WHERE export = '{read.spec.file_name}' AND code = '{CODE}'"
    )
    connection.execute(
        f"""
        INSERT INTO records.forgotten
        WITH numbered AS (
            SELECT *, {BROKEN_ROW} AS broken_row FROM quality.quarantine WHERE export = $export
        ),
        words AS (
            SELECT broken_row, line, unnest({words_that_may_be_ids("text")}) AS word FROM numbered
        ),
        own AS (
            SELECT broken_row, min(line) AS line
            FROM words
            WHERE {_is_erased("word")}
            GROUP BY broken_row
        )
        SELECT numbered.* EXCLUDE (broken_row)
        FROM numbered
        JOIN own ON numbered.broken_row = own.broken_row AND numbered.line >= own.line
        """,
        {"export": read.spec.file_name},
    )
    lines = connection.execute(
        "DELETE FROM quality.quarantine WHERE export = $export"
        " AND line IN (SELECT line FROM records.forgotten WHERE export = $export)",
        {"export": read.spec.file_name},
    ).fetchall()[0][0]
    if rows or lines:
        read.findings.add(CODE, count=rows + lines)
    return bool(rows)


def leave_out_erased(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Remove erased students from a table of our own that has a `student_id`."""
    if count_rows(connection, "district.erased"):
        connection.execute(f"DELETE FROM {table} WHERE {_is_erased(STUDENT)}")


def _is_erased(name: str) -> str:
    """SQL for whether `name`, an SQL expression of an ID, is an erased student's."""
    subject = f"getvariable('erased_prefix') || {name}"
    return f"keyed_hash({subject}) IN (SELECT subject_hash FROM district.erased)"
