"""Snapshots and publications: what is a file of the roster, and which one is or was current.

One row of `snapshots` is a file, one of `publications` a time from which one was current.
Does not belong here: the files (`snapshots/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from connect_pipeline.ledger.runs import CORE_JOB
from connect_pipeline.ledger.tables import current, holds, publications, snapshots
from connect_pipeline.ledger.times import now, stamp
from connect_pipeline.ledger.transactions import Transactions


class Publications(Transactions):
    """What the ledger knows of snapshots. Each method is one transaction."""

    def begin_snapshot(
        self,
        district: str,
        snapshot_id: str,
        published_at: datetime,
        run_id: str,
        exports: dict[str, Any],
        set_hash: str,
        file_sha256: str | None = None,
    ) -> None:
        """A snapshot file is about to be renamed into place."""
        with self.transaction() as connection:
            connection.execute(
                sa.insert(snapshots).values(
                    district=district,
                    snapshot_id=snapshot_id,
                    state="publishing",
                    published_at=stamp(published_at),
                    run_id=run_id,
                    set_sha256=set_hash,
                    exports=exports,
                    file_sha256=file_sha256,
                )
            )

    def make_current(
        self,
        district: str,
        snapshot_id: str,
        *,
        rolled_back: bool = False,
        by: str | None = None,
    ) -> None:
        """This snapshot is what consumers read now; `by` names the person who went back to it.

        All approvals end here: that of these files is used up, and what was approved against
        another roster must not get through months later because the same bytes come back. A
        rollback ends what waits, too, which was compared with another snapshot than the one gone
        back to.
        """
        with self.transaction() as connection:
            connection.execute(
                sa.update(snapshots)
                .where(snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id)
                .values(state="published")
            )
            connection.execute(sa.delete(current).where(current.c.district == district))
            connection.execute(
                sa.insert(current).values(
                    district=district, snapshot_id=snapshot_id, rolled_back=rolled_back
                )
            )
            connection.execute(
                sa.insert(publications).values(
                    district=district,
                    snapshot_id=snapshot_id,
                    current_from=stamp(now()),
                    rolled_back=rolled_back,
                    by=by,
                )
            )
            of_core = sa.and_(holds.c.district == district, holds.c.job == CORE_JOB)
            if rolled_back:
                connection.execute(
                    sa.update(holds)
                    .where(of_core, holds.c.state.in_(("held", "approved")))
                    .values(state="superseded")
                )
                return
            published_set = sa.select(snapshots.c.set_sha256).where(
                snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id
            )
            is_of_these = holds.c.set_sha256.in_(published_set)
            connection.execute(
                sa.update(holds)
                .where(of_core, holds.c.state == "approved")
                .values(state=sa.case((is_of_these, "published"), else_="superseded"))
            )

    def current_snapshot(self, district: str) -> RowMapping | None:
        """The current snapshot's row, with `rolled_back`, or None before the first one."""
        return self.first(
            sa.select(snapshots, current.c.rolled_back)
            .join(
                current,
                sa.and_(
                    current.c.district == snapshots.c.district,
                    current.c.snapshot_id == snapshots.c.snapshot_id,
                ),
            )
            .where(snapshots.c.district == district)
        )

    def publications_of(self, district: str, until: datetime | None = None) -> Sequence[RowMapping]:
        """Publications and rollbacks, newest first; with `until`, those up to that time."""
        query = sa.select(publications).where(publications.c.district == district)
        if until is not None:
            query = query.where(publications.c.current_from <= stamp(until))
        return self.rows(query.order_by(publications.c.id.desc()))

    def snapshots_of(self, district: str) -> Sequence[RowMapping]:
        """All snapshots of a district, newest first."""
        return self.rows(
            sa.select(snapshots)
            .where(snapshots.c.district == district)
            .order_by(snapshots.c.snapshot_id.desc())
        )

    def note_file(self, district: str, snapshot_id: str, file_sha256: str | None) -> None:
        """A snapshot's file has this hash now; None while it is being replaced."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(snapshots)
                .where(snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id)
                .values(file_sha256=file_sha256)
            )

    def forget_snapshot(
        self, district: str, snapshot_id: str, *, rebuilt_as: str | None = None
    ) -> None:
        """A snapshot's file is gone (retention, damage, or a kill before its rename).

        One that was `rebuilt_as` another is what people had then: so say its publications.
        """
        with self.transaction() as connection:
            if rebuilt_as is not None:
                connection.execute(
                    sa.update(publications)
                    .where(
                        publications.c.district == district,
                        publications.c.snapshot_id == snapshot_id,
                    )
                    .values(snapshot_id=rebuilt_as)
                )
            connection.execute(
                sa.delete(snapshots).where(
                    snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id
                )
            )
