"""The last snapshot as an erasure leaves it, for a night that comes before the erasure is done.

For: the nightly run. An erasure that was cut short may not have reached the snapshot that the night
is compared with: what the night then published, kept or listed as gone would be of the student.
Belongs here: that copy, in the run's scratch folder. Does not belong here: what is left out of it
(`rebuild.py`), and the snapshot itself, which the same `erase` writes anew.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from connect_pipeline.disk import private_folder
from connect_pipeline.erased.keep_out import erased_students
from connect_pipeline.erasure.rebuild import without_student
from connect_pipeline.erasure.traces import Traces


def without_erased(
    connection: duckdb.DuckDBPyConnection, snapshot: Path, folder: Path
) -> Path | None:
    """A copy in `folder` of the snapshot, which is attached as `previous`; None if nobody must go.

    Raises `EnvironmentFault` when it cannot be written.
    """
    copy = None
    for number, student_id in enumerate(erased_students(connection, "previous.connect.students")):
        target = private_folder(folder) / f"previous-{number}.duckdb"
        without_student(copy or snapshot, target, Traces(student_id))
        if copy is not None:
            copy.unlink()
        copy = target
    return copy
