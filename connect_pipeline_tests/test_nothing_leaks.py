"""No cell's value leaves the places that are made for it.

A district whose every cell holds a string that is nowhere else goes through all commands: accepted,
blocked, held, crashed and killed. Then the bytes of all that other people read (Dagster's files,
output, the ledger, temporary files) are searched for each of these strings.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connect_pipeline import roster
from connect_pipeline.contract import (
    ATTENDANCE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    Column,
    ExportSpec,
    Kind,
)
from connect_pipeline.home import Home
from connect_pipeline.rules.rule import with_header
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home, with_rows

SCHOOL = "zqschool"
SITE = "Zqsite High"
SCHOOL_WHAT = "school code"
ZONE = ZoneInfo("America/Los_Angeles")
STUDENT_COUNT = 40
LETTERS = "abcdefghij"
# Words of a fixed vocabulary are not searched for: they are in our own code and messages.
FIXED = {
    Kind.GRADE: "9",
    Kind.LANGUAGE: "Spanish",
    Kind.CONTACT_METHOD: "all",
    Kind.ABSENCE_CODE: "A",
    Kind.DATE: datetime.now(ZONE).strftime("%m/%d/%y"),
    Kind.SCHOOL: SCHOOL,
}


@dataclass
class Planted:
    """Cells of which each is unique. `needles` says what each string to search for was."""

    count: int = 0
    needles: dict[str, str] = field(default_factory=lambda: {SCHOOL: SCHOOL_WHAT, SITE: "site"})
    destinations: set[str] = field(default_factory=set)

    def word(self, what: str) -> str:
        """A word that is nowhere else. Names have no digits, so it has none."""
        self.count += 1
        word = "Zq" + "".join(LETTERS[int(digit)] for digit in f"{self.count:05}") + "x"
        self.needles[word] = what
        return word

    def cell(self, spec: ExportSpec, column: Column) -> str:
        """A cell that is valid in its column."""
        if column.kind in FIXED:
            return FIXED[column.kind]
        what = f"{column.name} of {spec.file_name}"
        word = self.word(what)
        number = f"{self.count:04}"
        match column.kind:
            case Kind.EMAIL:
                self.destinations.add(word)
                return f"{word}@example.org"
            case Kind.PHONE:
                self.needles |= {f"555-{number}": what, f"201555{number}": what}
                self.destinations |= {f"555-{number}", f"201555{number}"}
                return f"(201) 555-{number}"
            case Kind.ZIP_CODE:
                self.needles[f"98431-{number}"] = what
                return f"98431-{number}"
            case Kind.MONEY:
                self.needles[f"73{number}.91"] = what
                return f"73{number}.91"
        return word

    def row(self, spec: ExportSpec, **cells: str) -> str:
        """A row of planted cells; `cells` are others, by field."""
        return ",".join(
            cells[column.field] if column.field in cells else self.cell(spec, column)
            for column in spec.columns
        )

    def rows_with_one_bad_cell(self, spec: ExportSpec, **cells: str) -> list[str]:
        """For each column that has a form, a row whose cell there has none."""
        return [
            self.row(spec, **{column.field: self.word(f"bad {column.name}")}, **cells)
            for column in spec.columns
            if column.kind in (*FIXED, Kind.EMAIL, Kind.PHONE, Kind.ZIP_CODE, Kind.MONEY)
            and column.kind not in (Kind.SCHOOL, Kind.ABSENCE_CODE, Kind.DATE)
        ]


def planted_exports(planted: Planted) -> dict[str, str]:
    """Five exports with all that can be wrong with rows and cells; nothing of it blocks a file."""
    teachers = [planted.word("ID of staff") for _ in range(4)]
    students = [planted.word("ID of a student") for _ in range(STUDENT_COUNT)]
    periods = [planted.word("period") for _ in range(2)]
    schools = with_header(
        SCHOOLS,
        planted.row(SCHOOLS, name=SITE, merge_with=""),
        planted.row(SCHOOLS, merge_with=planted.word("unknown target")),
        planted.row(SCHOOLS, phone=planted.word("bad phone")),
    )
    staff = with_header(
        STAFF,
        *(planted.row(STAFF, staff_id=one) for one in teachers),
        planted.row(STAFF, staff_id=teachers[0]),  # another name for the same ID
        planted.row(STAFF, staff_id=teachers[1], school=planted.word(SCHOOL_WHAT)),
        *planted.rows_with_one_bad_cell(STAFF),
        planted.row(STAFF) + ",",
        planted.row(STAFF, mobile_phone=f'"{planted.word("before a new line")}'),
        planted.row(STAFF, first_name=f'{planted.word("after a new line")}"'),
        planted.row(STAFF, title=f"=HYPERLINK({planted.word('formula')})"),
        planted.row(STAFF).replace("Zq", 'Z"q', 1),
    )
    sames = planted.row(STUDENTS)
    pupils = with_header(
        STUDENTS,
        *(planted.row(STUDENTS, student_id=one) for one in students),
        *planted.rows_with_one_bad_cell(STUDENTS),
        planted.row(STUDENTS, lunch_balance="99999999999973.91"),
        planted.row(STUDENTS, student_id=f"={planted.word('damaged ID')}"),
        planted.row(STUDENTS, student_id=""),
        planted.row(STUDENTS, student_id=students[0]),  # two children under one ID
        planted.row(STUDENTS, bus_route=f"{planted.word('control')}\x07"),
        sames,
        sames,
        planted.row(STUDENTS, first_name=f"  {planted.word('padded')} "),
        planted.row(STUDENTS, school=planted.word(SCHOOL_WHAT)),
    )
    classes = with_header(
        STAFF_TO_STUDENT,
        *(
            planted.row(STAFF_TO_STUDENT, staff_id=teacher, student_id=student, period=period)
            for student in students
            for period, teacher in zip(periods, teachers, strict=False)
        ),
        planted.row(STAFF_TO_STUDENT, student_id=students[1]),
        planted.row(STAFF_TO_STUDENT, staff_id=teachers[1]),
        planted.row(STAFF_TO_STUDENT, staff_id=teachers[1], student_id=students[1], school="zqno"),
        planted.row(STAFF_TO_STUDENT) + f",{planted.word('one field more')}",
    )
    absences = with_header(
        ATTENDANCE,
        *(
            planted.row(ATTENDANCE, student_id=student, period=periods[0])
            for student in students[:12]
        ),
        planted.row(ATTENDANCE, student_id=students[12]),  # not in the schedule
        planted.row(ATTENDANCE, student_id=students[13], code=planted.word("unknown code")),
        planted.row(ATTENDANCE, student_id=students[14], date=planted.word("invalid date")),
        planted.row(ATTENDANCE, student_id=students[15], date="02/30/73"),
        planted.row(ATTENDANCE),
        planted.row(ATTENDANCE).replace("Zq", 'Zq"', 1),
    )
    planted.needles |= {"9999973.91": "amount that is too large", "02/30/73": "invalid date"}
    return {
        SCHOOLS.file_name: schools,
        STAFF.file_name: staff,
        STUDENTS.file_name: pupils,
        STAFF_TO_STUDENT.file_name: classes,
        ATTENDANCE.file_name: absences,
    }


@dataclass
class Story:
    """A home after all that can happen to it, and all that was said meanwhile."""

    home: SmallHome
    planted: Planted
    temporary: Path
    said: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)

    def tell(self, title: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command under a mask that hides nothing, and keep what it says."""
        done = self.home.command(*arguments, first=partial(os.umask, 0o022))
        self.said[title] = done.stdout + done.stderr
        self.outcomes[title] = done.returncode
        return done


