"""Bad nights: each is held or published as a careful person would, and the preview says why."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from connect_pipeline import alarms
from connect_pipeline.contract import BY_FILE_NAME, SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.decisions import Decision, decide
from connect_pipeline.definitions import build_defs
from connect_pipeline.errors import UsageError
from connect_pipeline.ledger import CORE_JOB, now
from connect_pipeline.ledger.tables import holds
from connect_pipeline.orchestration.names import DECIDE_HOLD
from connect_pipeline.process.locks import locked
from connect_pipeline.rules.rule import with_header
from connect_pipeline.run import ending
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.nightly_steps import NightlySteps
from connect_pipeline.sample.district import generate
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.snapshots import roll_back
from connect_pipeline.status.state import district_status
from connect_pipeline_tests.new_homes import give_dagster
from connect_pipeline_tests.small_district import FILES as SMALL
from connect_pipeline_tests.small_district import today
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home

SCHOOL_FILE, STAFF_FILE, STUDENT_FILE, CLASS_FILE = (
    spec.file_name for spec in (SCHOOLS, STAFF, STUDENTS, STAFF_TO_STUDENT)
)
PEOPLE = 90
RELATIONS = ("Primary", "Secondary")

Record = dict[str, str]
Night = dict[str, list[Record]]


@pytest.fixture(scope="module")
def first_night(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """A generated district of 90 students at three schools, published once."""
    folder = tmp_path_factory.mktemp("first-night")
    made = generate(folder / "exports", PEOPLE, 3, today=date(2026, 10, 1))
    files = {
        path.name: path.read_text()
        for path in made.folder.glob("*.csv")
        if path.name != "AttendanceExport.csv"
    }
    home = small_home(server, folder, files, sites=made.sites)
    give_dagster(home.home)
    home.publish()
    return home


# -- nights ------------------------------------------------------------------------------------


def rows_of(home: SmallHome, name: str) -> list[Record]:
    return list(csv.DictReader(io.StringIO(home.read(name))))


def upload(home: SmallHome, name: str, rows: list[Record]) -> None:
    """Upload an export with these rows; no rows is a header only."""
    out = io.StringIO()
    columns = list(rows[0]) if rows else list(BY_FILE_NAME[name].column_names)
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    home.upload({name: out.getvalue()})


def half_the_file(home: SmallHome) -> None:
    rows = rows_of(home, STUDENT_FILE)
    upload(home, STUDENT_FILE, rows[: len(rows) // 2])


def cut_in_a_line(home: SmallHome) -> None:
    text = home.read(STUDENT_FILE)
    home.upload({STUDENT_FILE: text[: len(text) // 2].rpartition(",")[0]})


def header_only(home: SmallHome) -> None:
    upload(home, STUDENT_FILE, [])


def one_school_gone(home: SmallHome) -> None:
    gone = largest_school(home)
    for name in (STAFF_FILE, STUDENT_FILE, CLASS_FILE):
        upload(home, name, [row for row in rows_of(home, name) if row["School"] != gone])


def largest_school(home: SmallHome) -> str:
    schools = [row["School"] for row in rows_of(home, STUDENT_FILE)]
    return max(set(schools), key=schools.count)


def columns_swapped_in_the_header(home: SmallHome) -> None:
    first, _, rest = home.read(STUDENT_FILE).partition("\n")
    names = first.split(",")
    names[6:8] = names[7:5:-1]
    home.upload({STUDENT_FILE: ",".join(names) + "\n" + rest})


def swapping(*pairs: tuple[str, str]) -> Callable[[SmallHome], None]:
    """A night in which the contents of columns are the other way round, under the same header."""

    def night(home: SmallHome) -> None:
        rows = rows_of(home, STUDENT_FILE)
        for row in rows:
            for a, b in pairs:
                row[a], row[b] = row[b], row[a]
        upload(home, STUDENT_FILE, rows)

    return night


contacts_swapped = swapping(
    ("ContactNamePrimary", "ContactNameSecondary"),
    ("ContactPhonePrimary", "ContactPhoneSecondary"),
    ("ContactEmailPrimary", "ContactEmailSecondary"),
)
phones_swapped = swapping(("MobileNumber", "ContactPhonePrimary"))
names_swapped = swapping(("Name.First", "Name.Last"))


def moved_down(how_many: int, *columns: str) -> Callable[[SmallHome], None]:
    """A night in which a spreadsheet moved these columns down a row, in the first `how_many`."""

    def night(home: SmallHome) -> None:
        rows = rows_of(home, STUDENT_FILE)
        above = [dict(row) for row in rows]
        for n in range(how_many):
            for column in columns:
                rows[n][column] = above[(n or how_many) - 1][column]
        upload(home, STUDENT_FILE, rows)

    return night


guardians_moved = moved_down(
    25, *(f"Contact{what}{whose}" for what in ("Name", "Phone", "Email") for whose in RELATIONS)
)
all_guardians_moved = moved_down(PEOPLE, "ContactPhonePrimary", "ContactEmailPrimary")
ids_moved = moved_down(25, "ID")
a_few_ids_moved = moved_down(4, "ID")


def mobile_in_every_phone(home: SmallHome) -> None:
    """The secondary phone holds what the primary one held: no swap, but the same mistake."""
    rows = rows_of(home, STUDENT_FILE)
    for row in rows:
        row["ContactPhoneSecondary"] = row["ContactPhonePrimary"]
    upload(home, STUDENT_FILE, rows)


def no_second_parents(home: SmallHome) -> None:
    """The columns are there, and nothing is in them."""
    rows = rows_of(home, STUDENT_FILE)
    for row in rows:
        for what in ("Name", "Phone", "Email"):
            row[f"Contact{what}Secondary"] = ""
    upload(home, STUDENT_FILE, rows)


def no_second_parents_names(home: SmallHome) -> None:
    rows = rows_of(home, STUDENT_FILE)
    upload(home, STUDENT_FILE, [{**row, "ContactNameSecondary": ""} for row in rows])


def new_term_and_a_row_of_nobody(home: SmallHome) -> None:
    """Every class is another one, and the old ones stay, for the row may be about anybody."""
    rows = rows_of(home, CLASS_FILE)
    upload(
        home, CLASS_FILE, [{**row, "Section_number": f"N{row['Section_number']}"} for row in rows]
    )
    header, _, rest = home.read(CLASS_FILE).partition("\n")
    home.upload({CLASS_FILE: f'{header}\n{rows[0]["School"]},,,1,Alg"ebra,,\n{rest}'})


def no_second_parents_and_a_broken_line(home: SmallHome) -> None:
    """Who is kept has a second parent still, which must not hide that nobody else has."""
    no_second_parents(home)
    lines = home.read(STUDENT_FILE).splitlines()
    two_parents = next(n for n, row in enumerate(rows_of(home, STUDENT_FILE), start=1) if row["ID"])
    lines[two_parents] = lines[two_parents].replace(",", ',x"', 3)
    home.upload({STUDENT_FILE: "\n".join([*lines, ""])})


def class_rows_missing_here_and_there(home: SmallHome) -> None:
    """Every class goes on, and nearly every student has one."""
    upload(home, CLASS_FILE, [row for n, row in enumerate(rows_of(home, CLASS_FILE)) if n % 5 < 3])


def ids_renumbered(home: SmallHome) -> None:
    students = [{**row, "ID": f"9{row['ID']}"} for row in rows_of(home, STUDENT_FILE)]
    classes = [{**row, "Student": f"9{row['Student']}"} for row in rows_of(home, CLASS_FILE)]
    upload(home, STUDENT_FILE, students)
    upload(home, CLASS_FILE, classes)


def ids_renumbered_and_names_spaced(home: SmallHome) -> None:
    ids_renumbered(home)
    rows = rows_of(home, STUDENT_FILE)
    for row in rows:
        row["Name.First"] = " ".join(row["Name.First"].upper())
    upload(home, STUDENT_FILE, rows)


def new_school_year(home: SmallHome, leaves: Callable[[int], bool] = lambda n: n % 4 == 0) -> None:
    """All classes are new, everybody has another grade, and some have left."""
    students = rows_of(home, STUDENT_FILE)
    going = {row["ID"] for n, row in enumerate(students) if leaves(n)}
    next_grade = {"TK": "K", "K": "1", **{str(n): str(n + 1) for n in range(1, 12)}, "12": "12"}
    upload(
        home,
        STUDENT_FILE,
        [
            {**row, "Grade": next_grade.get(row["Grade"], row["Grade"])}
            for row in students
            if row["ID"] not in going
        ],
    )
    upload(
        home,
        CLASS_FILE,
        [
            {**row, "Section_number": f"N{row['Section_number']}"}
            for row in rows_of(home, CLASS_FILE)
            if row["Student"] not in going
        ],
    )


def most_of_a_year_gone(home: SmallHome) -> None:
    new_school_year(home, leaves=lambda n: n % 3 > 0)


def one_school_without_phones(home: SmallHome) -> None:
    school = largest_school(home)
    rows = rows_of(home, STUDENT_FILE)
    for row in rows:
        if row["School"] == school:
            row["ContactPhonePrimary"] = row["ContactPhoneSecondary"] = ""
            row["ContactEmailPrimary"] = row["ContactEmailSecondary"] = ""
    upload(home, STUDENT_FILE, rows)


def a_few_leave(home: SmallHome) -> None:
    rows = rows_of(home, STUDENT_FILE)
    gone = {row["ID"] for row in rows[::30]}
    upload(home, STUDENT_FILE, [row for row in rows if row["ID"] not in gone])
    classes = [row for row in rows_of(home, CLASS_FILE) if row["Student"] not in gone]
    upload(home, CLASS_FILE, classes)


LUNCH = {"lunch_list": {"enabled": True}, "low_lunch_balance": 5}


def balances_lost(home: SmallHome) -> None:
    rows = rows_of(home, STUDENT_FILE)
    upload(home, STUDENT_FILE, [{**row, "LunchBalance": "0.00"} for row in rows])


def balances_gone_and_back_as_nothing(home: SmallHome) -> None:
    rows = rows_of(home, STUDENT_FILE)
    gone = [{**row, "LunchBalance": "" if n else "9.00"} for n, row in enumerate(rows)]
    upload(home, STUDENT_FILE, gone)
    home.publish()
    balances_lost(home)


def one_guardian_named(home: SmallHome) -> None:
    """Others have a word in its place: the same as this one had."""
    rows = rows_of(home, STUDENT_FILE)
    rows[0]["ContactNamePrimary"] = "Guardian"
    upload(home, STUDENT_FILE, rows)
    home.publish()
    rows[0]["ContactNamePrimary"] = "Kim Lane"
    for row in rows[1:20]:
        row["ContactNamePrimary"] = "Guardian"
    upload(home, STUDENT_FILE, rows)


def balances_moved(home: SmallHome) -> None:
    """The column is sorted without the others."""
    rows = rows_of(home, STUDENT_FILE)
    balances = sorted((row["LunchBalance"] for row in rows), key=lambda one: float(one or 0))
    changed = [{**row, "LunchBalance": one} for row, one in zip(rows, balances, strict=True)]
    upload(home, STUDENT_FILE, changed)


names_of_guardians_moved = moved_down(30, "ContactNamePrimary")


def schools_cut_off(home: SmallHome) -> None:
    upload(home, SCHOOL_FILE, rows_of(home, SCHOOL_FILE)[:1])


def one_school_left_out(home: SmallHome) -> None:
    upload(home, SCHOOL_FILE, rows_of(home, SCHOOL_FILE)[:-1])


def phones_of_schools_moved(home: SmallHome) -> None:
    column = SCHOOLS.columns[2].name
    rows = rows_of(home, SCHOOL_FILE)
    phones = [row[column] for row in rows]
    moved = zip(rows, [*phones[1:], phones[0]], strict=True)
    upload(home, SCHOOL_FILE, [{**row, column: phone} for row, phone in moved])


def lunch_was_paid(home: SmallHome) -> None:
    rows = [{**row, "LunchBalance": "12.34"} for row in rows_of(home, STUDENT_FILE)]
    upload(home, STUDENT_FILE, rows)


def siblings_contacts_corrected(home: SmallHome) -> None:
    """A family of three swaps its own contacts: three rows of ninety."""
    rows = rows_of(home, STUDENT_FILE)
    for row in rows[:3]:
        for what in ("Name", "Phone", "Email"):
            first, second = f"Contact{what}Primary", f"Contact{what}Secondary"
            row[first], row[second] = row[second], row[first]
    upload(home, STUDENT_FILE, rows)


def window(first: int, last: int, **more: float) -> dict[str, object]:
    """Days from today, in the district's zone."""
    days = (today() + timedelta(days=first), today() + timedelta(days=last))
    return {"first_day": days[0], "last_day": days[1], **more}


