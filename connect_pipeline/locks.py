"""One run per district at a time, on one machine.

For: the lock that a run, an erasure, a rollback and the retention job take.
Belongs here: that lock. Does not belong here: several machines (`dagster.yaml`'s tag limits).
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home, private_folder

LOCK_SECONDS = 120


@contextmanager
def locked(home: Home, name: str) -> Iterator[None]:
    """One run per district at a time, also against a command run by hand."""
    path = home.lock(name)
    private_folder(path.parent)
    with path.open("a") as file:
        path.chmod(0o600)
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EnvironmentFault(
                        f"Another run for {name} has been under way for {LOCK_SECONDS} s."
                        f" Wait for it to end; `status {name}` shows it."
                    ) from None
                time.sleep(0.2)
        yield
