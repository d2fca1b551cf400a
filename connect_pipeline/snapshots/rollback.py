"""Going back: an operator makes an earlier snapshot the current one.

Belongs here: what may be gone back to, and what ends by it. Does not belong here: how readers get a
snapshot (`publishing.py`).
"""

from __future__ import annotations

import logging

from sqlalchemy.engine import RowMapping

from connect_pipeline import alarms
from connect_pipeline.alarms.words import Cause
from connect_pipeline.errors import EnvironmentFault, UsageError
from connect_pipeline.home import Home
from connect_pipeline.ledger import CORE_JOB, Ledger
from connect_pipeline.snapshots.damage import is_undamaged
from connect_pipeline.snapshots.publishing import point_roster_at
from connect_pipeline.snapshots.settling import settle_publications

log = logging.getLogger(__name__)


def roll_back(home: Home, ledger: Ledger, district: str, snapshot_id: str, by: str) -> str:
    """Make an earlier snapshot current again: a rename and a ledger row with who did it.

    Returns what to tell the operator. Going back to the same undoes no night, but one who repeats
    a rollback that was cut short has undone one.
    Raises `UsageError` when there is no such snapshot, or not any more.
    """
    rows = {str(row["snapshot_id"]): row for row in ledger.snapshots_of(district)}
    kept = {one: row for one, row in rows.items() if home.snapshot(district, one).exists()}
    if snapshot_id not in kept:
        raise _not_kept(ledger, district, snapshot_id, list(kept))
    if not is_undamaged(home.snapshot(district, snapshot_id), kept[snapshot_id]):
        raise EnvironmentFault(
            f"The snapshot {snapshot_id} of {district} is damaged: choose another one."
        )
    # A publication that was cut short must not end after this.
    known = ledger.current_snapshot(district)
    for repair in settle_publications(home, ledger, district):
        log.warning("%s: after an interrupted run: %s", district, repair)
    before = ledger.current_snapshot(district)
    says = _told(ledger, district, snapshot_id, known, before)
    point_roster_at(home, district, snapshot_id)
    ledger.make_current(district, snapshot_id, rolled_back=True, by=by)
    if before is not None and not home.snapshot(district, str(before["snapshot_id"])).exists():
        ledger.forget_snapshot(district, str(before["snapshot_id"]))  # it was damaged
    alarms.clear(ledger, district, CORE_JOB, [Cause.HELD])  # what waited does not wait any more
    return says


def _told(
    ledger: Ledger,
    district: str,
    snapshot_id: str,
    known: RowMapping | None,
    before: RowMapping | None,
) -> str:
    """What to tell of it: `known` was current in the ledger, `before` is since all is settled."""
    says = f"{district}: snapshot {snapshot_id} is current"
    if before is None or before["snapshot_id"] != snapshot_id:
        return f"{says}. The next sync will hold."
    if known is None or known["snapshot_id"] != snapshot_id:
        return (
            f"{says}. The next sync will hold. Readers had it already: what had been cut short is"
            " finished now."
        )
    earlier = f"name an earlier snapshot (`status {district}` lists them)."
    if not before["rolled_back"]:
        return f"{says}, as it was before, so no night is undone: to undo one, {earlier}"
    back = ledger.publications_of(district)[0]
    return (
        f"{says}, as it was before: {back['by'] or 'somebody'} went back to it on"
        f" {back['current_from']}, and the next sync will hold. So no night is undone this time: to"
        f" undo one more, {earlier}"
    )


def _not_kept(ledger: Ledger, district: str, snapshot_id: str, kept: list[str]) -> UsageError:
    known = f"The newest that are kept: {', '.join(kept[:5]) or 'none'}."
    for row in ledger.publications_of(district):
        if row["snapshot_id"] == snapshot_id:
            return UsageError(
                f"Snapshot {snapshot_id} of {district} was published on {row['current_from']}"
                f" and is no longer kept (keep.snapshots in the settings), or was damaged. {known}"
            )
    return UsageError(f"{district} has no snapshot {snapshot_id}. {known}")
