"""connect_pipeline: a district's SIS exports, proven, published as rosters, alerts listed.

Without Dagster or network: `validate(folder)` gives a `Report`.
"""

from connect_pipeline.validation import Report, validate

__all__ = ["Report", "validate"]
