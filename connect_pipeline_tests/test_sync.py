"""The nightly job, whole: what is published, when it is held, and what a second night says."""

from __future__ import annotations

import errno
import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from paramiko.sftp import SFTP_NO_SUCH_FILE

from connect_pipeline import databases
from connect_pipeline.contract import ATTENDANCE, SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.ledger import CORE_JOB, Ledger
from connect_pipeline.published import ROSTER_TABLES
from connect_pipeline.rules.rule import with_header
from connect_pipeline.run.lifecycle import district_run
from connect_pipeline.sample.district import generate
from connect_pipeline.sample.server import EmbeddedServer, Files, Handle
from connect_pipeline_tests.recomputed_roster import Recomputed, recompute, sha256
from connect_pipeline_tests.small_district import FILES, today
from connect_pipeline_tests.small_home import (
    NAME,
    SmallHome,
    small_home,
    with_rows,
    without_rows,
)
from connect_pipeline_tests.sshd import OpenSshd

STAFF_FILE, STUDENT_FILE, CLASS_FILE, SCHOOL_FILE = (
    spec.file_name for spec in (STAFF, STUDENTS, STAFF_TO_STUDENT, SCHOOLS)
)


# -- the tables ------------------------------------------------------------------------------

LOW_LUNCH_BALANCE = Decimal("1.50")
MORE_SITES = {
    "060": "West Annex",  # -> 050 -> 101
    "070": "Round School",  # -> 071 -> 070
    "071": "About School",
    "072": "Own School",  # -> itself
    "073": "Lost School",  # -> a code that nobody has
    "080": "Night School",  # not in SchoolExport
}


@pytest.fixture(scope="module")
def wide_district(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, str], dict[str, str]]:
    """Exports of 60 students and of all that a real district has beside them; and its sites."""
    folder = tmp_path_factory.mktemp("wide")
    made = generate(folder, 60, 7, today=date(2026, 10, 1))
    files = {path.name: path.read_text() for path in folder.glob("*Export.csv")}
    del files[ATTENDANCE.file_name]
    files[SCHOOL_FILE] = with_rows(
        files[SCHOOL_FILE],
        'West Annex,"9 Elm Street, San Alder",202-555-0190,050',
        "Round School,1 Ring Road,202-555-0191,071",
        "About School,2 Ring Road,202-555-0192,070",
        "Own School,3 Ring Road,202-555-0193,072",
        "Lost School,4 Ring Road,,ZZZ",
    )
    files[STAFF_FILE] = with_rows(
        files[STAFF_FILE],
        "90001,060,Ida,West,ida.west@Example.ORG,Teacher,1-202-555-0155",
        "90001,999,Ida,West,ida.west@Example.ORG,Teacher,1-202-555-0155",
        "90002,070,Abe,Round,abe.round@example.org,,",
        "090002,080,Zoe,Night,,Night Teacher,",
    )
    files[STUDENT_FILE] = with_rows(
        files[STUDENT_FILE],
        '7,060,Uma,"Ray, Jr.",,,Ona Ray,(202) 555-0161 ext. 7,ona@example.com,Bo Ray,12025550162,'
        ',90001-1234,09,Route 9,"$1,200.50",es,Phone Call',
        '007,999,Uma,"O""Neil",2025550163,uma@example.net,,,,Lee Neil,,lee@Example.com,90002,tk,,'
        "(5.00),Hmong,ALL",
        "8,071,Ana,Round,,,,,,,,,,12,,1.49,,",
        "9,072,Ben,Own,,,,,,,,,90002,K,,1.50,Arabic,email",
        "10,073,Cy,Lost,,,Di Lost,2025550164,,,,,,,,,Somali,text",
        "11,060,Eve,Two,,,Di Two,2025550165,,,,,90001,9,,,English,text",
        "11,080,Eve,Two,,,Di Two,2025550165,,,,,90001,9,,,English,text",
    )
    files[CLASS_FILE] = with_rows(
        files[CLASS_FILE],
        "060,90001,7,0,Homeroom,,",  # a class without number and section
        "060,90001,11,0,Homeroom,,",
        "060,90001,11,0,Home Room,HR,1",
        "060,90001,7,0,Homeroom 2,HR,1",  # the same number under another name: the same class
        "999,90001,007,1,Homeroom,,",
        "080,090002,11,N2,Night Work,NW1,A",
        "080,090002,11,N2,Night Work,NW1,B",
        "071,90002,8,3,,,",  # not even a name
        "071,90002,404,3,Art,A1,1",  # nobody has this ID
        "071,90404,8,3,Art,A1,1",
    )
    return files, {**made.sites, **MORE_SITES}


