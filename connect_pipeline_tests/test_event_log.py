"""Dagster's event log in one file: runs and readers at once, and no event is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from connect_pipeline import alarms
from connect_pipeline.alarms.words import sentence
from connect_pipeline.contract import STUDENTS
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import CORE_JOB
from connect_pipeline.orchestration.event_log import EventLog
from connect_pipeline.orchestration.names import DISTRICT_TAG
from connect_pipeline.orchestration.open_instance import dagster_instance
from connect_pipeline.orchestration.retention import _remove_runs
from connect_pipeline.run.shared_run import SharedRun
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.settings import Keep, Settings
from connect_pipeline_tests.forks import forked
from connect_pipeline_tests.new_homes import give_dagster
from connect_pipeline_tests.our_clock import clock_at
from connect_pipeline_tests.small_district import DISTRICT
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home

PROCESSES, RUNS, LINES = 4, 3, 20
KILLED = 137


@dg.op
def says(context) -> None:  # Dagster takes no annotation that is a text
    """Numbered lines; before number 4 it waits, if it is told for what."""
    goes_on = os.environ.get("GOES_ON")
    for line in range(LINES):
        while line == 4 and goes_on is not None and not Path(goes_on).exists():
            time.sleep(0.05)
        context.log.info(f"line {line}")


@dg.job
def talks() -> None:
    """One step."""
    says()


def a_few_runs() -> None:
    with dagster_instance(Home.from_environment()) as instance:
        for _ in range(RUNS):
            talks.execute_in_process(instance=instance)


def make_databases(dies_before: int) -> None:
    """Dagster's; die, as by `kill -9`, before this statement (0: never). Says how many."""
    seen = 0

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == dies_before:
            os._exit(KILLED)

    with dagster_instance(Home.from_environment()):
        print(seen)  # noqa: T201 - the answer of this process


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CONNECT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return Home.from_environment()


def test_runs_of_several_processes_keep_all_their_events(home: Home) -> None:
    with dagster_instance(home) as instance:
        with ThreadPoolExecutor(PROCESSES) as beside:
            at_once = [beside.submit(forked, a_few_runs, os.environ) for _ in range(PROCESSES)]
        said = [one.result() for one in at_once]
        assert [one.returncode for one in said] == [0] * PROCESSES, said
        runs = instance.get_runs()
        assert len(runs) == PROCESSES * RUNS
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        for run in runs:
            lines = [one.user_message for one in instance.all_logs(run.run_id)]
            assert [line for line in lines if line.startswith("line ")] == [
                f"line {number}" for number in range(LINES)
            ]


def test_who_watches_a_run_of_another_process_sees_its_events_as_they_come(home: Home) -> None:
    """The run's page in the UI, while the run goes on."""
    goes_on = home.root / "goes-on"
    seen: list[str] = []
    with dagster_instance(home) as instance, ThreadPoolExecutor() as beside:
        environment = {**os.environ, "GOES_ON": str(goes_on)}
        running = beside.submit(forked, a_few_runs, environment)
        until = time.monotonic() + 60
        while not (runs := instance.get_runs()) and time.monotonic() < until:
            time.sleep(0.1)
        instance.watch_event_logs(
            runs[0].run_id, None, lambda event, _: seen.append(event.user_message)
        )
        while "line 3" not in seen and time.monotonic() < until:
            time.sleep(0.1)
        assert "line 3" in seen
        assert "line 4" not in seen
        goes_on.touch()
        while "line 19" not in seen and time.monotonic() < until:
            time.sleep(0.1)
        assert [one for one in seen if one.startswith("line ")] == [f"line {n}" for n in range(20)]
        assert running.result(60).returncode == 0


def test_many_readers_at_once(home: Home) -> None:
    """As many as the web server has threads."""
    with dagster_instance(home) as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        with ThreadPoolExecutor(40) as threads:
            found = list(threads.map(lambda _: instance.all_asset_keys(), range(400)))
    assert found == [[]] * 400


def making(home: Home, dies_before: int) -> subprocess.CompletedProcess[str]:
    """A process that makes Dagster's databases, and is killed before this statement (0: never)."""
    environment = {"CONNECT_HOME": str(home.root), "DAGSTER_HOME": str(home.dagster)}
    return forked(partial(make_databases, dies_before), {**os.environ, **environment})


