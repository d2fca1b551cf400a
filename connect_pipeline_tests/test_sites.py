"""Sites: which one a school's families hear from, with merges that begin, end, or go in circles."""

from __future__ import annotations

from typing import Any

from connect_pipeline.contract import SCHOOLS, STAFF, STUDENTS
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import SmallHome, with_rows, without_rows

SCHOOL_FILE, STAFF_FILE, STUDENT_FILE = (spec.file_name for spec in (SCHOOLS, STAFF, STUDENTS))
GUS = "007,{school},Gus,Hall,,,Ivy Hall,(201) 555-0117,,,,,12345,9,,,English,SMS"
LINCOLN, ROSA_PARKS = '"Lincoln High', '"Rosa Parks'


def merging(lincoln: str = "", rosa_parks: str = "") -> str:
    """A SchoolExport whose schools merge with these codes."""
    text = FILES[SCHOOL_FILE].replace("555-0100,", f"555-0100,{lincoln}")
    return text.replace("555-0150,", f"555-0150,{rosa_parks}")


def sites(home: SmallHome) -> dict[Any, Any]:
    return dict(home.query("SELECT school, site_id FROM connect.school_sites"))


def test_a_merge_with_a_code_that_is_no_site_moves_nobody(home: SmallHome) -> None:
    home.upload({SCHOOL_FILE: merging(rosa_parks="999")})
    home.publish()
    assert sites(home) == {"101": "101", "102": "102"}


def test_a_site_that_merges_into_a_circle_stays_where_it_is(home: SmallHome) -> None:
    home.sites["103"] = "Oak School"
    home.write_settings()
    circle = merging(lincoln="102", rosa_parks="101")
    home.upload(
        {
            SCHOOL_FILE: with_rows(circle, "Oak School,3 Oak Street,(201) 555-0170,101"),
            STUDENT_FILE: with_rows(FILES[STUDENT_FILE], GUS.format(school="103")),
        }
    )
    home.publish()
    assert sites(home) == {"101": "101", "102": "102", "103": "103"}


def test_a_merge_ends_with_the_file_whatever_is_broken_elsewhere(home: SmallHome) -> None:
    """It goes on only where a broken line of SchoolExport may be that site's."""
    merged = merging(rosa_parks="101")
    rows_of_others = (
        {SCHOOL_FILE: FILES[SCHOOL_FILE].replace(LINCOLN, '"The "Lincoln High')},
        {
            SCHOOL_FILE: without_rows(merged, ROSA_PARKS),
            STUDENT_FILE: FILES[STUDENT_FILE].replace("001,101,Ana", '001,101,Ana "A'),
        },
    )
    for files in rows_of_others:
        home.upload({SCHOOL_FILE: merged, STUDENT_FILE: FILES[STUDENT_FILE]})
        home.publish()
        assert sites(home) == {"101": "101", "102": "101"}
        home.upload(files)
        home.publish()
        assert sites(home) == {"101": "101", "102": "102"}


def test_a_phone_that_is_gone_is_published_no_more(home: SmallHome) -> None:
    """Another site's broken line keeps that one's phone, and not this one's."""
    gone = FILES[SCHOOL_FILE].replace("(201) 555-0150", "")
    home.upload({SCHOOL_FILE: gone.replace(LINCOLN, '"The "Lincoln High')})
    home.publish()
    phones = dict(home.query("SELECT site_id, phone FROM connect.sites"))
    assert phones == {"101": "+12015550100", "102": None}


def test_who_is_kept_keeps_the_site_of_a_school_where_nobody_else_is(home: SmallHome) -> None:
    student, teacher = GUS.format(school="150"), "T8,160,Kim,Fox,kim.fox@example.org,Teacher,"
    students = with_rows(FILES[STUDENT_FILE], student)
    staff = with_rows(FILES[STAFF_FILE], teacher)
    home.upload({STUDENT_FILE: students, STAFF_FILE: staff})
    home.publish()
    broken_student = students.replace("Gus,", 'Gus "G",')
    broken_teacher = staff.replace("Kim,", 'Kim "K",')
    home.upload({STUDENT_FILE: broken_student, STAFF_FILE: broken_teacher})
    home.publish()
    assert {"150", "160"} <= sites(home).keys()
    at_sites = [
        home.query("SELECT school FROM connect.student_sites WHERE student_id = '007'"),
        home.query("SELECT school FROM connect.staff_sites WHERE staff_id = 'T8'"),
    ]
    assert at_sites == [[("150",)], [("160",)]]
