"""The report on a drop as data: what became of each export, and one verdict on the whole.

Belongs here: what is found out about a drop, put together. Does not belong here: finding it out
(`whole_drop.py`), how a report is shown (`report/` of the package).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from connect_pipeline.checks import CheckedExport
from connect_pipeline.contract import ExportSpec
from connect_pipeline.findings import VERDICTS, Findings
from connect_pipeline.reader import frame_of_rows
from connect_pipeline.rules.rule import Severity

if TYPE_CHECKING:
    import pandas

DROP = "the drop"


@dataclass(frozen=True)
class Rows:
    """A file in numbers: its physical lines, and the rows that were accepted and kept out."""

    lines: int = 0
    accepted: int = 0
    quarantined: int = 0


@dataclass
class ExportReport:
    """What became of one export. Missing ones have no lines.

    `before` is of a file that an earlier run checked, and this one did not.
    """

    spec: ExportSpec
    findings: Findings
    checked: CheckedExport | None = None
    before: Rows = Rows()

    @classmethod
    def missing(cls, spec: ExportSpec) -> ExportReport:
        """The report on a file that is not there."""
        return cls._unread(spec, "missing_file")

    @classmethod
    def not_readable(cls, spec: ExportSpec) -> ExportReport:
        """The report on what has the file's name and is no file."""
        return cls._unread(spec, "file_not_readable")

    @classmethod
    def _unread(cls, spec: ExportSpec, code: str) -> ExportReport:
        findings = Findings(spec.file_name)
        findings.add(code)
        return cls(spec, findings)

    @property
    def is_blocked(self) -> bool:
        """Whether a finding refuses the file, as opposed to holding it for an operator."""
        return self.findings.blocks_file

    @property
    def is_held(self) -> bool:
        """Whether an operator may release it. To `validate`, which has none, it is blocked, too."""
        return self.verdict == "blocked" and not self.is_blocked

    @property
    def is_usable(self) -> bool:
        """Whether its records may be referred to and published."""
        return self.checked is not None and self.checked.usable

    @property
    def verdict(self) -> str:
        return self.findings.verdict

    @property
    def lines(self) -> int:
        """Physical lines, header and blank ones included."""
        return self.checked.read.lines if self.checked else self.before.lines

    @property
    def accepted(self) -> int:
        """Accepted rows."""
        return self.checked.accepted if self.checked else self.before.accepted

    @property
    def quarantined(self) -> int:
        """Rows kept out, by the line law and by rules."""
        if self.checked is None:
            return self.before.quarantined
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
        return max((findings.verdict for findings in self.sources), key=VERDICTS.index)

    @property
    def sources(self) -> list[Findings]:
        """All that was found: of each export, and of the drop as a whole."""
        return [*(export.findings for export in self.exports.values()), self.drop]

    @property
    def misread(self) -> list[str]:
        """The exports that this program read wrongly, which says nothing about them."""
        return [name for name, export in self.exports.items() if export.findings.is_our_bug]

    def is_usable(self, file_name: str) -> bool:
        """Whether an export is there and not refused."""
        return file_name in self.exports and self.exports[file_name].is_usable

    def findings_of(self, spec: ExportSpec) -> Findings:
        """The findings of an export, also before it was checked."""
        return self.exports.setdefault(
            spec.file_name, ExportReport(spec, Findings(spec.file_name))
        ).findings

    def counts(self, which: Callable[[Severity], bool] = lambda _: True) -> dict[str, int]:
        """Exact counts of the findings, by code: all, or those of `which` severities."""
        total: Counter[str] = Counter()
        for findings in self.sources:
            for code, count in findings.counts.items():
                if which(findings.severity_of(code)):
                    total[code] += count
        return dict(total)

    def holding_codes(self) -> dict[str, int]:
        """The codes, with counts, that hold this drop for an operator."""
        return self.counts(lambda severity: severity is Severity.HOLD)

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
        return frame_of_rows(
            checked.read,
            "line NOT IN (SELECT line FROM records.removed"
            f" WHERE is_quarantined AND export = '{file_name}')",
        )
