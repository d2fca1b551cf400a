"""Holds: one row is a set of files that waits for a person, or what that person decided.

Belongs here: what is held, and what a decision makes of it. Does not belong here: why something is
held (`roster/hold.py`, `attendance/`), and what is said of it (`decisions.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from connect_pipeline.errors import UsageError
from connect_pipeline.ledger.tables import holds, runs
from connect_pipeline.ledger.times import now, stamp
from connect_pipeline.ledger.transactions import Transactions


def set_sha256(exports: dict[str, str]) -> str:
    """What exactly a set of files is: one hash over names and content hashes."""
    return hashlib.sha256(json.dumps(sorted(exports.items())).encode()).hexdigest()


def adds_reason(codes: Collection[str], known: Collection[str]) -> bool:
    """Whether files are held for a reason more than those that were there to be seen.

    That nobody has uploaded anything since is none.
    """
    return not {*codes} <= {*known, "stale_file"}


class Holds(Transactions):
    """What the ledger knows of holds. Each method is one transaction."""

    def hold(
        self,
        district: str,
        job: str,
        set_hash: str,
        codes: dict[str, int],
        preview: dict[str, Any] | None = None,
        since: datetime | None = None,
        seen: RowMapping | None = None,
    ) -> bool:
        """These bytes are held. Older undecided holds of the job are superseded.

        The same bytes again stay held since the first time, with what was seen this time; unless
        that was before `since`, or there is a reason more, which nobody has looked at: then they
        are held since now. False, and nothing changes, when somebody has decided on the hold that
        is `seen`: it is the last one on these bytes, as the run knows it.
        """
        with self.transaction() as connection:
            if seen is not None:
                state = sa.select(holds.c.state).where(holds.c.id == seen["id"])
                if connection.execute(state).scalar() != seen["state"]:
                    return False
            open_holds = sa.and_(
                holds.c.district == district, holds.c.job == job, holds.c.state == "held"
            )
            is_same = sa.and_(
                holds.c.set_sha256 == set_hash,
                holds.c.held_at >= (stamp(since) if since is not None else ""),
            )
            same = connection.execute(
                sa.select(holds.c.id, holds.c.codes).where(open_holds, is_same)
            ).first()
            if same is not None and adds_reason(codes, same.codes):
                same = None
            others = sa.true() if same is None else holds.c.id != same.id
            connection.execute(
                sa.update(holds)
                .where(open_holds, others)
                .values(state="superseded", decided_at=stamp(now()))
            )
            now_seen: dict[str, Any] = {"codes": codes, "preview": preview or {}}
            if same is None:
                connection.execute(
                    sa.insert(holds).values(
                        district=district,
                        job=job,
                        set_sha256=set_hash,
                        state="held",
                        held_at=stamp(now()),
                        **now_seen,
                    )
                )
            else:
                connection.execute(sa.update(holds).where(holds.c.id == same.id).values(**now_seen))
        return True

    def expire_holds(self, district: str, before: datetime, *, job: str | None = None) -> int:
        """Holds from before `before` can no longer be approved; returns how many that were."""
        with self.transaction() as connection:
            expired = connection.execute(
                sa.update(holds)
                .where(
                    holds.c.district == district,
                    holds.c.state == "held",
                    holds.c.held_at < stamp(before),
                    sa.true() if job is None else holds.c.job == job,
                )
                .values(state="expired", decided_at=stamp(now()))
            )
            return int(expired.rowcount)

    def decided_holds(self, district: str, limit: int) -> Sequence[RowMapping]:
        """The last holds that a person decided on, whatever became of them then, newest first."""
        return self.rows(
            sa.select(holds)
            .where(holds.c.district == district, holds.c.decided_by.is_not(None))
            .order_by(holds.c.id.desc())
            .limit(limit)
        )

    def withdraw_hold(self, hold: RowMapping) -> bool:
        """Nothing holds these bytes any more; False when somebody has decided on them meanwhile."""
        with self.transaction() as connection:
            withdrawn = connection.execute(
                sa.update(holds)
                .where(holds.c.id == hold["id"], holds.c.state == "held")
                .values(state="superseded", decided_at=stamp(now()))
            )
        return bool(withdrawn.rowcount)

    def supersede_holds(self, district: str, job: str) -> None:
        """Other files were dealt with: nobody waits any more for what was held or approved."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(holds)
                .where(
                    holds.c.district == district,
                    holds.c.job == job,
                    holds.c.state.in_(("held", "approved")),
                )
                .values(
                    state="superseded",
                    decided_at=sa.func.coalesce(holds.c.decided_at, stamp(now())),
                )
            )

    def use_approval(self, district: str, job: str, set_hash: str) -> None:
        """These files were listed: the approval of them is used up, and that of others ends.

        Else the same bytes would get through once more after files that nobody compared them with.
        """
        approvals = sa.and_(
            holds.c.district == district,
            holds.c.job == job,
            holds.c.state.in_(("approved", "published")),
        )
        is_of_these = holds.c.set_sha256 == set_hash
        with self.transaction() as connection:
            connection.execute(
                sa.update(holds)
                .where(approvals)
                .values(state=sa.case((is_of_these, "published"), else_="superseded"))
            )

    def open_hold(self, district: str, job: str) -> RowMapping | None:
        """The undecided hold, or None."""
        return self._hold_in(district, job, "held")

    def usable_approval(self, district: str, job: str) -> RowMapping | None:
        """The approval that a run may go on with, or None."""
        return self._hold_in(district, job, "approved")

    def approved_districts(self, job: str) -> set[str]:
        """Where files of the job were approved, and no run has gone on with them."""
        query = sa.select(holds.c.district).where(holds.c.job == job, holds.c.state == "approved")
        return {row["district"] for row in self.rows(query)}

    def _hold_in(self, district: str, job: str, state: str) -> RowMapping | None:
        return self.first(
            sa.select(holds)
            .where(holds.c.district == district, holds.c.job == job, holds.c.state == state)
            .order_by(holds.c.id.desc())
        )

    def last_discarded(self, district: str, job: str) -> RowMapping | None:
        """The last hold that an operator discarded, or None."""
        return self._hold_in(district, job, "discarded")

    def last_hold(self, district: str, job: str, *set_hashes: str) -> RowMapping | None:
        """The last hold on exactly these bytes, or one of these sets; None without any."""
        return self.first(
            sa.select(holds)
            .where(
                holds.c.district == district,
                holds.c.job == job,
                holds.c.set_sha256.in_(set_hashes),
            )
            .order_by(holds.c.id.desc())
        )

    def decide(
        self,
        hold: RowMapping,
        state: str,
        by: str,
        *,
        also: Callable[[Connection], object] = lambda _: None,
    ) -> None:
        """A person decides on a hold as they saw it: approved, or discarded.

        That is no earlier than the last run began, though the clock was set back since: nobody
        would go on with what was approved. What a decision ends is done `also`, in its transaction.
        Raises `UsageError` when somebody else has decided on it meanwhile.
        """
        with self.transaction() as connection:
            newest = sa.select(sa.func.max(runs.c.started_at)).where(
                runs.c.district == hold["district"]
            )
            decided_at = max(stamp(now()), connection.execute(newest).scalar() or "")
            decided = connection.execute(
                sa.update(holds)
                .where(holds.c.id == hold["id"], holds.c.state == hold["state"])
                .values(state=state, decided_at=decided_at, decided_by=by)
            )
            if not decided.rowcount:
                district = hold["district"]
                raise UsageError(
                    f"Somebody else has just decided on what is held for {district};"
                    f" `status {district}` shows its state."
                )
            also(connection)