def a_long_story(server: EmbeddedServer, folder: Path) -> Story:
    """All commands on one home, while its files go from bad to worse."""
    planted = Planted()
    files = planted_exports(planted)
    home = small_home(
        server,
        folder,
        files,
        sites={SCHOOL: SITE},
        attendance={"enabled": True, "max_absent_share": 1, "send_at": []},
        low_lunch_balance=10_000_000,  # more than any balance that is planted
        lunch_list={"enabled": True},
    )
    temporary = folder / "temporary"
    temporary.mkdir()
    home.environment["TMPDIR"] = str(temporary)
    story = Story(home, planted, temporary)

    story.tell("validate", "validate", str(home.drop))
    whole = story.tell("validate --json", "validate", str(home.drop), "--json")
    story.said["validate --json"] = without_record_ids(whole.stdout) + whole.stderr
    story.tell("sync", "sync", NAME)
    story.tell("alerts", "alerts", NAME)
    story.tell("sync again", "sync", NAME, "--json")

    spoilt = files[STUDENTS.file_name]
    home.upload({STUDENTS.file_name: spoilt.split("\n", 1)[1]})  # data in line 1
    story.tell("no header", "sync", NAME)
    story.tell("validate without a header", "validate", str(home.drop))
    home.upload({STUDENTS.file_name: spoilt.replace(",", ";")})
    story.tell("semicolons", "sync", NAME)
    home.upload(
        {STUDENTS.file_name: with_rows(spoilt, *(planted.row(STUDENTS) + "," for _ in "123456"))}
    )
    story.tell("too many bad rows", "sync", NAME)

    home.upload(
        {STUDENTS.file_name: "\n".join(line.rpartition(",")[0] for line in spoilt.split("\n"))}
    )
    story.tell("held", "sync", NAME)
    story.tell("status", "status", NAME)
    story.tell("status --json", "status", NAME, "--json")
    story.tell("doctor", "doctor", NAME)
    kill_at_work(story)
    return story


