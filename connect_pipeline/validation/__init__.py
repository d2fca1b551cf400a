"""Validation: exports from a folder, a zip or standard input, read, checked and judged as one drop.

The nightly run comes the same way, with the files of its visit (`drop/visit.py`).
Belongs here: what knows neither Dagster nor the network. Does not belong here: how a report is
shown (`report/`).
"""

from connect_pipeline.validation.inputs import Received
from connect_pipeline.validation.whole_drop import (
    DROP,
    ExportReport,
    Report,
    check_drop,
    check_read,
    validate,
)

__all__ = [
    "DROP",
    "ExportReport",
    "Received",
    "Report",
    "check_drop",
    "check_read",
    "validate",
]
