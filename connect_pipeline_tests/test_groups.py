"""Groups from night to night: who came and left, who is kept, whom staff may reach."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from connect_pipeline.contract import SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.small_district import FILES, today
from connect_pipeline_tests.small_home import (
    NAME,
    Row,
    SmallHome,
    small_home,
    with_rows,
    without_rows,
)

STAFF_FILE, STUDENT_FILE, CLASS_FILE, SCHOOL_FILE = (
    spec.file_name for spec in (STAFF, STUDENTS, STAFF_TO_STUDENT, SCHOOLS)
)


# -- which group is which ----------------------------------------------------------------------


def test_no_two_groups_share_an_id_whatever_stands_in_the_codes(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """Site `1:2` with bus route `3` is not site `1` with bus route `2:3`."""
    files = {
        name: text.replace("101,", "1:2,").replace("102,", "1,") for name, text in FILES.items()
    }
    students = files[STUDENT_FILE].replace(",9,R1,", ",9,3,").replace(",R2,", ",2:3,")
    home = small_home(server, tmp_path, {**files, STUDENT_FILE: students}, sites={})
    home.publish()
    ids = [row[0] for row in home.query("SELECT group_id FROM connect.groups")]
    assert len(ids) == len(set(ids))
    riders = "SELECT group_id, list(person_id ORDER BY person_id) FROM connect.group_members"
    assert home.query(f"{riders} WHERE group_id LIKE 'bus_route:%' GROUP BY 1 ORDER BY 1") == [
        ("bus_route:1%3A2:3", ["001", "002"]),
        ("bus_route:1:2:3", ["004", "005"]),
    ]


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("16", "Bus route 16"),
        ("Route 16", "Route 16"),
        ("BUS ROUTE 16", "BUS ROUTE 16"),
        ("bus 7", "bus 7"),
        ("Busy Lane", "Bus route Busy Lane"),
        ("Routes", "Bus route Routes"),
    ],
)
def test_a_bus_routes_name_says_no_word_twice(home: SmallHome, route: str, name: str) -> None:
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace(",R2,", f",{route},")})
    home.publish()
    named = "SELECT group_id, name FROM connect.groups WHERE group_id LIKE 'bus_route:102:%'"
    assert home.query(named) == [
        (f"bus_route:102:{route}", f"{name}, Rosa Parks Elementary School")
    ]


# -- who came and left -------------------------------------------------------------------------

MEMBERS = "SELECT group_id, person_id FROM connect.group_members"


def test_a_first_night_makes_every_group_new(home: SmallHome) -> None:
    changes = home.query("SELECT group_id, change, added, removed FROM connect.group_changes")
    groups = home.query("SELECT group_id, 'new', member_count, 0 FROM connect.groups")
    assert sorted(changes) == sorted(groups)


SECOND_NIGHT = {
    # 002 moves to Rosa Parks, 003 takes another bus, 007 is new; T2's second class ends.
    STUDENT_FILE: with_rows(
        FILES[STUDENT_FILE].replace("002,101,", "002,102,").replace("12345,10,,", "12345,10,R1,"),
        "007,102,Gil,Diaz,,,Eva Diaz,(201) 555-0117,,,,,12399,3,,,Spanish,",
    ),
    CLASS_FILE: with_rows(
        without_rows(FILES[CLASS_FILE], "101,T1,002", "101,T2,002", "101,T2,001,0"),
        "102,T3,007,0,Grade 3,G3,1",
    ),
}


def test_changes_are_what_the_two_nights_members_differ_by(home: SmallHome) -> None:
    before = set(home.query(MEMBERS))
    home.upload(SECOND_NIGHT)
    home.publish()
    after = set(home.query(MEMBERS))
    groups_before, groups_after = ({group for group, _ in one} for one in (before, after))
    expected = {}
    for group in groups_before | groups_after:
        added = len({one for one in after - before if one[0] == group})
        removed = len({one for one in before - after if one[0] == group})
        kind = "changed" if group in groups_before & groups_after else "new"
        kind = kind if group in groups_after else "gone"
        if added or removed:
            expected[group] = (kind, added, removed)
    found = home.query("SELECT group_id, change, added, removed FROM connect.group_changes")
    assert {group: rest for group, *rest in found} == {
        group: list(rest) for group, rest in expected.items()
    }
    assert expected["site:102"] == ("changed", 2, 0)
    assert len({kind for kind, _, _ in expected.values()}) == 3, "new, changed and gone are there"
    names = home.query("SELECT group_id FROM connect.group_changes WHERE name = ''")
    assert names == []


def test_a_merge_of_sites_moves_everybody(home: SmallHome) -> None:
    text = FILES[SCHOOL_FILE].replace("(201) 555-0150,", "(201) 555-0150,101")
    home.upload({SCHOOL_FILE: text})
    home.publish()
    changes = {
        group: (change, added, removed)
        for group, change, added, removed in home.query(
            "SELECT group_id, change, added, removed FROM connect.group_changes"
        )
    }
    assert changes["site:101"] == ("changed", 3, 0)
    assert changes["site:102"] == ("gone", 0, 3)
    assert changes["staff_site:101"] == ("changed", 1, 0)
    assert "grade:101:9" not in changes, "nobody else came to it"
    assert home.query("SELECT DISTINCT site_id FROM connect.group_members, connect.classes") == [
        ("101",)
    ]


def test_another_limit_for_balances_moves_members(home: SmallHome) -> None:
    home.write_settings(low_lunch_balance=3.0)
    home.publish()
    changes = home.query("SELECT group_id, change, added FROM connect.group_changes ORDER BY 1")
    assert changes == [
        ("low_lunch_balance:101", "new", 2),
        ("low_lunch_balance:102", "changed", 2),
    ]


def test_one_course_at_two_schools_is_two_classes(home: SmallHome) -> None:
    """One teacher has both, in one period, and a child is in both."""
    rows = "101,T1,001,5,Band,B1,1", "102,T1,001,5,Band,B1,1"
    home.upload({CLASS_FILE: with_rows(FILES[CLASS_FILE], *rows)})
    home.publish()
    band = "SELECT school, student_id FROM connect.rosters WHERE period = '5'"
    assert sorted(home.query(band)) == [("101", "001"), ("102", "001")]


# -- groups of nobody and of everybody -----------------------------------------------------------


def test_a_class_is_named_with_its_teacher(home: SmallHome) -> None:
    """A school has a homeroom for each, all of one name, and often without sections."""
    rows = ["101,T1,001,0,Homeroom,,", "101,T2,002,0,Homeroom,,"]
    home.upload({CLASS_FILE: with_rows(FILES[CLASS_FILE], *rows)})
    home.publish()
    named = (
        "SELECT name FROM connect.groups WHERE kind = 'class' AND name LIKE 'Homeroom, period 0, %'"
    )
    assert sorted(home.query(named)) == [
        ("Homeroom, period 0, James Chen, Lincoln High School",),
        ("Homeroom, period 0, Maria Lopez, Lincoln High School",),
        ("Homeroom, period 0, section 1, James Chen, Lincoln High School",),
    ]


def test_groups_that_lost_everybody_are_named_by_kind(home: SmallHome) -> None:
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace(",R2,", ",R3,")})
    home.publish()
    found = home.query(
        "SELECT export, severity, message FROM quality.findings WHERE code = 'group_is_empty'"
    )
    assert [row[:2] for row in found] == [(STUDENT_FILE, "warning")]
    assert found[0][2].startswith("Groups by bus route that had members")
    assert " none tonight: 1. " in found[0][2]


def everybody(language: str) -> str:
    rows = [f"{n},10{1 + n % 2},Kid,No{n},,,,,,,,,,{n % 12 + 1},,,{language},\n" for n in range(12)]
    return ",".join(STUDENTS.column_names) + "\n" + "".join(rows)


def test_a_group_of_everybody_is_a_warning(server: EmbeddedServer, tmp_path: Path) -> None:
    rows = [f"101,T1,{n},1,Assembly,AS1,1\n" for n in range(12)]
    files = {
        STAFF_FILE: FILES[STAFF_FILE],
        STUDENT_FILE: everybody("English"),
        CLASS_FILE: ",".join(STAFF_TO_STUDENT.column_names) + "\n" + "".join(rows),
    }
    home = small_home(server, tmp_path, files)
    home.publish()
    found = home.query(
        "SELECT export, message FROM quality.findings"
        " WHERE code = 'group_is_everybody' ORDER BY ALL"
    )
    assert [(export, message.split(" that")[0]) for export, message in found] == [
        (CLASS_FILE, "Groups by class"),
        (CLASS_FILE, "Groups by course"),
        (CLASS_FILE, "Groups by teacher"),
    ], "each language group is of one site; sites and all staff are meant to be whole"


# -- who is kept ---------------------------------------------------------------------------------

KEPT = "SELECT entity, key, reason, nights, valid_in FROM connect.kept ORDER BY ALL"
KEPT_PEOPLE = "SELECT entity, key, reason, nights FROM connect.kept ORDER BY ALL"
NAMED = "SELECT export, record_id FROM quality.findings WHERE code = 'kept_previous'"


def test_who_stays_invalid_is_kept_and_named_each_night(home: SmallHome) -> None:
    valid_in = home.current()
    damaged = home.read(STUDENT_FILE).replace("Eva Ruiz", 'Eva "Ruiz')
    for nights, language in enumerate(("Korean", "Russian", "Arabic"), start=1):
        home.upload({STUDENT_FILE: damaged.replace("Korean", language)})
        home.publish()
        assert home.query(KEPT) == [("student", "001", "row_quarantined", nights, valid_in)]
        named = "SELECT record_id FROM quality.findings WHERE code = 'kept_previous'"
        assert home.query(named) == [("001",)]
    home.upload({STUDENT_FILE: FILES[STUDENT_FILE]})
    home.publish()
    assert home.query(KEPT) == []


def test_enrollments_of_invalid_class_rows_are_kept_and_named(home: SmallHome) -> None:
    valid_in = home.current()
    before = home.tables()["connect.rosters"]
    home.upload(
        {CLASS_FILE: home.read(CLASS_FILE).replace("102,T3,006,0,Grade 3", "102,T3,006,,x")}
    )
    home.publish()
    assert home.tables()["connect.rosters"] == before
    assert home.query(KEPT) == [("enrollment", "006", "row_quarantined", 1, valid_in)]
    assert home.query("SELECT class_id FROM connect.kept") == home.query(
        "SELECT class_id FROM connect.rosters WHERE student_id = '006'"
    )
    named = "SELECT export, record_id FROM quality.findings WHERE code = 'kept_previous'"
    assert home.query(named) == [(CLASS_FILE, "006")]


def test_each_kept_enrollment_has_its_own_nights(home: SmallHome) -> None:
    """Ana is kept in one class, then in a second one as well."""
    home.write_settings(thresholds={"unknown_references": 1})
    first = home.current()
    one = FILES[CLASS_FILE].replace("101,T1,001,1", "101,T9,001,1")
    home.upload({CLASS_FILE: one})
    home.publish()
    second = home.current()
    home.upload({CLASS_FILE: one.replace("101,T2,001,2", "101,T9,001,2")})
    home.publish()
    kept = (
        "SELECT kept.key, course_name, nights, valid_in FROM connect.kept"
        " JOIN connect.classes USING (class_id) ORDER BY ALL"
    )
    assert home.query(kept) == [("001", "Algebra I", 2, first), ("001", "English 9", 1, second)]


def test_who_shares_an_id_with_somebody_kept_has_nights_of_their_own(home: SmallHome) -> None:
    staff = with_rows(FILES[STAFF_FILE], "001,101,Kim,Fox,kim.fox@example.org,Teacher,")
    home.upload({STAFF_FILE: staff})
    home.publish()
    home.upload({STAFF_FILE: staff.replace("Kim,", 'Kim "K",')})
    home.publish()
    home.upload({STUDENT_FILE: FILES[STUDENT_FILE].replace("Ana,", 'Ana "A",')})
    home.publish()
    assert home.query(KEPT_PEOPLE) == [
        ("staff", "001", "row_quarantined", 2),
        ("student", "001", "row_quarantined", 1),
    ]


def test_a_class_whose_teacher_is_unknown_tonight_stays(home: SmallHome) -> None:
    before = home.tables()["connect.rosters"]
    home.upload({CLASS_FILE: home.read(CLASS_FILE).replace("102,T3,006,0", "102,T9,006,0")})
    home.publish()
    assert home.tables()["connect.rosters"] == before


@pytest.mark.parametrize(
    ("text", "becomes", "student"),
    [
        pytest.param("001,101,Ana,Ruiz", ",101,Jo,Hall", "001", id="no ID"),
        pytest.param("001,101,Ana,Ruiz", "1.00E+00,101,Ana,Hall", "001", id="a damaged ID"),
        pytest.param(",Phone\n006,102,Fay,Ortiz", ",Phone006,102,Fay,Hall", "006", id="two rows"),
        pytest.param("005,102,Eli,Roy", '"00\n5",102,Eli,Hall', "005", id="two lines for an ID"),
    ],
)
def test_a_line_that_names_nobody_keeps_everybody(
    home: SmallHome, text: str, becomes: str, student: str
) -> None:
    """Its name is another one, too: whose row it is, nobody knows."""
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace(text, becomes)})
    home.publish()
    kept = "SELECT key FROM connect.kept WHERE reason = 'unnamed_row_quarantined'"
    assert home.query(kept) == [(student,)]


def test_who_has_a_word_for_an_id_is_kept_and_nobody_else(home: SmallHome) -> None:
    """No finding shows the word, which may be a name; the row is known by it all the same."""
    row = "gus,101,Gus,Hall,,,Ivy Hall,(201) 555-0117,,,,,12345,9,,,English,SMS"
    home.upload({STUDENT_FILE: with_rows(FILES[STUDENT_FILE], row)})
    home.publish()
    left = [line for line in FILES[STUDENT_FILE].splitlines() if not line.startswith("006,")]
    others = "\n".join([*left, row, row.replace("Gus,Hall", "Ben,West"), ""])
    classes = FILES[CLASS_FILE].replace("102,T3,006,0,Grade 3,G3,1\n", "")
    home.upload({STUDENT_FILE: others, CLASS_FILE: classes})
    home.publish()
    assert [row[:3] for row in home.query(KEPT)] == [("student", "gus", "student_id_reused")]
    reused = "SELECT DISTINCT record_id FROM quality.findings WHERE code = 'student_id_reused'"
    assert home.query(reused) == [(None,)]


BOTH = "007,{school},Gus,Hall,,gus@example.org,Ivy Hall,(201) 555-0117,,,,,12345,9,,,English,SMS"
BOTH_STAFF = "T7,{school},Ida,West,ida.west@example.org,Teacher,"


@pytest.fixture(scope="module")
def at_two_schools(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """Student 007 and teacher T7 are at both schools."""
    schools = ("101", "102")
    files = {
        **FILES,
        STUDENT_FILE: with_rows(
            FILES[STUDENT_FILE], *(BOTH.format(school=school) for school in schools)
        ),
        STAFF_FILE: with_rows(
            FILES[STAFF_FILE], *(BOTH_STAFF.format(school=school) for school in schools)
        ),
        CLASS_FILE: with_rows(FILES[CLASS_FILE], "102,T7,007,3,Art,A1,1"),
    }
    home = small_home(server, tmp_path_factory.mktemp("at-two-schools"), files)
    home.publish()
    return home


def places(home: SmallHome) -> tuple[list[str], list[str]]:
    """The schools of student 007 and of teacher T7."""
    students = home.query("SELECT school FROM connect.student_sites WHERE student_id = '007'")
    staff = home.query("SELECT school FROM connect.staff_sites WHERE staff_id = 'T7'")
    return [row[0] for row in students], [row[0] for row in staff]


def test_a_broken_row_takes_nobody_from_one_of_two_schools(
    at_two_schools: SmallHome, tmp_path: Path
) -> None:
    home = at_two_schools.copy(tmp_path)
    student = home.read(STUDENT_FILE).replace("007,102,Gus,Hall,,", '007,102,Gus,"Ha"ll,,')
    staff = home.read(STAFF_FILE).replace("T7,102,Ida,West", 'T7,102,Ida,We"st')
    for nights, language in enumerate(("Korean", "Russian"), start=1):
        home.upload({STUDENT_FILE: student.replace("Korean", language), STAFF_FILE: staff})
        home.publish()
        assert places(home) == (["101", "102"], ["101", "102"])
        assert home.query(KEPT_PEOPLE) == [
            ("staff", "T7", "row_quarantined", nights),
            ("student", "007", "row_quarantined", nights),
        ]
        assert sorted(home.query(NAMED)) == [(STAFF_FILE, "T7"), (STUDENT_FILE, "007")]
        mismatch = "SELECT count(*) FROM quality.findings WHERE code = 'school_mismatch'"
        assert home.query(mismatch) == [(0,)]
    home.upload({name: at_two_schools.read(name) for name in (STUDENT_FILE, STAFF_FILE)})
    home.publish()
    assert (places(home), home.query(KEPT_PEOPLE)) == ((["101", "102"], ["101", "102"]), [])


def test_a_row_that_is_gone_ends_a_school_and_one_without_an_id_ends_none(
    at_two_schools: SmallHome, tmp_path: Path
) -> None:
    home = at_two_schools.copy(tmp_path)
    gone = without_rows(home.read(STUDENT_FILE), "007,102")
    home.upload({STUDENT_FILE: with_rows(gone, BOTH.format(school="102").replace("007", ""))})
    home.publish()
    assert places(home)[0] == ["101", "102"]
    assert home.query(KEPT_PEOPLE) == [("student", "007", "row_quarantined", 1)]
    home.upload({STUDENT_FILE: gone})
    home.publish()
    assert (places(home)[0], home.query(KEPT_PEOPLE)) == (["101"], [])


SELF = ("self", "Gus Hall", None, "gus@example.com")


@pytest.mark.parametrize(
    ("tonight", "contacts"),
    [
        pytest.param(
            "gus@example.com,,,,Old Hall,(201) 555-0118,",
            [("secondary", "Old Hall", "+12015550118", None), SELF],
            id="a second guardian",
        ),
        pytest.param(
            "gus@example.com,,,,Old Hall,,old@example.com",
            [("secondary", "Old Hall", None, "old@example.com"), SELF],
            id="a second guardian's e-mail",
        ),
        pytest.param(
            "gus@example.com,Old Hall,(201) 555-0118,,,,",
            [("primary", "Old Hall", "+12015550118", None), SELF],
            id="a first guardian's phone",
        ),
        pytest.param(
            "gus@example.com,Old Hall,,old@example.com,,,",
            [("primary", "Old Hall", None, "old@example.com"), SELF],
            id="a first guardian's e-mail",
        ),
        pytest.param(
            "gus@example.com,,,,Old Hall,,",
            [("primary", "Ivy Hall", "+12015550117", None), SELF],
            id="no guardian",
        ),
    ],
)
def test_who_stays_at_a_school_keeps_the_guardians_of_before_only_for_want_of_one(
    at_two_schools: SmallHome, tmp_path: Path, tonight: str, contacts: list[Row]
) -> None:
    home = at_two_schools.copy(tmp_path)
    text = without_rows(home.read(STUDENT_FILE), "007,")
    rows = f"007,101,Gus,Hall,,{tonight},12345,9,,,English,SMS", f",101,Jo,Hall{',' * 14}"
    home.upload({STUDENT_FILE: with_rows(text, *rows)})
    home.publish()
    assert [row[:2] for row in home.query(KEPT)] == [("student_site", "007")]
    known = "SELECT * EXCLUDE student_id FROM connect.contacts WHERE student_id = '007'"
    assert sorted(home.query(known)) == contacts


# -- staff access --------------------------------------------------------------------------------

ACCESS = "SELECT staff_id, scope, scope_id FROM connect.staff_access ORDER BY ALL"
OFFICE = "T8,101,Ida,West,ida.west@example.org,Office Manager,"
HEAD = "T9,102,Abe,Hall,abe.hall@example.org, SUPERINTENDENT ,"


def test_teachers_reach_their_own_classes_and_nobody_reaches_more(home: SmallHome) -> None:
    home.upload({STAFF_FILE: with_rows(home.read(STAFF_FILE), OFFICE, HEAD)})
    home.publish()
    taught = home.query("SELECT staff_id, 'class', class_id FROM connect.classes ORDER BY ALL")
    assert home.query(ACCESS) == taught
    groups = "SELECT group_id FROM connect.staff_access EXCEPT SELECT group_id FROM connect.groups"
    assert home.query(groups) == []


def test_titles_of_the_settings_reach_their_site_or_the_district(home: SmallHome) -> None:
    home.upload({STAFF_FILE: with_rows(home.read(STAFF_FILE), OFFICE, HEAD)})
    home.write_settings(
        staff_access={"site_titles": ["office manager"], "district_titles": ["Superintendent"]}
    )
    home.publish()
    wider = [row for row in home.query(ACCESS) if row[1] != "class"]
    assert wider == [("T8", "site", "101"), ("T9", "district", None)]
    home.write_settings(staff_access={})
    home.publish()
    assert [row for row in home.query(ACCESS) if row[1] != "class"] == [], "settings are news"


def test_a_class_that_changes_hands_changes_access(home: SmallHome) -> None:
    home.upload({CLASS_FILE: home.read(CLASS_FILE).replace("102,T3,", "102,T1,")})
    home.publish()
    assert {row[0] for row in home.query(ACCESS)} == {"T1", "T2"}


def test_status_counts_what_the_last_nights_changed(home: SmallHome) -> None:
    home.upload(SECOND_NIGHT)
    home.publish()
    state = json.loads(home.command_here("status", NAME, "--json").stdout)[NAME]
    newest, first = state["snapshots"]
    assert newest["changes"]["student_added"] == 1
    assert first["changes"] == {"class_added": 5, "staff_added": 3, "student_added": 6}


@pytest.mark.parametrize(
    ("damaged", "stays"),
    [
        pytest.param("102,T3,006,0,Grade 3,G3,1,", {"006"}, id="one comma more names its student"),
        pytest.param('102,T3,006,0,Grade "3,G3,1', {"006"}, id="a stray quote"),
        pytest.param('102,T3,006,0,"Grade 3,G3,1', {"005", "006"}, id="an open quote: anybody"),
        pytest.param("102,T3,6.00E+00,0,Grade 3,G3,1", {"006"}, id="a damaged student's ID"),
        pytest.param("102,T3,,0,Grade 3,G3,1", {"006"}, id="no student: somebody of that class"),
        pytest.param("102,,,0,Grade 3,G3,1", {"005", "006"}, id="nor a teacher: it may be anybody"),
        pytest.param('102,T3,004,2,Art "II,A2,1', set(), id="of another child"),
        pytest.param("102,T3,009,2,Art II,A2", set(), id="a field too few, of a new child"),
        pytest.param("102,T3", {"005", "006"}, id="a rest of a line"),
    ],
)
def test_a_class_row_that_is_invalid_deletes_nobody(
    home: SmallHome, damaged: str, stays: set[str]
) -> None:
    """005 leaves Kindergarten in the same night, and 009 comes to the district."""
    new = "009,102,Gus,Hall,,,Ivy Hall,(201) 555-0117,,,,,12345,3,,,English,SMS"
    home.upload({STUDENT_FILE: with_rows(home.read(STUDENT_FILE), new)})
    text = without_rows(home.read(CLASS_FILE), "102,T3,005").replace(
        "102,T3,006,0,Grade 3,G3,1", damaged
    )
    home.upload({CLASS_FILE: text})
    home.publish()
    found = home.query("SELECT student_id FROM connect.enrollments WHERE student_id > '004'")
    assert {row[0] for row in found} == stays


def test_who_changes_classes_in_an_add_only_window_is_not_in_both(home: SmallHome) -> None:
    """Nobody is removed who is missing; whoever has another class in that period is not."""
    classes = FILES[CLASS_FILE]
    for before, tonight in (
        ("101,T1,001,1,Algebra I,MA101,1", "101,T2,001,1,Algebra I,MA101,1"),
        ("101,T2,001,0,Homeroom,HR,1", "101,T1,001,0,Homeroom,HR,1"),
        ("101,T2,002,2,English 9,EN109,1", "101,T1,002,3,Art,AR101,1"),
        ("102,T3,004,0,Grade 3,G3,1", "102,T3,004,0,Art,AR101,1"),
    ):
        classes = classes.replace(before, tonight)
    home.upload({CLASS_FILE: classes})
    day = today()
    home.write_settings(add_only={"first_day": day - timedelta(days=1), "last_day": day})
    home.publish()
    taught = "SELECT staff_id, period, course_name FROM connect.rosters WHERE student_id = '{}'"
    assert sorted(home.query(taught.format("001"))) == [
        ("T1", "0", "Homeroom"),
        ("T2", "1", "Algebra I"),
        ("T2", "2", "English 9"),
    ]
    assert sorted(home.query(taught.format("002"))) == [
        ("T1", "1", "Algebra I"),
        ("T1", "3", "Art"),
        ("T2", "2", "English 9"),
    ]
    assert sorted(home.query(taught.format("004"))) == [("T3", "0", "Art"), ("T3", "0", "Grade 3")]
