"""Runs: one row is one run of a job for a district, from its beginning to its outcome.

Belongs here: what is kept and asked of them, and the jobs' names. Does not belong here: what a run
does (`run/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from connect_pipeline.ledger.tables import runs
from connect_pipeline.ledger.times import now, rising, stamp
from connect_pipeline.ledger.transactions import Transactions
from connect_pipeline.outcomes import GOOD, failed

CORE_JOB = "core"
ATTENDANCE_JOB = "attendance"
PREVIEW_JOB = "preview"  # what the attendance job would list, as counts; lists nobody
"""The jobs, as runs, holds and alarms name them."""


class Runs(Transactions):
    """What the ledger knows of runs. Each method is one transaction."""

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
        return self.first(sa.select(runs).where(runs.c.run_id == run_id))

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
        return self.first(
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
