"""A run that is killed at any instant leaves one whole night, and one more run ends it.

Killed twice over: `sync` by SIGKILL at instants spread over its duration, and the nightly steps
just before each of the durable steps that they take, one after the other.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from connect_pipeline import alarms, roster
from connect_pipeline.contract import STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.ledger import Ledger
from connect_pipeline.process import locks
from connect_pipeline.run import lifecycle
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.dying import KILLED, dies_before, steps_by_kind
from connect_pipeline_tests.small_home import (
    NAME,
    SmallHome,
    content_of,
    main,
    small_home,
    with_rows,
    without_rows,
)


@dataclass(frozen=True)
class Nights:
    """A home with night 1 published and night 2 in the drop; what each says; how long it takes."""

    home: SmallHome
    first: str
    second: str
    before_files: float
    after_files: float

    def whole(self, home: SmallHome) -> int:
        """Which night is published: 1 or 2, and nothing else."""
        return {self.first: 1, self.second: 2}[content_of(home.roster)]


@pytest.fixture(scope="module")
def nights(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    home = small_home(server, tmp_path_factory.mktemp("night-1"))
    home.publish()
    students, classes = STUDENTS.file_name, STAFF_TO_STUDENT.file_name
    home.upload(
        {
            students: with_rows(
                without_rows(home.read(students), "002,").replace("Korean", "Spanish"),
                "007,102,Gus,Hall,,,Ivy Hall,(201) 555-0117,,,,,12346,3,,,English,",
            ),
            classes: with_rows(
                without_rows(home.read(classes), "101,T1,002", "101,T2,002"),
                "102,T3,007,0,Grade 3,G3,1",
            ),
        }
    )
    undisturbed = home.copy(tmp_path_factory.mktemp("night-2"))
    begun = time.monotonic()
    running = undisturbed.start("sync", NAME)
    assert running.stderr is not None
    running.stderr.readline()
    at_work = time.monotonic()
    running.communicate()
    ended = time.monotonic()
    assert running.returncode == 0
    first, second = home.content(), undisturbed.content()
    assert first != second
    return Nights(home, first, second, at_work - begun, ended - at_work)


def assert_one_more_run_ends_it(home: SmallHome, nights: Nights) -> None:
    """What a second `sync` makes of it, and what `status` then says."""
    done = home.command_here("sync", NAME)
    assert done.returncode == 0, done
    assert nights.whole(home) == 2
    home.assert_tidy()
    state = json.loads(home.command_here("status", NAME, "--json").stdout)[NAME]
    assert state["published"] == home.current()
    assert state["holds"] == []
    assert state["runs"][0]["outcome"] in ("published", "unchanged")
    assert "running" not in {run["outcome"] for run in state["runs"]}, "nothing runs any more"
    assert len(home.snapshots()) == 2, "no snapshot of a night that was begun twice"


def kill_at(home: SmallHome, nights: Nights, share: float) -> None:
    """SIGKILL when `share` of the work is done: below 0 while it starts, above 0 while it works."""
    running = home.start("sync", NAME)
    assert running.stderr is not None
    if share < 0:
        time.sleep((1 + share) * nights.before_files)
    else:
        running.stderr.readline()  # the first file has arrived
        time.sleep(share * nights.after_files)
    running.kill()
    running.communicate()


@pytest.mark.parametrize("number", range(3))
def test_sync_killed_at_any_instant(nights: Nights, tmp_path: Path, number: int) -> None:
    home = nights.home.copy(tmp_path)
    share = -0.3 if number == 0 else (number - 1 + random.Random(number).random()) / 2  # noqa: S311
    kill_at(home, nights, share)
    assert nights.whole(home) in (1, 2)
    assert_one_more_run_ends_it(home, nights)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_sync_killed_two_hundred_times(nights: Nights, tmp_path: Path, seed: int) -> None:
    """Also killed again and again, before any run ends."""
    draw = random.Random(seed)  # noqa: S311 - instants, not secrets
    for number in range(10):
        home = nights.home.copy(tmp_path / str(number))
        for _ in range(draw.choice((1, 1, 3, 5))):
            kill_at(home, nights, draw.uniform(-0.2, 1.1))
            assert nights.whole(home) in (1, 2)
        assert_one_more_run_ends_it(home, nights)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_sync_that_is_stopped_says_so(
    nights: Nights, tmp_path: Path, stop: signal.Signals
) -> None:
    """Ctrl-C, and what a supervisor sends."""
    home = nights.home.copy(tmp_path)
    running = home.start("sync", NAME)
    assert running.stderr is not None
    running.stderr.readline()
    running.send_signal(stop)
    out, err = running.communicate()
    assert running.returncode == 3, out
    assert "stopped" in out
    assert "Traceback" not in out + err
    assert nights.whole(home) in (1, 2)
    assert_one_more_run_ends_it(home, nights)


def test_who_stops_a_sync_of_all_wants_no_other_district_instead(
    nights: Nights, tmp_path: Path
) -> None:
    home = nights.home.copy(tmp_path)
    settings = yaml.safe_load(home.home.settings_file.read_text())
    settings["districts"]["westfield"] = settings["districts"][NAME]
    home.home.settings_file.write_text(yaml.safe_dump(settings))
    running = home.start("sync", "--all")
    assert running.stderr is not None
    running.stderr.readline()
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate()
    assert running.returncode == 3, out
    assert f"{NAME}: stopped" in out
    assert "westfield" not in out
    assert not home.home.published("westfield").exists()


def test_a_run_that_is_stopped_before_it_begins_is_stopped(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another one has its district's lock: no other district is begun instead, either."""
    monkeypatch.setattr(locks.time, "sleep", lambda _: signal.raise_signal(signal.SIGINT))
    with locks.locked(home.home, NAME):
        assert home.run().is_stopped


