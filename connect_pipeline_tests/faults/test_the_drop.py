"""Whole nightly runs against a drop that misbehaves: a whole night is published, or none.

Whatever happens while a run reads the drop, what is published afterwards is night 1 (which was),
night 2 (which lay in the drop when the run began), or the night that lies there at the end; byte
for byte, and never a mix. When the fault is over, one more run publishes what lies there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connect_pipeline import roster
from connect_pipeline.contract import SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.sftp import patience
from connect_pipeline_tests.faults.bench import (
    Changes,
    ChangesAnother,
    Denied,
    Fault,
    FaultyServer,
    Lies,
    Reset,
    Stall,
    Unlistable,
    Vanishes,
    appended,
    overwritten_by,
    removed,
    replaced_by,
    truncated_to,
)
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import PASSWORD, USER, SmallHome, small_home
from connect_pipeline_tests.sshd import OpenSshd

STAFF_FILE, STUDENT_FILE, CLASS_FILE, SCHOOL_FILE = (
    spec.file_name for spec in (STAFF, STUDENTS, STAFF_TO_STUDENT, SCHOOLS)
)
NIGHT_2 = FILES[STUDENT_FILE].replace("Korean", "Spanish")
# As long as night 2: only its time, or its bytes, tell it apart.
NIGHT_3 = NIGHT_2.replace("Cho,Park", "Chu,Park")
NEW_ROW = "007,102,Gus,Hall,,,Ivy Hall,(201) 555-0117,,,,,12346,3,,,English,\n"
NEW_STAFF = FILES[STAFF_FILE].replace("James", "Jamie")
NEW_CLASSES = FILES[CLASS_FILE].replace("Algebra I,", "Algebra One,")

PASSES = [
    Reset("cut at the first byte", STUDENT_FILE, times=1, at=0),
    Reset("cut in the middle", STUDENT_FILE, times=1, at=0.5),
    Reset("cut behind the last byte", STUDENT_FILE, times=1, at=1),
    Reset("cut twice", CLASS_FILE, times=2, at=0.3),
    Stall("silent for a moment", STUDENT_FILE, times=1, at=0.5, seconds=1.5),
]
LASTS = [
    Reset("cut each time", STUDENT_FILE, at=0.5),
    Vanishes("there when listed, gone when read", CLASS_FILE, times=1),
    Denied("listed and not readable", STAFF_FILE),
    Lies("more bytes than there are", STUDENT_FILE, by=100),
    Lies("fewer bytes than there are", STUDENT_FILE, by=-100),
    Changes("grows at every read", STUDENT_FILE, at=0.5, change=appended(NEW_ROW)),
]
MOVES = [
    Changes("replaced while read", STUDENT_FILE, 1, 0.5, change=replaced_by(NIGHT_3)),
    Changes("overwritten while read", STUDENT_FILE, 1, 0.5, change=overwritten_by(NIGHT_3)),
    Changes("grows while read", STUDENT_FILE, 1, 0.5, change=appended(NEW_ROW)),
    Changes("grows at the last byte", STUDENT_FILE, 1, 1, change=appended(NEW_ROW)),
    Changes("cut while read", STUDENT_FILE, 1, 0.7, change=truncated_to(0.5)),
    Changes("emptied while read", STUDENT_FILE, 1, 0.2, change=truncated_to(0)),
    Changes("removed while read", STUDENT_FILE, 1, 0.5, change=removed),
    ChangesAnother(
        "an earlier file replaced", CLASS_FILE, 1, another=STAFF_FILE, change=replaced_by(NEW_STAFF)
    ),
    ChangesAnother(
        "an earlier file grows",
        SCHOOL_FILE,
        1,
        another=STUDENT_FILE,
        change=appended(NEW_ROW),
    ),
    ChangesAnother(
        "a later file replaced",
        STAFF_FILE,
        1,
        another=CLASS_FILE,
        change=replaced_by(NEW_CLASSES),
    ),
    ChangesAnother("an earlier file removed", CLASS_FILE, 1, another=STAFF_FILE, change=removed),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyServer]:
    with FaultyServer(tmp_path_factory.mktemp("drops"), USER, PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def night_1(server: FaultyServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    home = small_home(server, tmp_path_factory.mktemp("night-1"))
    home.publish()
    return home


@pytest.fixture(scope="module")
def night_2(night_1: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What night 2 says, published undisturbed."""
    home = night_1.copy(tmp_path_factory.mktemp("night-2"))
    home.upload({STUDENT_FILE: NIGHT_2})
    home.publish()
    return home.content()


@pytest.fixture
def home(
    night_1: SmallHome, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SmallHome]:
    monkeypatch.setattr(patience, "SILENCE_SECONDS", 1)
    monkeypatch.setattr(patience, "CONNECT_SECONDS", 5)
    made = night_1.copy(tmp_path)
    made.upload({STUDENT_FILE: NIGHT_2})
    yield made
    server.fault = None


def name_of(fault: Fault) -> str:
    return fault.name


def strike(server: FaultyServer, fault: Fault) -> Fault:
    """A fresh fault, from now on."""
    server.fault = replace(fault)
    return server.fault


