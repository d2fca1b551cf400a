"""A published file as a database: made empty, and opened as a reader should.

Belongs here: what is the same for all of them. Does not belong here: which tables they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from connect_pipeline.databases import attach, in_memory
from connect_pipeline.published.columns import PublishedTable


def create_empty(
    connection: duckdb.DuckDBPyConnection, catalog: str, tables: Iterable[PublishedTable]
) -> None:
    """Make these tables, without rows, and their schemas in an attached database."""
    for table in tables:
        schema, _, _ = table.name.partition(".")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")
        columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
        connection.execute(f"CREATE TABLE {catalog}.{table.name} ({columns})")


@contextmanager
def open_published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Read a published file as a consumer should: read-only, attached under a name of its own.

    Opened directly, `attendance.duckdb` would be the catalog `attendance` with the schema
    `attendance`, and DuckDB refuses `attendance.recipients` as ambiguous.
    """
    with in_memory() as connection:
        attach(connection, path, "published", read_only=True)
        connection.execute("USE published")
        yield connection
