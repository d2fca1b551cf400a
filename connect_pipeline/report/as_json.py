"""A report as JSON: stable, versioned, what `validate --json` prints (DESIGN section 8).

The shape is described in `docs/report.schema.json`. What a reader does not know, it ignores: new
members may come within a format version, none goes or changes its meaning.

Belongs here: the shape (`docs/report.schema.json`). Does not belong here: choosing and ordering
what a person reads first (`problems.py`).
"""

from __future__ import annotations

from typing import Any

from connect_pipeline.findings import Finding, Findings
from connect_pipeline.validation import ExportReport, Report

FORMAT_VERSION = 1


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain dicts and lists. `counts` are exact; findings are stored up to a cap."""
    return {
        "format_version": FORMAT_VERSION,
        "verdict": report.verdict,
        "exports": {name: _export(export) for name, export in report.exports.items()},
        "drop": _findings(report.drop),
    }


def _export(export: ExportReport) -> dict[str, Any]:
    return {
        "verdict": export.verdict,
        "lines": export.lines,
        "accepted": export.accepted,
        "quarantined": export.quarantined,
        **_findings(export.findings),
    }


def _findings(findings: Findings) -> dict[str, Any]:
    return {
        "counts": dict(findings.counts),
        "findings": [_finding(one) for one in findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "line": finding.line,
        "record_id": finding.record_id,
        "column": finding.column,
        "message": finding.message,
    }
