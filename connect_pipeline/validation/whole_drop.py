"""Validation of a drop: all its exports read and checked, and one verdict on the whole.

For: `validate`, the same checks on given files without server, Dagster or settings, and
`check_read`, the check of one file, which the steps of a run call, too.
Belongs here: which files are looked at, and in which order. Does not belong here: where files come
from (`inputs.py`), the report as data (`report.py`), what a rule says (`rules/`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from connect_pipeline.checks import check_export, prepare
from connect_pipeline.contract import CORE, EXPORTS, ExportSpec
from connect_pipeline.databases import open_scratch
from connect_pipeline.drop_names import note_unexpected_name, note_unexpected_names
from connect_pipeline.limits import Thresholds
from connect_pipeline.reader import ReadResult
from connect_pipeline.validation.inputs import Received, opened
from connect_pipeline.validation.read_ahead import ReadAhead
from connect_pipeline.validation.report import ExportReport, Report

if TYPE_CHECKING:
    from connect_pipeline.settings import District


def validate(
    source: str | Path, *, progress: Callable[[str], None] = lambda file_name: None
) -> Report:
    """Check a folder of exports, one export, a zip of them, or `-`. Never raises on data.

    Of one export only that file is checked. Nothing that has a name is written to the disk.
    Raises `UsageError` when `source` is none of these. `progress` is called with each file's name
    before it is read.
    """
    with opened(source) as given:
        report = check_drop(
            given.received, required=given.required, not_files=given.not_files, progress=progress
        )
    note_unexpected_names(report.drop, given.names)
    if given.taken_for is not None:
        note_unexpected_name(report.drop, given.taken_for)
    return report


def check_drop(
    received: dict[str, Received],
    *,
    connection: duckdb.DuckDBPyConnection | None = None,
    district: District | None = None,
    required: tuple[ExportSpec, ...] = CORE,
    not_files: tuple[str, ...] = (),
    progress: Callable[[str], None] = lambda file_name: None,
) -> Report:
    """Read and check the received files (by export name) in one scratch database.

    Exports in `required` that are not there get `missing_file`, those whose names `not_files` have
    `file_not_readable`. After it, `raw.*` and `records.*` of `connection` hold what was read and
    accepted.
    """
    report = Report(connection or open_scratch())
    prepare(report.connection, district)
    usable: set[str] = set()
    with closing(ReadAhead(report.connection, district)) as ahead:
        for spec in EXPORTS:
            if spec.file_name in received:
                ahead.begin(spec, received[spec.file_name])
        for spec in EXPORTS:
            name = spec.file_name
            if name in received:
                progress(name)
                check_read(report, ahead.read(spec, received[name]), usable, district)
            elif name in not_files:
                report.exports[name] = ExportReport.not_readable(spec)
            elif spec in required:
                report.exports[name] = ExportReport.missing(spec)
    return report


def check_read(
    report: Report, read: ReadResult, usable: set[str], district: District | None
) -> ExportReport:
    """Check one file that was read and add it to `report`.

    `usable` gains its name when references may look into it.
    """
    checked = check_export(read, usable, district.thresholds if district else Thresholds())
    if checked.usable:
        usable.add(read.spec.file_name)
    export = ExportReport(read.spec, read.findings, checked)
    report.exports[read.spec.file_name] = export
    return export
