"""The assets of the attendance job: received → checked → absences → accounting → recipients.

Belongs here: the graph of the attendance job and its metadata, in counts. Does not belong here:
who is told (`attendance/`).
"""

from collections.abc import Iterator

import dagster as dg

from connect_pipeline import published
from connect_pipeline.contract import ATTENDANCE
from connect_pipeline.orchestration import names
from connect_pipeline.orchestration.checks import blocking_check, blocking_result, hold_result
from connect_pipeline.orchestration.nightly import received_result, records_asset
from connect_pipeline.orchestration.resources import plainly, stopped
from connect_pipeline.orchestration.schemas import export_schema, table_schema
from connect_pipeline.run.district_run import DistrictRun

TABLES = {table.name: table for table in published.ATTENDANCE_TABLES}


def attendance_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """The assets of the attendance job, for the districts that `partitions` names."""

    @dg.asset(
        partitions_def=partitions,
        group_name=names.RECEIVED,
        kinds={"sftp", "csv"},
        owners=[names.OWNER],
        pool=names.POOL,
        metadata={"dagster/column_schema": export_schema(ATTENDANCE)},
    )
    def attendance_export(run: dg.ResourceParam[DistrictRun]) -> dg.MaterializeResult:
        """AttendanceExport.csv as received: one row is one student absent from one period."""
        with plainly(run) as work:
            if run.deadline is not None:
                run.visit.await_rest((ATTENDANCE,), run.district.quiet_seconds.attendance)
            run.visit.receive(ATTENDANCE)
            run.visit.confirm()
            run.refuse_missing((ATTENDANCE,))
        fetched = run.visit.fetched[ATTENDANCE.file_name]
        return received_result("attendance_export", fetched, work)

    @dg.asset(
        deps=["absence_records", "rosters"],
        partitions_def=partitions,
        group_name=names.ATTENDANCE,
        kinds={"duckdb"},
        owners=[names.OWNER],
        pool=names.POOL,
        check_specs=[
            blocking_check(
                "day_is_plausible",
                "absences",
                "Nothing about the file waits for an operator: not too many are absent, or absent"
                " no more, or in no class.",
                partitions,
            ),
            blocking_check(
                "file_is_of_today",
                "absences",
                "The file says something about today, in the district's zone.",
                partitions,
            ),
        ],
        metadata={"dagster/column_schema": table_schema(TABLES["attendance.absences"])},
    )
    def absences(
        run: dg.ResourceParam[DistrictRun],
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        """Absences against the published roster: one row is a student, period and day."""
        with plainly(run) as work:
            counts = run.attendance.day.build_absences()
            is_of_today = run.attendance.settle_day()
            # No list is in doubt when there will be none.
            goes_on = not is_of_today or run.attendance.settle_hold()
        yield blocking_result("file_is_of_today", is_of_today, {})
        yield hold_result("day_is_plausible", run, goes_on)
        if not (is_of_today and goes_on):
            raise stopped(run)
        yield dg.MaterializeResult(
            metadata={"dagster/row_count": counts["absences"], **counts, **work.metadata}
        )

    @dg.asset(
        deps=[absences],
        partitions_def=partitions,
        group_name=names.ATTENDANCE,
        kinds={"duckdb"},
        owners=[names.OWNER],
        pool=names.POOL,
        check_specs=[
            blocking_check(
                "everyone_is_accounted_for",
                "absence_accounting",
                "Each absent student is listed or suppressed with one reason.",
                partitions,
            )
        ],
        metadata={"dagster/column_schema": table_schema(TABLES["attendance.accounting"])},
    )
    def absence_accounting(run: dg.ResourceParam[DistrictRun]) -> dg.MaterializeResult:
        """What becomes of each absence: one row is an absent student and day."""
        with plainly(run) as work:
            counts, balances = run.attendance.account()
        return dg.MaterializeResult(
            metadata={"dagster/row_count": sum(counts.values()), **counts, **work.metadata},
            check_results=[blocking_result("everyone_is_accounted_for", balances, counts)],
        )

    @dg.asset(
        deps=[absence_accounting],
        partitions_def=partitions,
        group_name=names.ATTENDANCE,
        kinds={"duckdb", "csv"},
        owners=[names.OWNER],
        pool=names.POOL,
        check_specs=[
            blocking_check(
                "no_destination_twice",
                "recipients",
                "Each destination is in a batch once, whatever children share it.",
                partitions,
            )
        ],
        metadata={"dagster/column_schema": table_schema(TABLES["attendance.recipients"])},
    )
    def recipients(run: dg.ResourceParam[DistrictRun]) -> dg.MaterializeResult:
        """Who is told: one row is a batch, channel and destination, with all its children."""
        with plainly(run) as work:
            batch, is_once = run.attendance.list_recipients()
            rows = run.attendance.published_recipients()
        check = blocking_result("no_destination_twice", is_once, {})
        if batch is None:
            return dg.MaterializeResult(
                metadata={"dagster/row_count": rows, "new in this run": 0, **work.metadata},
                check_results=[check],
            )
        return dg.MaterializeResult(
            check_results=[check],
            data_version=dg.DataVersion(batch.batch_id),
            metadata={
                "dagster/row_count": rows,
                "new in this run": sum(batch.recipients.values()),
                "batch": batch.batch_id,
                "students": batch.students,
                **{f"recipients by {channel}": n for channel, n in batch.recipients.items()},
                **work.metadata,
            },
        )

    records = records_asset(ATTENDANCE, "absence_records", ["attendance_export"], partitions)
    return [attendance_export, records, absences, absence_accounting, recipients]
