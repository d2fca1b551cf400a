"""Who is told and who is not, where one child, lesson or file more makes the difference.

Each of these conditions could be left out of the statements without another test's notice.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from connect_pipeline.attendance import hold
from connect_pipeline.attendance.day import CLERKS_LIST
from connect_pipeline.attendance.roster_state import state_of_roster
from connect_pipeline.contract import CORE
from connect_pipeline.ledger import CORE_JOB
from connect_pipeline_tests.attendance_runs import (
    ANA,
    BEN,
    CHO,
    EVA,
    LEO,
    NAME,
    NOON,
    YESTERDAY,
    Runs,
    absence,
    changes,
    channels,
    opt_out,
    school_of,
)
from connect_pipeline_tests.small_roster import write_roster

# -- who is listed -------------------------------------------------------------------------------


def test_who_stays_as_last_published_is_told(tmp_path: Path) -> None:
    """But not who has the ID of two children."""
    runs = Runs.at(tmp_path, [ANA, BEN])
    with duckdb.connect(str(runs.home.roster(NAME))) as connection:
        connection.execute(
            "INSERT INTO connect.kept (entity, key, reason) VALUES"
            " ('student', '001', 'row_quarantined'), ('student', '002', 'student_id_reused')"
        )
    runs.file([absence("001"), absence("002")])
    assert runs.accounting() == {"001": "listed", "002": "unknown_student"}


def test_a_period_at_two_schools_is_one_period(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA], min_periods=2)
    runs.file([absence("001"), absence("001", school="102")])
    assert runs.accounting() == {"001": "too_few_periods"}


def test_a_further_channel_is_told_at_a_number_that_was_told(tmp_path: Path) -> None:
    """A text and a call have one destination."""
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001")])
    write_roster(runs.home.roster(NAME), [replace(ANA, method="all")])
    runs.file([absence("001")])
    assert {channel for channel, _ in channels(runs)} == {"email", "sms", "voice"}


def test_an_absence_that_stands_twice_has_the_teacher_of_the_first_row(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001", teacher="Kim"), absence("001", teacher="Lee", date="")])
    assert runs.published("SELECT teacher_name FROM attendance.absences") == [("Kim",)]


def test_the_clerk_telephones_nobody_who_opted_out(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [CHO, replace(BEN, contacts=(LEO,))])
    opt_out(runs, "email,leo@example.com", "sms,+12015550112")
    runs.file([absence("002"), absence("003")])
    assert runs.accounting() == {"002": "opted_out", "003": "no_usable_contact"}
    text = (runs.home.reports(NAME) / CLERKS_LIST).read_text()
    assert [line.split(",")[2] for line in text.splitlines()[1:]] == ["003"]


# -- who was told already ------------------------------------------------------------------------


def test_a_message_that_stands_was_listed_wherever_one_may_be_told_now(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001")])
    opt_out(runs, "sms,+12015550111", "email,eva@example.com")
    runs.file([absence("001")])
    assert runs.accounting() == {"001": "already_listed"}
    write_roster(runs.home.roster(NAME), [replace(ANA, contacts=())])
    runs.file([absence("001")])
    assert runs.accounting() == {"001": "already_listed"}
    assert changes(runs) == []


def test_what_is_taken_back_is_not_listed_and_who_opted_out_hears_nothing_new(
    tmp_path: Path,
) -> None:
    runs = Runs.at(tmp_path, [ANA], policy="each_new_period")
    runs.file([absence("001")])
    opt_out(runs, "sms,+12015550111", "email,eva@example.com")
    runs.file([absence("001", "2")])
    assert runs.accounting() == {"001": "opted_out"}
    assert changes(runs) == [{("cleared", "001", "1")}]


@pytest.mark.parametrize("is_of_a_new_period", [True, False])
def test_the_accounting_names_the_last_batch(tmp_path: Path, *, is_of_a_new_period: bool) -> None:
    policy = "each_new_period" if is_of_a_new_period else "once_per_day"
    runs = Runs.at(tmp_path, [ANA], policy=policy)
    rows = [absence("001")]
    runs.file(rows)
    if is_of_a_new_period:
        rows.append(absence("001", "2"))
    else:
        write_roster(runs.home.roster(NAME), [replace(ANA, contacts=(EVA, LEO))])
    second = runs.file(rows)
    assert second is not None
    runs.file(rows)
    assert runs.published("SELECT batch_id FROM attendance.accounting") == [(second.batch_id,)]


# -- what is taken back --------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["once_per_day", "each_new_period"])
def test_one_lesson_of_another_code_takes_no_message_back(tmp_path: Path, policy: str) -> None:
    runs = Runs.at(tmp_path, [ANA], policy=policy, other_codes=("T",))
    runs.file([absence("001"), absence("001", "2")])
    runs.file([absence("001"), absence("001", "2", code="T")])
    assert changes(runs) == []


def test_a_manifest_counts_each_kind_of_change(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN], other_codes=("T",))
    runs.file([absence("001"), absence("002")])
    runs.file([absence("001")])
    runs.file([absence("001", code="T"), absence("002")])
    manifests = sorted((runs.home.outbox(NAME) / "cleared").glob("*.json"))
    said = [json.loads(path.read_text()) for path in manifests]
    counts = [(one["students_no_longer_alerting"], one["students_absent_again"]) for one in said]
    assert counts == [(0, 0), (1, 1)]


def test_a_broken_row_at_a_school_is_about_no_student_with_its_code(tmp_path: Path) -> None:
    """Also a school whose other rows are all broken: the roster knows it."""
    runs = Runs.at(tmp_path, [replace(ANA, student_id="103"), replace(BEN, student_id="55")])
    with duckdb.connect(str(runs.home.roster(NAME))) as connection:
        connection.execute("INSERT INTO connect.school_sites VALUES ('103', '102')")
    runs.file([absence("103"), absence("55")])
    runs.file([absence("999")], quarantined=["103,55,1,A,,today,x"])
    fates = {"999": "unknown_student", "103": "cleared", "55": "already_listed"}
    assert runs.accounting() == fates


# -- what is held or warned of -------------------------------------------------------------------


def test_only_students_and_only_what_alerts_today_make_a_mass_absence(tmp_path: Path) -> None:
    roster, rows = school_of(absent=20, students=50)
    second_periods = [absence(student, "2") for _, student, *_ in rows]
    late = [absence(one.student_id, code="T") for one in roster[20:30]]
    yesterday = [absence(one.student_id, date=YESTERDAY) for one in roster[30:40]]
    for more in (second_periods, late, yesterday):
        day = Runs.at(tmp_path, roster).day([*rows, *more])
        day.build_absences()
        assert hold.emptied_schools(day) == []


@pytest.mark.parametrize(
    ("before", "now", "school"),
    [
        pytest.param(7, 5, "101", id="fewer students"),
        pytest.param(5, 5, "102", id="at another school"),
    ],
)
def test_what_is_not_just_yesterdays_absences_is_another_file(
    tmp_path: Path, before: int, now: int, school: str
) -> None:
    everybody = [replace(ANA, student_id=f"00{n}") for n in range(before)]
    runs = Runs.at(tmp_path, everybody)
    runs.file([absence(one.student_id) for one in everybody])
    runs.now += timedelta(days=1)
    day = runs.day([absence(one.student_id, date="", school=school) for one in everybody[:now]])
    day.build_absences()
    assert hold.absent_by_another_days_file(day) == 0


def test_a_file_without_dates_that_was_listed_has_lost_none(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001")])
    runs.file([absence("001", str(n), date="") for n in range(3)])
    day = runs.day([absence("001", date="")])
    day.build_absences()
    assert not hold.has_lost_its_dates(day)


def test_a_roster_is_as_old_as_the_upload_of_the_files_that_it_was_made_from(
    tmp_path: Path,
) -> None:
    """Whatever came since, and waits for an operator; the oldest of the files counts."""
    ledger = Runs.at(tmp_path, [ANA]).ledger()
    uploaded = {spec.file_name: NOON - timedelta(hours=n) for n, spec in enumerate(CORE)}
    for night, age in (("first", timedelta()), ("held", timedelta(hours=-9))):
        ledger.start_run(night, NAME, CORE_JOB)
        for name, moment in uploaded.items():
            ledger.record_received(NAME, name, f"{night} {name}", 1, moment - age, night)
    exports = {name: {"sha256": f"first {name}"} for name in uploaded}
    ledger.begin_snapshot(NAME, "snapshot", NOON, "first", exports, "set")
    ledger.make_current(NAME, "snapshot")
    ledger.end_run("first", "published", {})
    ledger.end_run("held", "held", {})
    assert state_of_roster(ledger, NAME).uploaded_at == NOON - timedelta(hours=2)


def test_a_held_night_confirms_no_roster(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.now = datetime(2026, 10, 9, 19, 0, tzinfo=UTC)
    ledger = runs.ledger()
    ledger.start_run("night", NAME, CORE_JOB)
    for spec in CORE:
        uploaded = runs.now - timedelta(days=1)
        ledger.record_received(NAME, spec.file_name, "0" * 64, 1, uploaded, "night")
    ledger.end_run("night", "held", {}, "")
    batch = runs.file([absence("001", date="10/09/26")])
    assert batch is not None
    assert batch.warnings == ("roster_is_old",)
