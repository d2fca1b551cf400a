"""The tests; they mirror the package, and each promise has a file of its own.

Many erase a student and publish in this one process, in which DuckDB's memory is cleared therefore.
"""

import os

os.environ["DUCKDB_JE_MALLOC_CONF"] = "zero:true"
