"""Any exception as one of ours: what the disk, DuckDB and the ledger's database refused, and bugs.

Belongs here: this translation. Does not belong here: our errors themselves (`errors.py`), which
must be cheap to import.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from traceback import walk_tb

import duckdb
import sqlalchemy as sa

from connect_pipeline.databases import DATABASE_REFUSALS
from connect_pipeline.disk import disk_reason
from connect_pipeline.errors import ConnectError, DatabaseFault, DiskFault, SystemFault

# What a full disk looks like, in our own files and in DuckDB's.
REFUSALS = (OSError, MemoryError, *DATABASE_REFUSALS)
# SQLite's primary codes for what was asked wrongly: ERROR (no such table), CONSTRAINT, MISMATCH,
# MISUSE, RANGE. All others are about the file, its lock, its disk or the memory.
SQLITE_ASKED_WRONGLY = (1, 19, 20, 21, 25)
SQLITE_DAMAGED = (11, 26)  # CORRUPT, NOTADB
SQLITE_FULL = (7, 13)  # NOMEM, FULL
POSTGRES_FULL = ("53100", "53200")  # disk_full, out_of_memory


def database_refused(error: BaseException) -> bool:
    """Whether the ledger's or Dagster's database could not do it, as opposed to our asking wrongly.

    By SQLite's own code: Python calls a missing table operational, and a damaged file not.
    """
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    code = _sqlite_code(error)
    if code is not None:
        return code not in SQLITE_ASKED_WRONGLY
    refusals = (sa.exc.OperationalError, sa.exc.InterfaceError)
    return isinstance(error, refusals) or error.connection_invalidated


def server_refused(error: BaseException) -> bool:
    """Whether that was a database server, and not for the lack of room on its disk."""
    orig = getattr(error, "orig", None)
    is_of_server = hasattr(orig, "pgcode")
    return is_of_server and not _is_postgres_full(error) and database_refused(error)


def _is_postgres_full(error: BaseException) -> bool:
    return getattr(getattr(error, "orig", None), "pgcode", None) in POSTGRES_FULL


def _sqlite_code(error: BaseException) -> int | None:
    """SQLite's primary code of what it refused; None of another database and another error."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def _is_full(error: BaseException, reason: str) -> bool:
    """Whether there is no room, as opposed to a file that is not there or not ours."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)
    if isinstance(error, sa.exc.DBAPIError):
        return _sqlite_code(error) in SQLITE_FULL or _is_postgres_full(error)
    full = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.ENOMEM)
    is_memory = isinstance(error, (MemoryError, duckdb.OutOfMemoryException))
    return is_memory or reason in map(os.strerror, full)


def as_our_error(error: BaseException) -> ConnectError:
    """Any exception as one of ours. A library's message may quote a cell, so it is not repeated."""
    if isinstance(error, ConnectError):
        return error
    if _sqlite_code(error) in SQLITE_DAMAGED:
        return DiskFault(
            f"A database of the ledger or of Dagster is damaged ({type(error).__name__})."
            " `doctor` looks for it: restore a backup, then run again."
        )
    if isinstance(error, sa.exc.DBAPIError) and server_refused(error):
        return DatabaseFault(
            "The database server of the ledger or of Dagster did not answer, broke off or refused"
            f" ({type(error.orig).__name__}). Check it and the network to it, then run again."
        )
    reason = disk_reason(error) if isinstance(error, duckdb.Error) else None
    if reason or isinstance(error, REFUSALS) or database_refused(error):
        reason = reason or getattr(error, "strerror", None) or type(error).__name__
        cure = "Free some" if _is_full(error, reason) else "Mend that (`doctor` looks for it)"
        return DiskFault(f"The disk or memory refused ({reason}). {cure}, then run again.")
    return SystemFault(
        f"A bug in connect_pipeline: {type(error).__name__}{_place(error)}. What is published"
        " stays; please report this line."
    )


def _place(error: BaseException) -> str:
    """The innermost line of ours that an error went through."""
    ours = [
        f" at {Path(frame.f_code.co_filename).name}:{line}"
        for frame, line in walk_tb(error.__traceback__)
        if "connect_pipeline" in frame.f_code.co_filename
    ]
    return ours[-1] if ours else ""
