"""connect_pipeline: a district's SIS exports, proven, published as rosters, alerts listed.

Without Dagster or network: `validate(folder)` gives a `Report`.

Before anything loads DuckDB, its allocator is told to clear the memory that it hands out. DuckDB
writes whole blocks, and what was in their gaps before would go with them: words of a row that was
kept out of a snapshot, such as an erased student's (`docs/decisions.md`, Erasure).
"""

import os

ALLOCATOR = "DUCKDB_JE_MALLOC_CONF"
"""The variable by which DuckDB's allocator takes options; it reads it once, when it is loaded."""
CLEARED = "zero:true"

if CLEARED not in os.environ.get(ALLOCATOR, ""):
    os.environ[ALLOCATOR] = ",".join(filter(None, [os.environ.get(ALLOCATOR), CLEARED]))

from connect_pipeline.validation import Report, validate  # noqa: E402 - after the variable

__all__ = ["Report", "validate"]