@pytest.fixture(scope="module", params=["embedded server", "sshd"])
def published(
    request: pytest.FixtureRequest,
    wide_district: tuple[dict[str, str], dict[str, str]],
    server: EmbeddedServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> SmallHome:
    """The wide district, published by the real command from behind each kind of server."""
    files, sites = wide_district
    folder = tmp_path_factory.mktemp("wide-home")
    options = {"sites": sites, "low_lunch_balance": float(LOW_LUNCH_BALANCE)}
    if request.param == "sshd":
        with OpenSshd(folder / "sshd") as sshd:
            home = small_home(sshd, folder, files, **options)
            done = home.sync()
    else:
        home = small_home(server, folder, files, **options)
        done = home.sync()
    assert (done.returncode, done.stdout) == (0, f"{NAME}: published\n"), done
    assert "Traceback" not in done.stderr
    return home


@pytest.fixture(scope="module")
def expected(wide_district: tuple[dict[str, str], dict[str, str]]) -> Recomputed:
    files, sites = wide_district
    return recompute(files, sites, LOW_LUNCH_BALANCE)


def test_tables_are_as_an_independent_recomputation_has_them(
    published: SmallHome, expected: Recomputed
) -> None:
    tables = published.tables()
    for name in ("sites", "staff", "staff_sites", "students", "student_sites", "contacts"):
        assert_same_rows(tables[f"connect.{name}"], getattr(expected, name))
    key_of = {}
    for class_id, school, _, teacher, period, course, number, section, _ in tables[
        "connect.classes"
    ]:
        key_of[class_id] = (school, teacher, period, number or course or "", section)
    assert_same_rows(
        [(key_of[row[0]], row[1:]) for row in tables["connect.classes"]], expected.classes.items()
    )
    assert_same_rows(
        [(key_of[row[0]], *row[1:]) for row in tables["connect.rosters"]], expected.rosters
    )
    assert_same_rows(
        tables["connect.enrollments"],
        {(row[0], row[7]) for row in tables["connect.rosters"]},
    )


def test_groups_are_as_an_independent_recomputation_has_them(
    published: SmallHome, expected: Recomputed
) -> None:
    tables = published.tables()
    members: dict[str, set[str]] = {row[0]: set() for row in tables["connect.groups"]}
    for group_id, person in tables["connect.group_members"]:
        assert person not in members[group_id], "nobody is in a group twice"
        members[group_id].add(person)
    assert all(row[5] == len(members[row[0]]) for row in tables["connect.groups"])
    key_of = {
        group_id: (audience, kind, site, frozenset(members[group_id]))
        for group_id, audience, kind, site, _, _ in tables["connect.groups"]
    }
    assert Counter(key_of.values()) == expected.groups
    families = Counter((key_of[row[0]], *row[1:]) for row in tables["connect.family_members"])
    assert families == expected.family_members
    assert {key[1] for key in key_of.values() if key[0] == "students"} == {
        *("site", "grade", "class", "teacher", "course", "bus_route", "language"),
        *("zip_code", "low_lunch_balance"),
    }
    assert {key[1] for key in key_of.values() if key[0] == "staff"} == {"site", "title", "district"}
    assert all(row[4] for row in tables["connect.groups"]), "each group has a name"


def test_a_first_night_adds_everybody(published: SmallHome, expected: Recomputed) -> None:
    changes = published.tables()["connect.changes"]
    by_entity = Counter((entity, change) for entity, _, change, _ in changes)
    assert by_entity == {
        ("staff", "added"): len(expected.staff),
        ("student", "added"): len(expected.students),
        ("class", "added"): len(expected.classes),
    }
    assert all(columns is None for *_, columns in changes)


def test_the_snapshot_says_what_it_was_made_from(
    published: SmallHome, wide_district: tuple[dict[str, str], dict[str, str]]
) -> None:
    files, _ = wide_district
    (row,) = published.tables()["connect.snapshot"]
    counts = {name: content.count("\n") - 1 for name, content in files.items()}
    assert row[0] == published.current()
    assert datetime.now(UTC) - row[1] < timedelta(minutes=10)
    assert published.ledger.run(row[2]) is not None
    assert row[3:] == (
        None,  # there was no night before
        *(counts[STAFF_FILE], sha256(files[STAFF_FILE])),
        *(counts[STUDENT_FILE], sha256(files[STUDENT_FILE])),
        *(counts[CLASS_FILE] - 2, sha256(files[CLASS_FILE])),  # two rows name nobody
        *(counts[SCHOOL_FILE], sha256(files[SCHOOL_FILE])),
    )


def test_what_was_kept_out_is_kept_verbatim(
    published: SmallHome, wide_district: tuple[dict[str, str], dict[str, str]]
) -> None:
    files, _ = wide_district
    tables = published.tables()
    last = files[CLASS_FILE].count("\n")
    assert tables["quality.quarantine"] == [
        (CLASS_FILE, last - 1, "unknown_student", "071,90002,404,3,Art,A1,1"),
        (CLASS_FILE, last, "unknown_teacher", "071,90404,8,3,Art,A1,1"),
    ]
    found = {(row[0], row[4], row[5]) for row in tables["quality.findings"]}
    assert {
        (CLASS_FILE, "unknown_student", "quarantine"),
        (CLASS_FILE, "unknown_teacher", "quarantine"),
        (SCHOOL_FILE, "merge_cycle", "warning"),
        (SCHOOL_FILE, "merge_target_unknown", "warning"),
        (STUDENT_FILE, "student_in_several_schools", "info"),
        (STUDENT_FILE, "unknown_school", "warning"),
    } <= found


def test_columns_are_exactly_the_documented_ones(published: SmallHome) -> None:
    with duckdb.connect(str(published.roster), read_only=True) as connection:
        tables = {
            table.name: [
                (name, kind)
                for name, kind, *_ in connection.execute(f"DESCRIBE {table.name}").fetchall()
            ]
            for table in ROSTER_TABLES
        }
        there = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        ).fetchall()
    assert tables == {
        table.name: [(column.name, column.type) for column in table.columns]
        for table in ROSTER_TABLES
    }
    assert {name for (name,) in there} == set(tables), "and there is no other table"


