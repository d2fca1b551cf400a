"""Erasure: no byte of the student is left below the home, and it stays so until it is lifted."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from connect_pipeline.alarms import open_alarms
from connect_pipeline.attendance.opt_outs import opt_out_file
from connect_pipeline.contract import ATTENDANCE, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.definitions import build_defs
from connect_pipeline.disk import files_below
from connect_pipeline.erased import records
from connect_pipeline.erased.broken_lines import words_that_may_be_ids
from connect_pipeline.erasure import erase, files, ledger_rows
from connect_pipeline.erasure.recognising import is_in
from connect_pipeline.erasure.search import is_left_in_database
from connect_pipeline.erasure.traces import RECEIVED_ENCODINGS, Traces
from connect_pipeline.errors import DiskFault, EnvironmentFault, Refused, UsageError
from connect_pipeline.ledger import ATTENDANCE_JOB, now, open_ledger
from connect_pipeline.ledger.tables import alarms, listed, runs
from connect_pipeline.orchestration.names import RETENTION
from connect_pipeline.published import open_published
from connect_pipeline.rules.rule import with_header
from connect_pipeline.run import retention
from connect_pipeline.run.lifecycle import district_run
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.settings_file import load_settings
from connect_pipeline.snapshots import export, publishing
from connect_pipeline.snapshots.export import export_tables
from connect_pipeline.status.state import district_status, overview
from connect_pipeline_tests.dying import DIES_AT, KILLED
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import (
    NAME,
    SmallHome,
    python_path,
    small_home,
    tables_of,
    with_rows,
    without_rows,
)

STAFF_FILE, STUDENT_FILE, CLASS_FILE, ATTENDANCE_FILE = (
    spec.file_name for spec in (STAFF, STUDENTS, STAFF_TO_STUDENT, ATTENDANCE)
)

ERASED = "Q77X"
AS_PASTED = f"\u200b{ERASED}\u00a0"  # from a page or a spreadsheet
# Each is nowhere but in this student's rows. The sibling shares the phone and one parent.
UNIQUE = (
    *("Zebulon", "Quillfeather", "Ottoline Quillfeather", "ottoline.q77@example.com", "2015550177"),
    *(
        "Wenceslas Quillfeather",
        "wenceslas.q77@example.com",
        "97531-0042",
        "Route Q77",
        "Vellum Craft",
    ),
    *("zebulon.q77@example.net", "2015550178"),
)
HIS_WORDS = ("Quillfeather", ERASED, "q77@example", "ulon")
ROW = (
    f"{ERASED},101,Zebulon,Quillfeather,(201) 555-0178,zebulon.q77@example.net,"
    "Ottoline Quillfeather,(201) 555-0177,ottoline.q77@example.com,"
    "Wenceslas Quillfeather,(201) 555-0119,wenceslas.q77@example.com,"
    "97531-0042,9,Route Q77,-2.00,Spanish,All"
)
SIBLING = "S88,101,Ann,Other,,,Sam Other,(201) 555-0119,sam@example.com,,,,12345,9,,,English,SMS"
CLASSES = (
    f"101,T1,{ERASED},1,Algebra I,MA101,1",
    f"101,T1,{ERASED},5,Vellum Craft,VC,1",  # a class of nobody else
    "101,T1,S88,1,Algebra I,MA101,1",
)


def exports() -> dict[str, str]:
    absences = [
        ",".join(ATTENDANCE.column_names),
        *(f"101,{student},1,A,," for student in ("001", ERASED, "S88")),
        f"101,{ERASED},5,A,,",
    ]
    return {
        **FILES,
        STUDENT_FILE: with_rows(FILES[STUDENT_FILE], ROW, SIBLING),
        CLASS_FILE: with_rows(FILES[CLASS_FILE], *CLASSES),
        ATTENDANCE_FILE: "\n".join(absences) + "\n",
    }


@pytest.fixture(scope="module")
def lived_in(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """A home in which the student has been everywhere: three nights, absences, a hold, damage."""
    home = small_home(
        server,
        tmp_path_factory.mktemp("lived-in"),
        exports(),
        attendance={"enabled": True, "max_absent_share": 1.0},
        lunch_list={"enabled": True},
    )
    home.publish()
    assert take_attendance(home) == "listed"
    # A second night: the row is damaged, so that the quarantine and the findings have it.
    damaged = ROW.replace("Zebulon", 'Zeb"ulon')
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace(ROW, damaged)})
    home.publish()
    # A third: the bus route changes, so that a group of one is gone in the next snapshot's list.
    home.upload(
        {STUDENT_FILE: home.read(STUDENT_FILE).replace(damaged, ROW.replace("Route Q77", ""))}
    )
    home.publish()
    # The absence is cleared, and then most of the district vanishes: the list names who.
    home.upload({ATTENDANCE_FILE: without_rows(home.read(ATTENDANCE_FILE), f"101,{ERASED}")})
    take_attendance(home)
    rows = home.read(STUDENT_FILE)
    home.upload({STUDENT_FILE: without_rows(rows, "00", ERASED)})
    assert home.nightly().outcome == "held"
    home.upload({STUDENT_FILE: rows})
    (home.home.landing(NAME) / "left-by-a-kill.partial").write_text(ROW)
    (home.home.published(NAME) / "snapshots" / "x.duckdb.partial").write_text(ROW)
    with duckdb.connect(str(home.home.work(NAME))) as scratch:  # of a run that was killed
        scratch.execute("CREATE TABLE students AS SELECT $row AS text", {"row": ROW})
    return home


def take_attendance(home: SmallHome) -> str:
    """The steps of the attendance job, without Dagster around them; returns the outcome."""
    with (
        home.here(),
        district_run(home.home, NAME, uuid.uuid4().hex, ATTENDANCE_JOB) as run,
    ):
        run.visit.receive(ATTENDANCE)
        run.check(ATTENDANCE)
        run.attendance.day.build_absences()
        assert run.attendance.settle_hold()
        run.attendance.day.build_accounting()
        run.attendance.list_recipients()
    return run.outcome


@pytest.fixture
def home(lived_in: SmallHome, tmp_path: Path) -> SmallHome:
    return lived_in.copy(tmp_path)


@pytest.fixture(scope="module")
def left_behind(lived_in: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """The home after the student was erased there, once for all tests that begin so."""
    home = lived_in.copy(tmp_path_factory.mktemp("left-behind"))
    erase_student(home)
    return home


@pytest.fixture
def erased(left_behind: SmallHome, tmp_path: Path) -> SmallHome:
    """A copy of it, to be changed."""
    return left_behind.copy(tmp_path)


def forms(word: str) -> set[bytes]:
    """A word of ASCII as an export and as a published table have it."""
    shown = {word}
    if word.isdigit() and len(word) == 10:
        shown |= {f"+1{word}", f"({word[:3]}) {word[3:6]}-{word[6:]}"}
    return {one.encode("ascii") for one in shown}


def places_of(home: SmallHome, words: tuple[str, ...]) -> dict[str, set[str]]:
    """The files below the home that hold a word, as raw bytes or as a cell of a database.

    Cells as well, for raw bytes do not show what a database has compressed.
    """
    found: dict[str, set[str]] = {}
    for path in home.home.root.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes().replace(b"\0", b"")  # UTF-16, too, is ASCII then
        cells = cells_of(path)
        for word in words:
            if any(form in content for form in forms(word)) or word in cells:
                found.setdefault(str(path.relative_to(home.home.root)), set()).add(word)
    return found


def cells_of(path: Path) -> str:
    if path.suffix == ".duckdb":
        with open_published(path) as connection:
            tables = connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
                " WHERE database_name = 'published'"
            ).fetchall()
            return "\n".join(
                str(row)
                for (table,) in tables
                for row in connection.execute(f"FROM {table}").fetchall()
            )
    if path.name == "ledger.db":
        with sqlite3.connect(path) as connection:
            return "\n".join(connection.iterdump())
    return ""


def erase_student(home: SmallHome) -> erase.Erased:
    with home.here():
        return erase.erase_student(home.home, NAME, AS_PASTED, "Pat Operator")


# -- no byte is left -----------------------------------------------------------------------------


def test_the_student_was_everywhere(home: SmallHome) -> None:
    """Else the next test would prove little."""
    places = {path.split("/")[0] for path in places_of(home, (*UNIQUE, ERASED))}
    assert places == {"landing", "published", "work", "reports", "outbox", "ledger.db"}
    files = set(places_of(home, (*UNIQUE, ERASED)))
    assert any(path.endswith("-would-vanish.csv") for path in files)
    assert any("outbox/springfield/cleared/" in path for path in files)
    assert any("outbox/springfield/low_lunch_balance/" in path for path in files)
    assert "reports/springfield/students_with_low_balance.csv" in files


def test_no_byte_of_the_student_is_left(home: SmallHome) -> None:
    done = home.fresh_command("erase", NAME, "--student", ERASED)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The student is erased" in done.stdout
    assert not [word for word in (*UNIQUE, ERASED) if word in done.stdout]
    assert places_of(home, (*UNIQUE, ERASED)) == {}


def test_everybody_else_is_as_before(home: SmallHome) -> None:
    before = {name: tables_of(home.home.snapshot(NAME, name)) for name in home.snapshots()}
    erase_student(home)
    assert home.snapshots() == list(before), "snapshots keep their IDs"
    assert home.roster.samefile(home.home.snapshot(NAME, home.current()))
    for name, tables in before.items():
        after = tables_of(home.home.snapshot(NAME, name))
        for table in ("students", "student_sites", "contacts", "enrollments", "rosters"):
            kept = [row for row in tables[f"connect.{table}"] if ERASED not in row]
            assert after[f"connect.{table}"] == kept, table
        for table in ("staff", "staff_sites", "sites", "school_sites", "snapshot", "kept"):
            kept = [row for row in tables[f"connect.{table}"] if ERASED not in row]
            assert after[f"connect.{table}"] == kept, table
        assert_counts_are_true(after)


def test_a_teacher_with_the_same_id_stays(server: EmbeddedServer, tmp_path: Path) -> None:
    """Also kept at the school of which there may be a row that lost its ID tonight."""
    rows = [f"{ERASED},{school},Ida,West,ida@example.org,Teacher," for school in (101, 102)]
    files = exports() | {STAFF_FILE: with_rows(FILES[STAFF_FILE], *rows)}
    home = small_home(server, tmp_path, files)
    home.publish()
    home.upload(
        {STAFF_FILE: home.read(STAFF_FILE).replace(rows[1], ",102,A,B,ab@example.org,Aide,")}
    )
    home.publish()
    tables = ("connect.staff", "connect.staff_sites", "connect.kept", "quality.findings")
    before = {name: home.tables()[name] for name in tables}
    assert [row[:2] for row in before["connect.kept"]] == [("staff_site", ERASED)]
    erase_student(home)
    assert {name: home.tables()[name] for name in tables} == before
    received = hashlib.sha256(home.read(STAFF_FILE).encode()).hexdigest()
    assert (home.home.landing(NAME) / received).exists(), "the night may be rebuilt from it"


def assert_counts_are_true(tables: Mapping[str, list[tuple[object, ...]]]) -> None:
    members = [row[0] for row in tables["connect.group_members"]]
    for group in tables["connect.groups"]:
        assert group[5] == members.count(group[0]) > 0, group
    enrolled = [row[0] for row in tables["connect.enrollments"]]
    for one in tables["connect.classes"]:
        assert one[8] == enrolled.count(one[0]) > 0, one


def test_lines_of_absences_that_were_kept_out_go_from_every_day(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """By the ID, by a word, and with all lines of a row."""
    others = ("101,002,1,A,x,,", "101,S88,1,A,x,,")
    his = (
        f"101,{ERASED},1,A,x,,",
        "101,,1,A,Ottoline Quillfeather,,",
        f'101,{ERASED},1,A,"x\nVellum Craft",',
    )
    good = [f"101,{student},1,A,," for student in ("001", "003", ERASED)]
    rows = (*others, *his, f"101,{ERASED},2,,,", *good)
    home = small_home(
        server,
        tmp_path,
        {**exports(), ATTENDANCE_FILE: with_header(ATTENDANCE, *rows)},
        attendance={"enabled": True, "max_absent_share": 1.0},
        thresholds={"bad_rows": 0.9},
    )
    home.publish()
    take_attendance(home)
    today = home.home.attendance(NAME)
    query = "SELECT text FROM quality.quarantine ORDER BY line"
    assert len(absences_of(today, query)) == 7, "one row has two lines"
    assert absences_of(today, f"FROM quality.findings WHERE record_id = '{ERASED}'") != []
    earlier = home.home.attendance_day(NAME, "2026-01-05")
    earlier.parent.mkdir(exist_ok=True)
    shutil.copy(today, earlier)
    certificate = json.loads(erase_student(home).certificate.read_text())
    removed = {one["file"]: one["rows_removed"] for one in certificate["files"]}
    for path in (today, earlier):
        assert absences_of(path, query) == [(text,) for text in others]
        assert absences_of(path, f"FROM quality.findings WHERE record_id = '{ERASED}'") == []
        rows = removed[str(path.relative_to(home.home.root))]
        assert (rows["quality.quarantine"], rows["quality.findings"]) == (5, 1)

    assert places_of(home, (*UNIQUE, ERASED)) == {}


def absences_of(path: Path, query: str) -> list[Any]:
    with open_published(path) as day:
        return day.execute(query).fetchall()


def test_a_sibling_is_still_told_and_absences_stay_whole(erased: SmallHome) -> None:
    with open_published(erased.home.attendance(NAME)) as connection:
        told = connection.execute(
            "SELECT channel, contact_names, student_ids FROM attendance.recipients"
            " WHERE destination = '+12015550119'"
        ).fetchall()
        day = connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE database_name = 'published'"
            " AND table_name = 'accounting'"
        ).fetchone()
    assert told == [("sms", ["Sam Other"], ["S88"])]
    assert day is not None
    assert day[0], "the file still knows of which day it is"


def test_lists_for_the_sender_stay_true_to_their_manifests(erased: SmallHome) -> None:
    manifests = sorted(erased.home.outbox(NAME).rglob("*.json"))
    assert manifests
    for path in manifests:
        manifest, content = json.loads(path.read_bytes()), path.with_suffix(".csv").read_bytes()
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
        assert (manifest["bytes"], manifest["rows"]) == (len(content), len(rows))
    assert take_attendance(erased) == "nothing_new", "the next run finds all as it must be"


def test_who_reads_the_old_file_goes_on_and_the_next_reader_sees_the_new_one(
    home: SmallHome,
) -> None:
    with open_published(home.roster) as reader:
        erase_student(home)
        query = "SELECT count(*) FROM connect.students"
        assert reader.execute(query).fetchall() == [(8,)]
    assert home.query(query) == [(7,)]


# -- words that others have, too -----------------------------------------------------------------

NEIGHBOURS = (
    "E1,101,Zed,Vane,,,{contact},(201) 555-0177,ann@example.com,,,,12345,9,,1.00,English,All",
    "E2,101,Joe,Lind,,,Mary Smithson,(201) 555-0178,joann@example.com,,,,12345,9,,1.00,English,All",
    # Quarantined: another child's whose contact's name goes on, and the student's own.
    'E3,101,Kim,Moe,,,Mary Smithson,"(201) 555-0179,,,,,12345,9,,,,',
    'E4,101,Zed,Vane,,,{contact},"(201) 555-0180,ann@example.com,,,,12345,9,,,,',
)


@pytest.mark.parametrize("contact", ["Mary Smith", "Lincoln", "Student", "Algebra"])
def test_a_word_that_is_part_of_what_others_have_does_not_stop_an_erasure(
    server: EmbeddedServer, tmp_path: Path, contact: str
) -> None:
    rows = [row.format(contact=contact) for row in NEIGHBOURS]
    classes = [f"101,T1,{student},1,Algebra I,MA101,1" for student in ("E1", "E2")]
    home = small_home(
        server,
        tmp_path,
        {
            **FILES,
            STUDENT_FILE: with_rows(FILES[STUDENT_FILE], *rows),
            CLASS_FILE: with_rows(FILES[CLASS_FILE], *classes),
        },
    )
    assert home.command_here("sync", NAME).returncode == 0
    done = home.command_here("erase", NAME, "--student", "E1")
    assert (done.returncode, done.stderr) == (0, "")
    assert not home.home.erasing(NAME).exists()
    assert home.query("SELECT name, email FROM connect.contacts WHERE student_id LIKE 'E%'") == [
        ("Mary Smithson", "joann@example.com")
    ]
    assert home.query("SELECT left(text, 2) FROM quality.quarantine") == [("E3",)]
    left = home.home.roster(NAME).read_bytes().replace(b"joann@example.com", b"")
    assert b"ann@example.com" not in left
    assert b"12015550177" not in left


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("Mary Smith", "Mary Smithson", False),
        ("Mary Smith", "Rosemary Smith", False),
        ("Mary Smith", "Mary Smith2", False),
        ("Mary Smith", "xMary Smith, Mary Smith", True),
        ("Mary Smith", "\u201cMary Smith\u201d", True),
        ("Mary Smith", r"a line\nMary Smith\nanother", True),
        ("Ana Ruiz", "Ana Ruiz\u00e9", False),
        ("ann@example.com", "joann@example.com", False),
        ("ann@example.com", "jo.ann@example.com", False),
        ("ann@example.com", "ann@example.com.example.org", False),
        ("ann@example.com", "Write to ann@example.com.", True),
        ("ann@example.com", "<ann@example.com>;x", True),
        ("+12015550177", "+120155501771", False),
        ("+12015550177", "'+12015550177\t", True),
    ],
)
def test_a_word_is_found_where_it_stands_alone(
    tmp_path: Path, word: str, text: str, *, found: bool
) -> None:
    assert is_in(word, text) is found
    path = tmp_path / "file"
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        path.write_bytes(f"{text}\n".encode(encoding))
        own = Traces("X", words=[word])
        assert own.mentioned_in(path, encodings=RECEIVED_ENCODINGS) is found, encoding


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Q77X,101", True),
        ("101,Q77X\r\n", True),
        ('101,"Q77X"', True),
        ("José;Q77X;", True),
        ("Q77X2,101", False),
        ("101,AQ77X", False),
        ("101,Q77X-2", False),
        ("q77x", False),
    ],
)
def test_an_id_is_found_as_a_cell_of_its_own(tmp_path: Path, text: str, *, found: bool) -> None:
    """In UTF-16 also within another, for a file too many may go, and none too few."""
    path, own = tmp_path / "file", Traces(ERASED)
    for encoding in RECEIVED_ENCODINGS[: None if found else 2]:
        path.write_bytes(text.encode(encoding))
        assert own.mentioned_in(path, by_id=True, encodings=RECEIVED_ENCODINGS) is found, encoding
        assert not own.mentioned_in(path, encodings=RECEIVED_ENCODINGS), "a teacher's, it may be"


def test_words_that_prove_something_have_six_letters_and_are_nobody_elses() -> None:
    own = Traces("X", words=["Ann Li", "Ann L", "Lincoln"], common=["Lincoln"])
    assert own.telling_words == ["Ann Li"]


def test_the_search_finds_a_word_in_a_cell_and_in_a_page(tmp_path: Path) -> None:
    """Cells lie one behind the other in a page, so that there are no letters to look at."""
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest(['Mary Smithson', 'Zed Vane']) AS a")
        connection.execute("CREATE TABLE gone AS SELECT 'Otto Quill' || range AS a FROM range(9)")
        connection.execute("CHECKPOINT")
        connection.execute("UPDATE gone SET a = 'x'")
        connection.execute("CHECKPOINT")
    assert b"Otto Quill" in path.read_bytes()
    for word, left in (
        ("Mary Smith", False),
        ("Mary Smithson", True),
        ("Zed Vane", True),
        ("Otto Quill", True),
    ):
        assert is_left_in_database(path, Traces("X", words=[word])) is left, word


SEPARATED = (
    "ZQ90417;101;Zebu;Quill;;;Pa Quillfeather;(201) 555-0177;pa.q@example.com;;;;;9;;;;",
    "ZQ90417\t101\tZebu\tQuill\t\t\tPa Quillfeather",
    "ZQ90417|101|Zebu|Quill",
    "'ZQ90417', 101, Zebu, Quill",
)


def test_a_line_with_other_separators_goes_and_stays_out(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """And no line of somebody else's for the area code in it."""
    goes_on = 'ZQ90417,101,Zebu,Quill,,,"Pa\nQuillfeather",(201) 555-0177,p@example.com,,,,,9,,,,'
    other = 'E3,101,Kim,Moe,,,Jo Moe,"(201) 555-0179,,,,,12345,9,,,,'
    text = with_rows(FILES[STUDENT_FILE], *SEPARATED, goes_on, other)
    home = small_home(server, tmp_path, {**FILES, STUDENT_FILE: text}, thresholds={"bad_rows": 0.9})
    home.publish()
    query = "SELECT left(text, 2) FROM quality.quarantine"
    assert len(home.query(query)) == len(SEPARATED) + 3
    with home.here():
        for student in ("ZQ90417", "201"):
            erase.erase_student(home.home, NAME, student, "Pat Operator")
    assert home.query(query) == [("E3",)]
    assert places_of(home, ("ZQ90417", "Pa Quill", "Zebu")) == {}
    home.upload({STUDENT_FILE: text.replace("Korean", "Russian")})
    home.publish()
    assert home.query(query) == [("E3",)]