def test_a_kill_while_dagsters_databases_are_made_is_harmless(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = making(home, 0)
    assert whole.returncode == 0, whole.stderr
    statements = int(whole.stdout)
    assert statements > 100, "they are not counted"
    for part in (1, 3, 5, 7):
        again = Home(tmp_path / f"killed-{part}")
        killed = making(again, statements * part // 8)
        assert killed.returncode == KILLED, killed.stderr
        monkeypatch.setenv("DAGSTER_HOME", str(again.dagster))
        with dagster_instance(again) as instance:
            assert talks.execute_in_process(instance=instance).success
            assert len(instance.get_runs()) == 1
        with dagster_instance(again) as instance:
            assert len(instance.get_runs()) == 1, "what is whole stays"


def test_an_instance_that_could_not_be_opened_costs_no_later_one_its_runs(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster's runs are the sensors' memory."""
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))
    home.dagster.mkdir(mode=0o700, parents=True)
    (home.dagster / "dagster.yaml").write_text("storage: {no: such}\n")
    with pytest.raises(EnvironmentFault, match=r"dagster\.yaml"), dagster_instance(home):
        pass
    (home.dagster / "dagster.yaml").write_text("")
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:  # as the daemon does
        assert talks.execute_in_process(instance=instance).success
    (home.dagster / "being_made").touch()  # as a killed command of before leaves it
    with dagster_instance(home) as instance:
        assert len(instance.get_runs()) == 1


# -- Dagster's storage fails in the middle of a run ----------------------------------------------


@pytest.fixture
def district(server: EmbeddedServer, tmp_path: Path) -> SmallHome:
    made = small_home(server, tmp_path)
    give_dagster(made.home)
    return made


def test_a_run_that_dagster_breaks_off_is_no_bug_of_ours(district: SmallHome) -> None:
    """Its event log takes nothing more: no step of ours has failed, and none goes on."""
    with closing(sqlite3.connect(district.home.dagster / "events" / "event_log.db")) as events:
        events.execute(
            "CREATE TRIGGER full BEFORE INSERT ON event_logs"
            " WHEN NEW.dagster_event_type = 'ASSET_MATERIALIZATION'"
            " BEGIN SELECT RAISE(FAIL, 'full'); END"
        )
        events.commit()
    assert district.command_here("sync", NAME).returncode == 3
    (run,) = district.ledger.runs_of(NAME, 1)
    assert run["outcome"] == "failed:3"
    assert run["message"].startswith(f"{NAME}: Dagster ended the run in the middle.")
    (alarm,) = alarms.open_alarms(district.ledger)
    assert (alarm["cause"], alarm["codes"]) == ("failed", {"broken_off": 1})
    assert "Dagster's database or disk refused" in sentence(
        alarm["cause"], CORE_JOB, alarm["codes"]
    )


def test_a_run_whose_record_is_gone_at_its_end_is_no_bug_of_ours(
    district: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home was put back meanwhile, as to a backup."""
    check = SharedRun.check

    def put_back(run: SharedRun, *of: Any) -> Any:
        with dg.DagsterInstance.get() as instance:
            instance.delete_run(run.run_id)
        return check(run, *of)

    monkeypatch.setattr(SharedRun, "check", put_back)
    district.upload({STUDENTS.file_name: None})  # a short run
    done = district.run()
    assert done.outcome == "blocked"
    assert f"{NAME}: Dagster's record of this run is gone" in done.message


def test_retention_takes_old_runs_with_their_checks_but_each_ones_last(home: Home) -> None:
    """A district keeps its runs for as long as it says; others', and nobody's, for the usual."""

    @dg.asset
    def rows() -> None: ...

    @dg.asset_check(asset=rows)
    def is_well() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    short = DISTRICT.model_copy(update={"keep": Keep(ledger_days=30)})
    settings = Settings(districts={"short": short, "usual": DISTRICT})
    with dagster_instance(home) as instance:

        def left() -> tuple[list[str | None], int]:
            runs = instance.get_runs(dg.RunsFilter())
            log = instance.event_log_storage
            assert isinstance(log, EventLog)
            with log.index_connection() as connection:
                count = sa.text("SELECT count(*) FROM asset_check_executions")
                checks = int(connection.execute(count).scalar_one())
            return sorted(str(run.tags.get(DISTRICT_TAG)) for run in runs), checks

        for name in ("short", "short", "usual", "former"):
            dg.materialize([rows, is_well], instance=instance, tags={DISTRICT_TAG: name})
        everybody = ["former", "short", "short", "usual"]
        began = datetime.now(UTC)
        for days, removed, runs, checks in (
            (29, 0, everybody, 4),
            (31, 2, ["former", "usual"], 2),
            (366, 2, [], 1),
        ):
            with clock_at(began + timedelta(days=days)):
                assert _remove_runs(instance, settings) == removed
            assert left() == (runs, checks)