def test_tables_are_readable_under_any_name(published: SmallHome) -> None:
    """The views inside must not depend on how the file is attached."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{published.roster}' AS \"another district\" (READ_ONLY)")
        counts = {
            table.name: connection.execute(
                f'SELECT count(*) FROM "another district".{table.name}'
            ).fetchall()[0][0]
            for table in ROSTER_TABLES
        }
    assert counts == {name: len(rows) for name, rows in published.tables().items()}


def assert_same_rows(actual: object, expected: object) -> None:
    """Equal as bags of rows, with the difference in few lines where they are not."""
    have, want = Counter(actual), Counter(expected)  # type: ignore[call-overload]
    assert not have - want, f"rows that should not be there: {list((have - want).items())[:5]}"
    assert not want - have, f"rows that are missing: {list((want - have).items())[:5]}"


# -- the same again, and another night -------------------------------------------------------


def test_a_run_keeps_to_its_share_of_the_machine(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "MANY_BYTES", 1000)  # as if what is published were large
    home.write_settings(limits={"memory_mb": 128, "threads": 3})
    with home.here(), district_run(home.home, NAME, uuid.uuid4().hex, CORE_JOB) as run:
        (setting,) = run.connection.execute(
            "SELECT current_setting('memory_limit'), current_setting('threads'),"
            " current_setting('temp_directory')"
        ).fetchall()
    assert setting == ("122.0 MiB", 3, str(home.home.scratch(NAME)))
    assert not home.home.scratch(NAME).exists()
    assert not home.home.work(NAME).exists()
    home.upload(SECOND_NIGHT)
    home.publish()


def test_the_same_bytes_again_change_nothing(home: SmallHome) -> None:
    before = home.roster_bytes(), home.snapshots(), home.roster.stat().st_mtime_ns
    done = home.sync()
    assert (done.returncode, done.stdout) == (0, f"{NAME}: unchanged\n")
    assert "check" not in done.stderr, "nothing about checks that there was no need to run"
    assert (home.roster_bytes(), home.snapshots(), home.roster.stat().st_mtime_ns) == before
    assert [row["outcome"] for row in home.ledger.runs_of(NAME, 9)] == ["unchanged", "published"]


def test_other_site_names_are_news_even_for_the_same_bytes(home: SmallHome) -> None:
    home.sites["101"] = "Rosa Parks Elementary School"
    home.write_settings()
    home.publish()
    assert home.query("SELECT name FROM connect.sites WHERE site_id = '101'") == [
        ("Rosa Parks Elementary School",)
    ]


SECOND_NIGHT = {
    STAFF_FILE: with_rows(
        without_rows(FILES[STAFF_FILE], "T2,").replace("Lopez,maria.lopez@", "López,maria@"),
        "T4,101,Noor,Said,noor.said@example.org,Teacher,",
        "T3,101,Aisha,Khan,aisha.khan@example.org,Teacher,(201) 555-0103",
    ),
    STUDENT_FILE: with_rows(
        without_rows(FILES[STUDENT_FILE], "002,")
        .replace("003,101,Cho,Park,,,Jin Park", "003,101,Cho,Park,,,Jina Park")
        .replace("004,102,Dia,Roy", "004,101,Dia,Roy")
        .replace(",3,,-3.00,Spanish,", ",4,,-3.10,Spanish,"),
        "007,102,Gus,Hall,,,Ivy Hall,(201) 555-0117,,,,,12346,3,,,English,",
    ),
    CLASS_FILE: with_rows(
        without_rows(FILES[CLASS_FILE], "101,T2,", "101,T1,002", "102,T3,004").replace(
            "102,T3,006,0,Grade 3,", "102,T3,006,0,Third Grade,"
        ),
        "101,T4,001,2,English 9,EN109,1",
    ),
}


def test_a_second_night_says_what_it_changed(home: SmallHome) -> None:
    classes = {
        key: class_id
        for class_id, *key in home.query("SELECT class_id, staff_id, period FROM connect.classes")
        for key in [tuple(key)]
        if key != ("T3", "0")
    }
    (grade_3,) = home.query("SELECT class_id FROM connect.classes WHERE course_number = 'G3'")[0]
    old = home.snapshots()
    home.upload(SECOND_NIGHT)
    new = home.publish()
    (english,) = home.query("SELECT class_id FROM connect.classes WHERE staff_id = 'T4'")[0]
    assert home.tables()["connect.changes"] == sorted(
        [
            ("class", classes["T1", "1"], "changed", ["students"]),
            ("class", classes["T2", "0"], "removed", None),
            ("class", classes["T2", "2"], "removed", None),
            ("class", english, "added", None),
            ("class", grade_3, "changed", ["course_name", "students"]),
            ("staff", "T1", "changed", ["last_name", "email"]),
            ("staff", "T2", "removed", None),
            ("staff", "T3", "changed", ["school"]),
            ("staff", "T4", "added", None),
            ("student", "002", "removed", None),
            ("student", "003", "changed", ["contacts"]),
            ("student", "004", "changed", ["school"]),
            ("student", "006", "changed", ["grade", "lunch_balance"]),
            ("student", "007", "added", None),
        ]
    )
    assert home.snapshots() == [*old, new], "last night's snapshot stays"
    assert home.roster.samefile(home.home.snapshot(NAME, new))


def test_a_class_and_its_group_keep_their_names_when_the_course_is_renamed(home: SmallHome) -> None:
    ids = "SELECT class_id FROM connect.classes UNION ALL SELECT group_id FROM connect.groups"
    before = sorted(home.query(ids))
    home.upload({CLASS_FILE: home.read(CLASS_FILE).replace("Algebra I", "Algebra One")})
    home.publish()
    assert sorted(home.query(ids)) == before
    assert home.query("SELECT course_name FROM connect.classes WHERE course_number = 'MA101'") == [
        ("Algebra One",)
    ]


def test_who_reads_the_old_roster_goes_on_reading_it(home: SmallHome) -> None:
    with duckdb.connect(str(home.roster), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM connect.staff").fetchall() == [(3,)]
        home.upload(SECOND_NIGHT)
        assert home.sync().returncode == 0
        names = reader.execute("SELECT staff_id FROM connect.staff ORDER BY 1").fetchall()
        members = reader.execute("SELECT count(*) FROM connect.group_members").fetchall()
    assert names == [("T1",), ("T2",), ("T3",)]
    assert home.query("SELECT staff_id FROM connect.staff") == [("T1",), ("T3",), ("T4",)]
    assert home.query("SELECT count(*) FROM connect.group_members") != members


def test_a_school_file_that_is_gone_leaves_the_sites_as_they_were(home: SmallHome) -> None:
    before = home.tables()["connect.sites"]
    home.upload({**SECOND_NIGHT, SCHOOL_FILE: None})
    home.publish()
    assert home.tables()["connect.sites"] == before


def test_a_blocked_school_file_stops_only_itself(home: SmallHome) -> None:
    before = home.tables()["connect.sites"]
    home.upload({**SECOND_NIGHT, SCHOOL_FILE: "Site,Address\nx,y\n"})
    home.publish()
    assert home.tables()["connect.sites"] == before


def test_a_school_file_that_is_too_large_stops_only_itself(home: SmallHome) -> None:
    before = home.tables()["connect.sites"]
    home.write_settings(limits={"file_bytes": 2000})
    home.upload({**SECOND_NIGHT, SCHOOL_FILE: FILES[SCHOOL_FILE] + "x,y,z,\n" * 400})
    run = home.nightly()
    assert run.outcome == "published"
    assert run.report.exports[SCHOOL_FILE].findings.counts == {"file_too_large": 1}
    assert home.tables()["connect.sites"] == before


def a_link(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home.drop / SCHOOL_FILE
    file.rename(home.drop / "elsewhere")
    file.symlink_to("elsewhere")


def a_folder(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.drop / SCHOOL_FILE).unlink()
    (home.drop / SCHOOL_FILE).mkdir()


def not_for_this_login(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Handle.__init__

    def refuse(handle: Handle, files: Files, path: Path, flags: int) -> None:
        if path.name == SCHOOL_FILE:
            raise PermissionError(errno.EACCES, "not for you")
        opened(handle, files, path, flags)

    monkeypatch.setattr(Handle, "__init__", refuse)


@pytest.mark.parametrize("how", [a_link, a_folder, not_for_this_login])
def test_a_school_file_that_cannot_be_read_stops_only_itself(
    how: Callable[[SmallHome, pytest.MonkeyPatch], None],
    home: SmallHome,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = home.tables()["connect.sites"]
    home.upload(SECOND_NIGHT)
    how(home, monkeypatch)
    run = home.nightly()
    assert run.outcome == "published"
    assert run.report.exports[SCHOOL_FILE].findings.counts == {"file_not_readable": 1}
    assert home.tables()["connect.sites"] == before


def test_a_folder_in_the_place_of_a_core_file_is_said_as_that(home: SmallHome) -> None:
    """It was said to be missing."""
    before = home.roster_bytes()
    (home.drop / STUDENT_FILE).unlink()
    (home.drop / STUDENT_FILE).mkdir()
    run = home.nightly()
    assert run.outcome == "blocked"
    assert run.report.exports[STUDENT_FILE].findings.counts == {"file_not_readable": 1}
    assert home.roster_bytes() == before
    assert f"that is no file: {STUDENT_FILE}" in home.command_here("doctor", NAME).stdout


def test_a_file_that_vanishes_after_the_first_look_was_being_changed(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstat = Files.lstat

    def vanished(files: Files, path: str) -> object:
        gone = path.endswith(STUDENT_FILE)
        return SFTP_NO_SUCH_FILE if gone else lstat(files, path)

    monkeypatch.setattr(Files, "lstat", vanished)
    run = home.nightly()
    assert (run.outcome, run.fault) == ("failed:3", "upload")
    assert run.report.exports[STUDENT_FILE].findings.counts == {"file_still_changing": 1}
    assert run.message.startswith(f"{NAME}: {STUDENT_FILE} was changed or removed while")


def test_a_core_file_that_is_too_large_is_not_fetched_and_blocks_the_night(home: SmallHome) -> None:
    before, landed = home.roster_bytes(), list(home.home.landing(NAME).iterdir())
    home.write_settings(limits={"file_bytes": 500})
    run = home.nightly()
    assert run.outcome == "blocked"
    assert run.message == (
        f"{NAME}: blocked. {STUDENT_FILE}: The file has 767 bytes, the limit is 500. Export the"
        " current school year only, or ask the operator for a higher limit. What is published"
        " stays. The report says what to change."
    )
    assert home.roster_bytes() == before
    assert list(home.home.landing(NAME).iterdir()) == landed


@pytest.mark.parametrize("refused", [STAFF_FILE, STUDENT_FILE])
def test_the_report_of_a_refused_night_says_what_is_wrong_with_every_file(
    home: SmallHome, refused: str
) -> None:
    """Dagster skips the step of the classes when one of those that they refer to is refused."""
    home.upload({refused: FILES[refused].replace("ID,", "Id,", 1)})
    home.upload({CLASS_FILE: FILES[CLASS_FILE].replace("Student,", "Pupil,", 1)})
    run = home.run()
    assert run.outcome == "blocked"
    assert re.findall(r"\w+\.csv(?=: )", run.message) == [refused, CLASS_FILE]
    report = json.loads(max(home.home.reports(NAME).glob("*.json")).read_text())
    verdicts = {name: one["verdict"] for name, one in report["exports"].items()}
    assert {name for name, verdict in verdicts.items() if verdict == "blocked"} == {
        refused,
        CLASS_FILE,
    }
    assert len(verdicts) == 4


# -- an invalid row is never a deletion --------------------------------------------------------

ANA = FILES[STUDENT_FILE].splitlines()[1]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(ANA.replace("Ruiz,,,", "Ruiz,Jr.,,,"), id="one comma more"),
        pytest.param(ANA.replace("Eva Ruiz", 'Eva "Ruiz'), id="a stray quote"),
        pytest.param(f"{ANA}\n{ANA.replace('Ana', 'Bea')}", id="two children under one ID"),
        pytest.param(ANA.removeprefix("001"), id="no ID"),
        pytest.param(ANA.replace("001,101", "001,"), id="no school"),
        pytest.param(ANA.replace("001,", "1.00E+00,"), id="an ID that a spreadsheet changed"),
    ],
)
def test_a_person_whose_row_is_quarantined_stays_as_last_published(
    home: SmallHome, damaged: str
) -> None:
    person = "FROM connect.{} WHERE student_id = '001' ORDER BY ALL"
    tables = ("students", "student_sites", "contacts", "rosters", "family_members")
    before = [home.query(person.format(table)) for table in tables]
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace(ANA, damaged)})
    home.publish()
    assert [home.query(person.format(table)) for table in tables] == before
    assert all(before)
    assert home.query("FROM connect.changes") == []
    # Of whom a class row of the ID of two children speaks, nobody knows either: said there, too.
    kept = "SELECT DISTINCT record_id, severity FROM quality.findings WHERE code = 'kept_previous'"
    assert home.query(kept) == [("001", "warning")]
    assert home.query("SELECT count(*) > 0 FROM quality.quarantine") == [(True,)]


def test_a_member_of_staff_whose_row_is_quarantined_keeps_the_classes(home: SmallHome) -> None:
    before = home.tables()
    home.upload({STAFF_FILE: home.read(STAFF_FILE).replace("T1,101,Maria,", 'T1,101,Mar"ia,')})
    home.publish()
    after = home.tables()
    for name in ("staff", "staff_sites", "classes", "rosters", "groups", "group_members"):
        assert after[f"connect.{name}"] == before[f"connect.{name}"], name


def test_an_enrollment_whose_row_is_quarantined_stays(home: SmallHome) -> None:
    before = home.tables()["connect.rosters"]
    row = "102,T3,006,0,Grade 3,G3,1"
    home.upload({CLASS_FILE: home.read(CLASS_FILE).replace(row, row + ",")})
    home.publish()
    assert home.tables()["connect.rosters"] == before


def test_a_student_who_is_gone_is_removed_though_others_are_damaged(home: SmallHome) -> None:
    """Only a line that names nobody may be anybody's."""
    text = without_rows(home.read(STUDENT_FILE), "002,").replace("Eva Ruiz", 'Eva "Ruiz')
    home.upload({STUDENT_FILE: text})
    home.upload({CLASS_FILE: without_rows(home.read(CLASS_FILE), "101,T1,002", "101,T2,002")})
    home.publish()
    assert home.query("SELECT student_id FROM connect.students") == [
        (f"00{number}",) for number in (1, 3, 4, 5, 6)
    ]


