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
from contextlib import contextmanager
from pathlib import Path

from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import PRIVATE_FILE, Home, private_folder

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
    """Hold the lock that `path` is. Raises `EnvironmentFault`, saying `busy`, after a long wait."""
    private_folder(path.parent)
    with path.open("a") as file:
        path.chmod(PRIVATE_FILE)
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EnvironmentFault(busy) from None
                time.sleep(0.2)
        yield


@contextmanager
def under_way(path: Path) -> Iterator[None]:
    """Show by a lock on `path`, which others may share, that this process is at work."""
    private_folder(path.parent)
    with path.open("a") as file:
        path.chmod(PRIVATE_FILE)
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            os.utime(path)


def is_held(path: Path) -> bool:
    """Whether a process that lives holds the lock that `path` is: the system ends a dead one's."""
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
