"""What a run opens: its scratch database, and the snapshot that the night is compared with.

Belongs here: where both are, and who is kept out of them. Does not belong here: what a run does
with them (`nightly_steps.py`, `attendance_steps.py`).
"""

from __future__ import annotations

import duckdb

from connect_pipeline import roster
from connect_pipeline.checks import prepare
from connect_pipeline.databases import give_threads, open_scratch
from connect_pipeline.disk import private_folder
from connect_pipeline.erased import records as erasure_records
from connect_pipeline.erased.keep_out import load_erased
from connect_pipeline.errors import DiskFault, Refused
from connect_pipeline.home import Home, remove_scratch
from connect_pipeline.ledger import CORE_JOB
from connect_pipeline.limits import Limits
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.snapshots.damage import refuse_unread


def open_comparison(run: DistrictRun, *, instead: str | None = None) -> None:
    """Open what the run compares with: the current snapshot, or the one `instead` of a lost one."""
    current = run.ledger.current_snapshot(run.name)
    snapshot_id = instead or (None if current is None else str(current["snapshot_id"]))
    path = None if snapshot_id is None else run.home.snapshot(run.name, snapshot_id)
    # It is not there while a damaged one is being rebuilt.
    previous = path if path is not None and path.exists() else None
    if previous is not None:
        give_threads(run.connection, previous.stat().st_size, run.district.limits)
    try:
        roster.attach_previous(run.connection, previous)
    except duckdb.Error as error:
        if previous is not None:
            refuse_unread(previous, error)
        raise
    prepare(run.connection, run.district)
    run.erased = erasure_records.who_is_erased(run.ledger, run.name)
    if erasure_records.WHOLE_DISTRICT in run.erased:
        raise Refused(
            f"{run.name} was erased. Take it out of districts.yaml, or run `connect-pipeline erase"
            f" {run.name} --lift` if it is to come back."
        )
    load_erased(run.connection, run.name, run.erased, run.ledger.key)


def fresh_scratch(home: Home, name: str, limits: Limits, job: str) -> duckdb.DuckDBPyConnection:
    """In a file for a night, which is large; in memory for a day, which is faster, and spills."""
    path = home.work(name)
    remove_scratch(home, name)
    private_folder(home.scratch(name))
    try:
        in_file = path if job == CORE_JOB else None
        connection = open_scratch(in_file, spill=home.scratch(name), limits=limits)
    except duckdb.Error as error:
        raise DiskFault(
            f"The scratch database of {name} cannot be made ({type(error).__name__}):"
            " free disk space, then retry."
        ) from None
    return connection