# -- the change hold ----------------------------------------------------------------------------


@pytest.fixture
def held(larger: SmallHome, tmp_path: Path) -> SmallHome:
    """The larger district after a night that lacks half of its students."""
    home = larger.copy(tmp_path)
    lose_students(home, 30)
    assert home.nightly().outcome == "held"
    return home


def lose_students(home: SmallHome, count: int) -> None:
    """Take the last `count` students, with their classes, out of the drop."""
    rows = home.read(STUDENT_FILE).splitlines()[1:]
    gone = {row.split(",")[0] for row in rows[-count:]}
    home.upload(
        {
            STUDENT_FILE: with_header(
                STUDENTS, *(row for row in rows if row.split(",")[0] not in gone)
            ),
            CLASS_FILE: "".join(
                row
                for row in home.read(CLASS_FILE).splitlines(keepends=True)
                if row.split(",")[2] not in gone
            ),
        }
    )


def test_half_the_students_gone_is_held_until_an_operator_approves(
    larger: SmallHome, tmp_path: Path
) -> None:
    home = larger.copy(tmp_path)
    before = home.roster_bytes()
    lose_students(home, 30)
    done = home.sync()
    assert done.returncode == 1
    assert done.stdout.startswith(f"{NAME}: held\n{NAME}: held (mass_removal, ")
    assert f"connect-pipeline approve {NAME}" in done.stdout
    assert "the job `decide_hold`" in done.stdout
    assert (home.roster_bytes(), len(home.snapshots())) == (before, 1)
    assert "  held (core) since " in home.command("status").stdout

    assert home.nightly().outcome == "held", "the same files again do not get through"
    approved = home.command("approve", NAME)
    assert (approved.returncode, approved.stderr) == (0, "")
    assert home.roster_bytes() == before, "approving publishes nothing by itself"
    done = home.sync()
    assert (done.returncode, done.stdout) == (0, f"{NAME}: published\n")
    assert len(home.query("FROM connect.students")) == 30
    assert home.ledger.open_hold(NAME, "core") is None
    assert home.nightly().outcome == "unchanged"
    nothing = home.command("approve", NAME)
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert nothing.stderr.startswith(f"Nothing is held for {NAME}")


