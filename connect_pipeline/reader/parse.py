"""The parse: lines that have exactly one reading become `raw.<table>`, verbatim text.

Belongs here: the one place in which DuckDB reads cells, and what the cells alone tell: blank rows,
columns to trim. Does not belong here: which lines are parsed (`law.py`, `unlawful.py`).
"""

from __future__ import annotations

from pathlib import Path

from connect_pipeline.databases import as_pattern, count_rows
from connect_pipeline.line_law import PADDED_CELL, WHITE
from connect_pipeline.reader.result import ReadResult, add_for_lines
from connect_pipeline.reader.text_lines import BY_CONTENT_ONLY


def parse(result: ReadResult, path: Path) -> str:
    """Parse the lawful lines below the first into `raw.<table>_text`; return that table's name.

    The parser is told everything and sniffs nothing.
    """
    table = f"raw.{result.spec.table}_text"
    columns = ", ".join(f"'{column.field}': 'VARCHAR'" for column in result.columns)
    not_null = ", ".join(f"'{column.field}'" for column in result.columns)
    result.connection.execute(
        f"""
        CREATE OR REPLACE TABLE {table} AS
        SELECT * FROM read_csv(
            $path, columns = {{{columns}}}, force_not_null = [{not_null}], auto_detect = false,
            header = false, skip = 1, delim = ',', quote = '"', escape = '"', comment = '',
            new_line = '\\n', strict_mode = true, null_padding = false,
            {BY_CONTENT_ONLY}
        )
        """,
        {"path": as_pattern(path)},
    )
    return table


def create_raw(result: ReadResult, select: str, source: str) -> None:
    """`raw.<table>`: `line` and the file's columns, verbatim. Counts the accepted rows."""
    table = result.spec.table
    result.connection.execute(
        f"CREATE OR REPLACE VIEW raw.{table} AS SELECT {select} FROM {source}"
    )
    result.accepted_rows = count_rows(result.connection, f"raw.{table}")


def remove_blank_rows(result: ReadResult) -> None:
    """Rows whose cells are all blank say nothing: skipped with a warning, counted as blank."""
    table = result.spec.table
    is_blank = " AND ".join(
        f"regexp_full_match({column.quoted}, '{WHITE}*')"
        if column.field in result.padded
        else f"{column.quoted} = ''"
        for column in result.columns
    )
    result.blank_rows = add_for_lines(
        result, "blank_row", f"SELECT line FROM raw.{table} WHERE {is_blank}"
    )
    if not result.blank_rows:
        return
    connection = result.connection
    connection.execute(
        f"CREATE OR REPLACE TABLE raw.{table}_rows AS"
        f" SELECT * FROM raw.{table} WHERE NOT ({is_blank})"
    )
    create_raw(result, "*", f"raw.{table}_rows")


def padded_columns(result: ReadResult) -> frozenset[str]:
    """The columns in which trimming would change a cell."""
    checks = ", ".join(
        f"coalesce(bool_or(regexp_matches({column.quoted}, '{PADDED_CELL}')), false)"
        for column in result.columns
    )
    (padded,) = result.connection.execute(
        f"SELECT {checks} FROM raw.{result.spec.table}"
    ).fetchall()
    return frozenset(
        column.field for column, is_padded in zip(result.columns, padded, strict=True) if is_padded
    )
