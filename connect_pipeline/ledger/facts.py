"""The open ledger: one method per fact that is kept or asked for.

Belongs here: runs, receipts, snapshots, holds and what was decided. Does not belong here: why
something is held or listed (`roster/`, `attendance/`), and any destination in clear text: those
are keyed hashes. Alarms, batches, disclosures and erasures are written by the parts that own them,
in a `transaction`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from connect_pipeline.errors import DatabaseFault, DiskFault, UsageError
from connect_pipeline.foreign_errors import as_our_error, database_refused, server_refused
from connect_pipeline.keyed_hash import keyed_hash
from connect_pipeline.ledger.tables import current, holds, publications, received, runs, snapshots
from connect_pipeline.ledger.times import now, rising, stamp
from connect_pipeline.outcomes import GOOD, failed

CORE_JOB = "core"
ATTENDANCE_JOB = "attendance"
PREVIEW_JOB = "preview"  # what the attendance job would list, as counts; lists nobody
"""The jobs, as runs, holds and alarms name them."""


def set_sha256(exports: dict[str, str]) -> str:
    """What exactly a set of files is: one hash over names and content hashes."""
    return hashlib.sha256(json.dumps(sorted(exports.items())).encode()).hexdigest()


def adds_reason(codes: Collection[str], known: Collection[str]) -> bool:
    """Whether files are held for a reason more than those that were there to be seen.

    That nobody has uploaded anything since is none.
    """
    return not {*codes} <= {*known, "stale_file"}


@contextmanager
def _plainly(done: str) -> Iterator[None]:
    """Turn what the database says into one sentence of ours: it may quote a row."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        if not database_refused(error):
            raise as_our_error(error) from None
        reason = type(error.orig).__name__
        if server_refused(error):
            raise DatabaseFault(
                f"The ledger could not be {done}: its database server did not answer, broke off or"
                f" refused ({reason}). Check it and the network to it, then retry."
            ) from None
        raise DiskFault(
            f"The ledger could not be {done} ({reason}). Check its disk and its lock, then retry."
        ) from None


@dataclass(frozen=True)
class Ledger:
    """The open ledger. Each method is one transaction."""

    engine: Engine
    key: bytes

    def close(self) -> None:
        """Close its connections: a daemon's process opens the ledger anew at each tick."""
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at once, so that readers in it cannot be stale.

        Raises `EnvironmentFault` when the ledger cannot be reached, is locked for long or full,
        and `SystemFault` for whatever else it refuses, which is our bug.
        """
        with _plainly("written"), self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def rows(self, query: sa.Select[Any]) -> Sequence[RowMapping]:
        """The rows of a read-only query, as they are committed: it waits for nobody who writes.

        Raises `EnvironmentFault` as `transaction` does.
        """
        with self.reading() as connection:
            return connection.execute(query).mappings().all()

    def _first(self, query: sa.Select[Any]) -> RowMapping | None:
        """The first row of a read-only query, None without any."""
        found = self.rows(query.limit(1))
        return found[0] if found else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """For several reads, each of what is committed then; waits for nobody who writes.

        Raises `EnvironmentFault` as `transaction` does.
        """
        with _plainly("read"), self.engine.connect() as connection:
            yield connection

    def hashed(self, destination: str) -> str:
        """A destination as the ledger stores it."""
        return keyed_hash(self.key, destination)

    # -- runs ------------------------------------------------------------------------------

    def start_run(self, run_id: str, district: str, job: str) -> None:
        """A run begins. Its outcome is `running` until `end_run`."""
        with self.transaction() as connection:
            connection.execute(sa.delete(runs).where(runs.c.run_id == run_id))
            newest = connection.execute(
                sa.select(sa.func.max(runs.c.started_at)).where(runs.c.district == district)
            ).scalar()
            before = None if newest is None else datetime.fromisoformat(newest)
            connection.execute(
                sa.insert(runs).values(
                    run_id=run_id,
                    district=district,
                    job=job,
                    started_at=stamp(rising(now(), before)),
                    outcome="running",
                    codes={},
                    message="",
                )
            )

    def end_interrupted(self, district: str, message: str) -> Sequence[str]:
        """End the runs of a district that were cut off; their IDs. Its lock must be held."""
        with self.transaction() as connection:
            cut_off = sa.and_(runs.c.district == district, runs.c.outcome == "running")
            run_ids = connection.execute(sa.select(runs.c.run_id).where(cut_off)).scalars().all()
            if run_ids:
                connection.execute(
                    sa.update(runs)
                    .where(cut_off)
                    .values(
                        outcome=failed(),
                        message=message,
                        ended_at=stamp(now()),
                    )
                )
        return run_ids

    def end_run(self, run_id: str, outcome: str, codes: dict[str, int], message: str = "") -> None:
        """A run ends: what became of it, the counts of its findings, a sentence for a person."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(runs)
                .where(runs.c.run_id == run_id)
                .values(outcome=outcome, codes=codes, message=message, ended_at=stamp(now()))
            )

    def run(self, run_id: str) -> RowMapping | None:
        """One run, or None."""
        return self._first(sa.select(runs).where(runs.c.run_id == run_id))

    def runs_of(self, district: str, limit: int) -> Sequence[RowMapping]:
        """The last runs of a district, newest first."""
        return self.rows(
            sa.select(runs)
            .where(runs.c.district == district)
            .order_by(runs.c.started_at.desc(), runs.c.run_id)
            .limit(limit)
        )

    def last_ended_run(self, district: str, job: str) -> RowMapping | None:
        """The last run of a job that has ended, or None."""
        return self._first(
            sa.select(runs)
            .where(runs.c.district == district, runs.c.job == job, runs.c.outcome != "running")
            .order_by(runs.c.started_at.desc(), runs.c.run_id)
        )

    def bad_ends(self, since: datetime, until: datetime) -> Sequence[RowMapping]:
        """The last runs of a district and job that ended then, and published or listed nothing."""
        later = runs.alias()
        has_later = sa.exists().where(
            later.c.district == runs.c.district,
            later.c.job == runs.c.job,
            later.c.started_at > runs.c.started_at,
            later.c.outcome != "running",
        )
        return self.rows(
            sa.select(runs).where(
                runs.c.outcome.not_in((*GOOD, "discarded", "running")),
                runs.c.ended_at.between(stamp(since), stamp(until)),
                ~has_later,
            )
        )

    # -- receipts --------------------------------------------------------------------------

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
        return self._first(
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

    # -- snapshots -------------------------------------------------------------------------

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
        return self._first(
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

    # -- holds, and what was decided -------------------------------------------------------

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
        return self._first(
            sa.select(holds)
            .where(holds.c.district == district, holds.c.job == job, holds.c.state == state)
            .order_by(holds.c.id.desc())
        )

    def last_discarded(self, district: str, job: str) -> RowMapping | None:
        """The last hold that an operator discarded, or None."""
        return self._hold_in(district, job, "discarded")

    def last_hold(self, district: str, job: str, *set_hashes: str) -> RowMapping | None:
        """The last hold on exactly these bytes, or one of these sets; None without any."""
        return self._first(
            sa.select(holds)
            .where(
                holds.c.district == district,
                holds.c.job == job,
                holds.c.set_sha256.in_(set_hashes),
            )
            .order_by(holds.c.id.desc())
        )

    def decide(self, hold: RowMapping, state: str, by: str) -> None:
        """A person decides on a hold as they saw it: approved, or discarded.

        That is no earlier than the last run began, though the clock was set back since: nobody
        would go on with what was approved. Raises `UsageError` when somebody else has decided on it
        meanwhile.
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
