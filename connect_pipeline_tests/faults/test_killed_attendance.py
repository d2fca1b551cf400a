"""An attendance run that is killed, at any instant: each family is told once, and none is left out.

Like `test_kill_anywhere.py`, which kills nightly runs: just before each durable step of the whole
run, fetching and recovery included, and by SIGKILL at instants spread over `alerts`.
(`test_attendance_kill.py` kills the listing itself before each line of its code.)
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.dying import KILLED, dies_before, steps_by_kind
from connect_pipeline_tests.faults.absences import absent, list_absences, main, told
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home


@pytest.fixture(scope="module")
def morning(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """One child is listed; a file with another one more lies in the drop."""
    home = small_home(server, tmp_path_factory.mktemp("morning"), attendance={"enabled": True})
    home.publish()
    absent(home, "101,001,1,A")
    assert list_absences(home).outcome == "listed"
    absent(home, "101,001,1,A", "101,002,1,A", "102,004,0,U")
    return home


@pytest.fixture(scope="module")
def undisturbed(
    morning: SmallHome, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, ...]]:
    home = morning.copy(tmp_path_factory.mktemp("undisturbed"))
    assert list_absences(home).outcome == "listed"
    return sorted(told(home))


def assert_told_once(home: SmallHome, undisturbed: list[tuple[str, ...]]) -> None:
    """After a kill, one more run makes everything right; a third changes nothing."""
    assert set(told(home)) <= set(undisturbed)
    assert list_absences(home).outcome in ("listed", "nothing_new")
    assert sorted(told(home)) == undisturbed
    left = [path.name for path in home.home.root.rglob("*") if path.name.endswith(".staged")]
    assert left == []


@pytest.mark.parametrize(
    "which", [0, pytest.param(1, marks=pytest.mark.slow)], ids=["first of its kind", "other"]
)
def test_a_run_killed_before_each_of_its_durable_steps(
    morning: SmallHome, undisturbed: list[tuple[str, ...]], tmp_path: Path, which: int
) -> None:
    log = tmp_path / "log"
    assert dies_before(morning.copy(tmp_path / "undisturbed"), main, 0, log) == 0
    steps = steps_by_kind(log)
    assert sum(map(len, steps)) > 8, "a run takes more steps than that: they are not counted"
    for step in steps[which]:
        home = morning.copy(tmp_path / str(step))
        assert dies_before(home, main, step, tmp_path / f"{step}.log") == KILLED
        assert_told_once(home, undisturbed)


def kill_alerts(home: SmallHome, seconds: float) -> None:
    running = home.start("alerts", NAME)
    time.sleep(seconds)
    running.kill()
    running.communicate()


@pytest.mark.parametrize("seed", range(2))
def test_alerts_killed_at_any_instant(
    morning: SmallHome, undisturbed: list[tuple[str, ...]], tmp_path: Path, seed: int
) -> None:
    home = morning.copy(tmp_path)
    kill_alerts(home, random.Random(seed).uniform(1.5, 4))  # noqa: S311 - instants, not secrets
    assert_told_once(home, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_alerts_killed_two_hundred_times(
    morning: SmallHome, undisturbed: list[tuple[str, ...]], tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - instants, not secrets
    for number in range(10):
        home = morning.copy(tmp_path / str(number))
        for _ in range(draw.choice((1, 2, 3))):
            kill_alerts(home, draw.uniform(0.5, 5))
            assert set(told(home)) <= set(undisturbed)
        assert_told_once(home, undisturbed)