@pytest.mark.parametrize(
    ("line", "student"),
    [
        ('"10,11",101,Zeb"ulon,Quill', "10,11"),
        ('"A""9",101,Zebulon,Quill,more', 'A"9'),
        ("A9,101,Zebulon,Quill,more", "A9"),
    ],
)
def test_an_id_is_recognised_in_a_broken_line(line: str, student: str) -> None:
    words = duckdb.execute(f"SELECT {words_that_may_be_ids('$line')}", {"line": line}).fetchall()
    assert student in words[0][0]


def test_a_contacts_name_goes_though_a_stranger_has_it(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """From beside the sibling's address, and not from the stranger's own."""
    students = (
        "S90,101,Ann,Ray,,,Ana Smith,,fam@example.org,,,,12345,9,,,,Email",
        "S91,101,Ben,Ray,,,Bob Lane,,fam@example.org,,,,12345,9,,,,Email",
        "S92,101,Cy,Fox,,,Ana Smith,,ana@example.org,,,,12345,9,,,,Email",
    )
    absences = [",".join(ATTENDANCE.column_names), *(f"101,S{n},1,A,," for n in (90, 91, 92))]
    home = small_home(
        server,
        tmp_path,
        {
            **FILES,
            STUDENT_FILE: with_rows(FILES[STUDENT_FILE], *students),
            ATTENDANCE_FILE: "\n".join(absences) + "\n",
        },
        attendance={"enabled": True, "max_absent_share": 1.0},
    )
    home.publish()
    assert take_attendance(home) == "listed"
    with home.here():
        erase.erase_student(home.home, NAME, "S90", "Pat Operator")
    with open_published(home.home.attendance(NAME)) as day:
        told = day.execute(
            "SELECT destination, contact_names FROM attendance.recipients ORDER BY 1"
        ).fetchall()
    assert told == [("ana@example.org", ["Ana Smith"]), ("fam@example.org", ["Bob Lane"])]
    (listed_file,) = home.home.outbox(NAME).glob("*.csv")
    rows = csv.DictReader(io.StringIO(listed_file.read_text()))
    assert [(row["student_id"], row["contact_names"]) for row in rows] == [
        ("S92", "Ana Smith"),
        ("S91", "Bob Lane"),
    ]


@pytest.mark.parametrize("place", ["an earlier night", "a day"])
def test_a_damaged_file_is_named_and_the_erasure_goes_on_without_it(
    home: SmallHome, place: str
) -> None:
    """Nobody can tell what of the student is in it, so an operator gives it up, and nobody else."""
    path = home.home.attendance(NAME)
    if place != "a day":
        path = home.home.snapshot(NAME, home.snapshots()[0])
    with path.open("r+b") as file:
        for block in range(12_288, path.stat().st_size, 4096):
            file.seek(block)
            file.write(b"damaged")
    for _ in range(2):
        with pytest.raises(EnvironmentFault, match="run the same command again") as refusal:
            erase_student(home)
        assert str(refusal.value).startswith(f"{path} is damaged")
        assert path.exists()
    path.unlink()
    certificate = json.loads(erase_student(home).certificate.read_text())
    assert certificate["rows_removed"]["connect.students"] == (3 if place == "a day" else 2)
    assert places_of(home, UNIQUE) == {}


@pytest.mark.parametrize("file", [STUDENT_FILE, CLASS_FILE])
def test_a_broken_row_of_the_erased_student_keeps_nobody_else(erased: SmallHome, file: str) -> None:
    """Their SIS may export it each night: nobody would ever leave again."""
    rows = {
        STUDENT_FILE: f'{ERASED},999,Ott"o,Quax{"," * 14}',
        CLASS_FILE: f'101,T1,{ERASED},1,Alge"bra,MA101,1',
    }
    files = {
        STUDENT_FILE: without_rows(FILES[STUDENT_FILE], "006,"),
        CLASS_FILE: without_rows(FILES[CLASS_FILE], "102,T3,006"),
    }
    erased.upload({**files, file: with_rows(files[file], rows[file])})
    erased.publish()
    assert erased.query("FROM connect.kept") == []


# -- the certificate -----------------------------------------------------------------------------


def test_the_certificate_says_what_was_done_and_nothing_of_the_person(home: SmallHome) -> None:
    done = erase_student(home)
    assert done.certificate.parent == home.home.root / "certificates"
    assert done.certificate.stat().st_mode & 0o777 == 0o600
    text = done.certificate.read_text()
    certificate = json.loads(text)
    assert not [word for word in (*UNIQUE, ERASED) if word in text]
    assert (certificate["what"], certificate["district"]) == ("student", NAME)
    assert certificate["erased_by"] == "Pat Operator"
    assert certificate["subject_hash"] == records.subject_hash(home.ledger, NAME, ERASED)
    assert certificate["rows_removed"]["connect.students"] == 3, "one in each snapshot"
    # Absent, cleared, and with a low balance.
    assert certificate["rows_removed"]["ledger.listed"] == 3
    assert certificate["searched"]["words"] >= 5
    for one in certificate["files"]:
        path = home.home.root / one["file"]
        if one["sha256_after"] is None:
            assert not path.exists()
        else:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == one["sha256_after"]
            assert one["sha256_before"] != one["sha256_after"]
    (row,) = records.standing(home.ledger, NAME)
    assert row["completed_at"] is not None


def test_the_manifest_of_a_cleared_list_counts_who_is_left() -> None:
    rows = "batch_id,student_id,change\r\nb,S1,cleared\r\nb,S2,absent_again\r\n"
    before = {"rows": 3, "cleared_students": 2, "students_absent_again": 1}
    assert files.manifest_of(before, rows.encode()) == {
        "rows": 2,
        "cleared_students": 1,
        "students_absent_again": 1,
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            [
                "channel,destination,contact_names,student_id",
                "sms,+12015550111,Eva Ruiz,'-12",
                "sms,+12015550111,'=Sam; Eva Ruiz; Mei Ito,S88",
                "sms,+12015550112,Eva Ruiz,S89",
            ],
            [
                "channel,destination,contact_names,student_id",
                "sms,+12015550111,Mei Ito,S88",
                "sms,+12015550112,Eva Ruiz,S89",
            ],
        ),
        (
            ["entity,id", "staff,-12", "student,'-12", "student,-12", "class,c1", "class,c2"],
            ["entity,id", "staff,-12", "class,c2"],
        ),
        (["student_id,code", "112,A", "-12,A", "-123,A"], ["student_id,code", "112,A", "-123,A"]),
    ],
    ids=["a list for the sender", "who would vanish", "one of our own"],
)
def test_a_list_loses_the_student_in_whatever_form_and_nobody_else(
    before: list[str], after: list[str]
) -> None:
    """An ID that a spreadsheet would run stands there with an apostrophe."""
    own = Traces("-12", words=["Eva Ruiz"], contact_names=["=Sam"], lonely_groups=["class:c1"])
    content, expected = ("".join(f"{row}\r\n" for row in rows).encode() for rows in (before, after))
    assert files.list_without_student(content, own) == expected


