"""The assets of the core set: received → checked records → changes → published.

Each asset calls one method of the run and tells what came of it, in counts.

Belongs here: the graph of the nightly job and its metadata, in counts. Does not belong here: what a
step does (`run/nightly_steps.py`), what a check's family is (`orchestration/checks.py`).
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg

from connect_pipeline import published
from connect_pipeline.attendance.lunch import LunchBatch
from connect_pipeline.contract import (
    CORE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.findings import Findings
from connect_pipeline.orchestration import lunch, names
from connect_pipeline.orchestration.checks import (
    blocking_check,
    export_check_results,
    export_check_specs,
    freshness_check_results,
    freshness_check_specs,
    hold_result,
)
from connect_pipeline.orchestration.resources import Stopwatch, plainly, stopped
from connect_pipeline.orchestration.schemas import export_schema, table_schema
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.sftp import Fetched
from connect_pipeline.validation import ExportReport

RECEIVED = {
    STAFF: "staff_export",
    STUDENTS: "student_export",
    STAFF_TO_STUDENT: "staff_to_student_export",
    SCHOOLS: "school_export",
}
CORE_RECEIVED = {spec: RECEIVED[spec] for spec in CORE}
RECORDS = {
    SCHOOLS: "site_records",
    STAFF: "staff_records",
    STUDENTS: "student_records",
    STAFF_TO_STUDENT: "class_records",
}
# The table of each published asset, and what the asset is.
PUBLISHED = {
    "rosters": ("connect.rosters", "Published rosters: one row is a student in a class."),
    "communication_groups": ("connect.groups", "Published groups: one row is a group."),
}
TABLES = {table.name: table for table in published.ROSTER_TABLES}


# A night and its slack. Who uploads nothing turns the rosters red, also when nobody looks.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26))


def still_fresh(run: DistrictRun, work: Stopwatch) -> dg.AssetMaterialization:
    """The published rosters, confirmed by files that were uploaded anew with the same bytes.

    Without it, a district in which nothing changes would look like one whose drop fell silent.
    """
    table, _ = PUBLISHED["rosters"]
    rows = run.night.published_rows(table)[table]
    return dg.AssetMaterialization(
        asset_key="rosters",
        partition=run.name,
        description="The same bytes again: what is published is what tonight's files say.",
        tags={"dagster/data_version": str(run.snapshot_id)},
        metadata={
            "dagster/row_count": rows,
            "snapshot": str(run.snapshot_id),
            **work.metadata,
        },
    )


def still_due(run: DistrictRun, batch: LunchBatch, work: Stopwatch) -> dg.AssetMaterialization:
    """A list of low balances of a night that changed nothing: days passed, or a kill came between.

    All later steps are skipped on such a night.
    """
    return dg.AssetMaterialization(
        asset_key=lunch.ASSET,
        partition=run.name,
        tags={"dagster/data_version": batch.batch_id},
        metadata={**lunch.metadata_of(batch), **work.metadata},
    )


def received_result(asset: str, fetched: Fetched, work: Stopwatch) -> dg.MaterializeResult:
    """What a received file tells: its size, hash, and when it was uploaded."""
    return dg.MaterializeResult(
        asset_key=asset,
        data_version=dg.DataVersion(fetched.facts.sha256),
        metadata={
            "bytes": fetched.facts.byte_count,
            "sha256": fetched.facts.sha256,
            "lines": fetched.facts.line_count,
            "encoding": fetched.facts.encoding,
            "uploaded": dg.MetadataValue.timestamp(float(fetched.mtime)),
            **work.metadata,
        },
    )


def records_asset(
    spec: ExportSpec,
    name: str,
    deps: Sequence[str],
    partitions: dg.PartitionsDefinition[str],
) -> dg.AssetsDefinition:
    """The asset of one export's checked records, with one check per family of rules."""

    @dg.asset(
        name=name,
        deps=deps,
        partitions_def=partitions,
        group_name=names.CHECKED,
        kinds={"duckdb"},
        owners=[names.OWNER],
        pool=names.POOL,
        check_specs=export_check_specs(spec, name, partitions, blocking=spec is not SCHOOLS),
        description=f"Checked records of {spec.file_name}: one row is {spec.row}.",
        metadata={"dagster/column_schema": export_schema(spec)},
    )
    def records(
        run: dg.ResourceParam[DistrictRun],
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        with plainly(run) as work:
            export = run.check(spec) or ExportReport(spec, Findings(spec.file_name))
        yield from export_check_results(export)
        if export.is_blocked and spec is not SCHOOLS:
            raise stopped(run)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": export.accepted,
                "lines": export.lines,
                "quarantined": export.quarantined,
                "verdict": "held" if export.is_held else export.verdict,
                **work.metadata,
            },
        )

    return records


