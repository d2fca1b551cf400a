"""Arrival: when a drop's files are whole and new, from two equal looks a quiet period apart.

For: the sensors. Pure functions over what was seen, so that every order of events can be tested.
Keyed on what the files are (size and modification time, *different*, not *greater*), never on
names alone or on our clock; our clock measures only how long a file has rested and how long ago
something was tried.
Belongs here: what is remembered between looks, and what follows from a look. Does not belong
here: looking (`looks.py`), and asking for runs (`orchestration/sensors.py`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, field, replace
from enum import Enum

from connect_pipeline.contract import ATTENDANCE, CORE, SCHOOLS
from connect_pipeline.sftp import RemoteFile

Seen = dict[str, tuple[int, int]]
"""Size in bytes and modification time, by file name."""

FIRST_PAUSE, LONGEST_PAUSE = 60, 3600
"""Seconds before a run that failed is asked for again: doubled each time, up to an hour."""

LONGEST_REFUSAL = 900
"""Seconds between logins that the server refuses: more often might get the login locked."""

ENOUGH_REFUSALS = 3
"""After so many in a row, three minutes at least, a login that is broken off is no restart."""

INCOMPLETE = "incomplete"
"""In place of a fingerprint, of a run that is to say what is missing."""


class Fate(Enum):
    """What became of the last run that was asked for exactly these files."""

    NONE = "none"  # there is none, or a later run was for other files
    UNDER_WAY = "under way"
    OVER = "over"  # it came to something: published, blocked, held, nothing new
    FAILED = "failed"  # it could not do its work, or died


@dataclass(frozen=True)
class LastRun:
    """The last run for exactly these files. `attempts` counts all runs for them so far.

    `deadline` is that of a deadline's run which failed: the next run is that one, too.
    """

    fate: Fate
    attempts: int = 0
    deadline: str = ""


@dataclass(frozen=True)
class Ask:
    """A run is due. `key` names exactly this state of the files and the attempt."""

    files: str
    attempt: int
    deadline: str = ""

    @property
    def key(self) -> str:
        return f"{self.files}:{self.attempt}"


@dataclass(frozen=True)
class Watch:
    """What is remembered of one district's set of files between looks. Times are our clock's."""

    seen: str = ""
    """The fingerprint of the set at the last look; empty while it is not complete."""
    since: int = 0
    asked: int = 0
    """When a run was last asked for these files; 0 when it was not."""
    attempt: int = 0
    over: bool = False
    faults: int = 0
    """Looks in a row that failed."""
    wait_until: int = 0
    refusals: int = 0
    """Of these faults, those that are not the network's."""

    @property
    def is_doubtful(self) -> bool:
        """Whether the last look failed."""
        return self.faults > 0

    @property
    def is_shut_out(self) -> bool:
        """Whether looks failed too often for a server that is on its way down or up."""
        return self.refusals >= ENOUGH_REFUSALS

    def is_due(self, at: float) -> bool:
        """Whether to look at `at`: always, but for a login that was refused a moment ago."""
        return not at < self.wait_until <= at + LONGEST_REFUSAL


def look(
    watch: Watch,
    seen: Seen,
    at: float,
    quiet_seconds: float,
    last_run: Callable[[str], LastRun],
    *,
    is_reopened: bool = False,
) -> tuple[Watch, Ask | None]:
    """Take in a look at the set at `at`; what to remember, and the run that is due, if one is.

    A run is due when the set is complete (`seen` is not empty), has not moved since an earlier
    look at least `quiet_seconds` ago, and the last run for exactly this set (`last_run`, asked
    only when it matters) did not come to something. What was `is_reopened` is asked of anew; a set
    that is not complete is due then when a deadline's run failed, for it is to say what is missing.
    """
    watch = replace(watch, faults=0, wait_until=0, refusals=0, over=watch.over and not is_reopened)
    now, files = math.ceil(at), fingerprint_of(seen)
    if files != watch.seen or now < watch.since:  # something moved, or our clock was set back
        return Watch(seen=files, since=now), None
    if watch.over or at - watch.since < quiet_seconds or not (files or is_reopened):
        return watch, None
    if watch.asked <= now < watch.asked + pause(watch.attempt):
        return watch, None
    wanted = files or INCOMPLETE
    last = last_run(wanted)
    if not files and not last.deadline:
        return watch, None
    if last.fate is Fate.OVER:
        return replace(watch, over=True), None
    if last.fate is Fate.UNDER_WAY:
        return watch, None
    ask = Ask(wanted, last.attempts + 1, last.deadline)
    return replace(watch, asked=now, attempt=ask.attempt), ask


