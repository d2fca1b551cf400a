"""No child gets another's classes, and nothing gets through on what was kept or decided before.

Each night here has an ID that is given to another person, a kept row, or an old decision in it.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import string
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connect_pipeline.contract import ATTENDANCE, SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.orchestration.names import ATTENDANCE_ALERTS
from connect_pipeline.published import open_published
from connect_pipeline.rules.rule import with_header
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.small_district import FILES, today
from connect_pipeline_tests.small_home import (
    NAME,
    SmallHome,
    classes_of,
    contacts_of,
    small_home,
    with_rows,
    without_rows,
)

STUDENT_FILE, STAFF_FILE = STUDENTS.file_name, STAFF.file_name
CLASS_FILE, SCHOOL_FILE = STAFF_TO_STUDENT.file_name, SCHOOLS.file_name
ZOE = "001,102,Zoe,Moss,,,Pat Moss,(201) 555-0199,pat@example.com,,,,12346,3,R2,1.25,English,Phone"
HER_CLASS = "102,T3,001,0,Grade 3,G3,1"
DAY = dt.timedelta(days=1)


def window(first: int, last: int) -> dict[str, Any]:
    """An add-only window, in days from today."""
    return {"add_only": {"first_day": today() + first * DAY, "last_day": today() + last * DAY}}


def zoe_has_anas_id(*class_rows: str) -> dict[str, str]:
    """The files of a night in which Ana is gone, and Zoe has 001 and a class of her own."""
    classes = without_rows(FILES[CLASS_FILE], "101,T1,001", "101,T2,001")
    return {
        STUDENT_FILE: with_rows(without_rows(FILES[STUDENT_FILE], "001,"), ZOE),
        CLASS_FILE: with_rows(classes, HER_CLASS, *class_rows),
    }


def test_a_reused_id_puts_no_child_into_the_others_classes(home: SmallHome) -> None:
    """Neither child's rows are published, so a class row of the ID may be the other's, too."""
    anas = classes_of(home, "001")
    home.upload(
        {
            STUDENT_FILE: with_rows(FILES[STUDENT_FILE], ZOE),
            CLASS_FILE: with_rows(FILES[CLASS_FILE], HER_CLASS),
        }
    )
    run = home.nightly()
    assert run.outcome == "published"
    assert classes_of(home, "001") == anas
    counts = run.report.exports[CLASS_FILE].findings.counts
    assert counts["unknown_student"] == 4
    assert counts["kept_previous"] == 1


def test_who_gets_an_id_in_an_add_only_window_gets_no_classes_with_it(home: SmallHome) -> None:
    home.write_settings(**window(-1, 10))
    home.upload(zoe_has_anas_id())
    assert home.nightly().outcome == "published"
    assert classes_of(home, "001") == {("102", "0")}
    assert home.query("SELECT school FROM connect.student_sites WHERE student_id = '001'") == [
        ("102",)
    ]


def test_who_gets_a_teachers_id_gets_no_classes_with_it(home: SmallHome) -> None:
    home.write_settings(**window(-1, 10))
    home.upload(
        {
            STAFF_FILE: without_rows(FILES[STAFF_FILE], "T1,")
            + "T1,102,Nora,Quill,nora.quill@example.org,Clerk,\n",
            CLASS_FILE: without_rows(FILES[CLASS_FILE], "101,T1,"),
        }
    )
    assert home.nightly().outcome == "published"
    assert home.query("FROM connect.rosters WHERE staff_id = 'T1'") == []
    assert home.query("FROM connect.staff_access WHERE staff_id = 'T1'") == []


def test_an_invalid_row_of_another_person_keeps_nothing_of_the_one_before(home: SmallHome) -> None:
    home.upload(zoe_has_anas_id("102,T9,001,1,Music,MU,1"))
    assert home.nightly().outcome == "published"
    assert classes_of(home, "001") == {("102", "0")}


def test_a_reused_id_with_a_broken_class_row_puts_nobody_into_a_class(home: SmallHome) -> None:
    """Zoe has the ID of Ana, who is gone, and is at the same school."""
    rest = without_rows(FILES[STUDENT_FILE], "001,")
    classes = without_rows(FILES[CLASS_FILE], "101,T1,001", "101,T2,001")
    rows = ("101,T3,001,4,Art,A1,1", "101,T9,001,1,Algebra I,MA101,1")
    home.upload(
        {
            STUDENT_FILE: with_rows(rest, ZOE.replace("001,102", "001,101")),
            CLASS_FILE: with_rows(classes, *rows),
        }
    )
    home.publish()
    assert classes_of(home, "001") == {("101", "4")}


def test_a_reused_id_takes_nobody_to_a_school_in_an_add_only_window(home: SmallHome) -> None:
    gus = "007,{},Gus,Hall,,gus@example.org,Ivy Hall,(201) 555-0117,,,,,12345,9,,,English,SMS"
    both = with_rows(FILES[STUDENT_FILE], gus.format("101"), gus.format("102"))
    home.upload({STUDENT_FILE: both})
    home.publish()
    home.write_settings(**window(-1, 10))
    home.upload({STUDENT_FILE: with_rows(FILES[STUDENT_FILE], f"007,101,Zoe,Moss{',' * 14}")})
    home.publish()
    schools = home.query("SELECT school FROM connect.student_sites WHERE student_id = '007'")
    assert (schools, contacts_of(home, "007")) == ([("101",)], [])


@pytest.mark.parametrize(
    ("row", "becomes"),
    [
        pytest.param("101,T1,001,1,", "101,T1,1,1,", id="lost zeros"),
        pytest.param("101,T1,001,1,", "101,001,T1,1,", id="changed places with the teacher"),
    ],
)
def test_a_class_row_with_a_damaged_id_takes_no_child_out_of_the_class(
    home: SmallHome, row: str, becomes: str
) -> None:
    before = classes_of(home, "001")
    home.upload({CLASS_FILE: FILES[CLASS_FILE].replace(row, becomes)})
    run = home.nightly()
    assert run.outcome == "published"
    assert classes_of(home, "001") == before
    assert run.report.exports[CLASS_FILE].findings.counts["kept_previous"] == 1


def test_a_broken_line_of_school_export_undoes_no_merge(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    merged = FILES[SCHOOL_FILE].replace("(201) 555-0150,", "(201) 555-0150,101")
    home = small_home(server, tmp_path, {**FILES, SCHOOL_FILE: merged})
    home.publish()
    before = [home.query(f"FROM connect.{name} ORDER BY ALL") for name in ("school_sites", "sites")]
    for line in (
        "Rosa Parks",
        "Lincoln High",
    ):  # the school that merges, and the one it merges with
        home.upload({SCHOOL_FILE: merged.replace(f'"{line}', f'"The "{line}')})
        home.publish()
        after = [
            home.query(f"FROM connect.{name} ORDER BY ALL") for name in ("school_sites", "sites")
        ]
        assert after == before


def test_a_site_of_another_name_has_no_phone_of_the_one_before(home: SmallHome) -> None:
    """The settings name another school under the code, and SchoolExport cannot be used."""
    home.sites["101"] = "Oak High School"
    home.write_settings()
    home.upload({SCHOOL_FILE: FILES[SCHOOL_FILE].replace("School Site Name", "School")})
    home.publish()
    assert home.query("SELECT site_id, name, address, phone FROM connect.sites") == [
        ("101", "Oak High School", None, None),
        ("102", "Rosa Parks Elementary School", "2 Oak Avenue, Springfield", "+12015550150"),
    ]


# -- IDs that come back as others ------------------------------------------------------------------


def word(number: int) -> str:
    return "".join(string.ascii_lowercase[int(digit)] for digit in f"{number:04d}").title()


def many(identify: Callable[[int], str], count: int = 60) -> dict[str, str]:
    """A school's students and classes, with IDs as `identify` writes them."""
    numbers = range(1, count + 1)
    students = "".join(
        f"{identify(n)},101,{word(n)},{word(n * 7)},,,{word(n * 3)} Par,(201) 555-{1000 + n},"
        f"p{n}@example.com,,,,12345,{9 + n % 3},R{n % 5},4.50,English,SMS\n"
        for n in numbers
    )
    classes = "".join(f"101,T1,{identify(n)},1,Algebra I,MA101,{n % 4}\n" for n in numbers)
    return {
        STUDENT_FILE: FILES[STUDENT_FILE].splitlines(keepends=True)[0] + students,
        CLASS_FILE: FILES[CLASS_FILE].splitlines(keepends=True)[0] + classes,
    }


