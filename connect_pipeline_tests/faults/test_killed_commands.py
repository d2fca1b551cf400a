"""An operator's command that is killed: what is said until it is repeated, and then, is true.

Each is killed just before one of its durable steps, as runs are in `test_kill_anywhere.py`.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from connect_pipeline import alarms
from connect_pipeline.contract import STUDENTS
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.ledger import CORE_JOB, Ledger
from connect_pipeline.snapshots.export import DISCLOSURE_FILE
from connect_pipeline.status.state import overview
from connect_pipeline_tests.dying import KILLED, count_steps
from connect_pipeline_tests.small_home import NAME, SmallHome

STUDENT_FILE = STUDENTS.file_name


@pytest.fixture(scope="module")
def published_twice(first_night: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    home = first_night.copy(tmp_path_factory.mktemp("published-twice"))
    home.write_settings(attendance={"enabled": True})
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace("Spanish", "Korean")})
    home.publish()
    return home


@pytest.fixture
def two_nights(published_twice: SmallHome, tmp_path: Path) -> SmallHome:
    return published_twice.copy(tmp_path)


@pytest.fixture
def torn(two_nights: SmallHome, tmp_path: Path) -> SmallHome:
    """A rollback was killed when readers had the first night, and the ledger the second."""
    die_before_the_last_step(two_nights, tmp_path, "rollback", NAME, two_nights.snapshots()[0])
    return two_nights


def die_before_the_last_step(home: SmallHome, folder: Path, *arguments: str) -> None:
    """Let a command die so; its last durable step is the ledger's."""
    whole = home.copy(folder / "whole")
    steps = durable_steps(whole, folder / "steps.log", *arguments)
    assert steps[-1] == "commit"
    die_before(len(steps), home, folder / "dies.log", *arguments)


def durable_steps(home: SmallHome, log: Path, *arguments: str) -> list[str]:
    environment = {"DIES_AT": "0", "DIES_AT_LOG": str(log)}
    done = home.command(*arguments, first=count_steps, **environment)
    assert done.returncode == 0, done
    return log.read_text().splitlines()


def die_before(step: int, home: SmallHome, log: Path, *arguments: str) -> None:
    environment = {"DIES_AT": str(step), "DIES_AT_LOG": str(log)}
    done = home.command(*arguments, first=count_steps, **environment)
    assert done.returncode == KILLED, done


def read_by_people(home: SmallHome) -> str:
    ((snapshot_id,),) = home.query("SELECT snapshot_id FROM connect.snapshot")
    return str(snapshot_id)


def test_a_rollback_that_was_cut_short_is_finished_by_the_same_command(
    torn: SmallHome, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is told that it undid nothing goes back one good night too far."""
    caplog.set_level(logging.WARNING)
    first, second = torn.snapshots()
    assert (read_by_people(torn), torn.current()) == (first, second)
    done = torn.command_here("rollback", NAME, first)
    assert (done.returncode, torn.current(), read_by_people(torn)) == (0, first, first)
    assert f"snapshot {first} is current. The next sync will hold." in done.stdout
    assert "is finished now" in done.stdout
    assert f"snapshot {first}, which readers have, is what somebody went back to" in caplog.text
    last, *_ = torn.ledger.publications_of(NAME)
    assert (last["rolled_back"], bool(last["by"])) == (True, True)


def test_who_had_gone_back_is_said_to_who_does_so_again(two_nights: SmallHome) -> None:
    """The first command may have been killed before it could say that it was done."""
    first = two_nights.snapshots()[0]
    assert two_nights.command_here("rollback", NAME, first).returncode == 0
    last, *_ = two_nights.ledger.publications_of(NAME)
    done = two_nights.command_here("rollback", NAME, first)
    said = f"{last['by']} went back to it on {last['current_from']}, and the next sync will hold."
    assert (done.returncode, said in done.stdout) == (0, True)


def test_until_it_is_finished_who_asks_is_told_what_readers_have(torn: SmallHome) -> None:
    first, second = torn.snapshots()
    assert_told(torn, first, second)
    assert torn.nightly().outcome == "held"
    for asked in (("doctor", NAME), ("status", NAME)):
        assert "readers have" not in torn.command_here(*asked).stdout
    (line,) = overview(torn.home, torn.ledger, [NAME])
    assert line.attention[0] == "rolled back"


def test_a_publication_that_was_cut_short_is_told_too(
    two_nights: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise EnvironmentFault("the power went")

    before = two_nights.current()
    text = two_nights.read(STUDENT_FILE).replace("Korean", "French")
    two_nights.upload({STUDENT_FILE: text})
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "make_current", cut)
        assert two_nights.nightly().outcome == "failed:3"
    assert_told(two_nights, read_by_people(two_nights), before)


def assert_told(home: SmallHome, shown: str, current: str) -> None:
    state = json.loads(home.command_here("status", NAME, "--json").stdout)[NAME]
    assert (state["read_instead"], state["published"]) == (shown, current)
    assert f"readers have snapshot {shown} instead" in home.command_here("status", NAME).stdout
    (line,) = overview(home.home, home.ledger, [NAME])
    assert line.attention[0] == "readers have another night than this: run sync"
    for asked in (("doctor", NAME), ("alerts", NAME, "--dry-run")):
        done = home.command_here(*asked)
        said = f"readers have snapshot {shown}, and for the ledger {current} is current"
        assert (done.returncode, said in done.stdout + done.stderr) == (3, True), (asked, done)


def test_a_decision_that_was_cut_short_leaves_no_alarm_that_asks_for_it(
    two_nights: SmallHome, tmp_path: Path
) -> None:
    """Both commands would say that nothing is held."""
    two_nights.command_here("rollback", NAME, two_nights.snapshots()[0])
    assert two_nights.nightly().outcome == "held"
    assert [one["cause"] for one in alarms.open_alarms(two_nights.ledger)] == ["held"]
    die_before_the_last_step(two_nights, tmp_path, "approve", NAME)
    is_held = two_nights.ledger.open_hold(NAME, CORE_JOB) is not None
    assert bool(alarms.open_alarms(two_nights.ledger)) == is_held
    assert two_nights.command_here("approve", NAME).returncode == 0
    assert alarms.open_alarms(two_nights.ledger) == []


def test_tables_of_two_nights_have_no_disclosure_beside_them(
    two_nights: SmallHome, tmp_path: Path
) -> None:
    """Whoever loads them would take them for one night."""
    out = tmp_path / "out"
    export = ("export", NAME, str(out))
    steps = durable_steps(two_nights, tmp_path / "steps.log", *export)
    named = [step for step, line in enumerate(steps, 1) if line.startswith("replace")]
    before = {path.name: path.read_bytes() for path in out.glob("*.parquet")}
    two_nights.command_here("rollback", NAME, two_nights.snapshots()[0])
    die_before(named[len(named) // 2], two_nights, tmp_path / "dies.log", *export)
    of_another = [name for name, was in before.items() if (out / name).read_bytes() != was]
    assert 0 < len(of_another) < len(before)
    assert not (out / DISCLOSURE_FILE).exists()
    assert two_nights.command_here(*export).returncode == 0
    assert (out / DISCLOSURE_FILE).exists()
