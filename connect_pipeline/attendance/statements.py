"""The SQL of this package: one step per file, run by its name.

For: `run`, which binds values to a file of `sql/`, and the functions and variables that those files
share.
Belongs here: how SQL is found and bound. Does not belong here: SQL.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from connect_pipeline.attendance.new_batch import NewBatch
from connect_pipeline.cells.formulas import defused_sql
from connect_pipeline.cells.normalise import expression
from connect_pipeline.contract import Kind
from connect_pipeline.databases import set_variables, statement
from connect_pipeline.errors import TwiceListedError, UnbalancedError
from connect_pipeline.ledger import stamp
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.rule import RowRule


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions that the steps share, and where they make their tables."""
    connection.execute("ATTACH IF NOT EXISTS ':memory:' AS attendance")
    connection.execute(statement(__package__, "macros"))
    line_rules = ", ".join(f"'{rule.code}'" for rule in rules_of(RowRule))
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP MACRO read_date(cell) AS {expression(Kind.DATE, "cell")};
        -- The day that a row is of: its date's, or without one that of the file's arrival.
        CREATE OR REPLACE TEMP MACRO day_of_row(date, arrival_date) AS
            CASE WHEN coalesce(date, '') = '' THEN arrival_date ELSE read_date(date) END;
        -- Whether a row was kept out as a line: its cells, the ID too, are not known.
        CREATE OR REPLACE TEMP MACRO is_broken_line(code) AS code IN ({line_rules});
        -- A cell that no spreadsheet runs as a formula.
        CREATE OR REPLACE TEMP MACRO defused(cell) AS
            {defused_sql("cell")};
        """
    )


def run(connection: duckdb.DuckDBPyConnection, name: str, **values: Any) -> list[tuple[Any, ...]]:
    """Run `sql/<name>.sql` with these values bound; returns its rows."""
    return connection.execute(statement(__package__, name), values).fetchall()


def bind_batch(
    connection: duckdb.DuckDBPyConnection, today: date, batch: NewBatch | None = None
) -> None:
    """Set the variables that the published tables and the lists have from the batch, if any."""
    set_variables(
        connection,
        today=today,
        batch_id=batch.batch_id if batch else None,
        listed_at=batch.listed_at if batch else None,
        listed_at_text=stamp(batch.listed_at) if batch else None,
    )


def require_balance(
    connection: duckdb.DuckDBPyConnection, name: str, subject: str, **values: Any
) -> None:
    """Run `sql/<name>.sql`, whose one row says of each sum whether it holds.

    Raises `UnbalancedError` with the names of those that do not: our bug, and nobody is listed.
    """
    answer = connection.execute(statement(__package__, name), values)
    sums = [column[0] for column in answer.description]
    failed = [one for one, holds in zip(sums, answer.fetchall()[0], strict=True) if not holds]
    if failed:
        raise UnbalancedError(
            f"{subject} does not balance ({', '.join(failed)}). Nobody is listed. Please report"
            " this."
        )


def require_once(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Raise `TwiceListedError` when a recipient is twice in what is to be listed: our bug."""
    rows, different = connection.execute(
        "SELECT count(*), count(DISTINCT (channel, destination)) FROM attendance.recipients"
    ).fetchall()[0]
    if rows != different:
        raise TwiceListedError(
            f"{name}: {rows - different} destinations are twice in the list of absences. Nobody is"
            " listed. Please report this."
        )


def counts(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    """A query's two columns as a dictionary of counts."""
    return dict(connection.execute(query).fetchall())