def nightly_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """The assets of the nightly job, for the districts that `partitions` names."""

    @dg.multi_asset(
        name="core_drop",
        partitions_def=partitions,
        group_name=names.RECEIVED,
        pool=names.POOL,
        specs=[
            dg.AssetSpec(
                asset,
                description=f"{spec.file_name} as received: one row is {spec.row}.",
                kinds={"sftp", "csv"},
                owners=[names.OWNER],
                skippable=True,
                metadata={"dagster/column_schema": export_schema(spec)},
            )
            for spec, asset in RECEIVED.items()
        ],
        check_specs=freshness_check_specs(CORE_RECEIVED.values(), partitions),
    )
    def core_drop(
        context: dg.AssetExecutionContext, run: dg.ResourceParam[DistrictRun]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        with plainly(run) as fetching:
            if run.deadline is not None:
                run.visit.await_rest(tuple(RECEIVED), run.district.quiet_seconds.core)
            fetched = {spec: run.visit.receive(spec) for spec in RECEIVED}
            run.visit.confirm()
        yield from freshness_check_results(
            CORE_RECEIVED, run.visit.uploaded, run.night.held_as_stale
        )
        with plainly(run) as work:
            if run.night.ends_unchanged():
                if not run.night.stale:
                    context.log_event(still_fresh(run, work))
                if (batch := run.night.list_low_balances()) is not None:
                    context.log_event(still_due(run, batch, work))
                return
            run.refuse_missing(CORE)
        for spec, file in fetched.items():
            if file is not None:
                yield received_result(RECEIVED[spec], file, fetching)
            else:  # SchoolExport comes once, and had not come yet
                yield dg.MaterializeResult(
                    asset_key=RECEIVED[spec], metadata={"bytes": 0, **fetching.metadata}
                )

    @dg.asset(
        deps=list(RECORDS.values()),
        partitions_def=partitions,
        group_name=names.PUBLISHED,
        kinds={"duckdb"},
        owners=[names.OWNER],
        pool=names.POOL,
        check_specs=[
            blocking_check(
                "change_is_plausible",
                "roster_changes",
                "What tonight would remove and change is what a night may bring.",
                partitions,
            )
        ],
        metadata={"dagster/column_schema": table_schema(TABLES["connect.changes"])},
    )
    def roster_changes(
        run: dg.ResourceParam[DistrictRun],
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        """Tonight against what is published: one row is a person or class and its change."""
        with plainly(run) as work:
            counts = run.night.build()
            goes_on = run.night.settle_hold()
        yield hold_result("change_is_plausible", run, goes_on)
        if not goes_on:
            raise stopped(run)
        yield dg.MaterializeResult(
            metadata={"dagster/row_count": sum(counts.values()), **counts, **work.metadata}
        )

    @dg.multi_asset(
        name="publish_roster",
        partitions_def=partitions,
        group_name=names.PUBLISHED,
        pool=names.POOL,
        specs=[
            dg.AssetSpec(
                asset,
                deps=["roster_changes"],
                description=description,
                kinds={"duckdb"},
                owners=[names.OWNER],
                freshness_policy=FRESHNESS if asset == "rosters" else None,
                metadata={"dagster/column_schema": table_schema(TABLES[table])},
            )
            for asset, (table, description) in PUBLISHED.items()
        ],
    )
    def publish_roster(
        run: dg.ResourceParam[DistrictRun],
    ) -> Iterator[dg.MaterializeResult]:
        with plainly(run) as work:
            snapshot_id = run.night.publish()
            rows = run.night.published_rows(*(table for table, _ in PUBLISHED.values()))
        for asset, (table, _) in PUBLISHED.items():
            yield dg.MaterializeResult(
                asset_key=asset,
                data_version=dg.DataVersion(snapshot_id),
                metadata={
                    "dagster/row_count": rows[table],
                    "snapshot": snapshot_id,
                    **work.metadata,
                },
            )

    people = [RECORDS[STAFF], RECORDS[STUDENTS]]
    records = [
        records_asset(
            spec,
            name,
            [RECEIVED[spec], *(people if spec is STAFF_TO_STUDENT else ())],
            partitions,
        )
        for spec, name in RECORDS.items()
    ]
    return [core_drop, *records, roster_changes, publish_roster]
