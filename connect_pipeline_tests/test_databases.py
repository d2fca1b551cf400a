"""What all parts ask of DuckDB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb

from connect_pipeline.contract import Column, ExportSpec
from connect_pipeline.databases import MANY_BYTES, NO_LOG, attach, open_scratch
from connect_pipeline.limits import Limits
from connect_pipeline.reader import read_export


def test_a_long_statement_draws_no_progress_bar_into_what_is_printed() -> None:
    """DuckDB takes `python -c` and `python -m` for interactive, and draws one after 2 s."""
    program = """
import duckdb
from connect_pipeline.databases import in_memory, open_scratch
setting = "SELECT current_setting('enable_progress_bar')"
for connection in (duckdb.connect(), in_memory(), open_scratch(), open_scratch().cursor()):
    print(connection.execute(setting).fetchone()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == ["True", "False", "False", "False"]


def threads_of(connection: duckdb.DuckDBPyConnection) -> int:
    ((threads,),) = connection.execute("SELECT current_setting('threads')").fetchall()
    return int(threads)


def test_a_large_file_gets_the_threads_of_its_run_and_a_small_one_has_one(tmp_path: Path) -> None:
    path, spec = tmp_path / "Any.csv", ExportSpec("Any.csv", (Column("a", required=True),))
    with path.open("w") as file:
        file.write("a\n")
        for size, limits, expected in (
            (MANY_BYTES - 1, Limits(threads=3), 1),
            (MANY_BYTES, Limits(threads=3), 3),
            (MANY_BYTES, Limits(), threads_of(duckdb.connect())),
        ):
            file.write("x\n" * ((size - file.tell()) // 2))
            file.flush()
            assert threads_of(read_export(path, spec, limits=limits).connection) == expected


def test_what_counts_only_when_it_is_whole_has_no_log_beside_it(tmp_path: Path) -> None:
    """A log would be synced at each of a night's statements, and have students' data in it."""
    path = tmp_path / "scratch.duckdb"
    with open_scratch(path) as connection:
        attach(connection, tmp_path / "candidate.duckdb", "candidate", options=NO_LOG)
        for database in ("scratch", "candidate"):
            connection.execute(f"CREATE TABLE {database}.numbers AS FROM range(10)")
        connection.execute("CHECKPOINT candidate")
        assert {one.name for one in tmp_path.iterdir()} == {"scratch.duckdb", "candidate.duckdb"}
    with duckdb.connect(str(tmp_path / "candidate.duckdb")) as whole:
        assert whole.execute("SELECT count(*) FROM numbers").fetchall() == [(10,)]