@pytest.mark.parametrize("kept_by", ["a window", "a line that names nobody"])
def test_renumbered_people_who_are_kept_as_well_are_held(
    server: EmbeddedServer, tmp_path: Path, kept_by: str
) -> None:
    """Else every family would be there twice."""
    home = small_home(server, tmp_path, {**FILES, **many(lambda n: f"{n:05d}")})
    home.publish()
    bare = many(str)
    if kept_by == "a window":
        home.write_settings(**window(-1, 10))
    else:
        bare[STUDENT_FILE] = with_rows(bare[STUDENT_FILE], f",101,Jo,Hall{',' * 14}")
    home.upload(bare)
    run = home.nightly()
    assert run.outcome == "held"
    assert run.report.holding_codes()["ids_renumbered"] == 1


def test_all_courses_renamed_are_held(server: EmbeddedServer, tmp_path: Path) -> None:
    """Each has a number, so all classes go on, under another course's name."""
    files = many(lambda n: f"{n:05d}")
    header, *rows = files[CLASS_FILE].splitlines()
    rows = [row.replace(",1,Algebra", f",{n},Algebra") for n, row in enumerate(rows)]
    files[CLASS_FILE] = "\n".join([header, *rows, ""])
    home = small_home(server, tmp_path, {**FILES, **files})
    home.publish()
    home.upload({CLASS_FILE: files[CLASS_FILE].replace("Algebra I", "Room 7")})
    run = home.nightly()
    assert run.outcome == "held"
    assert "mass_change" in run.report.holding_codes()