def without_record_ids(text: str) -> str:
    """A JSON report less the IDs of records, which it is there to tell (DESIGN section 8)."""
    report = json.loads(text)
    for export in report["exports"].values():
        for finding in export["findings"]:
            finding.pop("record_id")
    return json.dumps(report)


def kill_at_work(story: Story) -> None:
    """`kill -9` while the rows are in DuckDB's hands."""
    running = story.home.start("sync", NAME)
    assert running.stderr is not None
    first = running.stderr.readline()
    time.sleep(0.4)
    running.kill()
    out, err = running.communicate()
    story.said["killed"] = first + out + err


def test_a_long_story_leaks_nothing(server: EmbeddedServer, tmp_path: Path) -> None:
    story = a_long_story(server, tmp_path)
    assert_something_could_leak(story)
    for title, text in story.said.items():
        leaks = found(story, text.encode())
        if title.startswith("status"):  # a hold's preview counts per school of the settings
            leaks = [leak for leak in leaks if not leak.startswith(SCHOOL)]
        assert leaks == [], title
    assert_no_file_holds_a_cell(story, story.home.home.dagster)
    assert_no_file_holds_a_cell(story, story.temporary)
    assert_the_ledger_holds_hashes(story)
    assert open_to_others(story.home.home.root) == []


def assert_something_could_leak(story: Story) -> None:
    """Or the searches would find nothing for want of something to find."""
    assert story.outcomes == {
        "validate": 0,
        "validate --json": 0,
        "sync": 0,
        "alerts": 0,
        "sync again": 0,
        "no header": 1,
        "validate without a header": 1,
        "semicolons": 1,
        "too many bad rows": 1,
        "held": 1,
        "status": 0,
        "status --json": 0,
        "doctor": 0,
    }, story.said
    codes = {code for (code,) in story.home.query("SELECT DISTINCT code FROM quality.findings")}
    assert {
        *("wrong_field_count", "stray_quote", "unclosed_quote", "control_character"),
        *(
            "new_line_in_value",
            "conflicting_duplicate",
            "student_id_reused",
            "staff_identity_conflict",
            "id_looks_damaged",
        ),
        *("missing_key_value", "unknown_teacher", "unknown_student", "unknown_school"),
        *("invalid_email", "invalid_phone", "invalid_zip_code", "invalid_lunch_balance"),
        *("unknown_grade", "unknown_language", "unknown_contact_method", "formula_in_value"),
        *("whitespace_trimmed", "duplicate_row"),
    } <= codes
    assert len(story.home.query("FROM connect.students")) > STUDENT_COUNT
    for folder in (".", "low_lunch_balance"):
        assert any((story.home.home.outbox(NAME) / folder).glob("*.csv")), "somebody was listed"


def assert_the_ledger_holds_hashes(story: Story) -> None:
    """Destinations are hashes; of other cells, only IDs, periods and listed schools are there."""
    data = b"".join(path.read_bytes() for path in story.home.home.root.glob("ledger*"))
    assert [one for one in story.planted.destinations if one.encode() in data] == []
    needles = {needle: what for needle, what in story.planted.needles.items() if needle != SCHOOL}
    there = {what for needle, what in needles.items() if needle.encode() in data}
    ids = {"ID of a student", "ID of StudentExport.csv"}
    assert there <= {*ids, "period", "Period of AttendanceExport.csv"}
    with sqlite3.connect(story.home.home.ledger_file) as connection:
        hashes = connection.execute("SELECT DISTINCT destination_hash FROM listed").fetchall()
    listed = " ".join(one for (one,) in hashes).split()
    assert listed
    assert [
        one for one in listed if not re.fullmatch("(sms|voice|email):[0-9a-f]{32,64}", one)
    ] == []


