"""What a list says of the roster that it is made from: how old it is, and whether newer files wait.

Belongs here: what the ledger knows of that. Does not belong here: when a roster is old
(`school_days.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connect_pipeline.contract import CORE
from connect_pipeline.ledger import CORE_JOB, Ledger


@dataclass(frozen=True)
class RosterState:
    """What the ledger says of the roster: whether newer files of it are held.

    `uploaded_at` is when the files that it is of were last uploaded; None when nobody knows.
    """

    is_held: bool
    uploaded_at: datetime | None


def state_of_roster(ledger: Ledger, name: str) -> RosterState:
    """What the ledger says now of a district's roster."""
    return RosterState(
        is_held=ledger.open_hold(name, CORE_JOB) is not None,
        uploaded_at=_uploaded_at(ledger, name),
    )


def _uploaded_at(ledger: Ledger, name: str) -> datetime | None:
    """When the files that the roster is of were last uploaded; None when nobody knows.

    Those are the ones that it was made from, and of the last night, if what they say is
    published still. What has waited for an operator is no newer for that.
    """
    current = ledger.current_snapshot(name)
    exports = {} if current is None else current["exports"]
    sets = [
        [
            max(uploads)
            for export in (spec.file_name for spec in CORE)
            if export in exports
            and (uploads := ledger.uploads_of(name, export, exports[export]["sha256"]))
        ]
    ]
    ended = ledger.last_ended_run(name, CORE_JOB)
    is_good = ended is not None and ended["outcome"] in ("published", "unchanged")
    if is_good and not (current is not None and current["rolled_back"]):
        received = [ledger.last_received(name, spec.file_name) for spec in CORE]
        sets.append([datetime.fromisoformat(row["uploaded_at"]) for row in received if row])
    return max((min(one) for one in sets if len(one) == len(CORE)), default=None)
