"""Times as the ledger has them: UTC, to the second, ever later.

Belongs here: now, how a time is written, and that times of one kind rise. Does not belong here:
a district's zone (`settings.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """The time of day in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def stamp(moment: datetime) -> str:
    """A time as the ledger stores it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_the_minute(stamped: str) -> str:
    """A time of the ledger as a narrow table has it."""
    return stamped[:16].replace("T", " ")


def compact(moment: datetime) -> str:
    """A time as names of files and IDs have it: they sort by it, and a colon is in none."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def from_compact(text: str) -> datetime:
    """The time that a compact text says."""
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def rising(moment: datetime, newest: datetime | None) -> datetime:
    """`moment`, or a second after the newest of its kind, so that a district's times rise.

    The ledger's times are to the second: two within one would sort by chance, and so would two
    around a clock that goes back.
    """
    return moment if newest is None else max(moment, newest + timedelta(seconds=1))