def test_a_daemon_with_another_mask_makes_private_files_too(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """Dagster's daemon does not come through our command line."""
    home = small_home(server, tmp_path)
    with home.here():
        os.umask(0o022)
        from connect_pipeline.launch import run_job

        assert run_job(home.home, "nightly_sync", NAME).outcome == "published"
        os.umask(0o077)
    others = [
        path for path in open_to_others(home.home.root) if home.home.dagster not in path.parents
    ]
    assert others == []
    assert home.home.dagster.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("what", ["a conversion that fails", "any other exception"])
def test_a_crash_repeats_no_cell(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """DuckDB's messages quote the cell that it could not convert."""
    planted = Planted()
    files = planted_exports(planted)
    home = small_home(server, tmp_path, files, sites={SCHOOL: SITE})
    story = Story(home, planted, tmp_path)

    def fail(connection: Any, *_: Any) -> None:
        cells = connection.execute("SELECT string_agg(last_name) FROM records.students").fetchall()
        assert found(story, str(cells).encode()) != []
        if what == "any other exception":
            raise ValueError(f"cannot work on {cells}")
        connection.execute("SELECT last_name::INTEGER FROM records.students")

    monkeypatch.setattr(roster, "build_candidate", fail)
    done = home.command_here("sync", NAME)
    output = done.stdout + done.stderr
    assert done.returncode == 3, output
    assert "A bug in connect_pipeline: " in output
    assert "Traceback" not in output
    assert found(story, output.encode()) == []
    assert_no_file_holds_a_cell(story, home.home.dagster)


def test_the_demo_leaks_nothing_either(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    home = SmallHome(Home(tmp_path / "home"), tmp_path, {})
    done = home.command(
        *("demo", "--students", "30"),
        first=partial(os.umask, 0o022),
        TMPDIR=str(temporary),
    )
    assert done.returncode == 0, done
    planted = Planted(needles={})
    lines = (
        (tmp_path / "home" / "demo-drop" / "exports" / STUDENTS.file_name).read_text().split("\n")
    )
    for line in lines[1:-1]:
        cells = dict(zip(STUDENTS.column_names, line.split(","), strict=True))
        planted.needles |= {cells[name]: name for name in ("ID", "Email", "ContactEmailPrimary")}
    planted.needles.pop("", None)
    story = Story(home, planted, temporary)
    assert found(story, (done.stdout + done.stderr).encode()) == []
    assert_no_file_holds_a_cell(story, home.home.dagster)
    assert_no_file_holds_a_cell(story, temporary)
    assert open_to_others(home.home.root) == []


# -- searching ---------------------------------------------------------------------------------


def found(story: Story, data: bytes) -> list[str]:
    """Which planted strings `data` holds, and what they were."""
    folded, needles = data.lower(), story.planted.needles
    starts = {
        start for start in {needle[:2].lower() for needle in needles} if start.encode() in folded
    }
    return [
        f"{needle}: {what}"
        for needle, what in needles.items()
        if needle[:2].lower() in starts and needle.lower().encode() in folded
    ]


def assert_no_file_holds_a_cell(story: Story, folder: Path) -> None:
    assert folder.is_dir()
    for path in folder.rglob("*"):
        assert found(story, str(path.relative_to(folder)).encode()) == []
        if path.is_file():
            assert found(story, path.read_bytes()) == [], path
            for blob in compressed_in(path):
                assert found(story, blob) == [], f"compressed in {path}"


def compressed_in(path: Path) -> Iterator[bytes]:
    """What Dagster compressed before it wrote it into one of its databases."""
    if path.suffix != ".db":
        return
    with sqlite3.connect(path) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes) and value[:1] == b"x":
                        yield zlib.decompress(value)


def open_to_others(root: Path) -> list[Path]:
    """Files and folders that somebody else may read, write or enter."""
    found = []
    for path in (root, *root.rglob("*")):
        with suppress(FileNotFoundError):  # SQLite removes a log when its last reader goes
            found += [path] if path.lstat().st_mode & 0o077 else []
    return found
