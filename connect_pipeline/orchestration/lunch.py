"""The last asset of the nightly job: who is told of a low lunch balance.

Belongs here: the asset and its metadata, in counts. Does not belong here: who is told
(`attendance/lunch.py`).
"""

from collections.abc import Iterator

import dagster as dg

from connect_pipeline.attendance.lunch import LunchBatch
from connect_pipeline.orchestration import names
from connect_pipeline.orchestration.resources import plainly
from connect_pipeline.orchestration.schemas import table_schema
from connect_pipeline.published import LUNCH_LIST
from connect_pipeline.run.district_run import DistrictRun

ASSET = "lunch_recipients"


def metadata_of(batch: LunchBatch) -> dict[str, int | str]:
    """A list in counts."""
    return {
        "dagster/row_count": sum(batch.recipients.values()),
        "batch": batch.batch_id,
        **{f"recipients by {channel}": n for channel, n in batch.recipients.items()},
        **{f"students, {fate}": n for fate, n in batch.accounting.items()},
    }


def without_list(run: DistrictRun) -> dict[str, int | str]:
    """Why a night that is published has no list: a district without lists is not behind."""
    is_on = run.district.lunch_list.enabled
    return {"dagster/row_count": 0, "list": "nobody was listed" if is_on else "off"}


def lunch_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """The assets about lunch balances, for the districts that `partitions` names."""

    @dg.multi_asset(
        name="list_low_balances",
        partitions_def=partitions,
        group_name=names.LUNCH,
        pool=names.POOL,
        specs=[
            dg.AssetSpec(
                ASSET,
                deps=["rosters"],
                description=(
                    "Who is told of a low lunch balance, where the settings say so: one row is a"
                    " batch, channel and destination, with all its children."
                ),
                kinds={"csv"},
                owners=[names.OWNER],
                metadata={"dagster/column_schema": table_schema(LUNCH_LIST)},
            )
        ],
    )
    def list_low_balances(run: dg.ResourceParam[DistrictRun]) -> Iterator[dg.MaterializeResult]:
        with plainly(run) as work:
            batch = run.night.list_low_balances()
        yield dg.MaterializeResult(
            asset_key=ASSET,
            data_version=None if batch is None else dg.DataVersion(batch.batch_id),
            metadata={
                **(without_list(run) if batch is None else metadata_of(batch)),
                **work.metadata,
            },
        )

    return [list_low_balances]
