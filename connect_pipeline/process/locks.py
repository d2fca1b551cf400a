"""One at a time, on one machine: runs of a district, and who makes Dagster's databases.

For: the lock that a run, an erasure, a rollback and the retention job take; and whether a job's
process lives.
Belongs here: locks. Does not belong here: several machines (`dagster.yaml`'s tag limits).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from connect_pipeline.disk import PRIVATE_FILE, disk_fault, private_folder
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home

LOCK_SECONDS = 120


@contextmanager
def locked(home: Home, name: str) -> Iterator[None]:
    """One run per district at a time, also against a command run by hand."""
    busy = (
        f"Waited {LOCK_SECONDS} s: another run, an erasure or a clean-up of {name} is under way."
        f" Try again when it has ended; `status {name}` shows a run."
    )
    with file_locked(home.lock(name), busy):
        yield


@contextmanager
def file_locked(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock that `path` is. Raises `EnvironmentFault`, saying `busy`, after a long wait.

    Raises `DiskFault` where the disk lets nobody lock.
    """
    with _opened(path) as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EnvironmentFault(busy) from None
                time.sleep(0.2)
        yield


@contextmanager
def under_way(path: Path) -> Iterator[None]:
    """Show by a lock on `path`, which others may share, that this process is at work.

    Raises `DiskFault` where the disk lets nobody lock.
    """
    with _opened(path) as file:
        _lock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with suppress(OSError):  # the work may have an error of its own to tell
                os.utime(path)


def is_held(path: Path) -> bool:
    """Whether a process that lives holds the lock that `path` is: the system ends a dead one's.

    Raises `DiskFault` where the disk lets nobody lock.
    """
    if not path.exists():
        return False
    with _opened(path) as file:
        try:
            _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _opened(path: Path) -> TextIO:
    """The file that a lock is, made at need."""
    private_folder(path.parent)
    try:
        file = path.open("a")
        path.chmod(PRIVATE_FILE)
    except OSError as error:
        raise disk_fault(error, f"lock {path}") from None
    return file


def _lock(file: TextIO, operation: int) -> None:
    """Lock an open file. Raises `BlockingIOError` where another has the lock."""
    try:
        fcntl.flock(file, operation)
    except BlockingIOError:
        raise
    except OSError as error:
        raise disk_fault(error, f"lock {file.name}") from None
