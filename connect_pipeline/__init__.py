"""connect_pipeline: a district's SIS exports, proven, published as rosters, alerts listed.

Without Dagster or network: `validate(folder)` gives a `Report`.
"""

from connect_pipeline.process.cleared_memory import clear_memory_where_needed

clear_memory_where_needed()

from connect_pipeline.validation import Report, validate  # noqa: E402 - this loads DuckDB

__all__ = ["Report", "validate"]
