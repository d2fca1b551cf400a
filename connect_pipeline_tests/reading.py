"""Reading and making the files of a home, one after another, in one DuckDB.

For: tests, which do so by the hundred: making a DuckDB for each file takes longer than reading it.
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
    with _attached(path, read_only=True) as connection:
        yield connection


@contextmanager
def writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same, to be changed. What was changed is in the file afterwards, and no log beside it."""
    with _attached(path, read_only=False) as connection:
        yield connection
        connection.execute("CHECKPOINT")


@contextmanager
def _attached(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    name = f"file_{uuid.uuid4().hex}"
    with _duckdb().cursor() as connection:
        attach(connection, path, name, read_only=read_only)
        try:
            connection.execute(f"USE {name}")
            yield connection
        finally:
            connection.execute("USE memory")
            connection.execute(f"DETACH {name}")


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    return in_memory()
