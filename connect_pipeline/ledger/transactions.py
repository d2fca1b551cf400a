"""The open ledger's transactions: what is written at once, and what is read.

Belongs here: the write lock, and that a database's refusal is one sentence of ours. Does not belong
here: any table (`runs.py`, `receipts.py`, `publications.py`, `holds.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from connect_pipeline.errors import DatabaseFault, DiskFault
from connect_pipeline.foreign_errors import as_our_error, database_refused, server_refused
from connect_pipeline.keyed_hash import keyed_hash


@contextmanager
def _plainly(done: str) -> Iterator[None]:
    """Turn what the database says into one sentence of ours: it may quote a row."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        if not database_refused(error):
            raise as_our_error(error) from None
        reason = type(error.orig).__name__
        if server_refused(error):
            raise DatabaseFault(
                f"The ledger could not be {done}: its database server did not answer, broke off or"
                f" refused ({reason}). Check it and the network to it, then retry."
            ) from None
        raise DiskFault(
            f"The ledger could not be {done} ({reason}). Check its disk and its lock, then retry."
        ) from None


@dataclass(frozen=True)
class Transactions:
    """The open ledger's database, and the key that its hashes are made with."""

    engine: Engine
    key: bytes

    def close(self) -> None:
        """Close its connections: a daemon's process opens the ledger anew at each tick."""
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at once, so that readers in it cannot be stale.

        Raises `EnvironmentFault` when the ledger cannot be reached, is locked for long or full,
        and `SystemFault` for whatever else it refuses, which is our bug.
        """
        with _plainly("written"), self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def rows(self, query: sa.Select[Any]) -> Sequence[RowMapping]:
        """The rows of a read-only query, as they are committed: it waits for nobody who writes.

        Raises `EnvironmentFault` as `transaction` does.
        """
        with self.reading() as connection:
            return connection.execute(query).mappings().all()

    def first(self, query: sa.Select[Any]) -> RowMapping | None:
        """The first row of a read-only query, None without any."""
        found = self.rows(query.limit(1))
        return found[0] if found else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """For several reads, each of what is committed then; waits for nobody who writes.

        Raises `EnvironmentFault` as `transaction` does.
        """
        with _plainly("read"), self.engine.connect() as connection:
            yield connection

    def hashed(self, destination: str) -> str:
        """A destination as the ledger stores it."""
        return keyed_hash(self.key, destination)
