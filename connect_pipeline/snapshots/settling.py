"""Settling: what a kill, the disk or another ledger left of snapshots, before anything goes on.

For: publications that were cut short are finished or forgotten; what readers have, and what the
ledger says that they have, is made one again, or, for who changes nothing, told apart; a damaged
current snapshot is taken away from them.
Belongs here: telling what became of each, and mending it. Does not belong here: building a damaged
one anew (`run/rebuild.py`), and the order of all this in a run (`run/recovery.py`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from sqlalchemy.engine import RowMapping

from connect_pipeline.contract import SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.disk import PARTIAL_SUFFIX, file_sha256, link_durably, rename_durably
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger, set_sha256
from connect_pipeline.published import open_published
from connect_pipeline.snapshots.damage import (
    DAMAGED_SUFFIX,
    Damaged,
    is_undamaged,
    refuse_unread,
    verify,
)
from connect_pipeline.snapshots.publishing import REBUILDS, complete, point_roster_at


def settle_publications(home: Home, ledger: Ledger, district: str) -> list[str]:
    """Finish or forget what a killed run left, and give back a lost current snapshot.

    Returns one sentence per repair. Nothing is done on a clean home. A damaged file never takes
    the place of another, and what readers have is never replaced by what an older ledger knows.
    """
    done: list[str] = []
    for row in reversed(ledger.snapshots_of(district)):  # what readers get last is the newest
        if row["state"] != "publishing":
            continue
        snapshot_id = str(row["snapshot_id"])
        file = home.snapshot(district, snapshot_id)
        if _is_overtaken(ledger, district, snapshot_id):
            file.unlink(missing_ok=True)
            ledger.forget_snapshot(district, snapshot_id)
            done.append(f"forgot snapshot {snapshot_id}, for a newer one was published since")
        elif is_undamaged(file, row):
            point_roster_at(home, district, snapshot_id)
            complete(ledger, district, snapshot_id, row["exports"])
            done.append(f"finished publishing snapshot {snapshot_id}")
        else:
            _set_aside(file)
            ledger.forget_snapshot(district, snapshot_id)
            done.append(f"forgot snapshot {snapshot_id}, which is not there or not whole")
    done += _follow_readers(home, ledger, district)
    current = ledger.current_snapshot(district)
    if current is None:
        return done
    if (rebuilds := current["exports"].get(REBUILDS)) is not None:
        _forget_rebuilt(ledger, district, str(rebuilds["snapshot_id"]), current)
    return done + _give_back(home, district, current)


def refuse_shown_instead(home: Home, ledger: Ledger, district: str) -> None:
    """Raise `EnvironmentFault` when readers have another snapshot than the ledger says."""
    current = ledger.current_snapshot(district)
    if current is None:
        return
    if (shown := shown_instead(home, district, str(current["snapshot_id"]))) is not None:
        raise EnvironmentFault(
            f"{district}: readers have snapshot {shown}, and for the ledger"
            f" {current['snapshot_id']} is current: a publication or a rollback was cut short. Run"
            f" `sync {district}`, or the same `rollback` again: either finishes it."
        )


def shown_instead(home: Home, district: str, current: str) -> str | None:
    """The snapshot that readers have where the ledger has `current`; None where that is the one.

    So from a kill between the two until `settle_publications`. None also where a file is missing or
    may not be looked at, which is another fault. Runs may go on meanwhile.
    """
    with suppress(FileNotFoundError, PermissionError):
        files = _files(home, district)
        if current in files and not files[current].samefile(home.roster(district)):
            return _linked(home, district, files)
    return None


def _files(home: Home, district: str) -> dict[str, Path]:
    return {path.stem: path for path in home.snapshots(district).glob("*.duckdb")}


def _linked(home: Home, district: str, files: dict[str, Path]) -> str | None:
    """Which of these snapshots `roster.duckdb` is another name of."""
    roster = home.roster(district)
    return next((one for one, path in files.items() if path.samefile(roster)), None)


def _is_overtaken(ledger: Ledger, district: str, snapshot_id: str) -> bool:
    """Whether a newer snapshot has become current since this one was about to."""
    current = ledger.current_snapshot(district)
    return current is not None and str(current["snapshot_id"]) > snapshot_id


def _forget_rebuilt(ledger: Ledger, district: str, lost: str, current: RowMapping) -> None:
    """A kill came between a rebuilt snapshot's publication and the end of the damaged one."""
    known = [row["snapshot_id"] for row in ledger.snapshots_of(district)]
    if lost in known:
        ledger.forget_snapshot(district, lost, rebuilt_as=str(current["snapshot_id"]))


def _follow_readers(home: Home, ledger: Ledger, district: str) -> list[str]:
    """Make current what readers have, when the ledger says that it is another snapshot.

    So after a rollback that was cut short, and with a ledger that was lost or is from a backup: it
    does not know what was published, or gone back from, since.
    """
    roster = home.roster(district)
    if not roster.exists():
        return []
    files = _files(home, district)
    linked = _linked(home, district, files)
    shown = linked or _snapshot_in(roster)
    if shown is None:
        return []
    known = {str(row["snapshot_id"]) for row in ledger.snapshots_of(district)}
    newer = {snapshot_id for snapshot_id in files if snapshot_id > shown}
    if shown not in known:
        return _adopt(home, ledger, district, went_back=bool(newer))
    current = ledger.current_snapshot(district)
    if linked is None or current is None:
        return []
    if current["snapshot_id"] not in files:  # it is damaged and set aside
        return []
    if current["snapshot_id"] == shown and (newer <= known or current["rolled_back"]):
        return []
    ledger.make_current(district, shown, rolled_back=True)
    return [f"snapshot {shown}, which readers have, is what somebody went back to"]