def test_a_finding_on_a_teacher_with_the_same_id_stays_in_a_report() -> None:
    found = [{"record_id": ERASED}, {"record_id": "Q77X2"}, {"record_id": None}]
    report = {
        "exports": {name: {"findings": found} for name in (STAFF_FILE, STUDENT_FILE)},
        "drop": {"findings": found},
    }
    left = json.loads(files.findings_without_student(json.dumps(report).encode(), Traces(ERASED)))
    assert left == {
        "exports": {STAFF_FILE: {"findings": found}, STUDENT_FILE: {"findings": found[1:]}},
        "drop": {"findings": found[1:]},
    }


@pytest.mark.parametrize("content", [b"[]", b'{"exports": []}', b"{", b"a,b\r\n" + 140_000 * b"x"])
def test_files_of_others_do_not_stop_an_erasure(home: SmallHome, content: bytes) -> None:
    outbox, reports = home.home.outbox(NAME), home.home.reports(NAME)
    for path in (outbox / "x.csv", outbox / "x.json", reports / "x.csv", reports / "x.json"):
        path.write_bytes(content)
    erase_student(home)
    assert {one.read_bytes() for one in (*outbox.glob("x.*"), *reports.glob("x.*"))} == {content}


def test_dagsters_home_is_searched_wherever_it_is(home: SmallHome, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "note.txt"
    place.parent.mkdir()
    place.write_text("ottoline.q77@example.com")
    done = home.command_here("erase", NAME, "--student", ERASED, DAGSTER_HOME=str(place.parent))
    assert done.returncode == 3
    assert f"still in {place}" in done.stderr


def test_a_line_with_an_erased_id_in_it_still_keeps_the_child_it_is_about(
    erased: SmallHome,
) -> None:
    """Ben's line is glued to the erased child's, which is forgotten; Ben is not."""
    text = with_rows(without_rows(erased.read(STUDENT_FILE), "002,", ERASED))
    ben = next(x for x in FILES[STUDENT_FILE].splitlines() if x.startswith("002,"))
    erased.upload({STUDENT_FILE: f"{text}{ROW}{ben}\n"})
    erased.publish()
    assert erased.query("SELECT count(*) FROM connect.contacts WHERE student_id = '002'") != [(0,)]
    assert erased.query(f"FROM connect.students WHERE student_id = '{ERASED}'") == []
    assert erased.query("FROM quality.quarantine WHERE export = 'StudentExport.csv'") == []


# -- opt-outs ------------------------------------------------------------------------------------

OPT_OUTS = (
    "channel,destination\r\n",
    "sms,(201) 555-0177\r\n",  # only the student's
    "voice,1.201.555.0119\r\n",  # the sibling's, too
    'email,"Ottoline.Q77@EXAMPLE.com"\r\n',
    "email,sam@example.com\r\n",  # the sibling's other parent
    "sms,(201) 555-0111\r\n",  # another family's
)


def test_opt_outs_go_with_the_student_unless_another_has_the_destination(home: SmallHome) -> None:
    path = opt_out_file(home.home, NAME)
    path.parent.mkdir()
    path.write_bytes("".join(OPT_OUTS).encode("utf-8-sig"))
    left_by_a_kill = path.with_name(f"{path.name}.21.partial")
    left_by_a_kill.write_bytes(path.read_bytes())
    certificate = erase_student(home).certificate.read_text()
    stays = [OPT_OUTS[place] for place in (0, 2, 4, 5)]
    assert path.read_bytes() == "".join(stays).encode("utf-8-sig")
    assert "opt_outs/springfield.csv" in {one["file"] for one in json.loads(certificate)["files"]}
    assert "cannot be read" not in certificate
    assert not left_by_a_kill.exists()


@pytest.mark.parametrize("whose", ["the student", "the district"])
def test_opt_outs_that_are_a_link_stay_one_and_go_where_they_lie(
    home: SmallHome, tmp_path: Path, whose: str
) -> None:
    """A district keeps them on a share: what families say there afterwards must be read."""
    share = tmp_path / "share.csv"
    share.write_text("channel,destination\nsms,(201) 555-0177\nsms,(201) 555-0111\n")
    path = opt_out_file(home.home, NAME)
    path.parent.mkdir()
    path.symlink_to(share)
    if whose == "the student":
        erase_student(home)
        assert path.is_symlink()
        assert share.read_text() == "channel,destination\nsms,(201) 555-0111\n"
    else:
        with home.here():
            erase.erase_district(home.home, NAME, "Pat Operator")
        assert (share.exists(), path.is_symlink()) == (False, False)


@pytest.mark.parametrize("is_link", [True, False])
def test_opt_outs_that_are_another_districts_too_stay_and_are_named(
    home: SmallHome, is_link: bool
) -> None:
    """Else families there who said no would be told."""
    path = opt_out_file(home.home, NAME)
    other = path.with_name("shelbyville.csv")
    path.parent.mkdir()
    real, link = (other, path) if is_link else (path, other)
    real.write_text("channel,destination\nsms,(201) 555-0177\n")
    link.symlink_to(real)
    before = real.read_bytes()
    for erasing in ("the student", "the district"):
        if erasing == "the student":
            certificate = erase_student(home).certificate
        else:
            with home.here():
                certificate = erase.erase_district(home.home, NAME, "Pat Operator").certificate
        assert other.read_bytes() == before
        remains = json.loads(certificate.read_text())["remains"]
        assert any("springfield.csv, which is another district's, too" in one for one in remains)
    assert path.is_symlink() is False


def test_what_may_be_the_familys_and_nobody_can_read_is_named(home: SmallHome) -> None:
    path = opt_out_file(home.home, NAME)
    path.parent.mkdir()
    family, unread = b"sms,(201) 555-0177\n", b"sms,call (201) 555-0177 at night\nsms,caf\xe9\n"
    path.write_bytes(b"channel,destination\n" + family + unread)
    copy = path.with_name(f"{NAME} (1).csv")
    copy.write_bytes(family)
    remains = json.loads(erase_student(home).certificate.read_text())["remains"]
    assert path.read_bytes() == b"channel,destination\n" + unread
    assert any(one.startswith("2 lines of opt_outs/springfield.csv in which") for one in remains)
    assert any(one.startswith("opt_outs/springfield (1).csv, which is not") for one in remains)
    with home.here():
        done = erase.erase_district(home.home, NAME, "Pat Operator")
    remains = json.loads(done.certificate.read_text())["remains"]
    assert any(one.startswith("opt_outs/springfield (1).csv, which is not") for one in remains)


def test_a_district_whose_outbox_is_a_link_is_erased(home: SmallHome, tmp_path: Path) -> None:
    outbox, share = home.home.outbox(NAME), tmp_path / "share"
    outbox.rename(share) if outbox.exists() else share.mkdir()
    (share / "a.csv").write_text("a list\n")
    outbox.parent.mkdir(exist_ok=True)
    outbox.symlink_to(share)
    with home.here():
        done = erase.erase_district(home.home, NAME, "Pat Operator")
    assert done.certificate.exists()
    assert not (share / "a.csv").exists()
    assert not outbox.is_symlink()


def opt_outs_after_erasing(home: SmallHome, student: str, opt_outs: str) -> str:
    """What is left of a district's opt-outs."""
    path = opt_out_file(home.home, NAME)
    path.parent.mkdir()
    path.write_text(opt_outs)
    with home.here():
        erase.erase_student(home.home, NAME, student, "Pat Operator")
    return path.read_text()


def test_a_parent_who_teaches_here_stays_opted_out(server: EmbeddedServer, tmp_path: Path) -> None:
    """The number is a member of staff's, too, and in no table of students any more."""
    row = "E1,102,Zed,Khan,,,Aisha Khan,(201) 555-0103,zed.khan@example.com,,,,12346,3,,,,All"
    text = with_rows(FILES[STUDENT_FILE], row)
    home = small_home(server, tmp_path, {**FILES, STUDENT_FILE: text})
    home.publish()
    opt_outs = "channel,destination\nsms,(201) 555-0103\nemail,zed.khan@example.com\n"
    left = opt_outs_after_erasing(home, "E1", opt_outs)
    assert left == "channel,destination\nsms,(201) 555-0103\n"


def test_a_sibling_stays_opted_out_however_the_address_is_written(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    rows = [
        f"{student},101,Ann,Ray,,,Eva Ray,,{address},,,,12345,9,,,,Email"
        for student, address in (("S90", "Fam.Ray@example.org"), ("S91", "fam.ray@example.org"))
    ]
    text = with_rows(FILES[STUDENT_FILE], *rows)
    home = small_home(server, tmp_path, {**FILES, STUDENT_FILE: text})
    home.publish()
    left = opt_outs_after_erasing(home, "S90", "channel,destination\nemail,fam.ray@example.org\n")
    assert left == "channel,destination\nemail,fam.ray@example.org\n"


def test_absences_of_none_but_erased_students_say_that_nobody_else_is_absent(
    erased: SmallHome,
) -> None:
    header = ",".join(ATTENDANCE.column_names)
    erased.upload({ATTENDANCE_FILE: f"{header}\n101,{ERASED},1,A,,\n"})
    assert take_attendance(erased) == "nothing_new"


@pytest.mark.parametrize("name", ["Eva; Leo Ray", "'Ofa Ray", "=Eva Ray"])
def test_a_name_with_a_lists_own_characters_goes(name: str) -> None:
    rows = [f"email,ray@example.org,{{}},{student}" for student in ("S90", "S91")]
    head = "channel,destination,contact_names,student_id\n"
    shown = f"'{name}" if name.startswith("=") else name
    for names, left in ((f"Bob Lane; {name}", "Bob Lane"), (f"{shown}; =Bob", "'=Bob")):
        content = head + "\n".join(row.format(names) for row in rows) + "\n"
        expected = head + rows[1].format(left) + "\n"
        own = Traces("S90", words=[name])
        assert files.list_without_student(content.encode(), own) == expected.encode()


def test_an_opt_out_that_cannot_be_read_is_named(home: SmallHome) -> None:
    path = opt_out_file(home.home, NAME)
    path.parent.mkdir()
    path.write_text("channel,destination\nemail,<ottoline.q77@example.com> please\n")
    before = path.read_bytes()
    remains = json.loads(erase_student(home).certificate.read_text())["remains"]
    assert path.read_bytes() == before
    assert any("1 lines of opt_outs/springfield.csv" in one for one in remains)


# -- and stays so --------------------------------------------------------------------------------


def test_later_uploads_are_kept_out_until_the_erasure_is_lifted(erased: SmallHome) -> None:
    erased.upload({STUDENT_FILE: erased.read(STUDENT_FILE).replace("Korean", "Russian")})
    # In a process of its own, whose memory is cleared.
    assert erased.fresh_command("sync", NAME).returncode == 0
    assert erased.query(f"FROM connect.students WHERE student_id = '{ERASED}'") == []
    finding = erased.query(
        "SELECT export, severity, record_id, message FROM quality.findings"
        " WHERE code = 'student_erased' ORDER BY export DESC"
    )
    assert [row[:3] for row in finding] == [
        (STUDENT_FILE, "warning", None),
        (CLASS_FILE, "warning", None),
    ]
    # The file as received is in the landing folder while it is the current night's, nowhere else.
    words = tuple(word for word in (*UNIQUE, ERASED) if word != "Route Q77")
    assert {path.split("/")[0] for path in places_of(erased, words)} == {"landing"}
    assert erased.nightly().outcome == "unchanged"
    assert district_status(erased.home, erased.ledger, NAME)["erased_rows_received"] == {
        CLASS_FILE: 2,
        STUDENT_FILE: 1,
    }
    shown = erased.command_here("status", NAME).stdout
    assert "rows of erased students (StaffToStudentExport.csv: 2, StudentExport.csv: 1)" in shown

    with erased.here():
        erase.lift_erasure(erased.home, NAME, ERASED, "Pat Operator")
    erased.publish()
    assert erased.query(f"SELECT count(*) FROM connect.rosters WHERE student_id = '{ERASED}'") == [
        (2,)
    ]
    with erased.here(), pytest.raises(UsageError, match="nothing to lift"):
        erase.lift_erasure(erased.home, NAME, ERASED, "Pat Operator")


def test_the_night_after_an_erasure_that_was_a_mistake_publishes_the_student_again(
    home: SmallHome,
) -> None:
    """The files and the settings are those of the snapshot, which has lost the student."""
    assert home.nightly().outcome == "unchanged"
    erase_student(home)
    with home.here():
        erase.lift_erasure(home.home, NAME, ERASED, "Pat Operator")
    home.publish()
    assert home.query(f"SELECT count(*) FROM connect.students WHERE student_id = '{ERASED}'") == [
        (1,)
    ]
    assert home.nightly().outcome == "unchanged"


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(ROW.replace("Zebulon", 'Zeb"ulon'), id="a line that breaks the law"),
        pytest.param(ROW.replace(ERASED, f" {ERASED} "), id="an ID with blanks around it"),
        pytest.param(
            ROW.replace("Ottoline Quillfeather", '"Ottoline\nQuillfeather"'),
            id="a value that goes on",
        ),
        pytest.param(f"{ROW}\n{ROW.replace('Zebulon', 'Xerxes')}", id="two names under the ID"),
        pytest.param(ROW.replace("97531-0042", "ABC"), id="a cell that a rule names"),
    ],
)
def test_a_damaged_row_is_kept_out_of_the_quarantine_too(erased: SmallHome, row: str) -> None:
    upload_his_row(erased, row)
    run = erased.nightly()
    assert run.outcome == "published"
    said = "text LIKE '%ulon%' OR text LIKE '%Quillfeather%' OR text LIKE '%q77@example%'"
    assert erased.query(f"SELECT count(*) FROM quality.quarantine WHERE {said}") == [(0,)]
    assert {path.split("/")[0] for path in places_of(erased, HIS_WORDS)} == {"landing"}
    assert run.report.exports[STUDENT_FILE].findings.counts["student_erased"] == len(
        row.splitlines()
    )
    export = run.report.exports[STUDENT_FILE]
    assert export.lines == 1 + export.accepted + export.quarantined, "no row is lost"