def test_an_approval_is_for_exactly_the_held_bytes(held: SmallHome) -> None:
    assert held.command_here("approve", NAME).returncode == 0
    held.upload({STUDENT_FILE: held.read(STUDENT_FILE).replace("English", "Spanish")})
    assert held.nightly().outcome == "held"
    assert len(held.snapshots()) == 1


def test_discarded_files_stay_out_and_others_get_in(held: SmallHome, larger: SmallHome) -> None:
    before = held.roster_bytes()
    assert held.command_here("discard", NAME).returncode == 0
    done = held.sync()
    assert done.returncode == 1
    assert done.stdout.startswith(f"{NAME}: discarded\n")
    assert held.roster_bytes() == before
    text = larger.read(STUDENT_FILE).replace("English", "Spanish", 3)
    held.upload({STUDENT_FILE: text, CLASS_FILE: larger.read(CLASS_FILE)})
    held.publish()


def test_a_newer_upload_supersedes_what_is_held(held: SmallHome, larger: SmallHome) -> None:
    lose_students(held, 5)
    assert held.nightly().outcome == "held"
    assert held.command_here("approve", NAME).returncode == 0
    held.publish()
    assert len(held.query("FROM connect.students")) == 25


def test_a_hold_ends_when_good_files_come(held: SmallHome, larger: SmallHome) -> None:
    """What an operator would approve later must not be what nobody waits for any more."""
    held.upload({name: larger.read(name) for name in (STUDENT_FILE, CLASS_FILE)})
    assert held.nightly().outcome == "unchanged"
    done = held.command_here("status", "--json")
    assert '"holds": []' in done.stdout