NIGHTS: list[tuple[Callable[[SmallHome], None], dict[str, object], str, set[str]]] = [
    (half_the_file, {}, "held", {"mass_removal", "unknown_student"}),
    (cut_in_a_line, {}, "blocked", {"truncated_file"}),
    (header_only, {}, "blocked", {"no_data_rows"}),
    (one_school_gone, {}, "held", {"school_vanished", "mass_removal"}),
    (columns_swapped_in_the_header, {}, "blocked", {"column_order"}),
    (contacts_swapped, {}, "held", {"contents_swapped"}),
    (phones_swapped, {}, "held", {"contents_swapped"}),
    (names_swapped, {}, "held", {"contents_swapped"}),
    (mobile_in_every_phone, {}, "held", {"contents_swapped"}),
    (guardians_moved, {}, "held", {"contents_swapped"}),
    (all_guardians_moved, {"rollover": window(-2, 2)}, "held", {"contents_swapped"}),
    (ids_moved, {}, "held", {"ids_renumbered"}),
    (ids_moved, {"rollover": window(-2, 2)}, "held", {"ids_renumbered"}),
    (a_few_ids_moved, {}, "published", set()),
    (ids_renumbered, {}, "held", {"ids_renumbered", "mass_removal"}),
    (ids_renumbered_and_names_spaced, {}, "held", {"ids_renumbered", "mass_removal"}),
    (one_school_without_phones, {}, "held", {"reachability_drop"}),
    (no_second_parents, {}, "held", {"column_emptied"}),
    (no_second_parents_and_a_broken_line, {}, "held", {"column_emptied"}),
    (no_second_parents_names, {}, "held", {"column_emptied"}),
    (new_term_and_a_row_of_nobody, {}, "held", {"mass_removal"}),
    (class_rows_missing_here_and_there, {}, "held", {"mass_removal"}),
    (new_school_year, {}, "held", {"mass_removal", "mass_change"}),
    (new_school_year, {"rollover": window(-2, 2)}, "published", set()),
    (new_school_year, {"rollover": window(-9, -2)}, "held", {"mass_removal"}),
    (most_of_a_year_gone, {"rollover": window(-2, 2)}, "held", {"mass_removal"}),
    (most_of_a_year_gone, {"rollover": window(-2, 2, removed=0.7)}, "published", set()),
    (one_school_gone, {"rollover": window(-2, 2)}, "held", {"school_vanished"}),
    (ids_renumbered, {"rollover": window(-2, 2)}, "held", {"ids_renumbered"}),
    (contacts_swapped, {"rollover": window(-2, 2)}, "held", {"contents_swapped"}),
    (a_few_leave, {}, "published", set()),
    (a_few_leave, {"thresholds": {"removed": 0.01}}, "published", set()),  # the floor
    (lunch_was_paid, {}, "published", set()),
    (balances_lost, LUNCH, "held", {"mass_low_balance"}),
    (balances_lost, {}, "published", set()),
    (balances_lost, {**LUNCH, "thresholds": {"low_balances": 1}}, "published", set()),
    (balances_moved, LUNCH, "held", {"mass_low_balance"}),
    (names_of_guardians_moved, {}, "held", {"contents_swapped"}),
    (one_guardian_named, {}, "published", set()),
    (schools_cut_off, {}, "held", {"mass_removal"}),
    (one_school_left_out, {}, "published", set()),
    (phones_of_schools_moved, {}, "held", {"contents_swapped"}),
    (siblings_contacts_corrected, {}, "published", set()),
]