def failed_look(watch: Watch, at: float, *, passes: bool) -> Watch:
    """Take in a look that failed. What was seen stays: a failed look is not an empty drop.

    A fault that may not pass by itself (`passes` is False) is not provoked again at once. Those of
    the network do not count for the pause: a server that is back is looked at soon.
    """
    faults = watch.faults + 1
    if passes:
        return replace(watch, faults=faults, wait_until=0)
    refusals = watch.refusals + 1
    until = int(at) + min(30 * 2 ** min(refusals, 10), LONGEST_REFUSAL)
    return replace(watch, faults=faults, refusals=refusals, wait_until=until)


def pause(attempt: int) -> int:
    """Seconds to wait after the run of this attempt was asked for, before it is asked again."""
    return int(min(FIRST_PAUSE * 2 ** min(attempt - 1, 10), LONGEST_PAUSE)) if attempt else 0


def fingerprint_of(seen: Seen) -> str:
    """One short name for exactly this state of the files; empty for none."""
    if not seen:
        return ""
    return hashlib.sha256(json.dumps(sorted(seen.items())).encode()).hexdigest()[:16]


def core_set(names: dict[str, RemoteFile]) -> Seen:
    """The core set, with SchoolExport when it is there; empty until it is complete."""
    if any(spec.file_name not in names for spec in CORE):
        return {}
    return seen_of(names, [spec.file_name for spec in (*CORE, SCHOOLS)])


def attendance_set(names: dict[str, RemoteFile]) -> Seen:
    """The attendance file; empty when it is not there."""
    return seen_of(names, [ATTENDANCE.file_name])


def seen_of(names: dict[str, RemoteFile], wanted: Iterable[str]) -> Seen:
    """What a look shows of the wanted files, as far as they are there."""
    return {name: (names[name].size, names[name].mtime) for name in wanted if name in names}


@dataclass
class Memory:
    """All that a sensor remembers: a watch per district, and whose turn it is."""

    watches: dict[str, Watch] = field(default_factory=dict)
    first: str = ""

    def of(self, name: str) -> Watch:
        """The watch of a district; a fresh one at its first look."""
        return self.watches.get(name, Watch())

    def in_turn(self, names: Iterable[str]) -> list[str]:
        """The districts in the order of this round: who was not reached last time comes first."""
        ordered = sorted(names)
        start = next((i for i, name in enumerate(ordered) if name >= self.first), 0)
        return ordered[start:] + ordered[:start]

    def to_cursor(self) -> str:
        """As Dagster keeps it. Packed, for it is stored with every tick."""
        rows = {name: astuple(one) for name, one in sorted(self.watches.items())}
        packed = zlib.compress(json.dumps([self.first, rows], separators=(",", ":")).encode(), 9)
        return base64.b85encode(packed).decode()

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Memory:
        """Read back what `to_cursor` wrote. A lost or unreadable cursor costs a second look."""
        try:
            first, rows = json.loads(zlib.decompress(base64.b85decode(cursor or "")))
            kinds = [type(one) for one in astuple(Watch())]  # a person may have edited the cursor
            watches = {
                name: Watch(*(kind(one) for kind, one in zip(kinds, row, strict=False)))
                for name, row in rows.items()
            }
            return cls(watches, str(first))
        except (ValueError, TypeError, AttributeError, zlib.error):
            return cls()