def test_a_damaged_row_is_kept_out_by_the_command(erased: SmallHome) -> None:
    """In a process that begins after the erasure its memory is cleared before DuckDB writes it."""
    upload_his_row(erased, ROW.replace("Zebulon", 'Zeb"ulon'))
    assert erased.fresh_command("sync", NAME).returncode == 0
    assert {path.split("/")[0] for path in places_of(erased, HIS_WORDS)} == {"landing"}


def upload_his_row(home: SmallHome, row: str) -> None:
    text = home.read(STUDENT_FILE)
    his = next(line for line in text.splitlines() if line.startswith(ERASED))
    home.upload({STUDENT_FILE: text.replace(his, row)})


def test_an_absence_of_the_student_is_nobodys(erased: SmallHome) -> None:
    erased.upload({ATTENDANCE_FILE: exports()[ATTENDANCE_FILE]})
    take_attendance(erased)
    assert places_of(erased, (ERASED, "Quillfeather")) == {}


def test_received_files_that_no_night_needs_go_at_the_end_of_the_run(erased: SmallHome) -> None:
    """Whatever the run came to. Those of the current night stay: it is rebuilt from them."""
    text = erased.read(STUDENT_FILE)
    for language in ("Russian", "Arabic"):
        erased.upload({STUDENT_FILE: text.replace("Korean", language)})
        erased.publish()
        current = erased.ledger.current_snapshot(NAME)
        assert current is not None
        needed = {one["sha256"] for one in current["exports"].values() if "sha256" in one}
        assert {path.name for path in erased.home.landing(NAME).iterdir()} == needed
    erased.upload({STUDENT_FILE: text.replace("ID,School", "School,ID")})
    assert erased.nightly().outcome == "blocked"
    assert {path.name for path in erased.home.landing(NAME).iterdir()} == needed

    path = erased.home.snapshot(NAME, erased.current())
    path.write_bytes(path.read_bytes()[:-4096])
    assert erased.nightly().outcome == "blocked"
    assert erased.query("SELECT count(*) FROM connect.students") == [(7,)], "rebuilt"
    erased.upload({STUDENT_FILE: without_rows(text, ERASED)})
    erased.upload({CLASS_FILE: without_rows(erased.read(CLASS_FILE), *CLASSES[:2])})
    erased.publish()
    assert places_of(erased, (*UNIQUE, ERASED)) == {}
    assert district_status(erased.home, erased.ledger, NAME)["erased_rows_received"] == {}


