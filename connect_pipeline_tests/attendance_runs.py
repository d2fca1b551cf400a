"""Attendance runs on a small roster: files in, batches out, as the job does it.

For: the attendance tests. Belongs here: a home with a roster, `Runs.file`, which is one run of the
attendance job less fetching and checking, the families of these tests, and what was said of them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from connect_pipeline.attendance.batch import Batch
from connect_pipeline.attendance.day import AttendanceDay
from connect_pipeline.attendance.staging import settle_batches
from connect_pipeline.checks import prepare
from connect_pipeline.contract import ATTENDANCE
from connect_pipeline.databases import open_scratch
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger, open_ledger
from connect_pipeline.rules.sql import alike
from connect_pipeline.settings import Attendance, District, Sftp
from connect_pipeline_tests.new_homes import give_ledger
from connect_pipeline_tests.reading import reading
from connect_pipeline_tests.small_roster import Contact, Student, write_roster

EVA = Contact("primary", "Eva Ruiz", "+12015550111", "Eva@example.com")
LEO = Contact("secondary", "Leo Ruiz", "+12015550112", "leo@example.com")
ANA = Student("001", "Ana Ruiz", contacts=(EVA,), language="es")
BEN = Student("002", "Ben Ruiz", contacts=(EVA,), language="es")
CHO = Student("003", "Cho Park", contacts=(Contact("primary", "Jin Park", None, None),))

NAME = "demo"
TODAY, YESTERDAY = "10/06/26", "10/05/26"
NOON = datetime(2026, 10, 6, 19, 0, tzinfo=UTC)
"""12:00 on 6 October in Los Angeles."""

Row = tuple[str, str, str, str, str | None, str | None]
"""school, student, period, code, teacher, date; None where the file has no such column."""


def absence(
    student: str,
    period: str = "1",
    code: str = "A",
    *,
    school: str = "101",
    teacher: str | None = None,
    date: str | None = TODAY,
) -> Row:
    """One row of an attendance file."""
    return school, student, period, code, teacher, date


def district(**attendance: Any) -> District:
    """A district with these attendance settings."""
    return District(
        name="Demo Unified School District",
        sftp=Sftp(
            host="127.0.0.1",
            username="demo",
            password_env="DEMO_SFTP_PASSWORD",
            host_key="ssh-ed25519 AAAA",
            folder="/exports",
        ),
        attendance=Attendance(enabled=True, **attendance),
    )


def list_both(day: AttendanceDay) -> Batch | None:
    """Both lists, as a run makes them: who is to be told, and which messages do not stand."""
    batch = day.list_recipients(day.now)
    day.list_cleared(day.now)
    return batch


@dataclass
class Runs:
    """A home with a published roster, and the runs on it. Each run is one minute after the last."""

    home: Home
    district: District = field(default_factory=district)
    now: datetime = NOON

    @classmethod
    def at(cls, root: Path, students: Iterable[Student], **attendance: Any) -> Runs:
        """A home below `root` whose roster has these students."""
        runs = cls(Home(root), district(**attendance))
        if not runs.home.ledger_file.exists():
            give_ledger(runs.home)
        write_roster(runs.home.roster(NAME), students)
        return runs

    def ledger(self) -> Ledger:
        return open_ledger(self.home)

    def day(
        self,
        rows: Iterable[Row],
        *,
        arrived_at: datetime | None = None,
        quarantined: Iterable[str] = (),
    ) -> AttendanceDay:
        """The day of a file with these rows, before its first step."""
        rows = list(rows)
        self.now += timedelta(minutes=1)
        connection = open_scratch()
        prepare(connection, self.district)
        load_rows(connection, rows)
        for text in quarantined:
            connection.execute(
                "INSERT INTO quality.quarantine (export, line, code, text)"
                " VALUES ('AttendanceExport.csv', 2, 'wrong_field_count', ?)",
                [text],
            )
        return AttendanceDay(
            connection=connection,
            home=self.home,
            name=NAME,
            district=self.district,
            ledger=self.ledger(),
            run_id="run-1",
            file_sha256=hashlib.sha256(repr(rows).encode()).hexdigest(),
            arrived_at=arrived_at or self.now,
            now=self.now,
        )

    def file(self, rows: Iterable[Row], **about: Any) -> Batch | None:
        """One whole run: recover, absences, accounting, recipients."""
        day = self.day(rows, **about)
        settle_batches(self.home, day.ledger, NAME)
        day.build_absences()
        day.build_accounting()
        return list_both(day)

    def published(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the published day."""
        with reading(self.home.attendance(NAME)) as day:
            return day.execute(query).fetchall()

    def accounting(self) -> dict[str, str]:
        """Student to `listed` or the reason."""
        return dict(
            self.published(
                "SELECT student_id, coalesce(reason, status) FROM attendance.accounting ORDER BY 1"
            )
        )

    def told(self) -> list[tuple[str, str, str, tuple[str, ...]]]:
        """Everything listed today: channel, destination, student, periods."""
        return [
            (channel, destination, student, tuple(periods))
            for channel, destination, student, periods in self.published(
                "SELECT channel, destination, student_id, periods"
                " FROM attendance.recipient_absences ORDER BY ALL"
            )
        ]


def load_rows(connection: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    """Fill `records.attendance` as the checks leave it, and what they know of its like rows."""
    connection.execute(
        "CREATE OR REPLACE TABLE records.attendance_checked (line BIGINT, school VARCHAR,"
        " student_id VARCHAR, period VARCHAR, code VARCHAR, teacher_name VARCHAR, date VARCHAR)"
    )
    if rows:
        connection.executemany(
            "INSERT INTO records.attendance_checked VALUES (?, ?, ?, ?, ?, ?, ?)",
            [[line, *row] for line, row in enumerate(rows, start=2)],
        )
    connection.execute(
        "CREATE OR REPLACE VIEW records.attendance AS FROM records.attendance_checked;"
        f"CREATE OR REPLACE TABLE records.attendance_alike AS {alike(ATTENDANCE)}"
    )


def at_once(days: Sequence[AttendanceDay]) -> list[Batch | None]:
    """List all these days, whose accounting is built, at the same time; what each came to."""
    found: list[Batch | None] = []
    threads = [
        threading.Thread(target=lambda day=day: found.append(list_both(day))) for day in days
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def channels(runs: Runs) -> set[tuple[str, str]]:
    return {(channel, destination) for channel, destination, _student, _periods in runs.told()}


def school_of(absent: int, students: int) -> tuple[list[Student], list[Row]]:
    roster = [
        Student(f"{n:03}", contacts=(EVA,), classes={("101", "1"): "Maria Lopez"})
        for n in range(students)
    ]
    return roster, [absence(one.student_id) for one in roster[:absent]]


def opt_out(runs: Runs, *lines: str, header: str = "channel,destination") -> Path:
    path = runs.home.root / "opt_outs" / f"{NAME}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def cleared_lists(runs: Runs) -> list[list[dict[str, str]]]:
    """The rows of the lists of cleared absences, one after the other."""
    return [
        list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
        for path in sorted((runs.home.outbox(NAME) / "cleared").glob("*.csv"))
    ]


def changes(runs: Runs) -> list[set[tuple[str, str, str]]]:
    """What the lists of cleared absences say, one after the other: change, student, periods."""
    return [
        {(row["change"], row["student_id"], row["periods"]) for row in one}
        for one in cleared_lists(runs)
    ]