@pytest.mark.parametrize(
    ("night", "settings", "outcome", "codes"),
    [
        pytest.param(*one, id=f"{one[0].__name__}-{'-'.join(one[1]) or 'as_usual'}")
        for one in NIGHTS
    ],
)
def test_a_night(
    home: SmallHome,
    night: Callable[[SmallHome], None],
    settings: dict[str, object],
    outcome: str,
    codes: set[str],
) -> None:
    before = home.roster_bytes()
    home.write_settings(**settings)
    night(home)
    run = home.nightly()
    assert run.outcome == outcome, run.message
    if outcome == "published":
        assert home.roster_bytes() != before
        return
    assert home.roster_bytes() == before, "what is published stays"
    assert codes <= set(run.report.counts())
    hold = home.ledger.open_hold(NAME, "core")
    assert (hold is not None) == (outcome == "held")
    if hold is not None:
        assert_preview_says_why(hold["preview"], codes, run)


def assert_preview_says_why(
    preview: dict[str, list[Record]], codes: set[str], run: DistrictRun
) -> None:
    reasons = {one["code"]: one["message"] for one in preview["reasons"]}
    assert codes <= set(reasons)
    assert set(reasons) == set(run.report.holding_codes())
    overall = {one["entity"]: one for one in preview["changes"] if one["school"] is None}
    assert set(overall) == {"student", "staff", "class"}
    assert overall["student"]["before"] == PEOPLE


