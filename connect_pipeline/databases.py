"""DuckDB databases and tables, whatever is in them.

For: a connection, attaching a file, a run's scratch database, a package's SQL files, variables,
a few thousand rows at once.
Belongs here: what several parts ask of DuckDB in the same way. Does not belong here: SQL about the
contract's tables.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from connect_pipeline.disk import PRIVATE_FILE
from connect_pipeline.limits import Limits

MANY_BYTES = 8 * 1024**2
"""Of a file; to work on a smaller one, several threads take longer than one does."""
DATABASE_REFUSALS = (duckdb.IOException, duckdb.OutOfMemoryException)
"""What DuckDB raises when the disk or the memory refused, and not when it was asked wrongly."""
NO_LOG = "RECOVERY_MODE NO_WAL_WRITES"
"""Of a file that counts when it is whole, or never: DuckDB writes and syncs no log beside it."""

MANY_ROWS = 100_000
"""Of a table; a file that has less is written by small blocks."""
SMALL_BLOCKS = "BLOCK_SIZE 32768"
"""DuckDB writes whole blocks, of 256 KiB each without this, however little is in them: a snapshot
of a thousand students is a sixth as large so. A large file is no smaller, and takes longer."""


def in_memory() -> duckdb.DuckDBPyConnection:
    """A connection to an empty database in memory.

    It draws no progress bar: DuckDB draws one on standard output, into what a command prints, when
    it takes the process for an interactive one, as it does `python -m`.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET enable_progress_bar = false")
    return connection


def attach(
    connection: duckdb.DuckDBPyConnection,
    path: Path | None,
    name: str,
    *,
    read_only: bool = False,
    options: str = "",
) -> None:
    """Attach a database file (made when there is none), or an empty one in memory, under a name.

    `options` are more of DuckDB's own, such as `ROW_GROUP_SIZE 20480`. DuckDB 1.5 takes no
    parameter here.
    """
    place = quoted(path) if path else "':memory:'"
    wanted = ", ".join(option for option in ("READ_ONLY" if read_only else "", options) if option)
    connection.execute(f"ATTACH {place} AS {name}{f' ({wanted})' if wanted else ''}")


def published_options(rows: int) -> str:
    """How `attach` makes a file that is published, with so many rows in its largest table."""
    return NO_LOG if rows >= MANY_ROWS else f"{SMALL_BLOCKS}, {NO_LOG}"


def tables_in(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """The tables of a database that is attached as `name`, with their schemas; no views."""
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        " WHERE database_name = $name ORDER BY 1",
        {"name": name},
    ).fetchall()
    return [str(table) for (table,) in rows]


def open_scratch(
    path: Path | None = None, *, spill: Path | None = None, limits: Limits | None = None
) -> duckdb.DuckDBPyConnection:
    """A scratch database, in memory or at `path`, with the schemas that reading needs.

    It is attached as `scratch`, whatever its file is called, and is the default. What does not
    fit into memory (`limits.memory_mb`) goes to `spill`; without one, nothing is ever written.
    It is never checkpointed, for nobody opens it again. It has one thread (`give_threads`).
    """
    connection = in_memory()
    attach(connection, path, "scratch", options=NO_LOG)
    connection.execute(
        """
        USE scratch;
        SET autoinstall_known_extensions = false;
        SET autoload_known_extensions = false;
        SET checkpoint_threshold = '1TB';
        SET threads = 1;
        PRAGMA disable_checkpoint_on_shutdown;
        CREATE SCHEMA IF NOT EXISTS raw;
        CREATE SCHEMA IF NOT EXISTS records;
        CREATE SCHEMA IF NOT EXISTS quality;
        CREATE TABLE IF NOT EXISTS quality.quarantine (
            export VARCHAR, line BIGINT, code VARCHAR, record_id VARCHAR, text VARCHAR
        );
        """
    )
    connection.execute("SET temp_directory = $place", {"place": str(spill) if spill else ""})
    if limits is not None:
        connection.execute("SET memory_limit = $limit", {"limit": f"{limits.memory_mb}MB"})
    if path:
        path.chmod(PRIVATE_FILE)
    return connection


def give_threads(connection: duckdb.DuckDBPyConnection, byte_count: int, limits: Limits) -> None:
    """Give a database the threads of its run, when it has a file of so many bytes to work on."""
    if byte_count < MANY_BYTES:
        return
    if limits.threads is None:
        connection.execute("RESET threads")
    else:
        connection.execute("SET threads = $threads", {"threads": limits.threads})


@cache
def statement(package: str, name: str) -> str:
    """The text of `sql/<name>.sql` of a package."""
    return resources.files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def set_variables(connection: duckdb.DuckDBPyConnection, **values: Any) -> None:
    """Set what statements read with `getvariable`."""
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})


def quoted(path: Path) -> str:
    """A path as SQL writes it."""
    place = str(path).replace("'", "''")
    return f"'{place}'"


def as_pattern(path: Path) -> str:
    """A path as DuckDB's `read_csv` takes it: a pattern that finds this file and no other."""
    return glob.escape(str(path))


def insert_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]
) -> None:
    """Insert a few thousand rows at once: one by one they take as long as reading a file."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        cells = ", ".join(f"unnest(${place})" for place in range(1, len(columns) + 1))
        connection.execute(f"INSERT INTO {table} SELECT {cells}", columns)


def count_rows(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    """How many rows a table, or a query in parentheses, has; a `WHERE` may follow it."""
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {source}").fetchall()
    return int(rows)