def test_under_another_key_nothing_is_published(erased: SmallHome) -> None:
    """Else the student would not be recognised, and come back."""
    erased.upload({STUDENT_FILE: erased.read(STUDENT_FILE).replace("Korean", "Russian")})
    erased.environment["CONNECT_LEDGER_KEY"] = "f" * 64
    before = erased.roster_bytes()
    with pytest.raises(EnvironmentFault, match="The ledger's key is not the one"):
        erased.nightly()
    assert erased.roster_bytes() == before


def test_under_another_key_nobody_is_erased(server: EmbeddedServer, tmp_path: Path) -> None:
    """Else no run would recognise both, with either key."""
    home = small_home(server, tmp_path)
    home.publish()
    with home.here():
        erase.erase_student(home.home, NAME, "001", "Pat Operator")
    home.environment["CONNECT_LEDGER_KEY"] = "f" * 64
    with home.here(), pytest.raises(EnvironmentFault, match="erased under another ledger key"):
        erase.erase_student(home.home, NAME, "004", "Pat Operator")
    assert "BAD erasures: Students of" in home.command_here("doctor", NAME).stdout
    del home.environment["CONNECT_LEDGER_KEY"]
    assert home.nightly().outcome == "published"


def test_a_ledger_that_does_not_know_an_erasure_publishes_nothing(
    home: SmallHome, tmp_path: Path
) -> None:
    """It is of a backup from before: who was erased would come back without a word."""
    shutil.copy2(home.home.ledger_file, tmp_path / "backup")
    certificate = erase_student(home).certificate
    shutil.copy2(tmp_path / "backup", home.home.ledger_file)
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace("Korean", "Russian")})
    before = home.roster_bytes()
    dry_run = home.command_here("alerts", NAME, "--dry-run")
    assert (dry_run.returncode, "does not know 1 erasures" in dry_run.stderr) == (3, True), dry_run
    with pytest.raises(EnvironmentFault, match="does not know 1 erasures") as refusal:
        home.nightly()
    assert certificate.name in str(refusal.value)
    assert home.roster_bytes() == before
    doctor = json.loads(home.command_here("doctor", "--json").stdout)
    assert [one["what"] for one in doctor["checks"] if not one["ok"]] == ["erasures"]
    erase_student(home)
    assert home.roster_bytes() == before
    home.publish()
    assert home.query(f"FROM connect.students WHERE student_id = '{ERASED}'") == []
    causes = {row["cause"] for row in home.ledger.rows(sa.select(alarms.c.cause))}
    assert "damaged" not in causes, "what the erasure wrote is what is published"


