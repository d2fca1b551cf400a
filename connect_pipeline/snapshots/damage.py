"""Damaged, or only not to be read: what must be known before a published file is given up.

For: a file that belongs to another user, a process out of descriptors or memory, and a reader that
holds the file open for writing all look to DuckDB like a file with a changed byte. A damaged file
is removed and built anew; one that merely cannot be read is whole, and stays where it is.
Belongs here: telling the two apart. Does not belong here: what is done about a damaged file
(`settling.py`, `run/recovery.py`).
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import duckdb
from sqlalchemy.engine import RowMapping

from connect_pipeline.databases import tables_in
from connect_pipeline.disk import file_sha256
from connect_pipeline.errors import DiskFault, EnvironmentFault
from connect_pipeline.published import open_published

DAMAGED_SUFFIX = ".damaged"
"""Of a damaged snapshot that was set aside."""
NOT_THE_FILE = (errno.EACCES, errno.EPERM, errno.ENFILE, errno.EMFILE, errno.ENOMEM)
# DuckDB (1.5, 2.0), of a file that another process has open for writing.
LOCKED = "Could not set lock"


class Damaged(EnvironmentFault):
    """A published file does not hold what was written to it."""


def is_there(path: Path) -> bool:
    """Whether there is a file `path`. Raises `DiskFault` when it cannot be opened."""
    try:
        path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from None
    return True


def refuse_unread(path: Path, error: duckdb.Error | OSError) -> None:
    """Raise `DiskFault` when this error in reading `path` says nothing about what is in it."""
    if isinstance(error, OSError):
        if error.errno in NOT_THE_FILE:
            raise _unreadable(path, error.strerror or type(error).__name__) from None
        return
    is_there(path)
    if isinstance(error, duckdb.OutOfMemoryException):
        raise _unreadable(path, "out of memory") from None
    if LOCKED in str(error):
        raise _unreadable(path, "another program has it open for writing") from None
    for reason in map(os.strerror, NOT_THE_FILE):
        if reason in str(error):
            raise _unreadable(path, reason) from None


def refuse_damaged(path: Path, cure: str) -> None:
    """Raise `Damaged`, which says the `cure`, when not all of a published file can be read.

    All of it is read, for DuckDB checks the blocks that it reads. Raises `DiskFault` when the error
    says nothing about what is in it.
    """
    try:
        with open_published(path) as connection:
            for table in tables_in(connection, "published"):
                connection.execute(f"SELECT max(hash(COLUMNS(*))) FROM {table}").fetchall()
    except duckdb.Error as error:
        refuse_unread(path, error)
        raise Damaged(f"{path} is damaged ({type(error).__name__}). {cure}") from None


def verify(path: Path) -> str:
    """Open a snapshot as a reader would; return its ID.

    Raises `Damaged` when it is, another `EnvironmentFault` when it cannot be read.
    """
    try:
        with open_published(path) as connection:
            row = connection.execute("SELECT snapshot_id FROM connect.snapshot").fetchone()
    except duckdb.Error as error:
        refuse_unread(path, error)
        raise Damaged(
            f"The snapshot {path.name} cannot be read ({type(error).__name__}): it is damaged."
            " Run `sync` again to rebuild it from what was received."
        ) from None
    if row is None:
        raise Damaged(f"The snapshot {path.name} is empty. Run `sync` again.")
    return str(row[0])


def is_undamaged(path: Path, row: RowMapping) -> bool:
    """Whether `path` holds the snapshot of this ledger row, byte for byte.

    Those bytes were read back by DuckDB when they were published. It would find a changed one only
    when somebody reads its block, and none in its free space.
    Raises `EnvironmentFault` when it is there and cannot be read: then nobody knows.
    """
    if not is_there(path):
        return False
    try:
        if row["file_sha256"] is not None:
            return file_sha256(path) == str(row["file_sha256"])
        return verify(path) == str(row["snapshot_id"])
    except OSError as error:
        refuse_unread(path, error)
        return False
    except Damaged:
        return False


def _unreadable(path: Path, reason: str) -> DiskFault:
    return DiskFault(
        f"{path} cannot be read: {reason}. It is not taken for damaged and stays as it is. Mend"
        " that (`doctor` looks at owners and permissions), then run again."
    )
