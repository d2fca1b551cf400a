"""What a query gives, as a file that only its owner can read.

For: lists for senders, clerks and operators, and exports.
Belongs here: that nobody else can ever open the file, and that it is on the disk when it is done.
Does not belong here: what is in it, and when a list that is part of a batch gets its final name
(`attendance/staging.py`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from connect_pipeline.databases import quoted
from connect_pipeline.disk import (
    PRIVATE_FILE,
    disk_fault,
    partial_of,
    partials_of,
    private_folder,
    rename_durably,
    sync_file,
)

CSV = "FORMAT csv, HEADER"
PARQUET = "FORMAT parquet"


def write_query(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str = CSV
) -> None:
    """Write a query's rows to a new file, synced; what had its name, a link as well, gives way.

    Raises `EnvironmentFault` when the disk refuses, and `duckdb.Error` when it does so late.
    """
    private_folder(path.parent)
    try:
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        connection.execute(f"COPY ({query}) TO {quoted(path)} ({options}, USE_TMP_FILE false)")
        sync_file(path)
    except OSError as error:
        raise disk_fault(error, f"write {path.name}") from None


def remove_left(folder: Path, names: Collection[str]) -> None:
    """Remove what processes that were killed had written beside files with these names."""
    for name in names:
        for left in partials_of(folder / name):
            left.unlink(missing_ok=True)


@contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """A name beside `target`, under which nothing is left at the end."""
    beside = partial_of(target)
    try:
        yield beside
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def give_name(beside: Path, target: Path) -> None:
    """Rename what was written beside `target`. Raises `EnvironmentFault` when the disk refuses."""
    try:
        rename_durably(beside, target)
    except OSError as error:
        raise disk_fault(error, f"write {target}") from None
