"""The job `decide_hold`: an operator's decision from the Dagster UI, with a typed config.

In the UI: Jobs → decide_hold → Launchpad, choose the district as partition, say what and who.

Belongs here: the job and its config. Does not belong here: what a decision means (`decisions.py`).
"""

from datetime import datetime

import dagster as dg
from pydantic import Field

from connect_pipeline.decisions import Decision, HeldJob, decide
from connect_pipeline.errors import UsageError
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.orchestration import names
from connect_pipeline.process.locks import under_way


class DecideHold(dg.Config):
    """What becomes of the held files of the district, and who says so."""

    decision: Decision = Field(
        description="APPROVED: the next run goes on with these files. DISCARDED: none does."
    )
    by: str = Field(description="Your name: it stays in the ledger.")
    job: HeldJob | None = Field(
        default=None, description="Whose files are meant, when both jobs' are held."
    )


def _asked_at(context: dg.OpExecutionContext) -> datetime | None:
    """When the run was launched: it waits in the queue while another of its district goes on."""
    record = context.instance.get_run_record_by_id(context.run_id)
    return record.create_timestamp if record else None


def decide_hold_job(home: Home, partitions: dg.PartitionsDefinition[str]) -> dg.JobDefinition:
    """Record the decision, as `approve` and `discard` do."""

    @dg.op(description="Approves or discards what is held for the district.")
    def decide_held_files(context: dg.OpExecutionContext, config: DecideHold) -> None:
        try:
            if not context.has_partition_key:
                raise UsageError("Choose a district as partition: a decision is for one district.")
            with under_way(home.job_lock(names.DECIDE_HOLD)):
                says = decide(
                    home,
                    context.partition_key,
                    config.decision,
                    config.by,
                    config.job,
                    _asked_at(context),
                )
        except Exception as error:
            raise dg.Failure(str(as_our_error(error)), allow_retries=False) from None
        for sentence in says:
            context.log.info(sentence)

    @dg.job(
        name=names.DECIDE_HOLD,
        partitions_def=partitions,
        description="Approve or discard what is held for a district.",
        tags={names.MAX_RETRIES_TAG: "0"},  # by then others may be held, which nobody has looked at
    )
    def decide_hold() -> None:
        decide_held_files()

    return decide_hold