# -- the preview -------------------------------------------------------------------------------


def test_the_preview_counts_per_school_and_the_list_names_who_would_vanish(
    home: SmallHome,
) -> None:
    school = largest_school(home)
    leaving = {row["ID"]: row for row in rows_of(home, STUDENT_FILE) if row["School"] == school}
    one_school_gone(home)
    run = home.nightly()
    preview = home.ledger.open_hold(NAME, "core")["preview"]  # type: ignore[index]
    changes = {(one["entity"], one["school"]): one for one in preview["changes"]}
    assert changes["student", school]["before"] == changes["student", school]["removed"]
    assert changes["student", school]["removed"] == len(leaving)
    assert {key[1] for key in changes if key[0] == "student"} == {None, school}
    assert preview["report"] == run.report_page.name

    listed = home.home.reports(NAME) / preview["would_vanish"]
    assert listed == run.report_page.with_name(f"{run.report_page.stem}-would-vanish.csv")
    assert listed.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(listed.read_text())))
    students = {row["id"]: row for row in rows if row["entity"] == "student"}
    assert set(students) == set(leaving)
    for key, row in students.items():
        source = leaving[key]
        assert row["name"] == f"{source['Name.First']} {source['Name.Last']}"
        assert row["schools"] == school
    assert {row["entity"] for row in rows} == {"student", "staff", "class"}
    assert changes["class", school]["removed"] == sum(row["entity"] == "class" for row in rows)


def test_a_school_that_the_settings_do_not_list_is_counted_and_not_named(home: SmallHome) -> None:
    school = largest_school(home)
    home.sites.pop(school)
    home.write_settings()
    home.publish()
    one_school_gone(home)
    run = home.nightly()
    changes = {(one["entity"], one["school"]): one for one in run.hold_preview["changes"]}
    assert changes["student", "not in settings (1)"]["removed"] > 0
    assert changes["class", "not in settings (1)"]["removed"] > 0
    shown = home.command_here("status", NAME).stdout
    assert "not in settings (1)" in shown
    assert school not in {key[1] for key in changes}
    listed = home.home.reports(NAME) / run.hold_preview["would_vanish"]
    assert school in listed.read_text(), "the data place says which it is"


