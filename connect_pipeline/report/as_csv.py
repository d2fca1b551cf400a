"""The findings of a report as CSV, for those who sort and count them in a spreadsheet.

Belongs here: one row a finding, formulas defused. Does not belong here: record IDs (cells).
"""

from __future__ import annotations

import csv
import io

from connect_pipeline.cells.formulas import defused
from connect_pipeline.findings import Finding
from connect_pipeline.validation import Report

COLUMNS = ("export", "line", "column", "code", "severity", "message")


def as_csv(report: Report) -> str:
    """One row is a stored finding. Record IDs are left out, and nothing starts a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for findings in report.sources:
        writer.writerows(_row(finding) for finding in findings)
    return text.getvalue()


def _row(finding: Finding) -> list[str]:
    line = "" if finding.line is None else str(finding.line)
    cells = (
        finding.export,
        line,
        finding.column or "",
        finding.code,
        finding.severity.value,
        finding.message,
    )
    return [defused(cell) for cell in cells]
