"""What all parts ask of DuckDB."""

from __future__ import annotations

import subprocess
import sys


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
