"""What findings are as asset checks: which check fails, how badly, and what was not looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from connect_pipeline import validate
from connect_pipeline.contract import (
    ATTENDANCE,
    CORE,
    EXPORTS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.orchestration.checks import (
    SENTENCES,
    blocking_result,
    export_check_results,
    export_check_specs,
    freshness_check_results,
)
from connect_pipeline.orchestration.schemas import export_schema
from connect_pipeline.rules import catalogue, families, family_of
from connect_pipeline.rules.cell import missing_key_value
from connect_pipeline_tests.small_district import FILES, write

STAFF_FILE = STAFF.file_name
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def failed(folder: Path, staff: str) -> dict[str, dg.AssetCheckSeverity]:
    """The checks of this staff file that fail."""
    report = validate(write(folder, {STAFF_FILE: staff}))
    results = list(export_check_results(report.exports[STAFF_FILE]))
    assert [one.check_name for one in results] == list(SENTENCES)
    return {str(one.check_name): one.severity for one in results if not one.passed}


def test_a_row_that_is_kept_out_fails_a_check_as_a_warning_and_a_refused_file_as_an_error(
    tmp_path: Path,
) -> None:
    good = FILES[STAFF_FILE]
    assert failed(tmp_path, good) == {}
    assert failed(tmp_path, good.replace("maria.lopez@", "maria.lopez")) == {}, "a warning passes"
    assert failed(tmp_path, good.replace("T1,101", "T1,1,01")) == {"no_row_is_lost": WARN}
    assert failed(tmp_path, good.replace("ID,School", "School,ID")) == {
        "header_matches_contract": ERROR
    }


def test_what_was_not_looked_at_says_so(tmp_path: Path) -> None:
    report = validate(write(tmp_path, {STAFF_FILE: "no header\n"}))
    assert {
        one.check_name: "not looked at" in one.metadata
        for one in export_check_results(report.exports[STAFF_FILE])
    } == {
        "file_is_whole": False,
        "header_matches_contract": False,
        "no_row_is_lost": True,
        "cells_are_valid": True,
        "ids_are_unique": True,
        "references_resolve": True,
    }


def test_each_rule_of_a_file_fails_one_check() -> None:
    """Those of a whole night and of a day have checks of their own, which hold."""
    checks = {
        code: [name for name, (_, rules) in SENTENCES.items() if {code, family_of(code)} & {*rules}]
        for code in catalogue()
    }
    without = {code for code, names in checks.items() if not names}
    assert without == {*families()["changes"], *families()["day"]}
    assert {len(names) for code, names in checks.items() if code not in without} == {1}


def test_what_a_file_refers_to_is_said_of_each_file() -> None:
    parts = dg.StaticPartitionsDefinition(["a"])
    said = {}
    for export in EXPORTS:
        specs = export_check_specs(export, export.table, parts)
        (said[export],) = [one.description for one in specs if one.name == "references_resolve"]
    teachers = {export for export, sentence in said.items() if "Teachers" in str(sentence)}
    students = {export for export, sentence in said.items() if "tudents" in str(sentence)}
    assert (teachers, students) == ({STAFF_TO_STUDENT}, {STAFF_TO_STUDENT, ATTENDANCE})


@pytest.mark.parametrize("export", EXPORTS, ids=lambda one: one.table)
def test_a_column_that_may_be_blank_in_a_published_row_is_nullable(export: ExportSpec) -> None:
    keeps_out = {one.name for one in export.columns if missing_key_value.RULE.applies(one)}
    needed = {one.name for one in export_schema(export).columns if not one.constraints.nullable}
    assert needed == keeps_out


def test_a_file_that_is_not_there_is_not_fresh() -> None:
    moment = datetime(2026, 10, 6, 19, 0, tzinfo=UTC)
    assets = dict(zip(CORE, ("staff", "students", "classes"), strict=True))
    uploaded = dict.fromkeys((STAFF_FILE, STUDENTS.file_name), moment)
    results = list(freshness_check_results(assets, uploaded, [STUDENTS]))
    assert [(one.asset_key, one.passed) for one in results] == [
        (dg.AssetKey("staff"), True),
        (dg.AssetKey("students"), False),
        (dg.AssetKey("classes"), False),
    ]


def test_a_step_whose_check_fails_stops_what_comes_after() -> None:
    """Dagster goes on after a check that fails with a warning, though it be a blocking one."""
    assert blocking_result("everyone_is_accounted_for", False, {}).severity is ERROR