def test_no_name_is_in_the_ledger_or_in_dagster(home: SmallHome) -> None:
    names = {row["Name.Last"] for row in rows_of(home, STUDENT_FILE) if len(row["Name.Last"]) > 6}
    half_the_file(home)
    assert home.run().outcome == "held"
    places = [home.home.ledger_file, *home.home.dagster.rglob("*")]
    for path in places:
        content = path.read_bytes() if path.is_file() else b""
        assert not [name for name in names if name.encode() in content], path


def test_the_list_runs_nothing_in_a_spreadsheet(server: EmbeddedServer, tmp_path: Path) -> None:
    files = {name: text for name, text in SMALL.items() if name != "AttendanceExport.csv"}
    files[STUDENT_FILE] = files[STUDENT_FILE].replace("Ana,Ruiz", "=1+1,Ruiz")
    home = small_home(server, tmp_path, files)
    home.publish()
    upload(home, STUDENT_FILE, rows_of(home, STUDENT_FILE)[-1:])
    run = home.nightly()
    assert run.outcome == "held"
    listed = run.report_page.with_name(run.hold_preview["would_vanish"])
    assert "\nstudent,001,'=1+1 Ruiz,101,Grade 9\n" in listed.read_text()


def test_status_shows_why_and_where(home: SmallHome) -> None:
    one_school_gone(home)
    home.nightly()
    shown = home.command_here("status", NAME)
    assert shown.returncode == 0, shown.stderr
    assert "would be removed" in shown.stdout
    assert "What publishing would do" in shown.stdout
    assert "-would-vanish.csv" in shown.stdout
    state = json.loads(home.command_here("status", NAME, "--json").stdout)[NAME]
    assert state["holds"][0]["preview"]["changes"]
    assert state["snapshots"][0]["changes"]["student_added"] == PEOPLE


# -- small schools -----------------------------------------------------------------------------


def small_files(students: int, teachers: str = "T1", *, more: str = "") -> dict[str, str]:
    """One small school; `teachers` names who teaches all classes."""
    rows = [
        f"{n},101,Kid,No{n},,,Pat No{n},(201) 555-01{n:02},,,,,,K,,,,{more}"
        for n in range(students)
    ]
    return {
        STAFF_FILE: SMALL[STAFF_FILE],
        STUDENT_FILE: "\n".join([",".join(STUDENTS.column_names), *rows]) + "\n",
        CLASS_FILE: "\n".join(
            [
                ",".join(STAFF_TO_STUDENT.column_names),
                *(
                    f"101,{teachers},{n},{p},Course,C{p},1"
                    for n in range(students)
                    for p in range(4)
                ),
            ]
        )
        + "\n",
    }


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        pytest.param(small_files(8), small_files(7), "published", id="one of eight leaves"),
        pytest.param(small_files(8), small_files(9), "published", id="one comes"),
        pytest.param(small_files(14), small_files(11), "published", id="three of fourteen leave"),
        pytest.param(small_files(3), small_files(1), "published", id="a family of two leaves"),
        pytest.param(small_files(8), small_files(3), "held", id="most of eight vanish"),
        pytest.param(small_files(40), small_files(29), "held", id="eleven of forty vanish"),
        pytest.param(small_files(8), small_files(8, "T2"), "published", id="another teacher"),
        pytest.param(
            small_files(8), small_files(8, more="SMS"), "published", id="a new column value"
        ),
    ],
)
def test_a_small_school(
    server: EmbeddedServer,
    tmp_path: Path,
    before: dict[str, str],
    after: dict[str, str],
    outcome: str,
) -> None:
    home = small_home(server, tmp_path, before)
    home.publish()
    home.upload(after)
    assert home.nightly().outcome == outcome


def test_balances_that_come_back_as_nothing_are_held(home: SmallHome) -> None:
    home.write_settings(**LUNCH)
    balances_gone_and_back_as_nothing(home)
    run = home.nightly()
    assert (run.outcome, "mass_low_balance" in run.report.counts()) == ("held", True)


def test_names_that_the_settings_exchange_move_no_phone(home: SmallHome) -> None:
    first, second, *_ = home.sites
    home.sites[first], home.sites[second] = home.sites[second], home.sites[first]
    home.write_settings()
    assert "contents_swapped" not in home.nightly().report.counts()


# -- the add-only window -----------------------------------------------------------------------


