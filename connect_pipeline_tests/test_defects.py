"""Each labelled defect is found with its code and line, nothing else is, and clean stays clean."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest

from connect_pipeline.contract import BY_FILE_NAME
from connect_pipeline.rules.rule import Severity
from connect_pipeline.sample.defects import add_defects
from connect_pipeline.sample.district import ALERT_CODES, OTHER_CODES, generate
from connect_pipeline.settings import Attendance, District, Sftp
from connect_pipeline.validation import Received, Report, check_drop, validate

TODAY = dt.date(2026, 10, 2)
LABELLED_INFO = {"duplicate_row", "blank_line", "duplicate_absence"}

Found = Counter[tuple[str, int | None, str]]


def worth_saying(report: Report) -> Found:
    """What was found above info, and the info findings that defects are labelled with."""
    return Counter(
        (export.spec.file_name, one.line, one.code)
        for export in report.exports.values()
        for one in export.findings
        if one.severity is not Severity.INFO or one.code in LABELLED_INFO
    )


@pytest.mark.parametrize("seed", range(4))
def test_every_labelled_defect_is_found_exactly(tmp_path: Path, seed: int) -> None:
    made = generate(tmp_path, 400, seed, today=TODAY)
    defects = add_defects(tmp_path, seed)
    labels = Counter((one.file, one.line, one.code) for one in defects)
    district = District(
        name="Anywhere",
        sftp=Sftp(
            host="sftp.example.org",
            username="anywhere",
            password_env="ANYWHERE",
            host_key="ssh-ed25519 AAAA",
            folder="/exports",
        ),
        sites=made.sites,
        attendance=Attendance(alert_codes=ALERT_CODES, other_codes=OTHER_CODES),
    )
    received = {name: Received(tmp_path / name) for name in BY_FILE_NAME}
    assert worth_saying(check_drop(received, district=district)) == labels

    without_settings = Counter(
        (one.file, one.line, one.code) for one in defects if one.needs != "settings"
    )
    assert worth_saying(validate(tmp_path)) == without_settings
    assert without_settings.total() == labels.total() - 6


@pytest.mark.parametrize("students", [1_000, 100_000])
def test_a_clean_district_raises_nothing_above_info(tmp_path: Path, students: int) -> None:
    made = generate(tmp_path, students, 7, today=TODAY)
    report = validate(tmp_path)
    assert worth_saying(report) == Counter()
    assert report.verdict == "accepted"
    accepted = {name: export.accepted for name, export in report.exports.items()}
    assert accepted == made.counts
