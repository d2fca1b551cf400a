"""The files of a batch for the sender: its list and the manifest; and the lists for clerks.

For: writing them, synced and readable by their owner only, under the names that `staging.py`
gives. Belongs here: how each file is made. Does not belong here: the day for readers
(`day_file.py`), when a file gets its final name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from connect_pipeline.attendance import staging
from connect_pipeline.attendance.day_file import write_day
from connect_pipeline.attendance.new_batch import NewBatch
from connect_pipeline.attendance.statements import bind_batch, prepare
from connect_pipeline.databases import statement
from connect_pipeline.disk import file_sha256, replacing
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.findings import Findings
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.query_files import write_query

log = logging.getLogger(__name__)


@contextmanager
def writing(
    connection: duckdb.DuckDBPyConnection,
    day: Path,
    outbox: Path,
    batch: NewBatch,
    *,
    is_dated: bool,
    sources: Iterable[Findings],
) -> Iterator[None]:
    """Write a batch's day and list beside what is done inside: both are written at the end.

    A thread for each, for each of a large district's files keeps one processor busy.
    """
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="write") as beside:
        written = [
            beside.submit(
                write_day,
                connection,
                day,
                batch.day,
                batch,
                is_dated=is_dated,
                sources=sources,
            ),
            beside.submit(write_outbox, connection, outbox, batch),
        ]
        yield
        for one in written:
            one.result()


def write_outbox(connection: duckdb.DuckDBPyConnection, path: Path, batch: NewBatch) -> None:
    """Write the sender's list: UTF-8, one row per destination and child."""
    with connection.cursor() as own:
        prepare(own)
        bind_batch(own, batch.day, batch)
        write_query(own, statement(__package__, "outbox"), path)


def write_list(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    batch: NewBatch,
    outbox: Path,
    manifest: Path,
    facts: Mapping[str, Any],
) -> None:
    """Write what `sql/<query>.sql` gives, and its manifest, under the batch's staged names."""
    bind_batch(connection, batch.day, batch)
    listed = staging.staged(outbox, batch.batch_id)
    write_query(connection, statement(__package__, query), listed)
    write_manifest(staging.staged(manifest, batch.batch_id), outbox, listed, facts)


def write_manifest(path: Path, outbox: Path, listed: Path, facts: Mapping[str, Any]) -> None:
    """Write what proves to a sender that it took the whole list: `listed` is its staged file."""
    manifest = {
        **facts,
        "file": outbox.name,
        "bytes": listed.stat().st_size,
        "sha256": file_sha256(listed),
    }
    with replacing(path) as file_out:
        file_out.write(json.dumps(manifest, indent=2).encode() + b"\n")


def write_clerks_list(
    connection: duckdb.DuckDBPyConnection, home: Home, name: str, file_name: str, query: str
) -> None:
    """Write a list for the school's clerk into the reports. Never keeps anybody from being told."""
    path = home.reports(name) / file_name
    listed = staging.staged(path, "new")
    try:
        write_query(connection, statement(__package__, query), listed)
        staging.replace(listed, path)
    except (EnvironmentFault, duckdb.Error) as error:
        log.error("%s: there is no new %s. %s", name, file_name, as_our_error(error))
