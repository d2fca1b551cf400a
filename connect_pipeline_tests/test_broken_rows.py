"""A broken row keeps whom it may be about as last published, and nobody else.

Each night here has one such row, and a change that must or must not be published beside it.
"""

from __future__ import annotations

import pytest

from connect_pipeline.contract import STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import (
    SmallHome,
    classes_of,
    contacts_of,
    with_rows,
    without_rows,
)

STUDENT_FILE, STAFF_FILE, CLASS_FILE = (
    spec.file_name for spec in (STUDENTS, STAFF, STAFF_TO_STUDENT)
)
ALGEBRA = "101,T1,001,1,Algebra I,MA101,1"
GRADE_3 = "102,T3,006,0,Grade 3,G3,1"
KEPT = "SELECT key FROM connect.kept WHERE entity = 'student'"

# -- rows of a class -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("student", "row", "broken"),
    [
        pytest.param("001", ALGEBRA, ALGEBRA.replace(",1,A", ",1.00E+00,A"), id="its period"),
        pytest.param("001", ALGEBRA, ALGEBRA.replace("T1", "1.00E+03"), id="its teacher"),
        pytest.param("001", ALGEBRA, "Algebra I,MA101", id="only its end is there"),
        pytest.param("006", GRADE_3, "102,T3", id="the last one is cut"),
    ],
)
def test_a_broken_class_row_takes_its_student_out_of_no_class(
    home: SmallHome, student: str, row: str, broken: str
) -> None:
    before = classes_of(home, student)
    home.upload({CLASS_FILE: FILES[CLASS_FILE].replace(row, broken)})
    home.publish()
    assert classes_of(home, student) == before


@pytest.mark.parametrize("row", ["101,T2,,7,English 9,EN109,1", "101,T2,,2,Music,MU,1"])
def test_a_row_without_its_student_keeps_nobody_in_another_period_or_course(
    home: SmallHome, row: str
) -> None:
    home.upload({CLASS_FILE: with_rows(without_rows(FILES[CLASS_FILE], "101,T2,001,2"), row)})
    home.publish()
    assert classes_of(home, "001") == {("101", "1"), ("101", "0")}


def test_a_row_without_its_period_keeps_its_student_with_no_other_teacher(home: SmallHome) -> None:
    two = with_rows(FILES[CLASS_FILE], "101,T2,001,3,Algebra I,MA101,1")
    home.upload({CLASS_FILE: two})
    home.publish()
    left = without_rows(two, "101,T2,001,3")
    home.upload({CLASS_FILE: left.replace("101,T1,001,1,", "101,T1,001,,")})
    home.publish()
    assert classes_of(home, "001") == {("101", "1"), ("101", "2"), ("101", "0")}


def test_a_broken_class_row_of_a_new_student_keeps_nobody_else(home: SmallHome) -> None:
    new = "009,102,Zoe,Moss,,,Pat Moss,(201) 555-0199,,,,,12346,3,R2,1.25,English,Phone"
    left = without_rows(FILES[CLASS_FILE], "101,T2,001,0")
    home.upload(
        {
            STUDENT_FILE: with_rows(FILES[STUDENT_FILE], new),
            CLASS_FILE: with_rows(left, '102,T3,009,0,Grade "3",G3,1'),
        }
    )
    home.publish()
    assert classes_of(home, "001") == {("101", "1"), ("101", "2")}


# -- rows of people ------------------------------------------------------------------------------


def test_a_broken_last_row_with_names_is_no_footer(home: SmallHome) -> None:
    last = 'zz 9,102,F"y,O"z,,,,,,,,,,,,,,'
    home.upload({STUDENT_FILE: with_rows(without_rows(FILES[STUDENT_FILE], "006,"), last)})
    home.publish()
    assert home.query(KEPT) == [("006",)]


def test_a_number_in_a_footer_is_nobodys_id(home: SmallHome) -> None:
    home.upload({STUDENT_FILE: with_rows(without_rows(FILES[STUDENT_FILE], "006,"), "Total,006")})
    home.publish()
    assert home.query(KEPT) == []

    leo = "9,101,Leo,Ruiz,,,Eva Ruiz,(201) 555-0111,,,,,12345,8,R1,4.50,English,SMS"
    home.upload({STUDENT_FILE: with_rows(FILES[STUDENT_FILE], leo)})
    home.publish()
    moved = leo.replace("0111", "0177")
    home.upload({STUDENT_FILE: with_rows(FILES[STUDENT_FILE], moved, "9,rows")})
    home.publish()
    assert contacts_of(home, "9") == [("primary", "+12015550177")]


def test_a_broken_row_of_a_namesake_keeps_nobody(home: SmallHome) -> None:
    """Its ID says who it is, whether Ana has left or has a new phone."""
    namesake = '008,{school},Ana,Ruiz,"x"y,,,,,,,,,,,,,'
    moved = FILES[STUDENT_FILE].replace("(201) 555-0111", "(201) 555-0177")
    home.upload({STUDENT_FILE: with_rows(moved, namesake.format(school="101"))})
    home.publish()
    assert ("primary", "+12015550177") in contacts_of(home, "001")
    rest = without_rows(FILES[STUDENT_FILE], "001,")
    home.upload({STUDENT_FILE: with_rows(rest, namesake.format(school="102"))})
    home.publish()
    assert home.query(KEPT) == []


def test_a_member_of_staff_with_a_broken_name_stays_at_both_schools(home: SmallHome) -> None:
    """The row begins with the ID, and one of the names is there."""
    ida = "T7,{},Ida,West,ida.west@example.org,Teacher,"
    both = with_rows(FILES[STAFF_FILE], ida.format("101"), ida.format("102"))
    for text in (both, both.replace("T7,102,Ida", 'T7,102,Ed"a')):
        home.upload({STAFF_FILE: text})
        home.publish()
    schools = home.query("SELECT school FROM connect.staff_sites WHERE staff_id = 'T7' ORDER BY 1")
    assert schools == [("101",), ("102",)]
