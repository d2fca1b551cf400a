"""Running a job for a district in this process, on the instance where every run shows in the UI.

For: the commands. Belongs here: what a finished run tells. Does not belong here: the instance
(`orchestration/open_instance.py`), what a run does (`run/district_run.py`).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import dagster as dg

from connect_pipeline.definitions import build_defs
from connect_pipeline.errors import ConnectError
from connect_pipeline.home import Home
from connect_pipeline.ledger import open_ledger
from connect_pipeline.orchestration import names
from connect_pipeline.orchestration.open_instance import dagster_instance
from connect_pipeline.outcomes import failed, outcome_exit_code

STOPPED = (dg.DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__)
"""What Dagster's events call it when somebody stopped a run."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# When the files are the same as published, all later steps are skipped, and Dagster (1.13)
# warns once for each of their blocking checks that nothing gates the step behind it: skipped, too.
logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Finished:
    """A run that has ended: what became of it, in one word and one sentence."""

    district: str
    run_id: str
    outcome: str
    message: str
    codes: dict[str, int]
    is_stopped: bool = False
    """Somebody stopped it, as by Ctrl-C, who wants no other run instead."""

    @property
    def exit_code(self) -> int:
        """The command's exit code (DESIGN section 8)."""
        return outcome_exit_code(self.outcome)


def run_job(home: Home, job: str, district: str) -> Finished:
    """Run `job` for a district of the settings and wait. Never raises for what the run came to."""
    defs, run_id = build_defs(home), str(uuid.uuid4())
    with dagster_instance(home) as instance:
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=district,
            raise_on_error=False,
            run_config=QUIET,
            run_id=run_id,
            tags={names.REPOSITORY_TAG: names.REPOSITORY},
        )
        is_recorded = instance.has_run(run_id)
    with closing(open_ledger(home)) as ledger:
        row = ledger.run(run_id)
    is_stopped = any(error.cls_name in STOPPED for error in _errors(result))
    if row is None:  # the run could not begin: its lock or its settings, or it was stopped before
        says = _first_error(result) if is_recorded else _record_gone(district)
        if is_stopped:
            says = f"{district}: stopped before it began. What is published stays."
        return Finished(district, run_id, failed(), says, {}, is_stopped)
    message = str(row["message"])
    if not is_recorded:
        message = f"{message} {_record_gone(district)}".strip()
    elif not result.success and not message:
        stopped = f"{district}: stopped when all was done."
        message = stopped if is_stopped else _first_error(result)
    outcome, codes = str(row["outcome"]), dict(row["codes"])
    return Finished(district, run_id, outcome, message, codes, is_stopped)


def _record_gone(district: str) -> str:
    return (
        f"{district}: Dagster's record of this run is gone, as when a home is put back during one."
        " `status` shows what is published."
    )


def _first_error(result: dg.ExecuteInProcessResult) -> str:
    """The sentence of the first failure: ours where there is one, else only its kind."""
    ours = {kind.__name__ for kind in _kinds(ConnectError)}
    for error in _errors(result):
        if error.cls_name in ours:
            return str(error.message).split(": ", 1)[-1].strip()
    return (
        "The run ended without a word: it was stopped, or could not begin."
        " Dagster's log of the run has the steps."
    )


def _errors(result: dg.ExecuteInProcessResult) -> Iterator[Any]:
    """The errors of a run's events (Dagster's `SerializableErrorInfo`), each before its cause."""
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        while error is not None:
            yield error
            error = error.cause


def _kinds(kind: type[ConnectError]) -> list[type[ConnectError]]:
    return [kind, *(more for sub in kind.__subclasses__() for more in _kinds(sub))]
