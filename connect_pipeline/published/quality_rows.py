"""The rows of `quality.findings` and `quality.quarantine`: what was wrong with received files.

For: a night's snapshot and a day of absences, which have both tables alike. Belongs here: what is
stored of a finding and of a line that was kept out. Does not belong here: their columns
(`roster.py`), and finding anything out (`checks/`).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from connect_pipeline.databases import insert_rows
from connect_pipeline.findings import Findings


def fill_quarantine(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Store the lines that were kept out, verbatim, from the scratch database."""
    connection.execute(
        f"INSERT INTO {catalog}.quality.quarantine"
        " SELECT export, line, code, text FROM scratch.quality.quarantine ORDER BY export, line"
    )


def fill_findings(
    connection: duckdb.DuckDBPyConnection, catalog: str, sources: Iterable[Findings]
) -> None:
    """Store all that was found so far."""
    rows = [
        [one.export, one.line, one.record_id, one.column, one.code, one.severity.value, one.message]
        for source in sources
        for one in source
    ]
    insert_rows(connection, f"{catalog}.quality.findings", rows)