def test_a_hold_ends_when_other_files_are_published(held: SmallHome, larger: SmallHome) -> None:
    text = larger.read(STUDENT_FILE).replace("English", "Spanish", 3)
    held.upload({STUDENT_FILE: text, CLASS_FILE: larger.read(CLASS_FILE)})
    held.publish()
    assert held.ledger.open_hold(NAME, "core") is None
    assert held.command_here("approve", NAME).returncode == 2


def test_after_a_rollback_the_next_night_waits_for_an_operator(held: SmallHome) -> None:
    """Even for bytes that were approved once: they are what was rolled back."""
    first = held.current()
    before = held.roster_bytes()
    held.command_here("approve", NAME)
    second = held.publish()
    before_it = "SELECT previous_snapshot_id FROM connect.snapshot"
    assert held.query(before_it) == [(first,)]
    done = held.command_here("rollback", NAME, first)
    assert (done.returncode, held.roster_bytes()) == (0, before)
    assert "no night is undone" not in done.stdout
    again = held.command_here("rollback", NAME, first)
    assert (again.returncode, "no night is undone" in again.stdout) == (0, True)
    run = held.nightly()
    assert (run.outcome, "rolled_back" in run.message) == ("held", True)
    assert held.roster_bytes() == before
    held.command_here("approve", NAME)
    third = held.publish()
    assert len({first, second, third}) == 3
    assert held.query(before_it) == [(first,)], "not the second, which it is not compared with"
    assert held.nightly().outcome == "unchanged"


