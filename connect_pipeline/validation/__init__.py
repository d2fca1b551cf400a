"""Validation: exports from a folder, a zip or standard input, read, checked and judged as one drop.

A run takes its files one by one (`drop/visit.py`), and has each checked by `check_read`.
Belongs here: what knows neither Dagster nor the network. Does not belong here: how a report is
shown (`report/`).
"""

from connect_pipeline.validation.inputs import Received
from connect_pipeline.validation.report import DROP, ExportReport, Report
from connect_pipeline.validation.whole_drop import check_drop, check_read, validate

__all__ = [
    "DROP",
    "ExportReport",
    "Received",
    "Report",
    "check_drop",
    "check_read",
    "validate",
]
