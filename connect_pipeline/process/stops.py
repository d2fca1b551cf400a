"""Ctrl-C and SIGTERM: how a stop looks from within, and when it has to wait.

For: runs, which say that they were stopped. Belongs here: the signals. Does not belong here: what a
stopped run says (`run/shared_run.py`), and Dagster's own interrupt (`orchestration/`).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPS = (signal.SIGINT, signal.SIGTERM)


def is_stop(error: BaseException) -> bool:
    """Whether somebody stopped what was under way, and nothing went wrong.

    DuckDB puts an error of its own in the place of what a signal raised within a statement.
    """
    return not isinstance(error, Exception) or str(error) == "Query interrupted"


@contextmanager
def held_back() -> Iterator[None]:
    """Let a stop take effect at the end of this: what is written within is written whole."""
    if threading.current_thread() is not threading.main_thread():  # where none is raised
        yield
        return
    came: list[int] = []
    before = {one: signal.signal(one, lambda number, _: came.append(number)) for one in STOPS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)
        for number in came[:1]:
            signal.raise_signal(number)
