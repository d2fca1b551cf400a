"""A batch at hand: its ID and its moment, before there is anything in it.

Belongs here: how batches are numbered. Does not belong here: who is in one (`day.py`), what is told
of it (`batch.py`), and which there were (`told.py`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from connect_pipeline.ledger import compact, from_compact, rising, stamp
from connect_pipeline.ledger.tables import batches


@dataclass(frozen=True)
class NewBatch:
    """A batch at hand: its ID says when it is listed, and sorts after all earlier ones."""

    batch_id: str
    district: str
    day: date
    listed_at: datetime

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of it first."""
        return {
            "batch_id": self.batch_id,
            "district": self.district,
            "date": self.day.isoformat(),
            "listed_at": stamp(self.listed_at),
        }


def new_batch(transaction: Connection, district: str, day: date, moment: datetime) -> NewBatch:
    """A batch of `day`, listed at `moment`, or just after the district's last one."""
    last = transaction.execute(
        sa.select(sa.func.max(batches.c.batch_id)).where(batches.c.district == district)
    ).scalar()
    before = None if last is None else from_compact(last.split("-")[0])
    moment = rising(moment.astimezone(UTC).replace(microsecond=0), before)
    return NewBatch(f"{compact(moment)}-{secrets.token_hex(4)}", district, day, moment)