def test_a_second_rollback_that_was_cut_short_counts(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What readers have is what the operator wanted; the night in between was wrong, too."""
    text = home.read(STUDENT_FILE)
    for language in ("Korean", "French"):
        home.upload({STUDENT_FILE: text.replace("Spanish", language)})
        home.publish()
    first, second, _ = home.snapshots()
    assert home.command_here("rollback", NAME, second).returncode == 0

    def cut(*_: object, **__: object) -> None:
        raise EnvironmentFault("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "make_current", cut)
        assert home.command_here("rollback", NAME, first).returncode == 3
    assert home.nightly().outcome == "held"
    assert home.current() == first
    assert home.roster.samefile(home.home.snapshot(NAME, first))
    publications = len(home.ledger.publications_of(NAME))
    assert home.nightly().outcome == "held"
    assert len(home.ledger.publications_of(NAME)) == publications, "and is settled once"


def test_a_rollback_to_no_snapshot_is_refused(home: SmallHome) -> None:
    done = home.command_here("rollback", NAME, "20200101T000000Z-00000000")
    assert (done.returncode, done.stdout) == (2, "")
    assert home.current() in done.stderr


def test_an_optional_column_that_is_gone_is_held(home: SmallHome) -> None:
    lines = home.read(STUDENT_FILE).splitlines()
    home.upload({STUDENT_FILE: "".join(f"{line.rpartition(',')[0]}\n" for line in lines)})
    run = home.nightly()
    assert (run.outcome, run.report.counts()["column_vanished"]) == ("held", 1)


def test_files_of_different_nights_are_held(home: SmallHome) -> None:
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace("Spanish", "Korean")})
    yesterday = datetime.now().timestamp() - 24 * 3600  # noqa: DTZ005 - only the difference counts
    os.utime(home.drop / CLASS_FILE, (yesterday, yesterday))
    run = home.nightly()
    assert (run.outcome, run.report.counts()["mixed_nights"]) == ("held", 1)


def test_families_who_can_no_longer_be_reached_are_held(larger: SmallHome, tmp_path: Path) -> None:
    home = larger.copy(tmp_path)
    blanked = []
    for line in home.read(STUDENT_FILE).splitlines():
        cells = line.split(",")
        if len(blanked) % 4 == 1:
            cells[7:9] = cells[10:12] = ["", ""]
        blanked.append(",".join(cells))
    home.upload({STUDENT_FILE: "\n".join(blanked) + "\n"})
    run = home.nightly()
    assert (run.outcome, run.report.counts()["reachability_drop"]) == ("held", 1)


def test_a_rollover_window_lets_a_new_year_in(larger: SmallHome, tmp_path: Path) -> None:
    """All classes are others, and the students are a grade older."""
    home = larger.copy(tmp_path)
    classes = re.sub(r",0(\d\d)$", r",1\1", home.read(CLASS_FILE), flags=re.MULTILINE)  # sections
    home.upload({CLASS_FILE: classes, STUDENT_FILE: home.read(STUDENT_FILE).replace(",9,", ",10,")})
    assert home.nightly().outcome == "held"
    days = {"first_day": today() - timedelta(days=2), "last_day": today() + timedelta(days=2)}
    home.write_settings(rollover=days)
    home.publish()


def one_cohort(students: int, courses: int = 12) -> dict[str, str]:
    """A school so small that all students sit in the same classes."""
    return {
        SCHOOL_FILE: FILES[SCHOOL_FILE],
        STAFF_FILE: FILES[STAFF_FILE],
        STUDENT_FILE: with_header(
            STUDENTS,
            *(
                f"{n},101,Kid,No{n},,,Pat No{n},(201) 555-01{n:02},,,,,,9,,,,"
                for n in range(students)
            ),
        ),
        CLASS_FILE: with_header(
            STAFF_TO_STUDENT,
            *(
                f"101,T1,{n},{period},Course {period},C{period},1"
                for n in range(students)
                for period in range(courses)
            ),
        ),
    }


@pytest.mark.parametrize(("before", "after"), [(14, 15), (14, 12), (40, 36), (3, 2)])
def test_a_small_school_changes_without_a_hold(
    server: EmbeddedServer, tmp_path: Path, before: int, after: int
) -> None:
    home = small_home(server, tmp_path, one_cohort(before))
    home.publish()
    home.upload(one_cohort(after))
    home.publish()