def test_an_add_only_window_adds_and_changes_and_removes_nobody(home: SmallHome) -> None:
    before = [row["ID"] for row in rows_of(home, STUDENT_FILE)]
    students = set(before)
    classes = home.query("SELECT class_id, student_id FROM connect.enrollments ORDER BY ALL")
    half_the_file(home)
    rows = rows_of(home, STUDENT_FILE)
    stay = {row["ID"] for row in rows}
    # Who is missing at one of two schools stays whole.
    whole = {one for one in stay if before.count(one) == [row["ID"] for row in rows].count(one)}
    changed = next(row for row in rows if row["ID"] in whole)
    changed["Name.Last"] = "Changed"
    upload(home, STUDENT_FILE, [*rows, {**changed, "ID": "new-1", "Name.First": "New"}])
    upload(home, CLASS_FILE, [one for one in rows_of(home, CLASS_FILE) if one["Student"] in stay])
    home.write_settings(add_only=window(-2, 2))
    home.publish()
    published = {row[0] for row in home.query("SELECT student_id FROM connect.students")}
    assert published == students | {"new-1"}
    assert (
        home.query("SELECT class_id, student_id FROM connect.enrollments ORDER BY ALL") == classes
    )
    assert home.query("SELECT count(*) FROM connect.students WHERE last_name = 'Changed'") == [(2,)]
    assert home.query("SELECT count(*) FROM connect.changes WHERE change = 'removed'") == [(0,)]
    kept = home.query(
        "SELECT key, reason, nights FROM connect.kept"
        " WHERE entity IN ('student', 'student_site') ORDER BY key"
    )
    assert kept == [(key, "add_only", 1) for key in sorted(students - whole)]
    finding = "SELECT export, severity FROM quality.findings WHERE code = 'removal_deferred'"
    assert set(home.query(finding)) == {(STUDENT_FILE, "info"), (CLASS_FILE, "info")}

    home.write_settings(add_only=window(-9, -2))
    run = home.nightly()
    assert (run.outcome, "mass_removal" in run.report.counts()) == ("held", True), (
        "the window ends by itself, and the same files now remove whoever is missing"
    )


