"""Receipts: one row is one file that has landed.

Belongs here: what came when, and came before. Does not belong here: the files (`landing/`).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from connect_pipeline.ledger.tables import received, runs, snapshots
from connect_pipeline.ledger.times import now, stamp
from connect_pipeline.ledger.transactions import Transactions
from connect_pipeline.outcomes import GOOD


class Receipts(Transactions):
    """What the ledger knows of received files. Each method is one transaction."""

    def record_received(
        self,
        district: str,
        export: str,
        sha256: str,
        size: int,
        uploaded_at: datetime,
        run_id: str,
        mtime: int | None = None,
    ) -> None:
        """A file has landed; `mtime` is the time that it has on the server."""
        with self.transaction() as connection:
            connection.execute(
                sa.insert(received).values(
                    district=district,
                    export=export,
                    sha256=sha256,
                    bytes=size,
                    uploaded_at=stamp(uploaded_at),
                    received_at=stamp(now()),
                    run_id=run_id,
                    mtime=mtime,
                )
            )

    def last_received(self, district: str, export: str) -> RowMapping | None:
        """The newest receipt of an export, or None."""
        return self.first(
            sa.select(received)
            .where(received.c.district == district, received.c.export == export)
            .order_by(received.c.id.desc())
        )

    def received_since(
        self, district: str, export: str, sha256: str, mtime: int | None = None
    ) -> str | None:
        """Since when each receipt of an export was this very file, as the ledger has times.

        With `mtime`, a file that was uploaded anew is another one, whatever its bytes.
        """
        of_export = sa.and_(received.c.district == district, received.c.export == export)
        is_it = received.c.sha256 == sha256
        if mtime is not None:
            is_it &= received.c.mtime.is_not_distinct_from(mtime)
        another = (
            sa.select(sa.func.max(received.c.id)).where(of_export, sa.not_(is_it)).scalar_subquery()
        )
        query = sa.select(sa.func.min(received.c.received_at).label("since")).where(
            of_export, is_it, received.c.id > sa.func.coalesce(another, 0)
        )
        since = self.rows(query)[0]["since"]
        return None if since is None else str(since)

    def all_received(self, district: str, export: str) -> set[str]:
        """The hashes of all files of an export that came, for as long as the ledger keeps them."""
        query = sa.select(received.c.sha256).where(
            received.c.district == district, received.c.export == export
        )
        return {row["sha256"] for row in self.rows(query.distinct())}

    def uploads_of(self, district: str, export: str, sha256: str) -> list[datetime]:
        """When exactly this file was uploaded, each receipt of it."""
        found = self.rows(
            sa.select(received.c.uploaded_at).where(
                received.c.district == district,
                received.c.export == export,
                received.c.sha256 == sha256,
            )
        )
        return [datetime.fromisoformat(row["uploaded_at"]) for row in found]

    def has_received(
        self, district: str, export: str, *, before: datetime, since: datetime | None = None
    ) -> bool:
        """Whether a file of this export, whichever, was received at such a time."""
        was_then = received.c.received_at < stamp(before)
        if since is not None:
            was_then &= received.c.received_at >= stamp(since)
        query = sa.select(received.c.id).where(
            received.c.district == district, received.c.export == export, was_then
        )
        return self.first(query) is not None

    def was_dealt_with(self, district: str, export: str, sha256: str, *, before: datetime) -> bool:
        """Whether a run had this very file by then, and ended well."""
        query = (
            sa.select(received.c.id)
            .join(runs, runs.c.run_id == received.c.run_id)
            .where(
                received.c.district == district,
                received.c.export == export,
                received.c.sha256 == sha256,
                runs.c.outcome.in_(GOOD),
                runs.c.ended_at <= stamp(before),
            )
        )
        return self.first(query) is not None

    def replaced(self, district: str, export: str, sha256: str) -> tuple[datetime | None, int]:
        """When exactly this file was uploaded before others took its place, and how many did.

        Those are the ones that were published: what was refused has changed nothing that it undoes.
        Of several times, the last at which it was published: its returns that were held are none
        from which to count. None and 0 when it did not come before, or none was published since.
        """
        good = sa.select(runs.c.run_id).where(runs.c.district == district, runs.c.outcome.in_(GOOD))
        # A run that published may have failed afterwards, as with the list of low balances.
        made = sa.select(snapshots.c.run_id).where(snapshots.c.district == district)
        was_published = received.c.run_id.in_(good.union(made)).label("was_published")
        receipts = self.rows(
            sa.select(received.c.sha256, received.c.uploaded_at, was_published)
            .where(received.c.district == district, received.c.export == export)
            .order_by(received.c.id.desc())
        )
        others: set[str] = set()
        found: tuple[datetime | None, int] = (None, 0)
        for one in receipts:
            if one["sha256"] != sha256:
                others |= {one["sha256"]} if one["was_published"] else set()
            elif others:
                found = datetime.fromisoformat(one["uploaded_at"]), len(others)
                if one["was_published"]:
                    break
        return found
