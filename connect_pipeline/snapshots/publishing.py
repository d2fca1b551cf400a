"""Snapshots: a night's whole core set as one file, made current by one rename.

For: publishing a finished candidate, rolling back, recovering from a kill at any instant,
keeping only as many as the settings say. Published snapshots never change.
Belongs here: files and their ledger rows. Does not belong here: what is in a snapshot
(`roster/`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy.engine import RowMapping

from connect_pipeline import alarms
from connect_pipeline.alarms.words import Cause
from connect_pipeline.contract import SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.errors import EnvironmentFault, UsageError
from connect_pipeline.home import (
    PARTIAL_SUFFIX,
    Home,
    disk_fault,
    file_sha256,
    link_durably,
    private_folder,
    remove_log,
    rename_durably,
    sync_file,
    sync_folder,
)
from connect_pipeline.ledger import CORE_JOB, Ledger, compact, now, rising, set_sha256
from connect_pipeline.published import open_published
from connect_pipeline.snapshots.damage import Damaged, is_there, refuse_unread

DAMAGED_SUFFIX = ".damaged"
REBUILDS = "rebuilds"
"""In a snapshot's `exports`: the damaged one in whose place it came."""


def new_snapshot_id(moment: datetime, run_id: str) -> str:
    """An ID that sorts by time: UTC to the second, and a part of the run's ID."""
    return f"{compact(moment)}-{run_id[:8]}"


def next_moment(ledger: Ledger, district: str) -> datetime:
    """When a snapshot that is published now counts as published: after all others."""
    newest = [datetime.fromisoformat(row["published_at"]) for row in ledger.snapshots_of(district)]
    return rising(now(), newest[0] if newest else None)


def publish(
    home: Home,
    ledger: Ledger,
    district: str,
    candidate: Path,
    snapshot_id: str,
    *,
    published_at: datetime,
    run_id: str,
    exports: dict[str, Any],
    set_hash: str,
) -> None:
    """Make the closed `candidate` the current snapshot.

    The ledger learns of it first, so that after a kill between any two steps
    `settle_publications` knows whether to finish or to forget. Raises `EnvironmentFault` when the
    disk refuses.
    """
    verify(candidate)
    target = home.snapshot(district, snapshot_id)
    try:
        private_folder(target.parent)
        sync_file(candidate)
        ledger.begin_snapshot(
            district,
            snapshot_id,
            published_at,
            run_id,
            exports,
            set_hash,
            file_sha256(candidate),
        )
        rename_durably(candidate, target)
        _point_roster_at(home, district, snapshot_id)
    except OSError as error:
        raise disk_fault(error, f"publish the snapshot of {district}") from None
    _complete(ledger, district, snapshot_id, exports)


def rebuilding(lost: RowMapping) -> dict[str, Any]:
    """What the `exports` of a snapshot say that takes the place of a damaged one.

    With it in the ledger's row, whoever completes the publication knows whose place that is.
    """
    about = {"snapshot_id": lost["snapshot_id"], "rolled_back": bool(lost["rolled_back"])}
    return {REBUILDS: about}


def _complete(ledger: Ledger, district: str, snapshot_id: str, exports: dict[str, Any]) -> None:
    """Readers have this snapshot: it is current. An operator's choice stays one when rebuilt."""
    rebuilds = exports.get(REBUILDS)
    rolled_back = rebuilds is not None and rebuilds["rolled_back"]
    ledger.make_current(district, snapshot_id, rolled_back=rolled_back)
    if rebuilds is not None:
        ledger.forget_snapshot(district, rebuilds["snapshot_id"], rebuilt_as=snapshot_id)


def verify(path: Path) -> str:
    """Open a snapshot as a reader would; return its ID.

    Raises `Damaged` when it is, another `EnvironmentFault` when it cannot be read.
    """
    try:
        with open_published(path) as connection:
            row = connection.execute("SELECT snapshot_id FROM connect.snapshot").fetchone()
    except duckdb.Error as error:
        refuse_unread(path, error)
        raise Damaged(
            f"The snapshot {path.name} cannot be read ({type(error).__name__}): it is damaged."
            " Run `sync` again to rebuild it from what was received."
        ) from None
    if row is None:
        raise Damaged(f"The snapshot {path.name} is empty. Run `sync` again.")
    return str(row[0])


def is_undamaged(path: Path, row: RowMapping) -> bool:
    """Whether `path` holds the snapshot of this ledger row, byte for byte.

    Those bytes were read back by DuckDB when they were published. It would find a changed one only
    when somebody reads its block, and none in its free space.
    Raises `EnvironmentFault` when it is there and cannot be read: then nobody knows.
    """
    if not is_there(path):
        return False
    try:
        if row["file_sha256"] is not None:
            return file_sha256(path) == str(row["file_sha256"])
        return verify(path) == str(row["snapshot_id"])
    except OSError as error:
        refuse_unread(path, error)
        return False
    except Damaged:
        return False


