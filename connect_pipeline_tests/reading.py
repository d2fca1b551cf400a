"""Reading the files of a home, one after another, in one DuckDB.

For: tests, which read hundreds of files: making a DuckDB for each takes longer than reading it.
Does not belong here: what is read by several threads at once (`published.open_published`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

from connect_pipeline.databases import attach, in_memory


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database file, attached read-only as the default for as long as this lasts."""
    name = f"read_{uuid.uuid4().hex}"
    with _duckdb().cursor() as connection:
        attach(connection, path, name, read_only=True)
        try:
            connection.execute(f"USE {name}")
            yield connection
        finally:
            connection.execute("USE memory")
            connection.execute(f"DETACH {name}")


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    return in_memory()
