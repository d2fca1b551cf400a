"""One file, from its bytes to what it came to: the way through the reader.

Belongs here: the order of the steps, what refuses a file, conservation. Does not belong here: any
step.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from connect_pipeline.contract import ExportSpec
from connect_pipeline.databases import DATABASE_REFUSALS, give_threads, open_scratch
from connect_pipeline.disk import disk_fault, disk_reason
from connect_pipeline.errors import DiskFault
from connect_pipeline.findings import Findings
from connect_pipeline.landing.as_utf8 import count_blank_lines
from connect_pipeline.landing.bytes_pass import scan_file
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits, Thresholds
from connect_pipeline.reader.header import match_header
from connect_pipeline.reader.law import apply_law
from connect_pipeline.reader.result import ConservationError, ReadResult, judge_bad_rows
from connect_pipeline.reader.text_file import Copies, text_for_duckdb
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.rule import FileRule


def read_export(
    source: str | Path,
    spec: ExportSpec,
    *,
    limits: Limits | None = None,
    bad_rows: float = Thresholds.bad_rows,
    connection: duckdb.DuckDBPyConnection | None = None,
    facts: FileFacts | None = None,
    copies: Path | None = None,
) -> ReadResult:
    """Read one file into `raw.<table>` of `connection` (a database in memory by default).

    Lines that break the law go to `quality.quarantine` with their text. Where DuckDB cannot be
    given the file itself, copies without a name are made in the folder `copies`, by default the
    system's for temporary files. Never raises on data; raises `EnvironmentFault` when the file
    cannot be read or the disk is full.
    """
    limits = limits or Limits()
    connection = connection or open_scratch()
    path = Path(source)
    try:
        facts = facts or scan_file(path, line_bytes=limits.line_bytes)
        if facts.line_count > limits.rows:
            facts = replace(facts, blank_lines=count_blank_lines(path, facts))
        kept = Copies(spec.file_name, copies)
        result = ReadResult(spec, facts, Findings(spec.file_name), connection, kept)
        give_threads(connection, facts.byte_count, limits)
        if _file_is_refused(result, limits):
            return result
        result.text = text_for_duckdb(path, facts, limits.line_bytes, result.copies)
        _read_text(result, result.text.path, limits, bad_rows)
    except OSError as error:
        raise disk_fault(error, f"read {spec.file_name}") from None
    except duckdb.Error as error:
        reason = disk_reason(error) or type(error).__name__
        raise DiskFault(
            f"The database could not work on {spec.file_name} ({reason}):"
            " free disk space or memory, then retry."
        ) from None
    return result


def _file_is_refused(result: ReadResult, limits: Limits) -> bool:
    """Apply the rules about bytes; True when one of them keeps the file from being read."""
    for rule in rules_of(FileRule):
        broken = rule.broken(result.facts, limits)
        if broken is not None:
            result.findings.add(rule.code, **broken)  # type: ignore[arg-type]
    result.refused = result.findings.stops_file
    return result.refused


def _read_text(result: ReadResult, path: Path, limits: Limits, bad_rows: float) -> None:
    """Header, law, parse, conservation."""
    spec, findings, facts = result.spec, result.findings, result.facts
    with path.open("rb") as file:
        header = file.readline(limits.line_bytes + 8).removesuffix(b"\n").decode(errors="replace")
    columns = match_header(header, spec, findings)
    if columns is None:
        result.refused = True
        return
    result.columns = columns
    try:
        apply_law(result, path, limits)
    except (duckdb.Error, ConservationError) as error:
        if isinstance(error, DATABASE_REFUSALS) or disk_reason(error):
            raise
        # A lawful line that DuckDB cannot parse is our bug. Its message may quote the line.
        findings.add("row_conservation", found=type(error).__name__, expected="a parsed file")
        result.refused = True
        return
    counted = 1 + result.blank_lines + result.blank_rows + result.rows
    if counted != facts.line_count:
        findings.add("row_conservation", found=counted, expected=facts.line_count)
    if not result.accepted_rows and (result.rows or not spec.header_only_is_legal):
        findings.add("no_data_rows")
    judge_bad_rows(result, result.quarantined_rows, bad_rows)
    result.refused = findings.stops_file
