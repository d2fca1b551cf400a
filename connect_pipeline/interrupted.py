"""What a killed run was about to publish: finished where the ledger has it, forgotten elsewhere.

For: whoever has a district's lock and goes on from whole files: a run, an erasure, a decision.
Belongs here: that a night and a day of absences are settled together. Does not belong here: how
(`snapshots/settling.py`, `attendance/staging.py`), and what else a run recovers from
(`run/recovery.py`).
"""

from __future__ import annotations

import logging

from connect_pipeline import snapshots
from connect_pipeline.attendance.staging import settle_batches
from connect_pipeline.erased import records as erasure_records
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger

log = logging.getLogger(__name__)


def settle(home: Home, ledger: Ledger, district: str) -> None:
    """Finish or forget it, and say so. Nothing is done where no run was killed.

    Raises `EnvironmentFault` when a published file cannot be read, so that nobody knows; and while
    the whole district's erasure is cut short: what is left of it is to go, not to come back.
    """
    erasure_records.refuse_cut_short(ledger, district, erasure_records.WHOLE_DISTRICT)
    for repair in (
        *snapshots.settle_publications(home, ledger, district),
        *settle_batches(home, ledger, district),
    ):
        log.warning("%s: after an interrupted run: %s", district, repair)