def test_part_of_the_class_file_is_held_though_no_class_is_gone(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    files = many(lambda n: f"{n:05d}")
    home = small_home(server, tmp_path, {**FILES, **files})
    home.publish()
    rows = files[CLASS_FILE].splitlines(keepends=True)
    home.upload(
        {CLASS_FILE: "".join(rows[:50])}
    )  # the header and 49 of 60: eleven lost their class
    run = home.nightly()
    assert run.outcome == "held"
    (reason,) = run.hold_preview["reasons"]
    assert reason["message"].startswith("11 of 60 students in classes overall would be removed")
    home.upload({CLASS_FILE: "".join(rows[:51])})
    assert home.nightly().outcome == "published"


@pytest.mark.parametrize(("reached", "outcome"), [(84, "published"), (83, "held")])
def test_ten_points_are_not_more_than_ten(
    server: EmbeddedServer, tmp_path: Path, reached: int, outcome: str
) -> None:
    """Of 120 students 96 could be reached: as floats, 80 % less 70 % is more than ten points."""
    files = many(lambda n: f"{n:05d}", 120)
    rows = files[STUDENT_FILE].splitlines(keepends=True)

    def reach(some: int) -> str:
        silent = (re.sub(r",\(201\)[^,]*,[^,]*,", ",,,", row) for row in rows[some + 1 :])
        return "".join([*rows[: some + 1], *silent])

    home = small_home(server, tmp_path, {**FILES, **files, STUDENT_FILE: reach(96)})
    home.publish()
    home.upload({STUDENT_FILE: reach(reached)})
    assert home.nightly().outcome == outcome


def test_a_class_row_without_a_student_hides_no_missing_half(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    files = many(lambda n: f"{n:05d}")
    twice = files[CLASS_FILE] + files[CLASS_FILE].partition("\n")[2].replace(",1,", ",2,")
    home = small_home(server, tmp_path, {**FILES, **files, CLASS_FILE: twice})
    home.publish()
    half = "".join(twice.splitlines(keepends=True)[:61])
    home.upload({CLASS_FILE: with_rows(half, "101,T1,,3,Music,MU,1")})
    run = home.nightly()
    assert run.outcome == "held"
    assert "mass_removal" in run.report.holding_codes()


# -- decisions -------------------------------------------------------------------------------------


def test_a_school_export_that_was_rolled_back_does_not_come_back(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    home = small_home(server, tmp_path)
    good = home.publish()
    sites = home.query("FROM connect.school_sites ORDER BY ALL")
    merged = FILES[SCHOOL_FILE].replace("(201) 555-0150,", "(201) 555-0150,101")
    home.upload({SCHOOL_FILE: merged})
    home.publish()
    assert home.query("FROM connect.school_sites ORDER BY ALL") != sites
    assert home.command_here("rollback", NAME, good).returncode == 0
    text = FILES[STUDENT_FILE].replace("R1,4.50", "R2,4.50")
    home.upload({SCHOOL_FILE: None, STUDENT_FILE: text})
    assert home.nightly().outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    home.publish()
    assert home.query("FROM connect.school_sites ORDER BY ALL") == sites
    home.upload({STUDENT_FILE: text.replace("R2,4.50", "R3,4.50")})
    home.publish()
    assert home.query("FROM connect.school_sites ORDER BY ALL") == sites


def test_a_school_export_that_came_again_counts_after_it_is_gone(home: SmallHome) -> None:
    """Its bytes are those of an earlier one; a night that was refused received them last."""
    sites = home.query("FROM connect.school_sites ORDER BY ALL")
    first = FILES[SCHOOL_FILE]
    home.upload({SCHOOL_FILE: first.replace("(201) 555-0150,", "(201) 555-0150,101")})
    home.publish()
    assert home.query("FROM connect.school_sites ORDER BY ALL") != sites
    time.sleep(1.1)  # of the second in which a snapshot became current, nobody knows what was first
    home.upload({SCHOOL_FILE: first, STAFF_FILE: "x,y\n1,2\n"})
    assert home.nightly().outcome == "blocked"
    home.upload({SCHOOL_FILE: None, STAFF_FILE: FILES[STAFF_FILE].replace("Maria", "Mary")})
    home.publish()
    assert home.query("FROM connect.school_sites ORDER BY ALL") == sites


def test_a_refused_school_export_says_nothing_once_it_is_gone(home: SmallHome) -> None:
    name = FILES[SCHOOL_FILE].replace("School Site Name", "School")
    home.upload({SCHOOL_FILE: name})
    home.publish()
    refused = f"FROM quality.findings WHERE export = '{SCHOOL_FILE}'"
    assert home.query(refused) != []
    assert home.nightly().outcome == "unchanged"
    home.upload({SCHOOL_FILE: None})
    home.publish()
    assert home.query(refused) == []
    # Of the one before, what was of no use yet is still there.
    home.sites["102"] = "Lincoln High School"
    home.write_settings()
    home.publish()
    phone = "SELECT phone FROM connect.sites WHERE site_id = '102'"
    assert home.query(phone) == [("+12015550100",)]


def test_an_approval_is_used_once(server: EmbeddedServer, tmp_path: Path) -> None:
    """It was of who moved; those whom the window's end removes were not there to be seen."""
    home = small_home(server, tmp_path, {**FILES, **many(lambda n: f"{n:05d}", 100)})
    home.publish()
    home.write_settings(**window(-1, 1))
    some = many(lambda n: f"{n:05d}", 60)
    rows = some[STUDENT_FILE].splitlines(keepends=True)
    rows[1:16] = [row.replace(",101,", ",102,", 1) for row in rows[1:16]]
    home.upload({**some, STUDENT_FILE: "".join(rows)})
    assert home.nightly().outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    home.publish()
    states = [hold["state"] for hold in home.holds()]
    assert states == ["published"]
    home.write_settings(**window(-9, -1))
    run = home.nightly()
    assert run.outcome == "held"
    assert "mass_removal" in run.report.holding_codes()
    assert home.query("SELECT count(*) FROM connect.students") == [(100,)]


# -- broken rows of people who have another row, or who share a line -------------------------------


def titled(school: str, title: str) -> str:
    return f"T8,{school},Kim,Fox,kim.fox@example.org,{title},"


def test_a_broken_first_row_does_not_hand_a_child_to_the_second(home: SmallHome) -> None:
    """She is at two schools, and only the first row has her mother's number."""
    before = contacts_of(home, "001")
    two = with_rows(FILES[STUDENT_FILE], "001,102,Ana,Ruiz,,,,,,,,,,9,,,,")
    home.upload({STUDENT_FILE: two})
    home.publish()
    home.upload({STUDENT_FILE: two.replace("001,101,Ana,Ruiz", '001,101,Ana "Annie,Ruiz')})
    home.publish()
    assert contacts_of(home, "001") == before != []
    schools = "SELECT school FROM connect.student_sites WHERE student_id = '001' ORDER BY 1"
    assert home.query(schools) == [("101",), ("102",)]
    kept = "SELECT entity, key, reason FROM connect.kept"
    assert home.query(kept) == [("student", "001", "row_quarantined")]


def test_an_absence_of_an_id_that_two_children_have_tells_nobody(home: SmallHome) -> None:
    """Zoe has Ana's ID tonight, too: whose absence it is, nobody knows, and Ana stays as she is."""
    home.write_settings(attendance={"enabled": True, "alert_codes": ["A"]}, timezone="UTC")
    home.upload({STUDENT_FILE: with_rows(FILES[STUDENT_FILE], ZOE)})
    home.publish()
    assert contacts_of(home, "001") != []
    day = f"{dt.datetime.now(dt.UTC):%m/%d/%y}"
    rows = [
        f"{school},{student},0,A,,{day}" for school, student in (("102", "001"), ("102", "004"))
    ]
    home.upload({ATTENDANCE.file_name: with_header(ATTENDANCE, *rows)})
    run = home.run(ATTENDANCE_ALERTS)
    assert (run.outcome, run.codes) == ("listed", {"unknown_student": 1})
    with open_published(home.home.attendance(NAME)) as published:
        fates = published.execute(
            "SELECT student_id, status, reason FROM attendance.accounting ORDER BY ALL"
        ).fetchall()
    assert fates == [("001", "suppressed", "unknown_student"), ("004", "listed", None)]
    home.upload({STUDENT_FILE: FILES[STUDENT_FILE]})
    home.publish()
    home.upload({ATTENDANCE.file_name: with_header(ATTENDANCE, *rows, f"101,001,1,A,,{day}")})
    assert home.run(ATTENDANCE_ALERTS).outcome == "listed", "Ana alone has it again"


def test_in_an_add_only_window_an_id_that_two_others_have_tells_nobody(home: SmallHome) -> None:
    """Ana is not there tonight, and stays; but an absence of 001 is of Zoe, or of Max."""
    attendance = {"enabled": True, "alert_codes": ["A"]}
    home.write_settings(**window(-1, 10), attendance=attendance, timezone="UTC")
    others = ZOE, ZOE.replace("Zoe,Moss", "Max,Lund")
    home.upload({STUDENT_FILE: with_rows(without_rows(FILES[STUDENT_FILE], "001,"), *others)})
    home.publish()
    kept = "SELECT key, reason FROM connect.kept WHERE entity = 'student'"
    assert home.query(kept) == [("001", "student_id_reused")]
    absence = f"102,001,0,A,,{dt.datetime.now(dt.UTC):%m/%d/%y}"
    home.upload({ATTENDANCE.file_name: with_header(ATTENDANCE, absence)})
    run = home.run(ATTENDANCE_ALERTS)
    assert (run.outcome, run.codes) == ("nothing_new", {"unknown_student": 1})


def test_a_blank_name_is_no_evidence_of_another_child(home: SmallHome) -> None:
    """Her second row lacks the names: she is Ana all the same, and stays as she is published."""
    two = FILES[STUDENT_FILE].replace("001,101,Ana,Ruiz", '001,101,Ana "Annie,Ruiz')
    home.upload({STUDENT_FILE: with_rows(two, "001,102,,,,,,,,,,,,9,,,,")})
    home.publish()
    names = "SELECT first_name, last_name FROM connect.students WHERE student_id = '001'"
    assert home.query(names) == [("Ana", "Ruiz")]


@pytest.mark.parametrize("last_name", ["Moss", "Li"])  # "Li" is part of "English"
def test_a_broken_row_and_a_valid_one_of_another_child_are_one_id_of_two(
    home: SmallHome, last_name: str
) -> None:
    anas = classes_of(home, "001"), contacts_of(home, "001")
    broken = FILES[STUDENT_FILE].replace("001,101,Ana,Ruiz", '001,101,Ana "Annie,Ruiz')
    home.upload({STUDENT_FILE: with_rows(broken, ZOE.replace("Zoe,Moss", f"Zoe,{last_name}"))})
    run = home.nightly()
    assert run.report.exports[STUDENT_FILE].findings.counts["student_id_reused"] == 1
    assert (classes_of(home, "001"), contacts_of(home, "001")) == anas
    names = "SELECT first_name FROM connect.students WHERE student_id = '001'"
    assert home.query(names) == [("Ana",)]


@pytest.mark.parametrize(
    ("student", "text", "becomes"),
    [
        pytest.param("004", "Korean,All\n", "Korean,All", id="two records on one line"),
        pytest.param("001", "001,101,Ana,Ruiz", "101,Ana,Ruiz", id="the ID's cell is missing"),
        pytest.param("001", "001,101,Ana", "0,01,101,Ana", id="a comma in the ID"),
        pytest.param(
            "001", "001,101,Ana,Ruiz", "0\x0101,101,Ana,Moss", id="a control character in the ID"
        ),
        pytest.param("001", "001,101,Ana", "1,101,Ana,,,", id="an ID without its zeros"),
        pytest.param("001", "001,101,Ana,Ruiz", "001,101,An\n009,101,Gus,Hall", id="no names"),
    ],
)
def test_a_broken_line_without_a_whole_id_or_name_removes_nobody(
    home: SmallHome, student: str, text: str, becomes: str
) -> None:
    before = home.tables()["connect.rosters"]
    assert text in FILES[STUDENT_FILE]
    home.upload({STUDENT_FILE: FILES[STUDENT_FILE].replace(text, becomes)})
    home.publish()
    assert home.tables()["connect.rosters"] == before
    kept = f"SELECT reason FROM connect.kept WHERE key = '{student}'"
    assert home.query(kept) == [("row_quarantined",)]


def test_a_row_without_an_id_does_not_hand_a_child_to_another_row_of_hers(home: SmallHome) -> None:
    before = contacts_of(home, "001")
    two = with_rows(FILES[STUDENT_FILE], "001,102,Ana,Ruiz,,,,,,,,,,9,,,,")
    home.upload({STUDENT_FILE: two})
    home.publish()
    home.upload({STUDENT_FILE: two.replace("001,101,Ana,Ruiz", ",101,Ana,Ruiz")})
    home.publish()
    assert contacts_of(home, "001") == before != []


def test_a_row_without_an_id_holds_no_namesake_at_another_school_back(home: SmallHome) -> None:
    namesake = "007,102,Ana,Ruiz,,,Ida Ruiz,(201) 555-0117,,,,,12346,3,,,English,SMS"
    two = with_rows(FILES[STUDENT_FILE], namesake)
    home.upload({STUDENT_FILE: two})
    home.publish()
    without_id = two.replace("001,101,Ana,Ruiz", ",101,Ana,Ruiz")
    home.upload({STUDENT_FILE: without_id.replace("555-0117", "555-0177")})
    home.publish()
    assert contacts_of(home, "007") == [("primary", "+12015550177")]
    assert home.query("SELECT key FROM connect.kept") == [("001",)]


def test_two_people_with_one_staff_id_get_nothing_of_each_other(home: SmallHome) -> None:
    """A broken row is Maria's, a valid one Nora's: Maria stays as she is."""
    who = "SELECT last_name FROM connect.staff WHERE staff_id = 'T1'"
    nora = "T1,102,Nora,Quill,nora.quill@example.org,Clerk,"
    broken = FILES[STAFF_FILE].replace("T1,101,Maria,Lopez", 'T1,101,Maria "M",Lopez')
    home.upload({STAFF_FILE: with_rows(broken, nora)})
    home.publish()
    assert home.query(who) == [("Lopez",)]
    # Maria has left, and Nora's row is the broken one: nobody is T1 until it is mended.
    left = with_rows(without_rows(FILES[STAFF_FILE], "T1,"), nora.replace("Nora,", 'Nora "N",'))
    home.upload({STAFF_FILE: left})
    run = home.nightly()
    assert home.query(who) == []
    assert run.report.exports[CLASS_FILE].findings.counts["unknown_teacher"] > 0


def test_a_quarantined_row_keeps_nobody_who_had_the_id_before(home: SmallHome) -> None:
    """Zoe has Ana's ID now, and no school: Ana's family gets no messages about Zoe."""
    left = without_rows(FILES[STUDENT_FILE], "001,") + ZOE.replace("001,102,", "001,,") + "\n"
    home.upload({STUDENT_FILE: left, CLASS_FILE: with_rows(FILES[CLASS_FILE], HER_CLASS)})
    home.publish()
    assert classes_of(home, "001") == set()
    assert contacts_of(home, "001") == []


@pytest.mark.parametrize("number", ["12345", "1"])
def test_a_word_that_is_another_childs_id_names_nobody(home: SmallHome, number: str) -> None:
    """Her ZIP code, or a period, is the ID of a child whose name is not in the line."""
    gus = f"{number},101,Gus,Hill,,,Ida Hill,(201) 555-0177,,,,,12399,9,R1,4.50,English,SMS"
    files = {
        STUDENT_FILE: with_rows(FILES[STUDENT_FILE], gus),
        CLASS_FILE: with_rows(FILES[CLASS_FILE], f"101,T2,{number},5,Art,A1,1"),
    }
    home.upload(files)
    home.publish()
    hers = classes_of(home, "003")
    home.upload(
        {
            STUDENT_FILE: files[STUDENT_FILE].replace("003,101,Cho,Park", "101,Cho,Park"),
            CLASS_FILE: files[CLASS_FILE].replace("101,T1,003,1,", "101,T1,1,"),
        }
    )
    home.publish()
    assert classes_of(home, "003") == hers


def test_a_number_in_a_broken_line_or_a_footer_freezes_nobody_who_has_a_row(
    home: SmallHome,
) -> None:
    """9 is a grade, the ID of another Ruiz, and how many rows there are."""
    files = with_rows(
        FILES[STUDENT_FILE],
        "9,101,Leo,Ruiz,,,Eva Ruiz,(201) 555-0111,,,,,12345,8,R1,4.50,English,SMS",
    )
    home.upload({STUDENT_FILE: files})
    home.publish()
    broken = files.replace("001,101,Ana,Ruiz", '001,101,Ana "A",Ruiz')
    moved = broken.replace(
        "9,101,Leo,Ruiz,,,Eva Ruiz,(201) 555-0111", "9,101,Leo,Ruiz,,,Eva Ruiz,(201) 555-0177"
    )
    home.upload({STUDENT_FILE: f"{moved}Total,9\n"})
    home.publish()
    assert contacts_of(home, "9") == [("primary", "+12015550177")]
    assert home.query("SELECT key FROM connect.kept WHERE entity = 'student'") == [("001",)]


def test_a_name_with_a_comma_is_the_same_name_in_a_broken_line(home: SmallHome) -> None:
    both = (
        '007,101,Ann,"Smith, Jr.",,,Ida Smith,(201) 555-0177,,,,,12345,9,,,English,SMS',
        '007,102,Ann,"Smith, Jr.",,,Ida "I" Smith,(201) 555-0177,,,,,12345,9,,,English,SMS',
    )
    home.upload({STUDENT_FILE: with_rows(FILES[STUDENT_FILE], *both)})
    home.publish()
    names = "SELECT last_name FROM connect.students WHERE student_id = '007'"
    assert home.query(names) == [("Smith, Jr.",)]


def test_a_line_that_may_be_anybodys_hides_no_mass_removal(home: SmallHome) -> None:
    text = without_rows(FILES[STUDENT_FILE], "001,", "002,", "003,", "004,")
    first, rest = text.split("\n", 1)
    home.upload({STUDENT_FILE: f"{first}\n,101,Jo,Hall{',' * 14}\n{rest}"})
    run = home.nightly()
    assert (run.outcome, "mass_removal" in run.report.holding_codes()) == ("held", True)


def test_in_an_add_only_window_who_is_missing_at_one_school_stays_whole(home: SmallHome) -> None:
    before = contacts_of(home, "001")
    two = with_rows(FILES[STUDENT_FILE], "001,102,Ana,Ruiz,,,,,,,,,,9,,,,")
    home.upload({STUDENT_FILE: two})
    home.publish()
    home.write_settings(**window(-1, 10))
    home.upload({STUDENT_FILE: without_rows(two, "001,101")})
    run = home.nightly()
    assert run.report.exports[STUDENT_FILE].findings.counts["removal_deferred"] == 1
    assert contacts_of(home, "001") == before != []
    assert len(home.query("FROM connect.student_sites WHERE student_id = '001'")) == 2
    kept = home.query("SELECT entity, reason FROM connect.kept WHERE key = '001'")
    assert kept == [("student_site", "add_only")]
    # What a row of hers says counts, when it says whom to tell.
    other = "001,102,Ana,Ruiz,,,Rosa Ruiz,(201) 555-0177,,,,,,10,,,,"
    home.upload({STUDENT_FILE: with_rows(without_rows(two, "001,"), other)})
    home.publish()
    assert contacts_of(home, "001") == [("primary", "+12015550177")]
    assert home.query("SELECT grade FROM connect.students WHERE student_id = '001'") == [("10",)]


def test_who_leaves_a_school_in_an_add_only_window_leaves_its_classes(home: SmallHome) -> None:
    moved = without_rows(FILES[STUDENT_FILE], "003,")
    row = next(line for line in FILES[STUDENT_FILE].splitlines() if line.startswith("003,"))
    home.write_settings(**window(-1, 10))
    home.upload(
        {
            STUDENT_FILE: with_rows(moved, row.replace("003,101", "003,102")),
            CLASS_FILE: with_rows(
                without_rows(FILES[CLASS_FILE], "101,T1,003", "101,T2,003", "101,T1,002"),
                "102,T3,003,0,Grade 3,G3,1",
            ),
        }
    )
    home.publish()
    teachers = "SELECT DISTINCT staff_id FROM connect.rosters WHERE student_id = '{}' ORDER BY 1"
    assert home.query(teachers.format("003")) == [("T3",)]
    assert home.query(teachers.format("002")) == [("T1",), ("T2",)]


def test_an_approval_is_of_what_an_add_only_window_kept(home: SmallHome) -> None:
    """Held on the window's last day, approved on the next: then others would go, unasked."""
    home.write_settings(**window(-1, 10))
    shorter = [line.rpartition(",")[0] for line in FILES[STUDENT_FILE].splitlines()]
    home.upload({STUDENT_FILE: "\n".join([*(x for x in shorter if x[:4] != "006,"), ""])})
    assert home.nightly().outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    home.write_settings(**window(-10, -1))
    assert home.nightly().outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    assert home.nightly().outcome == "published"
    assert home.query("FROM connect.students WHERE student_id = '006'") == []


def test_a_school_export_that_was_discarded_does_not_come_back(home: SmallHome) -> None:
    merged = FILES[SCHOOL_FILE].replace("(201) 555-0150,", "(201) 555-0150,101")
    shorter = [line.rpartition(",")[0] for line in FILES[STUDENT_FILE].splitlines()]
    home.upload({SCHOOL_FILE: merged, STUDENT_FILE: "\n".join([*shorter, ""])})
    time.sleep(1.1)  # the ledger's times are to the second, and the first night may just be over
    assert home.nightly().outcome == "held"
    assert home.command_here("discard", NAME).returncode == 0
    time.sleep(1.1)
    assert home.nightly().outcome == "discarded", "the same files, seen once more"
    home.upload({SCHOOL_FILE: None, STUDENT_FILE: FILES[STUDENT_FILE].replace("Korean", "Thai")})
    home.publish()
    assert home.query("SELECT count(DISTINCT site_id) FROM connect.school_sites") == [(2,)]


@pytest.mark.parametrize(
    "row",
    [
        "102,VACANT,004,0,Music,MU,1",
        "102,,004,0,Music,MU,1",
        "102,T2,004,,Music,MU,1",
    ],
)
def test_a_vacant_course_keeps_no_child_in_the_same_periods_others(
    home: SmallHome, row: str
) -> None:
    """At an elementary school all is period 0; music has no teacher in the SIS."""
    music = with_rows(FILES[CLASS_FILE], row)
    moved = music.replace("102,T3,004,0,Grade 3,G3,1", "102,T1,004,0,Grade 3,G3,2")
    assert moved != music
    home.upload({CLASS_FILE: moved})
    home.publish()
    teachers = "SELECT staff_id FROM connect.rosters WHERE student_id = '004'"
    assert home.query(teachers) == [("T1",)]


def test_a_damaged_cell_beside_a_sound_id_keeps_nobody_else(home: SmallHome) -> None:
    """Who has left is gone, and who moved has moved, though another's school code is damaged."""
    students = without_rows(FILES[STUDENT_FILE].replace("002,101,", "002,101.0,"), "006,")
    home.upload(
        {
            STAFF_FILE: without_rows(FILES[STAFF_FILE], "T3,").replace("T2,101,", "T2,101.0,"),
            STUDENT_FILE: students.replace("003,101,", "003,102,"),
            CLASS_FILE: without_rows(FILES[CLASS_FILE], "102,T3,"),
        }
    )
    home.write_settings(thresholds={"removed": 1, "bad_rows": 1, "unknown_references": 1})
    run = home.nightly()
    assert run.outcome == "published", run.message
    assert home.query("SELECT entity, key FROM connect.kept WHERE entity <> 'enrollment'") == [
        ("staff", "T2"),
        ("student", "002"),
    ]
    assert classes_of(home, "002") == {("101", "1"), ("101", "2")}


@pytest.mark.parametrize("id_of", ["3f2504e0-4f89-11d3-9a0c-0305e82c330{}", "2026/00{}"])
def test_ids_of_any_length_and_form_are_known_in_quarantined_rows(
    server: EmbeddedServer, tmp_path: Path, id_of: str
) -> None:
    """Two schools, and the first row lost its own: she keeps her guardian. Who left, leaves."""

    def with_ids(text: str) -> str:
        for number in range(1, 7):
            text = text.replace(f"00{number},", f"{id_of.format(number)},")
        return text

    gus = id_of.format(7) + ",{},Gus,Hall,,,{},(201) 555-0117,,,,,12345,9,,,English,SMS"
    students = with_ids(FILES[STUDENT_FILE])
    both = (gus.format("101", "Ivy Hall"), gus.format("102", "Old Hall"))
    classes = with_ids(FILES[CLASS_FILE])
    files = {STUDENT_FILE: with_rows(students, *both), CLASS_FILE: classes}
    home = small_home(server, tmp_path, {**FILES, **files})
    home.publish()
    left = id_of.format(6)
    home.upload(
        {
            STUDENT_FILE: with_rows(
                without_rows(students, left), both[0].replace(",101,", ",,"), both[1]
            ),
            CLASS_FILE: without_rows(classes, f"102,T3,{left}"),
        }
    )
    home.publish()
    assert home.query("SELECT name FROM connect.contacts WHERE name LIKE '%Hall'") == [
        ("Ivy Hall",)
    ]
    assert home.query("SELECT key FROM connect.kept") == [(id_of.format(7),)]


def test_emptied_merges_are_held(home: SmallHome) -> None:
    annexes = {f"10{n}": f"Annex {n}" for n in range(3, 6)}
    home.write_settings(sites={**home.sites, **annexes})
    rows = [f"{name},1 Main Street,(201) 555-0170,{{}}" for name in annexes.values()]
    merged, emptied = (
        with_rows(FILES[SCHOOL_FILE], *(row.format(code) for row in rows)) for code in ("101", "")
    )
    home.upload({SCHOOL_FILE: merged})
    home.publish()
    home.upload({SCHOOL_FILE: emptied})
    run = home.nightly()
    assert run.outcome == "held"
    assert run.report.holding_codes() == {"column_emptied": 1}
    assert home.command_here("discard", NAME).returncode == 0
    home.upload({SCHOOL_FILE: None, STUDENT_FILE: FILES[STUDENT_FILE].replace("Korean", "Thai")})
    home.publish()
    assert home.query("SELECT count(DISTINCT site_id) FROM connect.school_sites") == [(2,)]


def test_a_site_that_names_itself_lets_others_roll_up_to_it(home: SmallHome) -> None:
    schools = FILES[SCHOOL_FILE].replace("555-0150,", "555-0150,101")
    home.upload({SCHOOL_FILE: schools.replace("555-0100,", "555-0100,101")})
    home.publish()
    assert home.query("SELECT DISTINCT site_id FROM connect.school_sites") == [("101",)]


def test_a_broken_line_of_somebody_new_and_a_footer_keep_nobody(home: SmallHome) -> None:
    rest = without_rows(FILES[STUDENT_FILE], "006,")
    home.upload({STUDENT_FILE: rest + '008,101,Jo "x",Hall\nTotal,6,students\n'})
    home.publish()
    assert home.query("FROM connect.students WHERE student_id = '006'") == []


def test_a_title_opens_the_site_where_it_is_held(home: SmallHome) -> None:
    sites = "SELECT scope_id FROM connect.staff_access WHERE staff_id = 'T8' AND scope = 'site'"
    staff = with_rows(FILES[STAFF_FILE], titled("101", "Teacher"), titled("102", "Principal"))
    home.write_settings(staff_access={"site_titles": ["Principal"]})
    home.upload({STAFF_FILE: staff})
    home.publish()
    assert home.query(sites) == [("102",)]
    home.upload({STAFF_FILE: staff.replace("T8,101,Kim,", 'T8,101,Kim "K",')})
    home.publish()
    assert home.query(sites) == [("102",)], "not of the row that is left"
    titles = "SELECT school, title FROM connect.staff_titles WHERE staff_id = 'T8' ORDER BY 1"
    assert home.query(titles) == [("101", "Teacher"), ("102", "Principal")]


def test_rows_of_a_teacher_who_left_keep_no_child_in_other_classes(home: SmallHome) -> None:
    """The SIS still has T1's rows; 003 goes from T2's second period to another class."""
    moved = without_rows(FILES[CLASS_FILE], "101,T2,003,2,") + "102,T3,003,2,Band,B1,1\n"
    home.upload({STAFF_FILE: without_rows(FILES[STAFF_FILE], "T1,"), CLASS_FILE: moved})
    run = home.nightly()
    assert run.report.exports[CLASS_FILE].findings.counts["unknown_teacher"] > 0
    second = "SELECT staff_id FROM connect.rosters WHERE student_id = '003' AND period = '2'"
    assert home.query(second) == [("T3",)]


def test_an_invalid_class_row_keeps_whom_it_means_where_it_says_and_nobody_else(
    home: SmallHome,
) -> None:
    """A12 is in small letters, 001 left one of two like classes, and teacher 004 is no child."""
    kim = "004,102,Kim,Fox,kim.fox@example.org,Teacher,"
    leo = "A12,102,Leo,Ruiz,,,Eva Ruiz,(201) 555-0111,,,,,12345,8,R1,4.50,English,SMS"
    home.upload(
        {
            STUDENT_FILE: with_rows(FILES[STUDENT_FILE], leo),
            STAFF_FILE: with_rows(FILES[STAFF_FILE], kim),
            CLASS_FILE: with_rows(
                FILES[CLASS_FILE], "102,T3,A12,0,Grade 3,G3,1", "101,T1,001,3,Algebra I,MA101,1"
            ),
        }
    )
    home.publish()
    home.write_settings(thresholds={"removed": 1, "bad_rows": 1, "unknown_references": 1})
    left = without_rows(FILES[CLASS_FILE], "101,T1,001", "102,T3,004")
    invalid = "102,T3,a12,0,Grade 3,G3,1", "101,T9,001,1,Algebra I,MA101,1", "102,004,999,0,Art,A,1"
    home.upload({CLASS_FILE: with_rows(left, *invalid)})
    home.publish()
    kept = "SELECT key, course_name, period FROM connect.kept JOIN connect.classes USING (class_id)"
    assert sorted(home.query(kept)) == [("001", "Algebra I", "1"), ("A12", "Grade 3", "0")]


def test_a_student_in_the_teachers_place_is_not_meant_where_another_is_in_the_students(
    home: SmallHome,
) -> None:
    """003 left English 9, and stands for the teacher of 002."""
    home.write_settings(thresholds={"unknown_references": 1})
    left = without_rows(FILES[CLASS_FILE], "101,T2,003,2", "101,T1,002,1")
    home.upload({CLASS_FILE: with_rows(left, "101,003,002,1,Algebra I,MA101,1")})
    home.publish()
    kept = "SELECT key, course_name FROM connect.kept JOIN connect.classes USING (class_id)"
    assert home.query(kept) == [("002", "Algebra I")]


def test_a_period_where_the_student_is_missing_is_no_student_of_that_number(
    home: SmallHome,
) -> None:
    one = "1,102,Gus,Hall,,,Ivy Hall,(201) 555-0117,,,,,12345,9,,,English,SMS"
    home.upload({STUDENT_FILE: with_rows(FILES[STUDENT_FILE], one)})
    home.publish()
    before = home.tables()["connect.rosters"]
    home.upload({CLASS_FILE: FILES[CLASS_FILE].replace("101,T1,003,1,", "101,T1,1,")})
    home.publish()
    assert home.tables()["connect.rosters"] == before


def test_a_class_that_is_kept_keeps_its_site(home: SmallHome) -> None:
    pool = with_rows(FILES[CLASS_FILE], "150,T2,003,5,Pool,PE9,1")
    home.upload({CLASS_FILE: pool})
    home.publish()
    home.upload({CLASS_FILE: pool.replace(",Pool,", ',Po"ol,')})
    home.publish()
    assert (
        home.query("SELECT school FROM connect.classes ANTI JOIN connect.sites USING (site_id)")
        == []
    )
    assert home.query("SELECT count(*) FROM connect.rosters WHERE school = '150'") == [(1,)]


def test_what_was_discarded_for_its_nights_is_free_when_it_comes_in_one(home: SmallHome) -> None:
    new = with_rows(FILES[STUDENT_FILE], ZOE.replace("001,", "009,"))
    home.upload({STUDENT_FILE: new})
    day_ago = (dt.datetime.now(dt.UTC) - DAY).timestamp()
    os.utime(home.drop / CLASS_FILE, (day_ago, day_ago))
    assert home.nightly().outcome == "held"
    assert home.command_here("discard", NAME).returncode == 0
    assert home.nightly().outcome == "discarded"
    home.upload({name: home.read(name) for name in (STAFF_FILE, STUDENT_FILE, CLASS_FILE)})
    assert home.nightly().outcome == "published"


def test_an_approval_can_be_taken_back(home: SmallHome) -> None:
    shorter = [line.rpartition(",")[0] for line in FILES[STUDENT_FILE].splitlines()]
    home.upload({STUDENT_FILE: "\n".join([*shorter, ""])})
    assert home.nightly().outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    said = home.command_here("discard", NAME)
    assert (said.returncode, "taken back" in said.stdout) == (0, True)
    assert home.nightly().outcome == "discarded"
    assert home.command_here("discard", NAME).returncode == 2


def test_a_district_without_sites_is_told_so(home: SmallHome) -> None:
    home.sites = {}
    home.write_settings()
    home.upload({STUDENT_FILE: FILES[STUDENT_FILE].replace("Korean", "Russian")})
    run = home.nightly()
    assert run.report.exports[STUDENT_FILE].findings.counts["unknown_school"] == 2


def test_two_courses_in_one_class_are_told_of(home: SmallHome) -> None:
    rows = ("101,T1,001,5,Art,ELECTIVE,", "101,T1,002,5,ART ,ELECTIVE,")
    home.upload({CLASS_FILE: with_rows(FILES[CLASS_FILE], *rows)})
    run = home.nightly()
    assert run.report.exports[CLASS_FILE].findings.counts["course_name_conflict"] == 0
    home.upload({CLASS_FILE: with_rows(FILES[CLASS_FILE], *rows, "101,T1,003,5,Grief,ELECTIVE,")})
    run = home.nightly()
    assert run.report.exports[CLASS_FILE].findings.counts["course_name_conflict"] == 1
    groups = "SELECT name, member_count FROM connect.groups WHERE kind = 'course' AND name ^@ 'Art'"
    assert [row[1] for row in home.query(groups)] == [3]
