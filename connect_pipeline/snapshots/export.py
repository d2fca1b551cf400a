"""`export`: the published tables as files for other programs, with a record of the disclosure.

For: Parquet and CSV copies of a district's current snapshot. Belongs here: the copying, the record
of who took what and when (FERPA, 34 CFR 99.32), and defusing what a spreadsheet would run as a
formula. Does not belong here: which tables there are (`published/`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from connect_pipeline.cells.formulas import defused_sql
from connect_pipeline.databases import count_rows
from connect_pipeline.disk import disk_fault, private_folder, replacing, sync_folder
from connect_pipeline.erased.records import refuse_cut_short, standing
from connect_pipeline.errors import EnvironmentFault, UsageError
from connect_pipeline.home import OWN_FOLDERS, Home
from connect_pipeline.ledger import Ledger, now, stamp
from connect_pipeline.ledger.tables import disclosures
from connect_pipeline.published import (
    ATTENDANCE_TABLES,
    ROSTER_TABLES,
    PublishedTable,
    open_published,
)
from connect_pipeline.query_files import (
    CSV,
    PARQUET,
    give_name,
    remove_left,
    write_query,
    written_beside,
)
from connect_pipeline.snapshots.damage import refuse_damaged

FORMATS = ("parquet", "csv")
DISCLOSURE_FILE = "disclosure.json"
TABLES = (*ROSTER_TABLES, *ATTENDANCE_TABLES)

Open = tuple[duckdb.DuckDBPyConnection, PublishedTable]


def export_tables(
    home: Home, ledger: Ledger, district: str, folder: Path, file_format: str, by: str
) -> dict[str, int]:
    """Write every published table of a district to `folder`; returns rows by file name.

    The disclosure is in the ledger before the first file is: a copy that nobody knows of is worse
    than a record of a copy that failed. `disclosure.json` beside the files says the same. The files
    get their names when all are written; what had such a name, a link as well, gives way. Meanwhile
    there is no `disclosure.json`: it would pass off tables of two nights as one.
    Raises `UsageError` when nothing is published yet or the folder is one of ours,
    `EnvironmentFault` when the disk refuses or what is published is damaged.
    """
    _refuse_own_folders(home, folder)
    if not home.roster(district).exists():
        raise UsageError(f"Nothing is published for {district} yet; run `sync {district}` first.")
    private_folder(folder)
    erased = _erasures(ledger, district)
    try:
        remove_left(folder, {_file_name(one.exported, kind) for one in TABLES for kind in FORMATS})
        with ExitStack() as stack:
            opened = _open_tables(stack, home, district)
            rows = {
                table.exported: count_rows(connection, table.name) for connection, table in opened
            }
            record = {
                "district": district,
                "disclosed_at": stamp(now()),
                "disclosed_by": by,
                "snapshot_id": _snapshot_id(opened),
                "format": file_format,
                "folder": str(folder.absolute()),
                "tables": {
                    table.exported: {
                        "columns": [column.name for column in table.columns],
                        "rows": rows[table.exported],
                    }
                    for _, table in opened
                },
            }
            _record_disclosure(ledger, record)
            if _erasures(ledger, district) != erased:
                raise EnvironmentFault(
                    f"Somebody of {district} was erased meanwhile: what was opened before is not"
                    " copied. Export again."
                )
            written, whole = {}, []
            for connection, table in opened:
                name = _file_name(table.exported, file_format)
                beside = stack.enter_context(written_beside(folder / name))
                _copy(connection, table, beside, file_format)
                whole.append((beside, folder / name))
                written[name] = rows[table.exported]
            _remove_disclosure(folder)
            for beside, target in whole:
                give_name(beside, target)
    except duckdb.Error as error:
        for database in filter(Path.exists, (home.roster(district), home.attendance(district))):
            refuse_damaged(database, f"Run `sync {district}`, which mends it, then export again.")
        raise EnvironmentFault(
            f"The tables of {district} could not be written to {folder}"
            f" ({type(error).__name__}): free disk space or permissions, then retry."
        ) from None
    with replacing(folder / DISCLOSURE_FILE) as file:
        file.write(json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n")
    return written


def _remove_disclosure(folder: Path) -> None:
    try:
        (folder / DISCLOSURE_FILE).unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise disk_fault(error, f"remove the old {DISCLOSURE_FILE} from {folder}") from None


def _erasures(ledger: Ledger, district: str) -> list[tuple[int, str]]:
    """The district's erasures, and when each was complete.

    Raises `EnvironmentFault` while one is not: its certificate might not name this copy.
    """
    refuse_cut_short(ledger, district)
    return [(row["id"], row["completed_at"]) for row in standing(ledger, district)]


def _file_name(table: str, file_format: str) -> str:
    return f"{table.replace('.', '_')}.{file_format}"


def disclosures_of(ledger: Ledger, district: str) -> Sequence[RowMapping]:
    """The disclosures of a district, newest first."""
    return ledger.rows(
        sa.select(disclosures)
        .where(disclosures.c.district == district)
        .order_by(disclosures.c.id.desc())
    )


def _refuse_own_folders(home: Home, folder: Path) -> None:
    """An erasure forgets no copies, and takes those among our own files for something else."""
    wanted = folder.resolve()
    own = [home.dagster_in_use, *(home.root / name for name in OWN_FOLDERS)]
    if _is_same(wanted, home.root) or any(
        _is_same(above, place) for place in own for above in (wanted, *wanted.parents)
    ):
        raise UsageError(
            f"{folder} holds this program's own files: an erasure would not forget a copy there."
            " Name a folder elsewhere."
        )


def _is_same(one: Path, other: Path) -> bool:
    """Two names of one folder need not be spelled alike."""
    return one == other.resolve() or (one.exists() and other.exists() and one.samefile(other))


def _open_tables(stack: ExitStack, home: Home, district: str) -> list[Open]:
    found: list[Open] = []
    for database, tables in (
        (home.roster(district), ROSTER_TABLES),
        (home.attendance(district), ATTENDANCE_TABLES),
    ):
        if database.exists():
            connection = stack.enter_context(open_published(database))
            # DuckDB would write times of this machine's zone into text.
            connection.execute("SET TimeZone = 'UTC'")
            found += [(connection, table) for table in tables]
    return found


def _snapshot_id(opened: list[Open]) -> str:
    """Of the file that is open, whatever was published since."""
    row = opened[0][0].execute("SELECT snapshot_id FROM connect.snapshot").fetchone()
    return str(row[0]) if row else ""


def _record_disclosure(ledger: Ledger, record: dict[str, Any]) -> None:
    with ledger.transaction() as connection:
        connection.execute(sa.insert(disclosures).values(**record))


def _copy(
    connection: duckdb.DuckDBPyConnection, table: PublishedTable, target: Path, file_format: str
) -> None:
    columns = ", ".join(
        f"{defused_sql(column.name)} AS {column.name}"
        if file_format == "csv" and column.type == "VARCHAR"
        else column.name
        for column in table.columns
    )
    options = PARQUET if file_format == "parquet" else CSV
    write_query(connection, f"SELECT {columns} FROM {table.name}", target, options)
