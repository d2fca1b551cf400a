"""The one resource: a run for the district that the run's partition names.

For: opening `district_run` at the first step and closing it after the last, so that its report
and its ledger row are written whatever happened. Shared by the steps, which run in one process.

Belongs here: the life of a run, what an exception looks like in Dagster, and how long a step's work
takes. Does not belong here: the run itself (`run/district_run.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from time import perf_counter

import dagster as dg

from connect_pipeline.errors import SettingsError, UsageError
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.orchestration.names import (
    DEADLINE_TAG,
    DISTRICT_TAG,
    JOB_KINDS,
    MAX_RETRIES_TAG,
    REFUSED_TAG,
)
from connect_pipeline.process.stops import is_stop
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.lifecycle import district_run

log = logging.getLogger(__name__)


class DistrictRuns(dg.ConfigurableResource):
    """Gives each run its `DistrictRun`. `home` is CONNECT_HOME.

    `assets` and `steps` are those of each job, by their names: a run has them all.
    """

    home: str
    assets: dict[str, list[str]]
    steps: dict[str, list[str]]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[DistrictRun]:
        """The run's `DistrictRun`. Raises our errors only, without a library's text."""
        dagster_run = context.run
        if dagster_run is None:
            raise dg.Failure("A district run needs a Dagster run.", allow_retries=False)
        home = Home(Path(self.home))
        try:
            district, job = self._what_to_run(dagster_run)
            deadline = _deadline_of(dagster_run)
            with district_run(home, district, dagster_run.run_id, job, deadline) as run:
                yield run
        except Exception as error:
            if is_stop(error):
                raise dg.DagsterExecutionInterruptedError from None
            is_refused = isinstance(error, UsageError) and not isinstance(error, SettingsError)
            tags = {REFUSED_TAG: dagster_run.run_id} if is_refused else {}
            _forbid_retries(context.instance, dagster_run.run_id, tags)
            raise as_our_error(error) from None

    def _what_to_run(self, run: dg.DagsterRun) -> tuple[str, str]:
        """The district and the kind of job. Raises `UsageError` for a run that is not a whole one.

        Part of one would list from a roster that is held, or publish what it has not looked at.
        """
        district, job = run.tags.get(DISTRICT_TAG), JOB_KINDS.get(run.job_name)
        if district is None:
            raise UsageError("Choose a district as partition: a run is for one district.")
        assets = {asset.to_user_string() for asset in run.asset_selection or ()}
        steps = {*(run.step_keys_to_execute or ())}
        is_part = job is not None and not (
            assets in (set(), {*self.assets[run.job_name]})
            and steps in (set(), {*self.steps[run.job_name]})
        )
        if job is None or is_part:  # assets or steps that were chosen one by one in the UI
            raise UsageError(
                f"Launch one of the jobs {', '.join(JOB_KINDS)}: a run is a whole one."
            )
        return district, job


def _deadline_of(run: dg.DagsterRun) -> datetime | None:
    """When the run's files were due, if it is a deadline's. Raises `UsageError` for a wrong tag."""
    text = run.tags.get(DEADLINE_TAG)
    if not text:
        return None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    raise UsageError(
        f"The tag {DEADLINE_TAG} is a time with its zone, as the schedules write it. Launch the run"
        " without it."
    )


def is_refused(run: dg.DagsterRun) -> bool:
    """Whether the run was launched in a way in which it cannot be: who did that has read why."""
    return run.tags.get(REFUSED_TAG) == run.run_id


def _forbid_retries(instance: dg.DagsterInstance | None, run_id: str, tags: dict[str, str]) -> None:
    """Tell Dagster (1.13), which takes what a resource raises for a death without a reason."""
    if instance is None:
        return
    try:
        instance.add_run_tags(run_id, {MAX_RETRIES_TAG: "0", **tags})
    except Exception as error:  # the reason itself is what must be told
        log.warning("Dagster may try run %s again: %s", run_id, as_our_error(error))


def stopped(run: DistrictRun) -> dg.Failure:
    """The end of a step whose files are refused or held: its asset is not what it was to be.

    Checks are of an asset and not of a district, so only a failed step tells whose files they were.
    """
    return dg.Failure(
        description=run.message,
        metadata={"report": dg.MetadataValue.path(run.report_page)},
        allow_retries=False,
    )


class Stopwatch:
    """How long a step's work takes: until it ends, or until now."""

    def __init__(self) -> None:
        self._begun = perf_counter()
        self._ended: float | None = None

    def stop(self) -> None:
        """The work is done; what Dagster does with it afterwards is not ours."""
        self._ended = perf_counter()

    @property
    def metadata(self) -> dict[str, float]:
        """What each materialization says of it."""
        ended = perf_counter() if self._ended is None else self._ended
        return {"seconds": round(ended - self._begun, 3)}


@contextmanager
def plainly(run: DistrictRun) -> Iterator[Stopwatch]:
    """Turn whatever a step raises into one plain sentence, without any text of a library.

    Gives the time that the work within takes.
    """
    work = Stopwatch()
    try:
        yield work
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        run.stop()
        raise
    except Exception as error:
        if is_stop(error):
            run.stop()
            raise dg.DagsterExecutionInterruptedError from None
        ours = as_our_error(error)
        run.fail(ours)
        raise dg.Failure(
            description=str(ours),
            metadata={
                "kind": ours.kind,
                "report": dg.MetadataValue.path(run.report_page),
            },
            allow_retries=False,
        ) from None
    finally:
        work.stop()
