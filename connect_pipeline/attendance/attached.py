"""The published roster, attached while the part of it that a list needs is copied.

For: the lists, which are of one night each, whatever is published while they are made.
Belongs here: attaching it, and saying so when it is not there. Does not belong here: what is
copied (`sql/`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from connect_pipeline.databases import attach
from connect_pipeline.errors import EnvironmentFault, Refused
from connect_pipeline.home import Home
from connect_pipeline.snapshots.damage import refuse_unread


@contextmanager
def attached_roster(connection: duckdb.DuckDBPyConnection, home: Home, name: str) -> Iterator[None]:
    """Attach the district's published roster as `roster`.

    Raises `Refused` without one, `EnvironmentFault` when it cannot be read.
    """
    path = home.roster(name)
    if not path.exists():
        raise Refused(
            f"{name}: there is no published roster, so nobody knows whom to tell. Run"
            f" `connect-pipeline sync {name}` first."
        )
    try:
        attach(connection, path, "roster", read_only=True)
    except duckdb.Error as error:
        refuse_unread(path, error)
        raise EnvironmentFault(
            f"{name}: the published roster cannot be read ({type(error).__name__})."
            f" Run `connect-pipeline sync {name}` to publish it again."
        ) from None
    try:
        yield
    finally:
        connection.execute("DETACH roster")