def test_doctor_says_what_a_new_ledger_does_not_know(home: SmallHome) -> None:
    """Else its advice, to let the next run go on, is what that run refuses."""
    certificate = erase_student(home).certificate
    home.home.ledger_file.unlink()
    with home.here():
        open_ledger(home.home).close()
    doctor = home.command_here("doctor").stdout.replace("\n", " ")
    assert f"BAD ledger: it knows nothing of what is published for {NAME}" in doctor
    assert f"BAD erasures: {NAME}: the ledger does not know 1 erasures" in doctor
    certificate.unlink()
    doctor = json.loads(home.command_here("doctor", "--json").stdout)
    bad = {one["what"]: one["says"] for one in doctor["checks"] if not one["ok"]}
    assert bad.keys() == {"ledger", f"{NAME}: what is published"}
    assert "lists that the ledger does not know" in bad[f"{NAME}: what is published"]


# -- cut short -----------------------------------------------------------------------------------

STEPS = ("rebuild_days", "remove_received", "search")


@pytest.mark.parametrize("step", STEPS)
def test_an_erasure_that_is_cut_short_is_finished_by_the_same_command(
    home: SmallHome, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_student_short(home, step, monkeypatch)
    (unfinished,) = district_status(home.home, home.ledger, NAME)["erasures"]
    assert unfinished["completed_at"] is None
    said = f"an erasure of {unfinished['erased_at']} was cut short: run the same command again"
    assert said in home.command_here("status", NAME).stdout
    (line,) = overview(home.home, home.ledger, [NAME])
    assert "an erasure was cut short" in line.attention
    done = erase_student(home)
    assert said not in home.command_here("status", NAME).stdout
    assert places_of(home, (*UNIQUE, ERASED)) == {}
    certificate = json.loads(done.certificate.read_text())
    assert certificate["rows_removed"]["connect.students"] == 3, "of both attempts together"
    # Absent, cleared, and with a low balance.
    assert certificate["rows_removed"]["ledger.listed"] == 3


def test_an_erasure_that_was_cut_short_is_not_lifted(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it looks for would stay on the disk, and no other student could be erased."""

    def cut(*_: object) -> None:
        raise EnvironmentFault("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(erase.StudentErasure, "rebuild_days", cut)
        with pytest.raises(EnvironmentFault, match="the power went"):
            erase_student(home)
    lifted = home.command_here("erase", NAME, "--student", ERASED, "--lift")
    assert (lifted.returncode, lifted.stdout) == (2, "")
    assert "run the same `erase` again first" in lifted.stderr
    doctor = home.command_here("doctor", NAME)
    assert doctor.returncode == EnvironmentFault.exit_code
    (bad,) = (line for line in doctor.stdout.splitlines() if not line.startswith("ok"))
    assert "was cut short: run `connect-pipeline erase springfield --student ID` again" in bad
    erase_student(home)
    assert home.command_here("erase", NAME, "--student", ERASED, "--lift").returncode == 0
    assert home.command_here("erase", NAME, "--student", "S88").returncode == 0


def test_nothing_is_made_for_a_name_that_has_no_erasure(home: SmallHome) -> None:
    lifted = home.command_here("erase", "shelbyville", "--lift")
    assert (lifted.returncode, "nothing to lift" in lifted.stderr) == (2, True)
    assert not home.home.lock("shelbyville").exists()


def test_no_night_comes_between_two_attempts(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be compared with a night that may still have the student."""

    def cut(*_: object) -> None:
        raise EnvironmentFault("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "point_roster_at", cut)  # between two renames
        with pytest.raises(EnvironmentFault):
            erase_student(home)
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace("Korean", "Russian")})
    nights = home.snapshots()
    with (
        home.here(),
        pytest.raises(EnvironmentFault, match="erase springfield --student ID` again"),
    ):
        home.nightly()
    assert home.snapshots() == nights
    *_, alarm = open_alarms(home.ledger, NAME)
    assert (alarm["cause"], alarm["codes"]) == ("failed", {"state": 1})
    assert "an erasure of" in home.command_here("status", NAME).stdout
    erase_student(home)
    assert places_of(home, (*UNIQUE, ERASED)) == {}
    home.publish()
    assert home.query(f"FROM connect.students WHERE student_id = '{ERASED}'") == []


def cut_student_short(home: SmallHome, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Erase the student, but for this step and all that follow."""

    def cut(*_: object) -> None:
        raise EnvironmentFault("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(erase.StudentErasure, step, cut)
        with pytest.raises(EnvironmentFault, match="the power went"):
            erase_student(home)


def test_an_export_that_was_open_before_the_erasure_is_no_copy(
    home: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate does not name it."""
    record = export._record_disclosure

    def meanwhile(*arguments: Any) -> None:
        erase_student(home)
        record(*arguments)

    monkeypatch.setattr(export, "_record_disclosure", meanwhile)
    with home.here(), pytest.raises(EnvironmentFault, match="was erased meanwhile"):
        export_tables(home.home, home.ledger, NAME, tmp_path / "out", "csv", "Pat Operator")
    assert list((tmp_path / "out").iterdir()) == []


def test_nobody_goes_back_or_exports_while_an_erasure_is_cut_short(
    home: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older snapshot has the student, and a copy that was made now would, too."""
    cut_student_short(home, "rebuild_snapshots", monkeypatch)
    for arguments in (("rollback", NAME, home.snapshots()[0]), ("export", NAME, str(tmp_path))):
        done = home.command_here(*arguments)
        assert done.returncode == 3
        assert f"erase {NAME} --student ID` again" in done.stderr
    assert list(tmp_path.glob("*.parquet")) == []


def test_no_other_erasure_begins_while_one_is_cut_short(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else that one would be under way as well, though it was refused."""
    cut_student_short(home, "rebuild_snapshots", monkeypatch)
    with home.here(), pytest.raises(EnvironmentFault, match="the erasure of another student"):
        erase.erase_student(home.home, NAME, "S88", "Pat Operator")
    assert len(district_status(home.home, home.ledger, NAME)["erasures"]) == 1


def test_absences_between_two_attempts_say_nothing_of_the_student(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger still has who was told, and the file's rows of the student are kept out."""
    home.upload({ATTENDANCE_FILE: exports()[ATTENDANCE_FILE]})
    take_attendance(home)  # the message of the student stands again
    cut_student_short(home, "rebuild_snapshots", monkeypatch)
    home.upload({ATTENDANCE_FILE: without_rows(exports()[ATTENDANCE_FILE], "101,S88")})
    before = {*home.home.outbox(NAME).rglob("*.csv")}
    take_attendance(home)
    (cleared,) = {*home.home.outbox(NAME).rglob("*.csv")} - before
    rows = list(csv.DictReader(cleared.read_text().splitlines()))
    assert {(row["change"], row["student_id"]) for row in rows} == {("cleared", "S88")}


def dies_before(home: SmallHome, step: int, log: Path) -> int:
    """Run `erase` and kill it before its n-th durable step (0: never); its exit code."""
    environment = {
        "PYTHONPATH": python_path(DIES_AT),
        "DIES_AT": str(step),
        "DIES_AT_LOG": str(log),
    }
    return home.fresh_command("erase", NAME, "--student", ERASED, **environment).returncode


def assert_the_same_command_ends_it(home: SmallHome, *, night_between: bool) -> None:
    if night_between and records.is_under_way(home.ledger, NAME):
        with home.here(), pytest.raises(EnvironmentFault, match="was cut short"):
            home.nightly()
    elif night_between:  # it had not begun, or was complete
        assert home.nightly().outcome in ("published", "unchanged")
    erase_student(home)
    # What came after a whole one came anew, and is in the landing folder as received.
    left = {path.split("/")[0] for path in places_of(home, (*UNIQUE, ERASED))}
    assert left <= ({"landing"} if night_between else set())
    for name in home.snapshots():
        assert_counts_are_true(tables_of(home.home.snapshot(NAME, name)))
    assert home.roster.samefile(home.home.snapshot(NAME, home.current()))
    assert home.nightly().outcome in ("published", "unchanged"), "nothing is taken for damaged"


def test_an_erasure_that_is_killed_is_finished_by_the_same_command(
    home: SmallHome, tmp_path: Path
) -> None:
    """Before a renaming in the middle of it; `make soak` goes through all of its durable steps."""
    whole = home.copy(tmp_path / "whole")
    assert dies_before(whole, 0, tmp_path / "log") == 0
    steps = (tmp_path / "log").read_text().splitlines()
    words = whole.home.erasing(NAME)
    assert steps[-3:] == [f"unlink {words}", f"fsync {words.parent}", "commit"], "gone for good"
    middle = [n for n, step in enumerate(steps, start=1) if step.startswith(("replace", "rename"))]
    step = middle[len(middle) // 2]
    assert dies_before(home, step, tmp_path / "log-2") == KILLED
    assert_the_same_command_ends_it(home, night_between=True)


@pytest.mark.slow
def test_an_erasure_may_be_killed_at_each_of_its_durable_steps(
    home: SmallHome, tmp_path: Path
) -> None:
    step, code = 0, KILLED
    while code == KILLED:
        step += 1
        one = home.copy(tmp_path / f"step-{step}")
        code = dies_before(one, step, tmp_path / f"log-{step}")
        assert code in (0, KILLED)
        assert_the_same_command_ends_it(one, night_between=step % 2 == 0)
        shutil.rmtree(tmp_path / f"step-{step}")
    assert step > 50


@contextmanager
def unlink_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An erasure on a disk that fails when a file of this name is to be removed."""
    unlink = Path.unlink

    def fails(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fails)
        with pytest.raises(DiskFault):
            yield


def test_an_erasure_is_not_complete_while_the_students_own_words_are_there(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = home.home.erasing(NAME)
    with unlink_fails(left.name, monkeypatch):
        erase_student(home)
    assert records.is_under_way(home.ledger, NAME)
    other = home.command_here("erase", NAME, "--student", "S88")
    assert (other.returncode, "erase springfield --student ID` again" in other.stderr) == (3, True)
    erase_student(home)
    assert not left.exists()
    (one,) = records.standing(home.ledger, NAME)
    assert one["completed_at"] is not None, "and the other one has not begun"


def test_what_a_kill_left_of_a_certificate_goes_with_the_next_erasure(erased: SmallHome) -> None:
    """Another district's may be written right now."""
    own, anothers = (
        erased.home.certificates / f"{name}-20261129T010203Z.json.77.partial"
        for name in (f"{NAME}-2", f"{NAME}-north-1")
    )
    own.touch()
    anothers.touch()
    assert erased.command_here("erase", NAME, "--student", "S88").returncode == 0
    assert list(erased.home.certificates.glob("*.partial")) == [anothers]


def test_an_id_that_nobody_has_is_kept_out_from_now_on(home: SmallHome) -> None:
    done = home.command_here("erase", NAME, "--student", "404")
    assert (done.returncode, "Nothing was found" in done.stdout) == (0, True)
    unknown = home.command_here("erase", "shelbyville", "--student", ERASED)
    assert (unknown.returncode, unknown.stdout) == (2, "")


# -- a whole district ----------------------------------------------------------------------------


def test_a_district_is_erased_and_does_not_come_back(home: SmallHome) -> None:
    done = home.command_here("erase", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    assert "districts.yaml" in done.stdout
    everybody = ("Lopez", "Ortiz", "Maria", "eva@example.com", "2015550111", *UNIQUE)
    assert places_of(home, everybody) == {}
    with home.ledger.engine.connect() as connection:
        for table in (
            "runs",
            "received",
            "snapshots",
            "holds",
            "listed",
            "batches",
            "publications",
        ):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
    (certificate,) = (home.home.root / "certificates").iterdir()
    said = json.loads(certificate.read_text())
    assert (said["what"], said["subject_hash"]) == ("district", None)
    assert len(said["files"]) > 10

    with home.here(), pytest.raises(Refused, match="was erased"):
        home.nightly()
    assert not home.home.landing(NAME).exists()
    assert not home.roster.exists()
    assert home.command_here("erase", NAME, "--lift").returncode == 0
    home.publish()


def cut_district_short(home: SmallHome, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with unlink_fails(name, monkeypatch), home.here():
        erase.erase_district(home.home, NAME, "Pat Operator")


def test_a_district_whose_erasure_is_cut_short_does_not_come_back(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what is left of it a run, a decision or a rollback could publish it again."""
    chosen = home.snapshots()[-1]
    cut_district_short(home, f"{chosen}.duckdb", monkeypatch)
    home.roster.unlink(missing_ok=True)  # as where it went first
    left = files_below(home.home.root / "published")
    assert home.home.snapshot(NAME, chosen) in left
    for command in (
        *(("sync", NAME), ("alerts", NAME, "--dry-run"), ("discard", NAME)),
        *(("rollback", NAME, chosen), ("erase", NAME, "--student", "001"), ("doctor", NAME)),
    ):
        refused = home.command_here(*command)
        said = refused.stdout + refused.stderr
        assert refused.returncode == EnvironmentFault.exit_code, (command, said)
        assert "was cut short: run `connect-pipeline erase springfield` again" in said, command
        assert "`sync springfield`" not in said
        assert files_below(home.home.root / "published") == left, command
    assert home.command_here("erase", NAME).returncode == 0
    assert places_of(home, ("Lopez", *UNIQUE)) == {}
    assert [one["completed_at"] is None for one in records.standing(home.ledger, NAME)] == [False]


def test_what_readers_have_goes_after_all_that_could_give_it_back(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_district_short(home, home.roster.name, monkeypatch)
    assert files_below(home.home.snapshots(NAME)) == []


def test_a_district_out_of_the_settings_is_erased_to_the_end(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its command asks, and when all of its folders are gone already."""

    def cut(*_: object) -> None:
        raise EnvironmentFault("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(ledger_rows, "forget_district", cut)
        with pytest.raises(EnvironmentFault, match="the power went"), home.here():
            erase.erase_district(home.home, NAME, "Pat Operator")
    settings = home.home.settings_file
    settings.write_text(settings.read_text().replace(f"{NAME}:", "shelbyville:", 1))
    done = home.command_here("erase", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    assert home.ledger.rows(sa.select(listed)) == []
    again = home.command_here("erase", NAME)
    assert (again.returncode, again.stdout) == (2, ""), "it is nowhere now"


# -- retention -----------------------------------------------------------------------------------


def test_what_is_over_its_age_goes(home: SmallHome) -> None:
    home.write_settings(
        keep={"landing_days": 1, "snapshots": 2, "report_days": 1, "outbox_days": 1}
    )
    district = load_settings(home.home.settings_file).district(NAME)
    earlier = home.home.attendance_day(NAME, "2020-01-02")
    earlier.parent.mkdir(exist_ok=True)
    earlier.write_bytes(b"")
    with home.here():
        nothing = retention.purge(home.home, home.ledger, NAME, district, now())
        assert nothing == {
            **dict.fromkeys(("holds", "landing", "reports", "outbox", "ledger"), 0),
            "snapshots": 1,
            "attendance": 1,
        }
        later = now() + timedelta(days=2)
        gone = retention.purge(home.home, home.ledger, NAME, district, later)
        assert gone["reports"] > 5
        assert gone["outbox"] == 6, "absences, cleared ones and low balances, with their manifests"
        assert list(home.home.reports(NAME).glob("*.html")) == []
        much_later = retention.purge(
            home.home, home.ledger, NAME, district, now() + timedelta(days=400)
        )
    assert much_later["ledger"] > 5
    assert home.ledger.rows(sa.select(runs)) == []
    assert home.ledger.rows(sa.select(listed)) == []
    assert home.current() in home.snapshots(), "what is read now stays, whatever its age"
    assert home.roster.exists()


def test_the_daily_job_purges_every_district(home: SmallHome) -> None:
    home.write_settings(keep={"snapshots": 2})
    with home.here():
        result = build_defs(home.home).resolve_job_def(RETENTION).execute_in_process()
    assert result.success
    assert len(home.snapshots()) == 2


@pytest.mark.parametrize(("job", "days"), [("core", 8), ("attendance", 1)])
def test_an_expired_hold_is_expired_by_the_job(home: SmallHome, job: str, days: int) -> None:
    """Files of a night wait a week, absences until their day is over."""
    district = load_settings(home.home.settings_file).district(NAME)
    home.ledger.hold(NAME, job, "0" * 64, {"mass_removal": 1})
    soon = datetime.now(UTC) + timedelta(days=days)
    with home.here():
        for moment, expired in ((datetime.now(UTC), 0), (soon, 1)):
            purged = retention.purge(home.home, home.ledger, NAME, district, moment)
            assert purged["holds"] == expired
        waiting = district_status(home.home, home.ledger, NAME)["holds"]
        assert job not in [hold["job"] for hold in waiting]
    assert home.ledger.open_hold(NAME, job) is None


def test_duckdb_keeps_nothing_of_rows_that_a_file_never_had(tmp_path: Path) -> None:
    """Why files are built anew: deleting from one leaves the bytes, which erasure rests on."""
    word = "Quillfeather-in-a-page"
    with duckdb.connect(str(tmp_path / "old.duckdb")) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT '{word}' AS a FROM range(10)")
        connection.execute("INSERT INTO t SELECT 'kept' FROM range(10)")
        connection.execute("CHECKPOINT; DELETE FROM t WHERE a <> 'kept'; CHECKPOINT")
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{tmp_path / 'old.duckdb'}' AS old")
        connection.execute(f"ATTACH '{tmp_path / 'new.duckdb'}' AS new")
        connection.execute("CREATE TABLE new.t AS FROM old.t")
    assert word.encode() in (tmp_path / "old.duckdb").read_bytes()
    assert word.encode() not in (tmp_path / "new.duckdb").read_bytes()
