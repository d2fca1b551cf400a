"""Our clock, as a test sets it: what `ledger.now` says, in this process.

For: runs of other days, and clocks that go back. Does not belong here: what a drop's server, the
disk or Dagster take for the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo

import pytest

from connect_pipeline.ledger import times


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """From now on it is `moment`, until the clock is set again."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls.fromtimestamp(moment.timestamp(), tz)

    monkeypatch.setattr(times, "datetime", Clock)


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """It is `moment` as long as this lasts."""
    with pytest.MonkeyPatch.context() as patch:
        set_clock(patch, moment)
        yield
