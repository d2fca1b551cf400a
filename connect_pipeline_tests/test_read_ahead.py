"""Files are read while later ones are fetched, and only those that are sure to be read."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from connect_pipeline.contract import CORE, SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.databases import open_scratch
from connect_pipeline.ledger import CORE_JOB
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.lifecycle import district_run
from connect_pipeline.validation import read_ahead
from connect_pipeline.validation.inputs import Received
from connect_pipeline_tests.faults.bench import Changes, FaultyServer
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import NAME, PASSWORD, USER, SmallHome, small_home


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultyServer]:
    drops = tmp_path / "drops"
    drops.mkdir()
    with FaultyServer(drops, USER, PASSWORD) as server:
        yield server


@pytest.fixture
def home(server: FaultyServer, tmp_path: Path) -> SmallHome:
    return small_home(server, tmp_path)


def read_so_far(run: DistrictRun) -> set[str]:
    """The tables that were read, as another connection to the scratch database sees them."""
    with run.connection.cursor() as beside:
        found = beside.execute(
            "SELECT view_name FROM duckdb_views()"
            " WHERE database_name = 'scratch' AND schema_name = 'raw'"
        ).fetchall()
    return {name for (name,) in found}


def test_what_has_arrived_is_read_while_the_rest_is_fetched(
    home: SmallHome, server: FaultyServer
) -> None:
    seen: list[set[str]] = []
    with home.here(), district_run(home.home, NAME, "run-1", CORE_JOB) as run:

        def waits(_: Path) -> None:
            """The server sends no more of the classes until the students are read."""
            until = time.monotonic() + 20
            while STUDENTS.table not in read_so_far(run) and time.monotonic() < until:
                time.sleep(0.01)
            seen.append(read_so_far(run))

        fault = Changes("waits", STAFF_TO_STUDENT.file_name, times=1, at=0.5, change=waits)
        server.fault = fault
        for spec in (SCHOOLS, *CORE):
            run.visit.receive(spec)
        assert fault.struck == 1
        run.visit.confirm()
        for spec in (SCHOOLS, *CORE):
            run.check(spec)
        run.night.build()
        run.night.publish()
    assert seen == [{SCHOOLS.table, STAFF.table, STUDENTS.table}]
    assert run.outcome == "published"


def test_what_is_published_already_is_not_read_before_it_must_be(home: SmallHome) -> None:
    """A night on which nothing changed reads nothing at all."""
    home.publish()
    home.upload({STUDENTS.file_name: FILES[STUDENTS.file_name].replace("Korean", "Spanish")})
    with home.here(), district_run(home.home, NAME, "run-2", CORE_JOB) as run:
        for spec in (SCHOOLS, *CORE):
            run.visit.receive(spec)
        run.visit.read(STUDENTS)
        assert read_so_far(run) == {STUDENTS.table}
        run.visit.confirm()
        run.visit.read(STAFF_TO_STUDENT)
        assert read_so_far(run) == {SCHOOLS.table, *(spec.table for spec in CORE)}
        run.outcome = "unchanged"


def test_a_run_needs_no_room_outside_its_home(
    home: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole files are copied where their line ends or a single line want it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    students, staff = STUDENTS.file_name, STAFF.file_name
    home.upload({students: FILES[students].replace("\n", "\r\n"), staff: f"{FILES[staff]}bad\n"})
    home.publish()
    home.assert_tidy()


def test_what_is_being_read_is_given_up_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as at Ctrl-C: nobody waits for a large file then."""
    began = threading.Event()

    def reads_long(*_: object, connection: duckdb.DuckDBPyConnection, **__: object) -> None:
        began.set()
        connection.execute("SELECT sum(a.i * b.i % 7) FROM range(300000) a(i), range(300000) b(i)")

    monkeypatch.setattr(read_ahead, "read_export", reads_long)
    reading = read_ahead.ReadAhead(open_scratch(), None)
    reading.begin(STAFF, Received(Path(STAFF.file_name)))
    assert began.wait(10)
    until = time.monotonic() + 5
    reading.close()
    assert time.monotonic() < until