FILE = STUDENTS.file_name


def stop_here(*_: object, **__: object) -> None:
    signal.raise_signal(signal.SIGINT)


def stop_within_a_statement(
    connection: duckdb.DuckDBPyConnection, *_: object, **__: object
) -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    connection.execute("SELECT sum(hash(range) % 7) FROM range(1_000_000_000)").fetchall()


@pytest.mark.parametrize(
    ("module", "step", "stop"),
    [
        (lifecycle, "open_comparison", stop_here),
        (roster, "build_candidate", stop_within_a_statement),
    ],
)
def test_a_run_that_is_stopped_anywhere_says_so_and_is_no_bug(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch, module: Any, step: str, stop: Any
) -> None:
    home.upload({FILE: home.read(FILE).replace("Korean", "Spanish")})
    with monkeypatch.context() as patched:
        patched.setattr(module, step, stop)
        run = home.run()
    assert (run.outcome, run.is_stopped) == ("failed:3", True), run.message
    assert run.message == f"{NAME}: stopped before its end. What is published stays."
    (alarm,) = alarms.open_alarms(home.ledger)
    assert alarm["codes"] == {"stopped": 1}
    assert home.run().outcome == "published"


def test_a_run_that_is_stopped_while_it_rebuilds_a_snapshot_gives_nothing_up(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = home.content()
    os.truncate(home.roster, 1000)
    with monkeypatch.context() as patched:
        patched.setattr(roster, "build_candidate", stop_within_a_statement)
        run = home.run()
    assert (run.is_stopped, run.message) == (
        True,
        f"{NAME}: stopped before it began. What is published stays.",
    )
    assert home.run().outcome == "unchanged"
    assert home.content() == before


def test_a_run_that_is_stopped_as_it_ends_has_an_end(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = Ledger.end_run

    def end_run(*arguments: Any, **options: Any) -> None:
        stop_here()
        ends(*arguments, **options)

    home.upload({FILE: home.read(FILE).replace("Korean", "Spanish")})
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "end_run", end_run)
        run = home.run()
    assert (run.outcome, run.is_stopped) == ("published", True)
    assert run.message == f"{NAME}: stopped when all was done."
    (row,) = home.ledger.runs_of(NAME, 1)
    assert row["outcome"] == "published"


def test_the_durable_steps_are_in_the_order_that_makes_a_kill_harmless(
    nights: Nights, tmp_path: Path
) -> None:
    """And the list that the next test goes through has them all."""
    home = nights.home.copy(tmp_path / "home")
    assert dies_before(home, main, 0, tmp_path / "log") == 0
    steps = (tmp_path / "log").read_text().replace(str(home.home.root), "~")
    new = home.current()
    published = f"~/published/{NAME}"
    received = rf"fsync ~/landing/{NAME}/\S+partial\nreplace ~/landing/{NAME}/\S+partial ~/\S+\n"
    assert len(re.findall(received, steps)) == 4
    in_order = (
        f"fsync ~/work/{NAME}.tmp/candidate.duckdb\n",
        "commit\n",  # the ledger knows what comes
        f"replace ~/work/{NAME}.tmp/candidate.duckdb {published}/snapshots/{new}.duckdb\n",
        f"fsync {published}/snapshots\n",
        f"link {published}/snapshots/{new}.duckdb {published}/roster.duckdb.partial\n",
        f"replace {published}/roster.duckdb.partial {published}/roster.duckdb\n",
        f"fsync {published}\n",
        "commit\n",  # the ledger knows what is current
    )
    place = -1
    for step in in_order:
        place = steps.find(step, place + 1)
        assert place >= 0, f"{step!r} is missing, or not where it must be, in:\n{steps}"


@pytest.mark.parametrize(
    "which", [0, pytest.param(1, marks=pytest.mark.slow)], ids=["first of its kind", "other"]
)
def test_a_run_killed_before_each_of_its_durable_steps(
    nights: Nights, tmp_path: Path, which: int
) -> None:
    log = tmp_path / "log"
    assert dies_before(nights.home.copy(tmp_path / "undisturbed"), main, 0, log) == 0
    seen = set()
    steps = steps_by_kind(log)
    assert sum(map(len, steps)) > 12, "a run takes more steps than that: they are not counted"
    for step in steps[which]:
        home = nights.home.copy(tmp_path / str(step))
        assert dies_before(home, main, step, tmp_path / f"{step}.log") == KILLED
        seen.add(nights.whole(home))
        assert home.nightly().outcome in ("published", "unchanged")
        assert nights.whole(home) == 2
        home.assert_tidy()
        assert len(home.snapshots()) == 2
    assert seen == {1, 2}


@pytest.mark.parametrize("is_placed", [False, True])
def test_what_a_killed_run_was_publishing_is_settled_before_a_decision(
    nights: Nights, tmp_path: Path, *, is_placed: bool
) -> None:
    """Or it would go out after an operator was told that it is discarded."""
    home, file = nights.home.copy(tmp_path / "home"), STUDENTS.file_name
    before = home.roster_bytes()
    lines = home.read(file).splitlines()
    home.upload({file: "".join(f"{line.rpartition(',')[0]}\n" for line in lines)})
    assert home.nightly().outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    log = tmp_path / "log"
    assert dies_before(home.copy(tmp_path / "undisturbed"), main, 0, log) == 0
    steps = log.read_text().splitlines()
    (placed,) = (n for n, step in enumerate(steps, 1) if re.search("^replace.*candidate", step))
    assert dies_before(home, main, placed + is_placed, tmp_path / "killed") == KILLED
    assert home.roster_bytes() == before

    discarded = home.command_here("discard", NAME)
    decided = home.roster_bytes()
    assert (decided == before, discarded.returncode) == ((False, 2) if is_placed else (True, 0))
    assert ("Nothing is held" in discarded.stderr) == is_placed
    assert home.nightly().outcome == ("unchanged" if is_placed else "discarded")
    assert home.roster_bytes() == decided, "what readers have stays as the operator knew it"