def _snapshot_in(roster: Path) -> str | None:
    """The ID of the snapshot in a file, or None when it is damaged."""
    with suppress(Damaged):
        return verify(roster)
    return None


def _adopt(home: Home, ledger: Ledger, district: str, *, went_back: bool) -> list[str]:
    """Take the published roster into a ledger that does not know it.

    So the next night is compared with what people have, and not published unseen. Somebody
    `went_back` to it when there are newer snapshots. Raises `EnvironmentFault` when it cannot be
    read.
    """
    roster = home.roster(district)
    try:
        snapshot_id = verify(roster)
        with open_published(roster) as connection:
            row = connection.execute(
                "SELECT epoch(published_at)::BIGINT, run_id, staff_sha256, student_sha256,"
                " staff_to_student_sha256, school_sha256 FROM connect.snapshot"
            ).fetchone()
    except Damaged:
        return []
    except duckdb.Error as error:
        refuse_unread(roster, error)
        return []
    published_at, run_id, *hashes = row or ()
    sources = zip((STAFF, STUDENTS, STAFF_TO_STUDENT, SCHOOLS), hashes, strict=True)
    found = {spec.file_name: str(digest) for spec, digest in sources if digest is not None}
    exports = {name: {"sha256": digest} for name, digest in found.items()}
    ledger.begin_snapshot(
        district,
        snapshot_id,
        datetime.fromtimestamp(published_at, UTC),
        run_id,
        exports,
        set_sha256(found),
        file_sha256(roster),
    )
    ledger.make_current(district, snapshot_id, rolled_back=went_back)
    return [f"took the published snapshot {snapshot_id} into a ledger that did not know it"]


def _give_back(home: Home, district: str, row: RowMapping) -> list[str]:
    """The snapshot and `roster.duckdb` are two names of one file: each can give back the other."""
    snapshot_id = str(row["snapshot_id"])
    file, roster = home.snapshot(district, snapshot_id), home.roster(district)
    if file.exists() and roster.exists() and file.samefile(roster):
        return []
    if is_undamaged(file, row):
        point_roster_at(home, district, snapshot_id)
        return ["gave back roster.duckdb, which was not the current snapshot"]
    if is_undamaged(roster, row):
        link_durably(roster, file, PARTIAL_SUFFIX)
        return [f"gave back the file of snapshot {snapshot_id}"]
    return []


@dataclass(frozen=True)
class Lost:
    """A damaged current snapshot: its row, and the older snapshot that readers have meanwhile."""

    row: RowMapping
    instead: str | None

    @property
    def snapshot_id(self) -> str:
        return str(self.row["snapshot_id"])


def set_aside_damaged(
    home: Home, ledger: Ledger, district: str, *, fall_back: bool = True
) -> Lost | None:
    """Take a damaged current snapshot away from readers; None when all is well.

    What readers find then is the newest older snapshot that is whole, if there is one and
    `fall_back`: last night's good data is better than a damaged file. The damaged one stays beside,
    as `.damaged`, until the next publication, and in the ledger as the current one until it is
    rebuilt or given up (`give_up`): a run that is killed meanwhile leaves that to the next one.
    Raises `EnvironmentFault`, and leaves all as it is, when a snapshot cannot be read.
    """
    row = ledger.current_snapshot(district)
    if row is None:
        return None
    lost = str(row["snapshot_id"])
    file, roster = home.snapshot(district, lost), home.roster(district)
    if is_undamaged(file, row):
        return None
    whole = _newest_whole_before(home, ledger, district, lost) if fall_back else None
    _set_aside(file)
    if whole is None:
        roster.unlink(missing_ok=True)
    else:
        point_roster_at(home, district, whole)
    return Lost(row, whole)


def give_up(ledger: Ledger, district: str, lost: Lost) -> None:
    """A damaged snapshot cannot be rebuilt: what readers have in its place is current."""
    if lost.instead is not None:
        rolled_back = bool(lost.row["rolled_back"])
        ledger.make_current(district, lost.instead, rolled_back=rolled_back)
    ledger.forget_snapshot(district, lost.snapshot_id)


def _set_aside(file: Path) -> None:
    """Keep a damaged snapshot under a name that nobody takes for one, if there is a file of it."""
    if file.exists():
        rename_durably(file, file.with_suffix(DAMAGED_SUFFIX))


def _newest_whole_before(home: Home, ledger: Ledger, district: str, lost: str) -> str | None:
    for older in ledger.snapshots_of(district):
        snapshot_id = str(older["snapshot_id"])
        if snapshot_id < lost and is_undamaged(home.snapshot(district, snapshot_id), older):
            return snapshot_id
    return None