def test_a_damaged_snapshot_is_not_built_anew_without_those_whom_it_kept(home: SmallHome) -> None:
    """They are in none of its files: without them it would be a night that nobody has judged."""
    whole = home.query("SELECT count(*) FROM connect.students")
    half_the_file(home)
    home.write_settings(add_only=window(-2, 2))
    home.publish()
    home.write_settings(add_only=window(-9, -2))
    snapshot = home.home.snapshot(NAME, home.current())
    content = bytearray(snapshot.read_bytes())
    content[len(content) // 2] ^= 0x10
    snapshot.write_bytes(content)
    run = home.nightly()
    assert (run.outcome, "mass_removal" in run.report.counts()) == ("held", True)
    assert home.query("SELECT count(*) FROM connect.students") == whole
    assert "damaged" in {one["cause"] for one in alarms.open_alarms(home.ledger)}


# -- decisions ---------------------------------------------------------------------------------


@pytest.fixture
def held(home: SmallHome) -> SmallHome:
    half_the_file(home)
    assert home.nightly().outcome == "held"
    return home


def states(home: SmallHome) -> list[tuple[str, str | None]]:
    rows = home.ledger.rows(sa.select(holds).order_by(holds.c.id))
    return [(row["state"], row["decided_by"]) for row in rows]


def wait(home: SmallHome, days: int) -> None:
    """Let a hold have been there for so long: the only clock is its row's."""
    with home.ledger.transaction() as connection:
        long_ago = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        connection.execute(sa.update(holds).values(held_at=long_ago))


def test_the_ledger_knows_who_decided_what(held: SmallHome, first_night: SmallHome) -> None:
    with held.here():
        says = decide(held.home, NAME, Decision.DISCARDED, "Pat Operator")
    assert says[0].startswith(f"{NAME}: discarded the core files held since ")
    assert held.nightly().outcome == "discarded"
    held.upload({STUDENT_FILE: first_night.read(STUDENT_FILE)})
    one_school_gone(held)
    assert held.nightly().outcome == "held"
    with held.here():
        decide(held.home, NAME, Decision.APPROVED, "Sam Operator")
    held.publish()
    assert states(held) == [("discarded", "Pat Operator"), ("published", "Sam Operator")]


def test_a_newer_upload_supersedes(held: SmallHome) -> None:
    rows = rows_of(held, STUDENT_FILE)
    upload(held, STUDENT_FILE, rows[: len(rows) // 2])
    assert held.nightly().outcome == "held"
    assert states(held) == [("superseded", None), ("held", None)]


def test_what_waits_is_no_all_clear_while_another_upload_is_refused(held: SmallHome) -> None:
    held.upload({STUDENT_FILE: with_header(STUDENTS)})
    assert held.nightly().outcome == "blocked"
    said = {one["cause"]: one["codes"] for one in alarms.open_alarms(held.ledger)}
    assert set(said) == {"held", "blocked"}
    assert set(said["blocked"]) == {"no_data_rows"}, "what waits is of other files"
    assert held.command_here("discard", NAME).returncode == 0
    assert {one["cause"] for one in alarms.open_alarms(held.ledger)} == {"blocked"}


def test_a_hold_expires_and_the_next_run_holds_anew(held: SmallHome) -> None:
    held.write_settings(keep={"hold_days": 3})
    wait(held, days=4)
    late = held.command_here("approve", NAME)
    assert late.returncode == 2
    assert "other files 3 days" in late.stderr
    assert states(held) == [("expired", None)]
    assert held.nightly().outcome == "held"
    assert states(held) == [("expired", None), ("held", None)]
    assert held.command_here("approve", NAME).returncode == 0


def test_a_run_holds_anew_what_nobody_decided_in_time(held: SmallHome) -> None:
    held.write_settings(keep={"hold_days": 3})
    wait(held, days=4)
    assert held.nightly().outcome == "held"
    assert states(held) == [("expired", None), ("held", None)]


def test_an_approval_ends_when_the_published_files_come_back(
    held: SmallHome, first_night: SmallHome
) -> None:
    """The district has thought better of it: these bytes are looked at again if they return."""
    bad = held.read(STUDENT_FILE)
    with held.here():
        decide(held.home, NAME, Decision.APPROVED, "Sam Operator")
    held.upload({STUDENT_FILE: first_night.read(STUDENT_FILE)})
    assert held.nightly().outcome == "unchanged"
    assert states(held) == [("superseded", "Sam Operator")]
    held.upload({STUDENT_FILE: bad})
    assert held.nightly().outcome == "held"


def test_nobody_discards_what_goes_out_because_nothing_holds_it_any_more(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace("Korean", "Spanish")})
    yesterday = time.time() - 24 * 3600
    os.utime(home.drop / CLASS_FILE, (yesterday, yesterday))
    assert home.nightly().outcome == "held"
    home.upload({CLASS_FILE: home.read(CLASS_FILE)})
    said = []
    publish = NightlySteps.publish

    def meanwhile(night: NightlySteps) -> str:
        said.append(home.command("discard", NAME).stderr)
        return publish(night)

    with monkeypatch.context() as patched:
        patched.setattr(NightlySteps, "publish", meanwhile)
        home.publish()
    assert f"Nothing is held for {NAME}" in said[0]
    assert states(home) == [("superseded", None)]


def test_an_approval_while_the_run_is_ending_leaves_no_alarm(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ending._write_report

    def meanwhile(run: DistrictRun) -> None:
        assert home.command("approve", NAME).returncode == 0
        write(run)

    half_the_file(home)
    with monkeypatch.context() as patched:
        patched.setattr(ending, "_write_report", meanwhile)
        assert home.nightly().outcome == "held"
    assert states(home)[0][0] == "approved"
    assert alarms.open_alarms(home.ledger) == []


def test_status_shows_the_last_decisions_whatever_was_held_since(held: SmallHome) -> None:
    with held.here():
        decide(held.home, NAME, Decision.DISCARDED, "Pat Operator")
    for number in range(6):
        held.ledger.hold(NAME, "core", f"others {number}", {"mass_removal": 1})
    decisions = district_status(held.home, held.ledger, NAME)["decisions"]
    assert [(one["state"], one["decided_by"]) for one in decisions] == [
        ("discarded", "Pat Operator")
    ]


def test_an_approval_ends_when_other_files_are_published(
    held: SmallHome, first_night: SmallHome
) -> None:
    """The same bytes, months later, are compared with another roster."""
    bad = held.read(STUDENT_FILE)
    with held.here():
        decide(held.home, NAME, Decision.APPROVED, "Sam Operator")
    held.publish()
    held.upload({STUDENT_FILE: first_night.read(STUDENT_FILE).replace("English", "Spanish", 2)})
    held.publish()
    held.upload({STUDENT_FILE: bad})
    assert held.nightly().outcome == "held"
    assert states(held) == [("published", "Sam Operator"), ("held", None)]


def test_what_was_discarded_stays_discarded_when_nothing_holds_it_any_more(
    held: SmallHome,
) -> None:
    with held.here():
        decide(held.home, NAME, Decision.DISCARDED, "Pat Operator")
    held.write_settings(thresholds={"removed": 1, "unknown_references": 1, "bad_rows": 1})
    before = held.current()
    assert held.nightly().outcome == "discarded"
    assert held.current() == before


def test_an_approval_is_of_the_reasons_that_were_there(home: SmallHome) -> None:
    home.write_settings(add_only=window(-1, 1))
    rows = rows_of(home, STUDENT_FILE)
    for row in rows:
        del row["BusRoute"]
    upload(home, STUDENT_FILE, rows[: len(rows) // 2])
    waits = home.nightly()
    assert (waits.outcome, set(waits.report.holding_codes())) == ("held", {"column_vanished"})
    with home.here():
        decide(home.home, NAME, Decision.APPROVED, "Sam Operator")
    home.write_settings(add_only=window(-9, -2))
    again = home.nightly()
    assert again.outcome == "held", "nobody has seen that the file now removes half the students"
    assert "mass_removal" in again.report.holding_codes()
    assert states(home) == [("approved", "Sam Operator"), ("held", None)]
    with home.here():
        decide(home.home, NAME, Decision.APPROVED, "Sam Operator")
    home.publish()


def test_a_rollback_ends_what_waits(held: SmallHome) -> None:
    """It was compared with another snapshot."""
    with held.here():
        roll_back(held.home, held.ledger, NAME, held.current(), "Pat Operator")
        with pytest.raises(UsageError, match="Nothing is held"):
            decide(held.home, NAME, Decision.APPROVED, "Pat Operator")
    assert states(held) == [("superseded", None)]
    assert alarms.open_alarms(held.ledger) == []


def test_of_two_who_decide_at_once_one_is_told(held: SmallHome) -> None:
    ledger = held.ledger
    seen = ledger.open_hold(NAME, CORE_JOB)
    assert seen is not None
    ledger.decide(seen, "approved", "Pat Operator")
    with pytest.raises(UsageError, match="Somebody else has just decided"):
        ledger.decide(seen, "discarded", "Sam Operator")
    assert states(held) == [("approved", "Pat Operator")]


@pytest.mark.parametrize(
    ("decision", "outcome"), [("approved", "published"), ("discarded", "discarded")]
)
def test_a_decision_during_a_run_of_the_same_files_counts(
    held: SmallHome, monkeypatch: pytest.MonkeyPatch, decision: str, outcome: str
) -> None:
    ledger, preview = held.ledger, NightlySteps._preview

    def decide_meanwhile(steps: NightlySteps) -> dict[str, Any]:
        monkeypatch.undo()
        hold = ledger.open_hold(NAME, CORE_JOB)
        assert hold is not None
        ledger.decide(hold, decision, "Pat Operator")
        return preview(steps)

    monkeypatch.setattr(NightlySteps, "_preview", decide_meanwhile)
    assert held.nightly().outcome == outcome
    assert ledger.open_hold(NAME, CORE_JOB) is None


def test_an_approval_is_not_taken_back_while_a_run_may_go_on_with_it(held: SmallHome) -> None:
    """Else somebody is told that the files are discarded, and they are published."""
    with held.here():
        decide(held.home, NAME, Decision.APPROVED, "Pat Operator")
        with locked(held.home, NAME), pytest.raises(UsageError, match="something is under way"):
            decide(held.home, NAME, Decision.DISCARDED, "Sam Operator")
        assert states(held) == [("approved", "Pat Operator")]
        decide(held.home, NAME, Decision.DISCARDED, "Sam Operator")
    assert held.nightly().outcome == "discarded"


def test_held_files_may_be_decided_on_during_a_run(held: SmallHome) -> None:
    with held.here(), locked(held.home, NAME):
        decide(held.home, NAME, Decision.DISCARDED, "Sam Operator")
    assert states(held) == [("discarded", "Sam Operator")]


def test_one_more_reason_is_a_hold_of_its_own(held: SmallHome) -> None:
    """Who decided on the first one has not seen it."""
    wait(held, days=1)
    ledger = held.ledger
    seen = ledger.open_hold(NAME, CORE_JOB)
    assert seen is not None
    more = {**seen["codes"], "stale_file": 1}
    assert ledger.hold(NAME, CORE_JOB, seen["set_sha256"], more)
    assert states(held) == [("held", None)], "nobody need look at files because they wait"
    assert ledger.hold(NAME, CORE_JOB, seen["set_sha256"], {**more, "mixed_nights": 1})
    assert states(held) == [("superseded", None), ("held", None)]
    with held.here(), pytest.raises(UsageError, match="are held than when this was decided"):
        decide(
            held.home, NAME, Decision.APPROVED, "Pat Operator", asked_at=now() - timedelta(hours=1)
        )


def test_a_decision_that_waited_in_the_queue_is_not_of_files_held_since(held: SmallHome) -> None:
    """The run of a later upload was ahead of it, and its files are held for more."""
    wait(held, -1)  # held after the launch
    job = build_defs(held.home).resolve_job_def(DECIDE_HOLD)
    config = {"decision": "APPROVED", "by": "Pat Operator"}
    with held.here():
        result = job.execute_in_process(
            partition_key=NAME,
            run_config={"ops": {"decide_held_files": {"config": config}}},
            raise_on_error=False,
        )
    assert not result.success
    says = str(result.failure_data_for_node("decide_held_files"))
    assert "other core files are held than when this was decided" in says
    assert states(held) == [("held", None)]


def test_an_operator_decides_in_dagster(held: SmallHome) -> None:
    def launch(**config: str) -> dg.ExecuteInProcessResult:
        job = build_defs(held.home).resolve_job_def(DECIDE_HOLD)
        return job.execute_in_process(
            partition_key=NAME,
            run_config={"ops": {"decide_held_files": {"config": config}}},
            raise_on_error=False,
        )

    with held.here():
        with pytest.raises(dg.DagsterInvalidConfigError):
            launch(decision="MAYBE", by="Pat Operator")
        assert launch(decision="APPROVED", by="Pat Operator").success
        again = launch(decision="APPROVED", by="Pat Operator")
        assert not again.success, "nothing is held any more"
    assert states(held) == [("approved", "Pat Operator")]
    held.publish()


def test_nobody_decides_without_a_name(held: SmallHome) -> None:
    with held.here(), pytest.raises(UsageError, match="Say who decides"):
        decide(held.home, NAME, Decision.APPROVED, " ")
    assert states(held) == [("held", None)]


def test_nothing_held_is_nothing_to_decide(home: SmallHome) -> None:
    with home.here(), pytest.raises(UsageError, match="Nothing is held"):
        decide(home.home, NAME, Decision.APPROVED, "Pat Operator")
