"""The attendance job through Dagster: who is listed, refused or held; what a dry run touches."""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from connect_pipeline import alarms
from connect_pipeline.attendance import statements
from connect_pipeline.attendance.day import AttendanceDay
from connect_pipeline.contract import ATTENDANCE, STUDENTS
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.launch import Finished
from connect_pipeline.ledger import stamp
from connect_pipeline.ledger.tables import holds
from connect_pipeline.orchestration.names import ATTENDANCE_ALERTS
from connect_pipeline.published import (
    ABSENCE_LIST,
    ATTENDANCE_TABLES,
    CLEARED_LIST,
    ROSTER_TABLES,
    open_published,
)
from connect_pipeline.rules.rule import with_header
from connect_pipeline.run import attendance_steps, lifecycle
from connect_pipeline.run.attendance_steps import AttendanceSteps
from connect_pipeline.run.retention import purge
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.settings_file import load_settings
from connect_pipeline_tests.faults.absences import list_absences
from connect_pipeline_tests.our_clock import set_clock
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home, without_rows

ALERTS = {"enabled": True, "alert_codes": ["A", "U"], "other_codes": ["E"], "absent_floor": 3}


@pytest.fixture(scope="module")
def first_night(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """The small district with attendance, published once."""
    folder = tmp_path_factory.mktemp("first-night")
    home = small_home(server, folder, attendance=ALERTS, timezone="UTC")
    assert home.run().outcome == "published"
    return home


def day(days_ago: int = 0) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days_ago):%m/%d/%y}"


def absences(*rows: str) -> dict[str, str]:
    return {ATTENDANCE.file_name: with_header(ATTENDANCE, *rows)}


def recipients(home: SmallHome) -> list[tuple[str, str, list[str]]]:
    with open_published(home.home.attendance(NAME)) as published:
        return published.execute(
            "SELECT channel, destination, student_ids FROM attendance.recipients ORDER BY ALL"
        ).fetchall()


def lists(home: SmallHome) -> list[Path]:
    return sorted(home.home.outbox(NAME).glob("*.csv"))


def test_siblings_are_one_entry_and_nobody_is_told_twice(home: SmallHome) -> None:
    today = day()
    siblings = [f"102,004,0,A,,{today}", f"102,005,0,U,,{today}"]
    home.upload(absences(*siblings, f"101,001,1,E,,{today}"))
    first = home.run(ATTENDANCE_ALERTS)
    assert (first.outcome, first.exit_code) == ("listed", 0)
    made = home.materialized(first.run_id)
    assert {"attendance_export", "absence_records", "absences", "recipients"} < made.keys()
    assert all(one["seconds"] > 0 for one in made.values())
    assert recipients(home) == [("voice", "+12015550114", ["004", "005"])]
    assert len(lists(home)) == 1

    home.upload(absences(*reversed(siblings), f"101,003,2,A,,{today}"))
    assert list_absences(home).outcome == "listed"
    assert [row[1:] for row in recipients(home)] == [
        ("jin@example.com", ["003"]),
        ("+12015550113", ["003"]),
        ("+12015550113", ["003"]),
        ("+12015550114", ["004", "005"]),
    ]
    assert list_absences(home).outcome == "nothing_new"
    assert len(lists(home)) == 2


