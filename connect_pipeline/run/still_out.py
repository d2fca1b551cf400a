"""What a night that changes nothing says all the same: which rows stay out, and who is kept for it.

For: the report of an unchanged night, from the published snapshot. Whoever stays invalid is named
each night, and not in the first one alone.
Belongs here: what of that snapshot is said again. Does not belong here: its warnings, which stand
in the report of the night that published it, and what an operator approved then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from connect_pipeline.contract import CORE, SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.findings import Finding
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.roster.kept_people import ADD_ONLY
from connect_pipeline.rules.rule import Severity
from connect_pipeline.validation import ExportReport, Report
from connect_pipeline.validation.report import Rows

KEPT = "kept_previous"


@dataclass(frozen=True)
class StillOut:
    """How many rows are kept out, and for how many people what was published before stays."""

    rows: int
    people: int

    def sentence(self, report: str) -> str:
        """This in words, with the report that said it first; empty when nothing is kept out."""
        said = []
        if self.rows:
            rows = "One row is" if self.rows == 1 else f"{self.rows:,} rows are"
            said.append(f"{rows} still kept out.")
        if self.people:
            people = "one person" if self.people == 1 else f"{self.people:,} people"
            said.append(f"Of {people}, what was published before stays.")
        if said and report:
            said.append(f"The report that said it first is {report}.")
        return " ".join(said)


def say_again(
    connection: duckdb.DuckDBPyConnection, received: Mapping[str, FileFacts], report: Report
) -> StillOut:
    """Put into `report` what `previous`, made of these `received` files, says of rows kept out.

    A SchoolExport that was refused is so still. Counts are exact: they are of what was kept out,
    and not of the findings, of which the snapshot has the first ones.
    """
    counts = _rows_out(connection)
    rows = {name: sum(codes.values()) for name, codes in counts.items()}
    accepted = _accepted(connection)
    for spec in (SCHOOLS, *CORE):
        if (facts := received.get(spec.file_name)) is not None:
            name = spec.file_name
            before = Rows(facts.line_count, accepted[name], rows.get(name, 0))
            report.exports[name] = ExportReport(spec, report.findings_of(spec), before=before)
    kept, people = _kept(connection)
    for finding in _findings(connection):
        if finding.export in received:
            report.exports[finding.export].findings.repeat(finding)
    for name in received:
        findings = report.exports[name].findings
        for code, count in {**counts.get(name, {}), KEPT: kept.get(name, 0)}.items():
            if code in findings.counts:
                findings.counts[code] = max(findings.counts[code], count)
    return StillOut(sum(rows.get(name, 0) for name in received), people)


def _rows_out(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """By export and code, the rows that are kept out."""
    counts: dict[str, dict[str, int]] = {}
    for export, code, count in connection.execute(
        "SELECT export, code, count(*) FROM previous.quality.quarantine GROUP BY ALL"
    ).fetchall():
        counts.setdefault(export, {})[code] = count
    return counts


def _accepted(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """By export, its accepted rows; none of a SchoolExport that could not be read."""
    specs = (SCHOOLS, *CORE)
    columns = ", ".join(f"{spec.table.removesuffix('s')}_rows" for spec in specs)
    row = connection.execute(f"SELECT {columns} FROM previous.connect.snapshot").fetchone()
    return {spec.file_name: n or 0 for spec, n in zip(specs, row or (), strict=True)}


def _kept(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, int], int]:
    """Of how many people something stays: by the export whose rows are out, and in all."""
    row = connection.execute(
        """
        SELECT
            count(DISTINCT key) FILTER (entity IN ('staff', 'staff_site')),
            count(DISTINCT key) FILTER (entity IN ('student', 'student_site')),
            count(DISTINCT key) FILTER (entity = 'enrollment'),
            count(DISTINCT key) FILTER (entity IN ('student', 'student_site', 'enrollment'))
        FROM previous.connect.kept
        WHERE reason <> $add_only
        """,
        {"add_only": ADD_ONLY},
    ).fetchone()
    staff, students, enrolled, all_students = row or (0, 0, 0, 0)
    by_export = {
        STAFF.file_name: staff,
        STUDENTS.file_name: students,
        STAFF_TO_STUDENT.file_name: enrolled,
    }
    return by_export, staff + all_students


def _findings(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    found = connection.execute(
        """
        SELECT code, severity, export, message, line, record_id, column_name
        FROM previous.quality.findings
        WHERE severity IN ($quarantine, $block) OR code = $kept
        ORDER BY rowid
        """,
        {"quarantine": Severity.QUARANTINE.value, "block": Severity.BLOCK.value, "kept": KEPT},
    ).fetchall()
    return [Finding(code, Severity(severity), *rest) for code, severity, *rest in found]