def _point_roster_at(home: Home, district: str, snapshot_id: str) -> None:
    """`roster.duckdb` becomes this snapshot by one rename; a reader of the old one keeps it."""
    remove_log(home.roster(district))
    link_durably(home.snapshot(district, snapshot_id), home.roster(district), PARTIAL_SUFFIX)


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
            _point_roster_at(home, district, snapshot_id)
            _complete(ledger, district, snapshot_id, row["exports"])
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
    files = {path.stem: path for path in home.snapshots(district).glob("*.duckdb")}
    linked = next((one for one, path in files.items() if path.samefile(roster)), None)
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
        _point_roster_at(home, district, whole)
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


def _give_back(home: Home, district: str, row: RowMapping) -> list[str]:
    """The snapshot and `roster.duckdb` are two names of one file: each can give back the other."""
    snapshot_id = str(row["snapshot_id"])
    file, roster = home.snapshot(district, snapshot_id), home.roster(district)
    if file.exists() and roster.exists() and file.samefile(roster):
        return []
    if is_undamaged(file, row):
        _point_roster_at(home, district, snapshot_id)
        return ["gave back roster.duckdb, which was not the current snapshot"]
    if is_undamaged(roster, row):
        link_durably(roster, file, PARTIAL_SUFFIX)
        return [f"gave back the file of snapshot {snapshot_id}"]
    return []


def roll_back(home: Home, ledger: Ledger, district: str, snapshot_id: str, by: str) -> bool:
    """Make an earlier snapshot current again: a rename and a ledger row with who did it.

    Returns whether another one was current: going back to the same undoes no night.
    Raises `UsageError` when there is no such snapshot, or not any more.
    """
    rows = {str(row["snapshot_id"]): row for row in ledger.snapshots_of(district)}
    kept = {one: row for one, row in rows.items() if home.snapshot(district, one).exists()}
    chosen = kept.get(snapshot_id)
    if chosen is None:
        known = f"The newest that are kept: {', '.join(list(kept)[:5]) or 'none'}."
        for row in ledger.publications_of(district):
            if row["snapshot_id"] == snapshot_id:
                raise UsageError(
                    f"Snapshot {snapshot_id} of {district} was published on {row['current_from']}"
                    f" and is no longer kept (keep.snapshots in the settings), or was damaged."
                    f" {known}"
                )
        raise UsageError(f"{district} has no snapshot {snapshot_id}. {known}")
    if not is_undamaged(home.snapshot(district, snapshot_id), chosen):
        raise EnvironmentFault(
            f"The snapshot {snapshot_id} of {district} is damaged: choose another one."
        )
    settle_publications(
        home, ledger, district
    )  # a publication that was cut short must not end after this
    before = ledger.current_snapshot(district)
    _point_roster_at(home, district, snapshot_id)
    ledger.make_current(district, snapshot_id, rolled_back=True, by=by)
    if before is not None and not home.snapshot(district, str(before["snapshot_id"])).exists():
        ledger.forget_snapshot(district, str(before["snapshot_id"]))  # it was damaged
    alarms.clear(ledger, district, CORE_JOB, [Cause.HELD])  # what waited does not wait any more
    return before is None or before["snapshot_id"] != snapshot_id


def replace_file(
    home: Home, ledger: Ledger, district: str, snapshot_id: str, rebuilt: Path
) -> None:
    """Put a file that was built anew in a snapshot's place: an erasure changes what it holds.

    The ledger forgets the old file's hash first, so that after a kill no recovery takes the new
    file for a damaged one and gives the old one back; `note_digest` tells it the new hash.
    """
    ledger.note_file(district, snapshot_id, None)
    rename_durably(rebuilt, home.snapshot(district, snapshot_id))
    current = ledger.current_snapshot(district)
    if current is not None and current["snapshot_id"] == snapshot_id:
        _point_roster_at(home, district, snapshot_id)
    note_digest(home, ledger, district, snapshot_id)


def note_digest(home: Home, ledger: Ledger, district: str, snapshot_id: str) -> None:
    """Tell the ledger the hash of a snapshot's file, if it knows none."""
    for row in ledger.snapshots_of(district):
        if row["snapshot_id"] == snapshot_id and row["file_sha256"] is None:
            path = home.snapshot(district, snapshot_id)
            verify(path)
            ledger.note_file(district, snapshot_id, file_sha256(path))


def prune(home: Home, ledger: Ledger, district: str, keep: int) -> int:
    """Remove all but the newest `keep` snapshots and the current one; return how many went.

    What was set aside as damaged goes as well, and what is older than all of these and not in the
    ledger, which may be from a backup.
    """
    for damaged in home.snapshots(district).glob(f"*{DAMAGED_SUFFIX}"):
        damaged.unlink(missing_ok=True)
    current = ledger.current_snapshot(district)
    known = [str(row["snapshot_id"]) for row in ledger.snapshots_of(district)]
    kept = {*known[:keep], *([str(current["snapshot_id"])] if current is not None else [])}
    files = {path.stem for path in home.snapshots(district).glob("*.duckdb")}
    removed = 0
    for snapshot_id in sorted({*known, *files} - kept):
        if snapshot_id not in known and (not kept or snapshot_id > min(kept)):
            continue
        home.snapshot(district, snapshot_id).unlink(missing_ok=True)
        ledger.forget_snapshot(district, snapshot_id)
        removed += 1
    if removed:
        sync_folder(home.snapshots(district))
    return removed