def test_a_file_that_changes_before_its_list_is_made_tells_nobody(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.upload(absences(f"102,004,0,A,,{day()}"))
    other = absences(f"101,003,2,A,,{day()}", f"101,001,1,E,,{day()}")
    account = AttendanceSteps.account

    def meanwhile(steps: AttendanceSteps) -> tuple[dict[str, int], bool]:
        home.upload(other)
        return account(steps)

    with monkeypatch.context() as patch:
        patch.setattr(AttendanceSteps, "account", meanwhile)
        assert home.run(ATTENDANCE_ALERTS).outcome == "failed:3"
    assert lists(home) == []
    assert list_absences(home).outcome == "listed"
    assert {student for *_, students in recipients(home) for student in students} == {"003"}


def test_the_absences_are_exported_and_disclosed_too(home: SmallHome, tmp_path: Path) -> None:
    home.upload(absences(f"102,004,0,A,,{day()}", "=101,002,1"))
    assert home.run(ATTENDANCE_ALERTS).outcome == "listed"
    assert home.command_here("export", NAME, str(tmp_path), "--format", "csv").returncode == 0
    disclosed = json.loads((tmp_path / "disclosure.json").read_text())["tables"]
    assert disclosed.keys() == {table.exported for table in (*ROSTER_TABLES, *ATTENDANCE_TABLES)}
    assert disclosed["attendance.recipients"]["rows"] == 1
    written = {path.stem for path in tmp_path.glob("*.csv")}
    assert written == {name.replace(".", "_") for name in disclosed}
    with (tmp_path / "attendance_quality_quarantine.csv").open(newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == ["'=101,002,1"]
    night = (tmp_path / "quality_quarantine.csv").read_text()
    assert (ATTENDANCE.file_name in night, disclosed["quality.quarantine"]["rows"]) == (False, 0)


def wrong_with_the_file(home: SmallHome) -> tuple[list[Any], list[Any]]:
    with open_published(home.home.attendance(NAME)) as published:
        findings = published.execute("FROM quality.findings").fetchall()
        return findings, published.execute("FROM quality.quarantine").fetchall()


def test_what_was_wrong_with_the_last_file_is_published(
    first_night: SmallHome, tmp_path: Path
) -> None:
    """And nothing of one that was refused; a file that is in order leaves nothing of the others."""
    home = first_night.copy(tmp_path / "home")
    good, unknown = f"101,001,1,A,,{day()}", f"101,777,1,A,,{day()}"
    home.upload(absences(good, "101,002,1", unknown))
    run = list_absences(home)
    assert run.outcome == "listed"
    findings, quarantine = wrong_with_the_file(home)
    assert quarantine == [
        (ATTENDANCE.file_name, 3, "wrong_field_count", "101,002,1"),
        (ATTENDANCE.file_name, 4, "unknown_student", unknown),
    ]
    assert {(line, code, record_id) for _, line, record_id, _, code, *_ in findings} == {
        (3, "wrong_field_count", None),
        (4, "unknown_student", "777"),
    }
    stored = {(one.severity.value, one.message) for source in run.report.sources for one in source}
    assert {row[5:] for row in findings} == stored

    home.upload(absences("101,003,1", f"101,002,1,A,,{day(1)}"))
    assert list_absences(home).outcome == "blocked"
    assert wrong_with_the_file(home) == (findings, quarantine)
    home.upload(absences(good, *(f"102,00{student},0,A,,{day()}" for student in (4, 5, 6)), "101"))
    assert list_absences(home).outcome == "held"
    assert wrong_with_the_file(home) == (findings, quarantine)

    home.upload(absences(good))
    assert list_absences(home).outcome == "nothing_new"
    assert wrong_with_the_file(home) == ([], [])


def test_a_file_of_another_day_is_refused(home: SmallHome) -> None:
    home.upload(absences(f"102,004,0,A,,{day(1)}"))
    run = list_absences(home)
    assert run.outcome == "blocked"
    assert run.report.counts()["stale_file"] == 1
    assert lists(home) == []


@pytest.mark.parametrize(
    ("file", "codes", "outcome"),
    [
        ("School,Student,Period,Absence.code\n101,001,1,A\n", {"column_vanished": 1}, "held"),
        (
            with_header(ATTENDANCE, *(f"101,001,{n},E,," for n in range(3))),
            {"column_emptied": 1},
            "held",
        ),
        (with_header(ATTENDANCE, "101,001,1,A,,"), {}, "listed"),
    ],
)
def test_a_file_that_has_lost_its_dates_is_held(
    home: SmallHome, file: str, codes: dict[str, int], outcome: str
) -> None:
    """Absences of other days would be told as today's."""
    home.upload(absences(f"102,004,0,A,,{day()}"))
    assert list_absences(home).outcome == "listed"
    home.upload({ATTENDANCE.file_name: file})
    run = list_absences(home)
    assert {
        code: n for code, n in run.report.counts().items() if code.startswith("column_")
    } == codes
    assert run.outcome == outcome


def test_codes_that_the_sis_has_renamed_are_held(home: SmallHome) -> None:
    """All codes are listed in the settings, and nobody would be told of these."""
    rows = [f"{school},00{n},0,UNX,,{day()}" for n, school in SCHOOL_OF[:3]]
    home.upload(absences(*rows, f"102,006,0,E,,{day()}"))
    run = list_absences(home)
    assert (run.outcome, run.report.counts()["unknown_absence_code"]) == ("held", 3)
    home.upload(absences(*rows[:1], f"102,006,0,E,,{day()}", f"102,005,0,A,,{day()}"))
    assert list_absences(home).outcome == "listed"


def test_a_row_without_a_date_may_contradict_one_with_it(home: SmallHome) -> None:
    """The first line wins, and excuses 004: that is said."""
    home.upload(absences("102,004,0,E,,", f"102,004,0,A,,{day()}", f"102,005,0,A,,{day()}"))
    run = list_absences(home)
    assert (run.outcome, run.report.counts()) == ("listed", {"conflicting_duplicate": 1})
    assert {child for row in recipients(home) for child in row[2]} == {"005"}


def test_a_small_file_of_none_but_unknown_students_is_held(home: SmallHome) -> None:
    """Three rows whose IDs a spreadsheet took the zeros from: nobody would be told of them."""
    home.upload(absences(*(f"{school},{n},0,A,,{day()}" for n, school in SCHOOL_OF[:3])))
    run = list_absences(home)
    assert (run.outcome, run.report.counts()) == ("held", {"unknown_student": 3})
    assert home.command_here("approve", NAME).returncode == 0
    assert list_absences(home).outcome == "nothing_new"


def test_a_code_is_known_at_the_schools_that_have_it(home: SmallHome) -> None:
    home.write_settings(attendance={**ALERTS, "school_alert_codes": {" 102 ": ["T "]}})
    home.upload(absences(f"102,004,0,T,,{day()}", f"101,001,1,T,,{day()}", f"102,005,0,A,,{day()}"))
    run = list_absences(home)
    assert (run.outcome, run.report.counts()) == ("listed", {"unknown_absence_code": 1})
    assert {child for row in recipients(home) for child in row[2]} == {"004"}


def test_an_absent_school_is_held_until_an_operator_approves(home: SmallHome) -> None:
    home.upload(absences(*(f"102,00{n},0,A,,{day()}" for n in (4, 5, 6))))
    held = list_absences(home)
    assert held.outcome == "held"
    assert held.report.counts()["mass_absence"] == 1
    assert lists(home) == []
    assert dry_run(home)["held: mass_absence"] == 1
    state = json.loads(home.command_here("status", NAME, "--json").stdout)[NAME]
    absent = {"school": "102", "absent": 3, "students": 3}
    assert state["holds"][0]["preview"]["absent"] == [absent]
    assert "Who is absent" in home.command_here("status", NAME).stdout

    assert home.command_here("approve", NAME).returncode == 0
    shown = dry_run(home)
    assert (shown["students"], [one for one in shown if one.startswith("held")]) == (3, [])
    assert list_absences(home).outcome == "listed"
    assert {child for row in recipients(home) for child in row[2]} == {"004", "005", "006"}


def test_who_decides_on_absences_decides_on_no_held_night(home: SmallHome) -> None:
    home.upload(absences(*(f"102,00{n},0,A,,{day()}" for n in (4, 5, 6))))
    assert list_absences(home).outcome == "held"
    students = home.read(STUDENTS.file_name)
    home.upload({STUDENTS.file_name: without_rows(students, "001", "002", "003", "004", "005")})
    assert home.run().outcome == "held"

    assert home.command_here("discard", NAME, "--job", "nightly").returncode == 2
    unclear = home.command_here("approve", NAME)
    assert unclear.returncode == 2
    assert "`--job core` or `--job attendance`" in unclear.stderr
    assert [row["state"] for row in home.holds()] == ["held", "held"]
    said = home.command_here("status", NAME).stdout
    assert f"approve {NAME} --job attendance" in said
    assert "AttendanceExport.csv: Schools with more students absent" in said

    assert home.command_here("approve", NAME, "--job", "attendance").returncode == 0
    states = {row["job"]: row["state"] for row in home.holds()}
    assert states == {"attendance": "approved", "core": "held"}
    assert home.command_here("approve", NAME, "--job", "attendance").returncode == 2
    assert list_absences(home).outcome == "listed"
    assert home.command_here("discard", NAME).returncode == 0


def test_an_approval_of_absences_is_of_its_day(home: SmallHome) -> None:
    home.upload(absences(*(f"102,00{n},0,A,," for n in (4, 5, 6))))
    assert list_absences(home).outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    with home.ledger.transaction() as connection:
        yesterday = stamp(datetime.now(UTC) - timedelta(days=1))
        connection.execute(sa.update(holds).values(held_at=yesterday))
    assert list_absences(home).outcome == "held"
    assert lists(home) == []


def test_what_is_decided_of_absences_is_of_its_day(home: SmallHome) -> None:
    """Without dates the same bytes are tomorrow's absences tomorrow."""
    home.upload(absences(*(f"102,00{n},0,A,," for n in (4, 5, 6))))
    assert list_absences(home).outcome == "held"
    yesterday = stamp(datetime.now(UTC) - timedelta(days=1))
    with home.ledger.transaction() as connection:
        connection.execute(sa.update(holds).values(held_at=yesterday))
    assert list_absences(home).outcome == "held"
    assert home.command_here("discard", NAME).returncode == 0
    assert list_absences(home).outcome == "discarded"
    with home.ledger.transaction() as connection:
        connection.execute(sa.update(holds).values(held_at=yesterday))
    assert list_absences(home).outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    assert list_absences(home).outcome == "listed"


def test_an_approval_ends_at_midnight_there_and_not_in_utc(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was approved in the evening, when the next day had begun in UTC, is of that evening."""
    home.write_settings(timezone="America/Los_Angeles")
    text = absences(*(f"102,00{n},0,A,," for n in (4, 5, 6)))
    evening = datetime(2026, 10, 7, 3, tzinfo=UTC)
    outcomes = []
    for moment in (evening, evening + timedelta(hours=3.9), evening + timedelta(hours=4.1)):
        set_clock(monkeypatch, moment)
        home.upload(text)
        os.utime(home.drop / ATTENDANCE.file_name, (moment.timestamp(),) * 2)
        outcomes.append(list_absences(home).outcome)
        if moment == evening:
            assert home.command_here("approve", NAME).returncode == 0
    assert outcomes == ["held", "listed", "held"]


def test_discarded_absences_stay_discarded_when_nothing_holds_them_any_more(
    home: SmallHome,
) -> None:
    home.upload(absences(*(f"102,00{n},0,A,,{day()}" for n in (4, 5, 6))))
    assert list_absences(home).outcome == "held"
    assert home.command_here("discard", NAME).returncode == 0
    home.write_settings(attendance={"enabled": True, "max_absent_share": 1.0})
    assert dry_run(home)["discarded"] == 1
    assert list_absences(home).outcome == "discarded"
    assert lists(home) == []


SCHOOL_OF = ((1, 101), (2, 101), (4, 102), (5, 102), (6, 102))


@pytest.mark.parametrize(("students", "outcome"), [(5, "held"), (4, "listed")])
def test_the_file_of_another_day_is_held_if_it_has_no_dates(
    home: SmallHome, students: int, outcome: str
) -> None:
    home.write_settings(attendance={"enabled": True, "max_absent_share": 1.0})
    rows = [f"{school},00{n},0,A,," for n, school in SCHOOL_OF[:students]]
    home.upload(absences(*rows))
    yesterday = time.time() - 24 * 3600
    os.utime(home.drop / ATTENDANCE.file_name, (yesterday, yesterday))
    assert list_absences(home).outcome == "blocked"
    home.upload(absences(*rows))
    run = list_absences(home)
    assert (run.outcome, lists(home) == []) == (outcome, outcome == "held")
    if outcome == "held":
        assert run.report.counts()["file_of_another_day"] == 1
        assert dry_run(home)["held: file_of_another_day"] == 1
        assert home.command_here("approve", NAME).returncode == 0
        assert list_absences(home).outcome == "listed"


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), timedelta(hours=7)], ids=str)
def test_a_file_of_yesterday_is_none_of_today_when_a_server_that_is_ahead_says_so(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    """By our clock the time that it has is still to come when it is received, and not next day."""
    midnight = datetime(2026, 10, 7, tzinfo=UTC)
    uploaded = midnight - timedelta(minutes=10)
    home.upload(absences("102,004,0,A,,", "101,001,1,A,,"))
    os.utime(home.drop / ATTENDANCE.file_name, ((uploaded + ahead).timestamp(),) * 2)
    set_clock(monkeypatch, uploaded + timedelta(minutes=1))
    assert list_absences(home).outcome == "listed"
    set_clock(monkeypatch, midnight + timedelta(hours=9.5))
    run = list_absences(home)
    assert (run.outcome, run.report.counts()["stale_file"]) == ("blocked", 1)
    assert len(lists(home)) == 1


def test_the_file_of_another_day_is_todays_if_it_says_so(home: SmallHome) -> None:
    """As an export may be written the evening before, for what is known already."""
    home.write_settings(attendance={"enabled": True, "max_absent_share": 1.0})
    text = absences(*(f"{school},00{n},0,A,,{day()}" for n, school in SCHOOL_OF))
    home.upload(text)
    yesterday = time.time() - 24 * 3600
    os.utime(home.drop / ATTENDANCE.file_name, (yesterday, yesterday))
    assert list_absences(home).outcome == "listed"


def test_periods_that_no_schedule_has_are_held(home: SmallHome) -> None:
    rows = [f"101,00{n},0{p},A,,{day()}" for n in (1, 2, 3) for p in (1, 2)]
    home.upload(absences(*rows))
    assert dry_run(home)["held: period_not_in_schedule"] == 6
    assert list_absences(home).outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    outcomes = [list_absences(home).outcome for _ in range(2)]
    assert outcomes == ["listed", "nothing_new"], "nobody is asked again for what was listed"


def test_an_unknown_student_is_accounted_for(home: SmallHome) -> None:
    rows = [f"102,004,0,A,,{day()}", f"102,999,0,A,,{day()}"]
    home.upload(absences(*rows))
    assert list_absences(home).outcome == "listed"
    with open_published(home.home.attendance(NAME)) as published:
        fates = published.execute(
            "SELECT student_id, status, reason FROM attendance.accounting ORDER BY ALL"
        ).fetchall()
    assert fates == [("004", "listed", None), ("999", "suppressed", "unknown_student")]


def test_a_file_of_none_but_unknown_students_is_accounted_for(home: SmallHome) -> None:
    home.upload(absences(f"102,999,0,A,,{day()}"))
    run = list_absences(home)
    assert (run.outcome, run.report.counts()) == ("nothing_new", {"unknown_student": 1})
    with open_published(home.home.attendance(NAME)) as published:
        fates = published.execute("SELECT student_id, reason FROM attendance.accounting").fetchall()
    assert fates == [("999", "unknown_student")]


def test_a_file_of_which_a_part_is_gone_is_held_each_time(home: SmallHome) -> None:
    rows = [f"{school},00{n},0,A,,{day()}" for n, school in SCHOOL_OF]
    home.write_settings(attendance={**ALERTS, "max_absent_share": 1.0})
    home.upload(absences(*rows))
    assert list_absences(home).outcome == "listed"
    home.upload(absences(*rows[:2]))
    assert dry_run(home)["held: mass_cleared"] == 1
    held = list_absences(home)
    assert (held.outcome, held.report.counts()["mass_cleared"]) == ("held", 1)
    assert not (home.home.outbox(NAME) / "cleared").exists()
    assert home.command_here("approve", NAME).returncode == 0
    approved = list_absences(home)
    assert approved.outcome == "nothing_new"
    (cleared,) = (home.home.outbox(NAME) / "cleared").glob("*.csv")
    assert f"cleared/{cleared.name}" in approved.message, "the list is said where runs are read"
    (listed,) = home.home.outbox(NAME).glob("*.csv")
    for file, described in ((listed, ABSENCE_LIST), (cleared, CLEARED_LIST)):
        columns = [column.name for column in described.columns]
        assert file.read_text().splitlines()[0].split(",") == columns
    approved.fail(EnvironmentFault("The disk is full."))
    assert (approved.message, approved.done) == ("The disk is full.", "nothing_new")

    assert home.command_here("discard", NAME).returncode == 2, "it has been gone on with"
    assert list_absences(home).outcome == "nothing_new"
    home.upload(absences(*rows))
    assert list_absences(home).outcome == "nothing_new"
    home.upload(absences(*rows[:2]))
    assert list_absences(home).outcome == "held", "the approval was of another change"


def test_without_its_ledger_a_published_day_tells_nobody_twice(home: SmallHome) -> None:
    """Also when the sender has taken its lists out of the outbox."""
    home.upload(absences(f"102,004,0,A,,{day()}"))
    assert list_absences(home).outcome == "listed"
    for path in [*home.home.outbox(NAME).iterdir(), *home.home.root.glob("ledger.db*")]:
        path.unlink()
    assert home.run().outcome == "published"
    assert home.run(ATTENDANCE_ALERTS).outcome == "failed:3"
    assert lists(home) == []


def test_a_file_that_is_suddenly_empty_is_said(home: SmallHome) -> None:
    """It is lawful: nobody is absent. But an export may have selected nothing by mistake."""
    home.upload(absences())
    assert list_absences(home).report.counts() == {}
    home.upload(absences(f"102,004,0,A,,{day()}"))
    assert list_absences(home).outcome == "listed"
    home.upload({ATTENDANCE.file_name: with_header(ATTENDANCE).rstrip("\n")})
    cut_off = list_absences(home)
    assert (cut_off.outcome, cut_off.report.counts()) == (
        "held",
        {"no_data_rows": 1, "no_final_line_end": 1},
    )
    home.upload(absences())
    emptied = list_absences(home)
    assert (emptied.outcome, emptied.report.counts()) == ("nothing_new", {"no_data_rows": 1})


def test_a_file_that_is_empty_on_a_day_without_school_is_none_to_look_at(home: SmallHome) -> None:
    home.upload(absences(f"102,004,0,A,,{day()}"))
    assert list_absences(home).outcome == "listed"
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    home.write_settings(attendance={**ALERTS, "no_school": [today]})
    home.upload(absences())
    assert list_absences(home).report.counts() == {}


def test_a_few_unknown_students_or_half_of_them_hold_nothing(home: SmallHome) -> None:
    known = [f"101,00{n},{period},E,,{day()}" for n in (1, 2, 3) for period in (1, 2)]
    unknown = [f"102,99{n},0,A,,{day()}" for n in range(3)]
    for rows in ([*known, *unknown], [*known[:3], *unknown]):
        home.upload(absences(*rows))
        assert list_absences(home).outcome == "nothing_new"


def test_repeats_of_unknown_students_are_no_majority(home: SmallHome) -> None:
    """Each of two teachers reports each absence; and each absent student is accounted for once."""
    known = [f"101,00{n},1,E,,{day()}" for n in (1, 2, 3)]
    unknown = [f"102,99{n},0,A,,{day()}" for n in range(2)]
    home.upload(absences(*known * 2, *unknown * 2))
    run = list_absences(home)
    assert (run.outcome, run.report.counts()["unknown_student"]) == ("nothing_new", 4)
    with open_published(home.home.attendance(NAME)) as published:
        fates = published.execute(
            "SELECT reason, count(*) FROM attendance.accounting GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert fates == [("code_does_not_alert", 3), ("unknown_student", 2)]


def test_unlisted_codes_hold_nothing_where_the_settings_list_no_others(home: SmallHome) -> None:
    home.write_settings(attendance={"enabled": True})
    home.upload(absences(*(f"101,00{n},1,UNX,,{day()}" for n in (1, 2, 3))))
    assert list_absences(home).outcome == "nothing_new"


def test_later_files_of_the_day_with_rows_are_nothing_odd(home: SmallHome) -> None:
    """And two lists may have one destination, each for another child."""
    first, second = f"102,004,0,A,,{day()}", f"102,005,0,A,,{day()}"
    for rows in ([first], [first, second]):
        home.upload(absences(*rows))
        run = home.run(ATTENDANCE_ALERTS)
        assert (run.outcome, failed_checks(run, home)) == ("listed", set())
    assert len(lists(home)) == 2


def test_a_dry_run_of_a_discarded_file_says_so_and_no_more(home: SmallHome) -> None:
    home.upload(absences(*(f"102,00{n},0,A,,{day()}" for n in (4, 5, 6))))
    assert list_absences(home).outcome == "held"
    assert home.command_here("discard", NAME).returncode == 0
    shown = dry_run(home)
    assert shown["discarded"] == 1
    assert not [what for what in shown if what.startswith("held")]


def test_a_dry_run_of_another_days_file_is_refused_as_its_run_would_be(home: SmallHome) -> None:
    home.upload(absences(f"102,004,0,A,,{day(3)}"))
    shown = home.command_here("alerts", NAME, "--dry-run", "--json")
    assert shown.returncode == 1
    (said,) = json.loads(shown.stdout).values()
    assert said.keys() == {"error"}
    assert "No row of this" in said["error"]
    assert "Export today's absences" in said["error"]


def test_a_dry_run_counts_and_touches_nothing(home: SmallHome) -> None:
    home.upload(absences(f"102,004,0,A,,{day()}"))
    before = {path: path.read_bytes() for path in home.home.root.rglob("*") if path.is_file()}
    counts = dry_run(home)
    assert (counts["voice"], counts["students"], counts["absent, listed"]) == (1, 1, 1)
    after = {path: path.read_bytes() for path in home.home.root.rglob("*") if path.is_file()}
    assert after == before
    assert list_absences(home).outcome == "listed"


def test_nobody_is_listed_where_attendance_is_off(home: SmallHome) -> None:
    home.write_settings(attendance={"enabled": False})
    refused = home.command_here("alerts", NAME)
    assert refused.returncode == 2
    assert "attendance.enabled is off" in refused.stderr


def dry_run(home: SmallHome) -> dict[str, int]:
    """What `alerts --dry-run` says. It ends as `alerts` would."""
    shown = home.command_here("alerts", NAME, "--dry-run", "--json")
    counts: dict[str, int] = json.loads(shown.stdout)[NAME]
    stopped = any(what == "discarded" or what.startswith("held: ") for what in counts)
    assert shown.returncode == int(stopped)
    return counts


def failed_checks(run: Finished, home: SmallHome) -> set[str]:
    """The asset checks of a run that did not pass, as Dagster recorded them."""
    with home.here(), dg.DagsterInstance.get() as instance:
        records = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    evaluations = [one.event_log_entry.asset_check_evaluation for one in records]
    return {one.check_name for one in evaluations if one is not None and not one.passed}


def test_the_checks_can_fail(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home.upload(absences(f"102,004,0,A,,{day(1)}"))
    assert failed_checks(home.run(ATTENDANCE_ALERTS), home) == {"file_is_of_today"}

    # Our own bug, which no file can cause.
    sums = "SELECT true AS one_sum, $arrival_date::DATE IS NULL AS another_sum"
    text = statements.statement
    monkeypatch.setattr(
        statements,
        "statement",
        lambda package, name: sums if name == "balance" else text(package, name),
    )
    home.upload(absences(f"102,004,0,A,,{day()}"))
    run = home.run(ATTENDANCE_ALERTS)
    assert (run.outcome, run.exit_code) == ("failed:3", 3)
    assert "does not balance (another_sum)" in run.message
    assert failed_checks(run, home) == {"everyone_is_accounted_for"}
    assert lists(home) == []


def test_a_destination_that_is_twice_in_a_batch_fails_its_check(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is our own bug, too, and nobody gets two messages for it."""
    text = statements.statement
    monkeypatch.setattr(
        statements,
        "statement",
        lambda package, name: text(package, name).replace(
            "FROM counted\nLEFT", "FROM counted CROSS JOIN range(2)\nLEFT"
        ),
    )
    home.upload(absences(f"102,004,0,A,,{day()}"))
    run = home.run(ATTENDANCE_ALERTS)
    assert (run.outcome, run.exit_code) == ("failed:3", 3)
    assert "1 destinations are twice in the list" in run.message
    assert failed_checks(run, home) == {"no_destination_twice"}
    assert lists(home) == []
    monkeypatch.undo()
    assert home.run(ATTENDANCE_ALERTS).outcome == "listed", "nobody was taken for told"


def test_a_run_goes_by_the_settings_that_there_are_when_it_has_waited(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day without school that was named meanwhile ends the lists to come."""
    home.upload(absences(f"102,004,0,A,,{day()}"))
    locked = lifecycle.locked

    @contextmanager
    def after_waiting(*arguments: Any) -> Iterator[None]:
        with locked(*arguments):
            home.write_settings(
                attendance={**ALERTS, "no_school": [f"{datetime.now(UTC):%Y-%m-%d}"]}
            )
            yield

    monkeypatch.setattr(lifecycle, "locked", after_waiting)
    home.run(ATTENDANCE_ALERTS)
    assert lists(home) == []


def test_a_run_over_midnight_lists_nobody(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its absences are of another day by then."""
    home.upload(absences(f"102,004,0,A,,{day()}"))
    with monkeypatch.context() as tomorrow:
        tomorrow.setattr(attendance_steps, "now", lambda: datetime.now(UTC) + timedelta(days=1))
        run = home.run(ATTENDANCE_ALERTS)
    assert (run.outcome, lists(home)) == ("failed:3", [])
    assert "the day was over before its list could be made" in run.message
    assert home.run(ATTENDANCE_ALERTS).outcome == "listed"


def test_a_list_that_is_out_is_said_also_when_what_follows_it_fails(
    first_night: SmallHome, tmp_path: Path
) -> None:
    """Else the sender has it, and the operator reads that nobody was listed."""
    home = first_night.copy(tmp_path / "home")
    ana, ben = f"101,001,1,A,,{day()}", f"101,002,1,A,,{day()}"
    home.upload(absences(ana))
    assert list_absences(home).outcome == "listed"
    in_the_way = home.home.outbox(NAME) / "cleared"
    in_the_way.write_text("")
    home.upload(absences(ben))
    run = list_absences(home)
    assert (run.outcome, run.done) == ("failed:3", "listed"), run.message
    assert len(list(home.home.outbox(NAME).glob("*.csv"))) == 2
    in_the_way.unlink()
    assert list_absences(home).outcome == "nothing_new"
    assert len(list(in_the_way.glob("*.csv"))) == 1, "whose message does not stand any more"


def test_the_last_day_of_absences_loses_its_rows_at_its_age(
    first_night: SmallHome, tmp_path: Path
) -> None:
    """No other takes its place in summer; and what it says of its dates is still asked."""
    home = first_night.copy(tmp_path / "home")
    home.write_settings(attendance=ALERTS, keep={"attendance_days": 30})
    home.upload(absences(f"101,001,1,A,,{day()}"))
    assert list_absences(home).outcome == "listed"
    settings = load_settings(home.home.settings_file).district(NAME)
    gone = [
        purge(home.home, home.ledger, NAME, settings, datetime.now(UTC) + timedelta(days=days))
        for days in (29, 32, 60)
    ]
    assert [one["attendance"] for one in gone] == [0, 1, 0]
    with open_published(home.home.attendance(NAME)) as published:
        for table in ("absences", "accounting", "recipients"):
            assert published.execute(f"FROM attendance.{table}").fetchall() == []
    without = with_header(ATTENDANCE, *["101,001,1,A,"] * 6, columns=ATTENDANCE.column_names[:-1])
    home.upload({ATTENDANCE.file_name: without})
    run = list_absences(home)
    assert (run.outcome, "column_vanished" in run.report.counts()) == ("held", True)


def test_a_list_is_too_late_by_the_time_at_which_it_is_made(
    first_night: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that began in time may have waited for a slow server."""
    home = first_night.copy(tmp_path / "home")
    home.write_settings(attendance={**ALERTS, "send_at": ["12:00"]})
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    set_clock(monkeypatch, noon - timedelta(seconds=5))
    account = AttendanceDay.build_accounting

    def slowly(of_day: AttendanceDay) -> dict[str, int]:
        set_clock(monkeypatch, noon + timedelta(seconds=5))
        return account(of_day)

    monkeypatch.setattr(AttendanceDay, "build_accounting", slowly)
    home.upload(absences(f"101,001,1,A,,{noon:%m/%d/%y}"))
    early = (noon - timedelta(hours=1)).timestamp()
    os.utime(home.drop / ATTENDANCE.file_name, (early, early))
    assert list_absences(home).outcome == "listed"
    (manifest,) = home.home.outbox(NAME).glob("*.json")
    assert json.loads(manifest.read_text())["missed_send_time"] == "12:00"


# -- after an outage of ours -----------------------------------------------------------------------


@pytest.fixture
def evening(
    first_night: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[SmallHome, Callable[..., str]]:
    """A district that sends at 10:00 and 17:30, whose morning of yesterday is listed.

    And its runs: at these hours, counted from yesterday's midnight.
    """
    home = first_night.copy(tmp_path / "home")
    home.write_settings(attendance={**ALERTS, "send_at": ["10:00", "17:30"]})
    yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )

    def run_at(
        hours: float, *rows: str, uploaded: float | None = None, due: float | None = None
    ) -> str:
        if uploaded is not None:
            moment = yesterday + timedelta(hours=uploaded)
            home.upload(absences(*(f"{row},,{moment:%m/%d/%y}" for row in rows)))
            os.utime(home.drop / ATTENDANCE.file_name, (moment.timestamp(), moment.timestamp()))
        set_clock(monkeypatch, yesterday + timedelta(hours=hours))
        deadline = None if due is None else yesterday + timedelta(hours=due)
        return list_absences(home, deadline).outcome

    assert run_at(9, "101,001,1,A", uploaded=8.9) == "listed"
    return home, run_at


def causes(home: SmallHome) -> dict[str, dict[str, int]]:
    return {row["cause"]: row["codes"] for row in alarms.open_alarms(home.ledger)}


def test_a_list_that_misses_the_sending_of_its_file_is_told_of(
    evening: tuple[SmallHome, Callable[..., str]],
) -> None:
    """We were down until then."""
    home, run_at = evening
    assert run_at(18.5, "101,001,1,A", "102,004,0,A", uploaded=16.7) == "listed"
    assert causes(home) == {"late": {"minutes_late": 60}}
    assert home.ledger.runs_of(NAME, 1)[0]["message"] == (
        f"{NAME}: listed 60 min after the sending at 17:30, which the file was in time for. Ask the"
        " sender whether it takes the list now."
    )
    assert run_at(18.6) == "nothing_new"
    assert set(causes(home)) == {"late"}, "nobody has asked yet"
    assert run_at(33, "101,001,1,A", uploaded=32.9) == "listed"
    assert causes(home) == {}


def test_a_list_whose_file_missed_the_sending_is_late_by_the_districts_doing(
    evening: tuple[SmallHome, Callable[..., str]],
) -> None:
    home, run_at = evening
    assert run_at(18.5, "101,001,1,A", "102,004,0,A", uploaded=18.4) == "listed"
    assert causes(home) == {}


def test_whom_new_settings_make_one_to_tell_is_not_told_late_by_us(
    evening: tuple[SmallHome, Callable[..., str]],
) -> None:
    """The file was read in time, and an operator has them listed by it after the sending."""
    home, run_at = evening
    assert run_at(16.8, "101,001,1,A", "102,004,0,E", uploaded=16.7) == "nothing_new"
    told = {**ALERTS, "alert_codes": ["A", "E"], "other_codes": [], "send_at": ["17:30"]}
    home.write_settings(attendance=told)
    assert run_at(18.9) == "listed"
    assert causes(home) == {}


def test_a_file_that_nobody_read_on_its_day_is_not_the_districts_fault(
    evening: tuple[SmallHome, Callable[..., str]],
) -> None:
    """We were down from its upload to the next day."""
    home, run_at = evening
    assert run_at(36, "102,004,0,A", uploaded=16.7) == "blocked"
    assert causes(home) == {"late": {"never_listed": 1}}
    message = home.ledger.runs_of(NAME, 1)[0]["message"]
    assert "no run read it on that day" in message
    assert "Export today's absences" not in message
    assert run_at(36.1, due=17) == "blocked"
    assert causes(home) == {"late": {"never_listed": 1}}, "also by the deadline that is made up for"
    assert run_at(36.2, due=33.5) == "blocked"
    assert set(causes(home)) == {"late", "stale"}, "by now today's file is due, too"


@pytest.mark.parametrize(
    ("read", "uploaded"), [(16.8, 16.7), (None, 17.6)], ids=["read", "too late"]
)
def test_a_file_of_another_day_that_we_owe_nothing_is_the_districts(
    evening: tuple[SmallHome, Callable[..., str]], read: float | None, uploaded: float
) -> None:
    home, run_at = evening
    if read is not None:
        assert run_at(read, "102,004,0,A", uploaded=uploaded) == "listed"
    assert run_at(36, "102,004,0,A", uploaded=uploaded) == "blocked"
    assert causes(home) == {"stale": {"stale_file": 1}}
