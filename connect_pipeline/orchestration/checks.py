"""Asset checks, named as sentences: those from findings, one per family of rules, and of steps.

For: showing in the UI what the district's staff see in the report. A check fails with an error,
and blocks, where a finding stops the file; it fails with a warning where rows were kept out.
Metadata: what each code means, its count and first line numbers, never a cell's value.

Belongs here: sentences, and findings as check results. Does not belong here: rules (`rules/`).
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from connect_pipeline.contract import (
    ATTENDANCE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.findings import Findings
from connect_pipeline.rules import catalogue, family_of
from connect_pipeline.rules.rule import Severity
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.validation import ExportReport

FIRST_LINES = 10
FILE_IS_FRESH = "file_is_fresh"

# Each sentence is the check of families of rules, and of single rules.
SENTENCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "file_is_whole": ("The file is there, is text, and is complete.", ("file", "drop")),
    "header_matches_contract": ("Line 1 holds the contract's columns, in order.", ("header",)),
    "no_row_is_lost": ("Every line is accepted, blank or quarantined by name.", ("row",)),
    "cells_are_valid": ("Each cell holds what its column is for.", ("cell",)),
    "ids_are_unique": ("A key names one row, and an ID names one person or place.", ("keys",)),
    "references_resolve": ("What a row refers to is there.", ("references",)),
}
# What that is differs from file to file.
REFERENCES = {
    SCHOOLS: "Each site is one of the settings, and so is the one that it is merged with.",
    STAFF: "Each school code has a site.",
    STUDENTS: "Each school code has a site.",
    STAFF_TO_STUDENT: "Teachers and students are in their files; each school code has a site.",
    ATTENDANCE: "Students are in their file, with a class then; each school code has a site.",
}


def export_check_specs(
    spec: ExportSpec,
    asset: str,
    partitions: dg.PartitionsDefinition[str],
    *,
    blocking: bool = True,
) -> list[dg.AssetCheckSpec]:
    """The checks of one export's records."""
    sentences = {name: sentence for name, (sentence, _) in SENTENCES.items()}
    sentences["references_resolve"] = REFERENCES[spec]
    return [
        _spec(name, asset, sentence, partitions, blocking=blocking)
        for name, sentence in sentences.items()
    ]


def export_check_results(export: ExportReport) -> Iterator[dg.AssetCheckResult]:
    """The results for `export_check_specs`, from the findings of one export.

    A file that is refused before its rows were looked at passes what comes after, and says so.
    """
    is_refused = False
    for name, (_, rules) in SENTENCES.items():
        codes = [code for code in export.findings.counts if {code, family_of(code)} & set(rules)]
        metadata: dict[str, Any] = {}
        if is_refused and not codes:
            metadata["not looked at"] = "the file was refused before"
        elif name == "no_row_is_lost" and export.checked is not None:
            read = export.checked.read
            metadata = {
                "lines": read.lines,
                "blank": read.blank_lines + read.blank_rows,
                "accepted": export.accepted,
                "quarantined": export.quarantined,
            }
        yield result_of(name, export.findings, codes, metadata)
        blocks = any(export.findings.severity_of(code).blocks_file for code in codes)
        is_refused = is_refused or (blocks and not export.accepted)


def freshness_check_specs(
    assets: Iterable[str], partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetCheckSpec]:
    """Whether a received file is of this night. A stale one is held by `change_is_plausible`."""
    sentence = "The file is there, and not of before the deadline before this one."
    return [_spec(FILE_IS_FRESH, asset, sentence, partitions, blocking=False) for asset in assets]


def freshness_check_results(
    assets: Mapping[ExportSpec, str],
    uploaded: Mapping[str, datetime],
    stale: Collection[ExportSpec],
) -> Iterator[dg.AssetCheckResult]:
    """The results for `freshness_check_specs`."""
    for spec, asset in assets.items():
        moment = uploaded.get(spec.file_name)
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=FILE_IS_FRESH,
            passed=moment is not None and spec not in stale,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"uploaded": dg.MetadataValue.timestamp(moment)} if moment else {},
        )


def blocking_check(
    name: str, asset: str, description: str, partitions: dg.PartitionsDefinition[str]
) -> dg.AssetCheckSpec:
    """A check of a whole step: when it fails, no later step runs."""
    return _spec(name, asset, description, partitions, blocking=True)


def blocking_result(name: str, passed: bool, metadata: Mapping[str, Any]) -> dg.AssetCheckResult:
    """The result for a `blocking_check`."""
    return dg.AssetCheckResult(
        check_name=name, passed=passed, severity=dg.AssetCheckSeverity.ERROR, metadata=metadata
    )


def hold_result(name: str, run: DistrictRun, goes_on: bool) -> dg.AssetCheckResult:
    """The result of a check that waits for an operator, with what he or she decides on.

    Each of the findings' sentences, which hold no value of a file, has an entry of its own: the UI
    shows a short text at once and hides a long one behind a click.
    """
    held_for = run.hold_preview.get("reasons", ())
    metadata = {
        "holds": ", ".join(run.report.holding_codes()) or "none",
        **{
            f"why ({number})": f"{one['export']}: {one['message']}"
            for number, one in enumerate(held_for, start=1)
        },
        **{
            f"absent at {one['school']}": f"{one['absent']:,} of {one['students']:,} students"
            for one in run.hold_preview.get("absent", ())
        },
        "report": dg.MetadataValue.path(run.report_page),
        **({} if goes_on else {"what to do": run.message}),
    }
    return blocking_result(name, goes_on, metadata)


def result_of(
    name: str, findings: Findings, codes: list[str], metadata: dict[str, Any]
) -> dg.AssetCheckResult:
    """One check's result: passed when nothing worse than a warning was found.

    A hold is a warning here: `change_is_plausible` stops what no operator has approved.
    """
    severities = [findings.severity_of(code) for code in codes]
    worst = min(severities, key=lambda one: one.rank, default=Severity.INFO)
    for code in codes:
        metadata[f"count of {code}"] = findings.counts[code]
        metadata[f"about {code}"] = catalogue()[code].doc
        lines = [one.line for one in findings if one.code == code and one.line is not None]
        if lines:
            metadata[f"lines of {code}"] = ", ".join(str(line) for line in lines[:FIRST_LINES])
    return dg.AssetCheckResult(
        check_name=name,
        passed=worst.rank > Severity.QUARANTINE.rank,
        severity=dg.AssetCheckSeverity.ERROR if worst.blocks_file else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def _spec(
    name: str,
    asset: str,
    description: str,
    partitions: dg.PartitionsDefinition[str],
    *,
    blocking: bool,
) -> dg.AssetCheckSpec:
    """A check that each district has for itself.

    Dagster (1.13) calls that a preview, and would warn of it in whatever command loads the graph.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name,
            asset=asset,
            description=description,
            blocking=blocking,
            partitions_def=partitions,
        )