@pytest.mark.parametrize("fault", PASSES, ids=name_of)
def test_a_fault_that_passes_costs_only_another_try(
    home: SmallHome, server: FaultyServer, night_2: str, fault: Fault
) -> None:
    struck = strike(server, fault)
    home.publish()
    assert struck.struck == struck.times
    assert home.content() == night_2


@pytest.mark.parametrize("fault", LASTS, ids=name_of)
def test_a_fault_that_lasts_fails_the_run_and_nothing_else(
    home: SmallHome, server: FaultyServer, night_1: SmallHome, fault: Fault
) -> None:
    struck = strike(server, fault)
    before = home.roster_bytes()
    run = home.nightly()
    assert run.outcome == "failed:3", run.message
    assert struck.struck
    assert home.roster_bytes() == before
    assert_converges(home, server)


@pytest.mark.parametrize("fault", MOVES, ids=name_of)
def test_a_file_that_moves_is_never_published(
    home: SmallHome, server: FaultyServer, night_1: SmallHome, night_2: str, fault: Fault
) -> None:
    struck = strike(server, fault)
    run = home.nightly()
    assert struck.struck == 1
    after = home.content()
    if run.outcome == "published":
        assert after in (night_2, assert_converges(home, server))
    else:
        assert run.outcome in ("failed:3", "blocked"), run.message
        assert after == night_1.content()
        assert_converges(home, server)


def assert_converges(home: SmallHome, server: FaultyServer) -> str:
    """Without the fault, one run publishes what lies in the drop, whole; what that says."""
    server.fault = None
    for name in (STAFF_FILE, STUDENT_FILE, CLASS_FILE):
        if not (home.drop / name).exists() or not (home.drop / name).read_text().endswith("\n"):
            home.upload({name: FILES[name]})
    run = home.nightly()
    assert run.outcome in ("published", "unchanged"), run.message
    return home.content()


def test_an_upload_that_goes_on_is_never_published_by_halves(
    tmp_path: Path, night_1: SmallHome
) -> None:
    """On a real sshd, with a program that writes a row now and then, without a temporary name."""
    with OpenSshd(tmp_path / "sshd") as sshd:
        home = small_home(sshd, tmp_path)
        home.publish()
        before = home.roster_bytes()
        rows = NIGHT_2.splitlines(keepends=True)
        (home.drop / STUDENT_FILE).write_text(rows[0])
        stop = threading.Event()

        def upload() -> None:
            for row in rows[1:]:
                stop.wait(0.4)
                with (home.drop / STUDENT_FILE).open("a") as file:
                    file.write(row)

        uploader = threading.Thread(target=upload)
        uploader.start()
        outcomes = []
        while uploader.is_alive():
            outcomes.append(home.nightly().outcome)
            assert home.roster_bytes() == before or outcomes[-1] == "published"
        uploader.join()
        assert "published" not in outcomes[:-1], "the last may have begun before the upload ended"
        home.nightly()
        assert len(home.query("FROM connect.students")) == 6


def touched(path: Path) -> None:
    """As if other bytes of the same size had come."""
    os.utime(path, (1, 1))


@pytest.mark.parametrize("move", [appended(NEW_ROW), Path.unlink, touched])
def test_a_file_that_moves_after_it_was_read_stops_the_publication(
    home: SmallHome,
    server: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    move: Callable[[Path], None],
) -> None:
    """A slow upload may rest while it is read: it is looked at once more before it is used."""
    before, build = home.roster_bytes(), roster.build_candidate

    def build_while_the_upload_goes_on(*arguments: Any, **options: Any) -> None:
        move(home.drop / STUDENT_FILE)
        build(*arguments, **options)

    monkeypatch.setattr(roster, "build_candidate", build_while_the_upload_goes_on)
    run = home.nightly()
    assert run.outcome == "failed:3"
    assert run.report.counts()["file_still_changing"] == 1
    assert home.roster_bytes() == before
    monkeypatch.undo()
    home.upload({STUDENT_FILE: NIGHT_2})
    home.publish()


def test_a_drop_that_is_gone_after_the_last_file_stops_the_night(
    home: SmallHome, server: FaultyServer
) -> None:
    """Nobody knows whether all of them lay there at one time."""

    def goes(_: Path) -> None:
        server.fault = Unlistable("no listing any more", home.drop.name)

    before = home.roster_bytes()
    server.fault = Changes("gone after the last file", CLASS_FILE, change=goes)
    assert home.nightly().outcome == "failed:3"
    assert home.roster_bytes() == before
    server.fault = None
    home.publish()


def test_a_drop_that_is_gone_before_the_publication_stops_nothing(
    home: SmallHome, server: FaultyServer, night_2: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files were read, and looked at once more: that the server went away says nothing."""
    build = roster.build_candidate

    def build_while_the_server_goes(*arguments: Any, **options: Any) -> None:
        server.fault = Unlistable("no listing any more", home.drop.name)
        build(*arguments, **options)

    monkeypatch.setattr(roster, "build_candidate", build_while_the_server_goes)
    home.publish()
    assert home.content() == night_2
