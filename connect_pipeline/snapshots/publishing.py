"""Publishing: a night's whole core set as one file, made current by one rename.

For: a finished candidate, a file that an erasure built anew, and keeping only as many snapshots as
the settings say. Published snapshots never change.
Belongs here: files and their ledger rows. Does not belong here: what is in a snapshot (`roster/`),
what is done after a kill (`settling.py`), going back (`rollback.py`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import RowMapping

from connect_pipeline.disk import (
    PARTIAL_SUFFIX,
    disk_fault,
    file_sha256,
    link_durably,
    private_folder,
    remove_log,
    rename_durably,
    sync_file,
    sync_folder,
)
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger, compact, now, rising
from connect_pipeline.snapshots.damage import DAMAGED_SUFFIX, verify

REBUILDS = "rebuilds"
"""In a snapshot's `exports`: the damaged one in whose place it came."""


def new_snapshot_id(moment: datetime, run_id: str) -> str:
    """An ID that sorts by time: UTC to the second, and a part of the run's ID."""
    return f"{compact(moment)}-{run_id[:8]}"


def next_moment(ledger: Ledger, district: str) -> datetime:
    """When a snapshot that is published now counts as published: after all others."""
    newest = next(iter(ledger.snapshots_of(district)), None)
    before = None if newest is None else datetime.fromisoformat(newest["published_at"])
    return rising(now(), before)


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
        point_roster_at(home, district, snapshot_id)
    except OSError as error:
        raise disk_fault(error, f"publish the snapshot of {district}") from None
    complete(ledger, district, snapshot_id, exports)


def rebuilding(lost: RowMapping) -> dict[str, Any]:
    """What the `exports` of a snapshot say that takes the place of a damaged one.

    With it in the ledger's row, whoever completes the publication knows whose place that is.
    """
    about = {"snapshot_id": lost["snapshot_id"], "rolled_back": bool(lost["rolled_back"])}
    return {REBUILDS: about}


def complete(ledger: Ledger, district: str, snapshot_id: str, exports: dict[str, Any]) -> None:
    """Readers have this snapshot: it is current. An operator's choice stays one when rebuilt."""
    rebuilds = exports.get(REBUILDS)
    rolled_back = rebuilds is not None and rebuilds["rolled_back"]
    ledger.make_current(district, snapshot_id, rolled_back=rolled_back)
    if rebuilds is not None:
        ledger.forget_snapshot(district, rebuilds["snapshot_id"], rebuilt_as=snapshot_id)


def point_roster_at(home: Home, district: str, snapshot_id: str) -> None:
    """`roster.duckdb` becomes this snapshot by one rename; a reader of the old one keeps it."""
    remove_log(home.roster(district))
    link_durably(home.snapshot(district, snapshot_id), home.roster(district), PARTIAL_SUFFIX)


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
        point_roster_at(home, district, snapshot_id)
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
