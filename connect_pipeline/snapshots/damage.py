"""Damaged, or only not to be read: what must be known before a published file is given up.

For: a file that belongs to another user, a process out of descriptors or memory, and a reader that
holds the file open for writing all look to DuckDB like a file with a changed byte. A damaged file
is removed and built anew; one that merely cannot be read is whole, and stays where it is.
Belongs here: telling the two apart. Does not belong here: what is done about a damaged file
(`publishing.py`, `run/recovery.py`).
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import duckdb

from connect_pipeline.databases import tables_in
from connect_pipeline.errors import DiskFault, EnvironmentFault
from connect_pipeline.published import open_published

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


def _unreadable(path: Path, reason: str) -> DiskFault:
    return DiskFault(
        f"{path} cannot be read: {reason}. It is not taken for damaged and stays as it is. Mend"
        " that (`doctor` looks at owners and permissions), then run again."
    )
