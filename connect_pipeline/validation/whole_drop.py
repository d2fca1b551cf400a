"""Validation of a drop: all its exports read and checked, and one verdict on the whole.

For: `validate`, the same checks on given files without server, Dagster or settings, and
`check_read`, the check of one file, which the steps of a run call, too.
Belongs here: which files are looked at, in which order, and the report as data. Does not belong
here: where files come from (`inputs.py`), how a report is shown (`report/`), what a rule says
(`rules/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from connect_pipeline.checks import CheckedExport, check_export, prepare
from connect_pipeline.contract import CORE, EXPORTS, ExportSpec
from connect_pipeline.databases import open_scratch
from connect_pipeline.drop_names import note_unexpected_name
from connect_pipeline.findings import Findings
from connect_pipeline.reader import ReadResult, accepted_frame, verdict_of
from connect_pipeline.rules.rule import Severity
from connect_pipeline.validation.inputs import Received, opened
from connect_pipeline.validation.read_ahead import ReadAhead

if TYPE_CHECKING:
    import pandas

    from connect_pipeline.settings import District

DROP = "the drop"
VERDICTS = ("accepted", "accepted_with_findings", "blocked")


@dataclass
class ExportReport:
    """What became of one export. Missing ones have no lines."""

    spec: ExportSpec
    findings: Findings
    checked: CheckedExport | None = None

    @classmethod
    def missing(cls, spec: ExportSpec) -> ExportReport:
        """The report on a file that is not there."""
        findings = Findings(spec.file_name)
        findings.add("missing_file")
        return cls(spec, findings)

    @property
    def is_blocked(self) -> bool:
        """Whether a finding refuses the file, as opposed to holding it for an operator."""
        return self.findings.blocks_file

    @property
    def verdict(self) -> str:
        refused = self.checked is not None and self.checked.read.refused
        return verdict_of(self.findings, refused=refused)

    @property
    def lines(self) -> int:
        """Physical lines, header and blank ones included."""
        return self.checked.read.lines if self.checked else 0

    @property
    def accepted(self) -> int:
        """Accepted rows."""
        return self.checked.accepted if self.checked else 0

    @property
    def quarantined(self) -> int:
        """Rows kept out, by the line law and by rules."""
        if self.checked is None:
            return 0
        return self.checked.read.quarantined_rows + self.checked.quarantined


@dataclass
class Report:
    """The verdict on a drop and each of its exports, root causes first."""

    connection: duckdb.DuckDBPyConnection
    exports: dict[str, ExportReport] = field(default_factory=dict)
    drop: Findings = field(default_factory=lambda: Findings(DROP))

    @property
    def verdict(self) -> str:
        """The worst verdict among the exports and the drop as a whole."""
        verdicts = [export.verdict for export in self.exports.values()]
        return max((*verdicts, verdict_of(self.drop)), key=VERDICTS.index)

    @property
    def sources(self) -> list[Findings]:
        """All that was found: of each export, and of the drop as a whole."""
        return [*(export.findings for export in self.exports.values()), self.drop]

    @property
    def misread(self) -> list[str]:
        """The exports that this program read wrongly, which says nothing about them."""
        return [name for name, export in self.exports.items() if export.findings.is_our_bug]

    def findings_of(self, spec: ExportSpec) -> Findings:
        """The findings of an export, also before it was checked."""
        return self.exports.setdefault(
            spec.file_name, ExportReport(spec, Findings(spec.file_name))
        ).findings

    def counts(self) -> dict[str, int]:
        """Exact counts of all findings, by code."""
        total: Counter[str] = Counter(self.drop.counts)
        for export in self.exports.values():
            total.update(export.findings.counts)
        return dict(total)

    def holding_codes(self) -> dict[str, int]:
        """The codes, with counts, that hold this drop for an operator."""
        total: Counter[str] = Counter()
        for findings in self.sources:
            for code, count in findings.counts.items():
                if findings.severity_of(code) is Severity.HOLD:
                    total[code] += count
        return dict(total)

    def reasons_to_hold(self) -> list[dict[str, str]]:
        """What holds this drop, in sentences, which have no cell's value."""
        return [
            {"code": finding.code, "export": finding.export, "message": finding.message}
            for findings in self.sources
            for finding in findings
            if finding.severity is Severity.HOLD
        ]

    def accepted(self, file_name: str) -> pandas.DataFrame:
        """The accepted rows of an export: `line` and the file's columns, verbatim text.

        Raises `KeyError` for a file that is not in the drop.
        """
        checked = self.exports[file_name].checked
        if checked is None:
            raise KeyError(file_name)
        removed = (
            f"(SELECT line FROM raw.{checked.read.spec.table} WHERE line NOT IN (SELECT line FROM"
            f" records.removed WHERE is_quarantined AND export = '{file_name}'))"
        )
        return accepted_frame(checked.read, removed)


def validate(
    source: str | Path, *, progress: Callable[[str], None] = lambda file_name: None
) -> Report:
    """Check a folder of exports, one export, a zip of them, or `-`. Never raises on data.

    Of one export only that file is checked. Nothing that has a name is written to the disk.
    Raises `UsageError` when `source` is none of these. `progress` is called with each file's name
    before it is read.
    """
    with opened(source) as given:
        report = check_drop(given.received, required=given.required, progress=progress)
    for name in given.names:
        note_unexpected_name(report.drop, name)
    return report


def check_drop(
    received: dict[str, Received],
    *,
    connection: duckdb.DuckDBPyConnection | None = None,
    district: District | None = None,
    required: tuple[ExportSpec, ...] = CORE,
    progress: Callable[[str], None] = lambda file_name: None,
) -> Report:
    """Read and check the received files (by export name) in one scratch database.

    Exports in `required` that are not there get `missing_file`. After it, `raw.*` and
    `records.*` of `connection` hold what was read and accepted.
    """
    report = Report(connection or open_scratch())
    prepare(report.connection, district)
    usable: set[str] = set()
    with closing(ReadAhead(report.connection, district)) as ahead:
        for spec in EXPORTS:
            if spec.file_name in received:
                ahead.begin(spec, received[spec.file_name])
        for spec in EXPORTS:
            if spec.file_name not in received:
                if spec in required:
                    report.exports[spec.file_name] = ExportReport.missing(spec)
                continue
            progress(spec.file_name)
            check_read(report, ahead.read(spec, received[spec.file_name]), usable, district)
    return report


def check_read(
    report: Report, read: ReadResult, usable: set[str], district: District | None = None
) -> ExportReport:
    """Check one file that was read and add it to `report`.

    `usable` gains its name when references may look into it.
    """
    checked = check_export(read, usable, district.thresholds if district else None)
    if checked.usable:
        usable.add(read.spec.file_name)
    export = ExportReport(read.spec, read.findings, checked)
    report.exports[read.spec.file_name] = export
    return export
