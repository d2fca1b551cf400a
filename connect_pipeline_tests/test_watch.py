"""Runs that die: noticed, ended, told; the queue goes on."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import (
    get_reexecution_strategy,
    should_retry,
)
from dagster._utils.tags import TagConcurrencyLimitsCounter

from connect_pipeline import alarms, definitions, roster, snapshots
from connect_pipeline.alarms import open_alarms, raise_alarm
from connect_pipeline.alarms.words import Cause, sentence
from connect_pipeline.contract import STUDENTS
from connect_pipeline.decisions import decide
from connect_pipeline.errors import DiskFault, SettingsError, UsageError
from connect_pipeline.home import Home
from connect_pipeline.launch import QUIET, run_job
from connect_pipeline.ledger import CORE_JOB, Ledger, now
from connect_pipeline.ledger.tables import alarm_notices
from connect_pipeline.orchestration import dead_runs, retention, untold
from connect_pipeline.orchestration.names import (
    ATTENDANCE_ALERTS,
    DEADLINE_TAG,
    DECIDE_HOLD,
    DISTRICT_TAG,
    NIGHTLY_SYNC,
    RETENTION,
)
from connect_pipeline.orchestration.resources import DistrictRuns, is_refused
from connect_pipeline.orchestration.sensors import last_run
from connect_pipeline.process.locks import is_held, under_way
from connect_pipeline.settings import Settings
from connect_pipeline.settings_file import load_settings
from connect_pipeline_tests.fleet import WATCH, Fleet, fleet
from connect_pipeline_tests.receivers import Webhook, webhook
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import python_path

LATER = 1e6
"""Seconds from now, by when everything has had its time."""


@pytest.fixture
def ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    with fleet(tmp_path, monkeypatch) as made:
        made.add("a")
        made.load()
        yield made


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as kept:
        yield kept


def settings(ships: Fleet) -> Settings:
    return load_settings(ships.home.settings_file)


def begin(ships: Fleet) -> str:
    """A run that Dagster and the ledger take for one under way."""
    run_id = start(ships, NIGHTLY_SYNC, {DISTRICT_TAG: "a"})
    ships.ledger.start_run(run_id, "a", CORE_JOB)
    return run_id


def start(
    ships: Fleet,
    job: str,
    tags: dict[str, str],
    said: dg.DagsterEventType = dg.DagsterEventType.RUN_START,
) -> str:
    """A run that Dagster takes for one under way, for this was said of it."""
    assert ships.defs is not None
    config = {"decision": "APPROVED", "by": "Pat Operator"}
    definition = ships.defs.resolve_job_def(job)
    run = ships.instance.create_run_for_job(
        definition,
        tags={**definition.tags, **tags},  # as when it is launched
        run_config={"ops": {"decide_held_files": {"config": config}}} if job == DECIDE_HOLD else {},
    )
    event = dg.DagsterEvent(event_type_value=said.value, job_name=job)
    ships.instance.report_dagster_event(event, run.run_id)
    return str(run.run_id)


def status(ships: Fleet, run_id: str) -> str:
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


def later(monkeypatch: pytest.MonkeyPatch, seconds: float = LATER) -> None:
    now = time.time() + seconds
    monkeypatch.setattr(dead_runs, "time", SimpleNamespace(time=lambda: now))


def test_a_run_whose_process_is_gone_is_ended_so_that_others_can_begin(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = begin(ships)
    assert "0 dead runs were ended" in ships.reason(WATCH)
    assert status(ships, run_id) == "STARTED", "it may not have taken its lock yet"
    later(monkeypatch)
    assert "1 dead runs were ended" in ships.reason(WATCH)
    assert status(ships, run_id) == "FAILURE"
    assert "0 dead runs were ended" in ships.reason(WATCH)


def test_a_run_that_died_before_the_clock_was_set_back_is_ended_too(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its district would wait until the clock is where it was."""
    run_id = begin(ships)
    later(monkeypatch, seconds=-12 * 3600)
    assert "1 dead runs were ended" in ships.reason(WATCH)
    assert status(ships, run_id) == "FAILURE"


def test_a_run_that_was_to_be_cancelled_and_whose_process_is_gone_is_ended_too(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = begin(ships)
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    ships.instance.report_run_canceling(run)
    assert status(ships, run_id) == "CANCELING"
    later(monkeypatch)
    assert "1 dead runs were ended" in ships.reason(WATCH)


def test_a_run_whose_process_went_before_it_began_is_ended_too(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its district's absences wait until Dagster's own patience is over, for minutes."""
    run_id = start(ships, NIGHTLY_SYNC, {DISTRICT_TAG: "a"}, dg.DagsterEventType.RUN_STARTING)
    assert status(ships, run_id) == "STARTING"
    with monkeypatch.context() as patch:
        later(patch, seconds=dead_runs.STARTS_WITHIN_SECONDS - 10)
        assert "0 dead runs were ended" in ships.reason(WATCH), "a machine with much to do"
    later(monkeypatch, seconds=dead_runs.STARTS_WITHIN_SECONDS + 10)
    assert "1 dead runs were ended" in ships.reason(WATCH)
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    assert should_retry(run, ships.instance)


def test_a_run_that_was_cancelled_before_it_began_is_left_to_dagster(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that failed, it would be tried again."""
    run_id = start(ships, NIGHTLY_SYNC, {DISTRICT_TAG: "a"}, dg.DagsterEventType.RUN_STARTING)
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    ships.instance.report_run_canceling(run)
    later(monkeypatch, seconds=dead_runs.STARTS_WITHIN_SECONDS + 10)
    assert "0 dead runs were ended" in ships.reason(WATCH)
    assert status(ships, run_id) == "CANCELING"


def test_a_launcher_that_can_tell_who_died_is_left_to_it(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its runs are on other machines, whose locks nobody sees here."""
    run_id = begin(ships)
    launcher = type(ships.instance.run_launcher)
    monkeypatch.setattr(launcher, "supports_check_run_worker_health", True)
    later(monkeypatch)
    assert "0 dead runs were ended" in ships.reason(WATCH)
    assert status(ships, run_id) == "STARTED"


@pytest.mark.parametrize("is_over", [False, True])
def test_a_run_that_works_is_left_alone(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch, *, is_over: bool
) -> None:
    """Also when all is published, and it hands its report to a server that is slow."""
    run_id = begin(ships)
    if is_over:
        ships.ledger.end_run(run_id, "published", {}, "")
    later(monkeypatch)
    ships.home.lock("a").parent.mkdir(parents=True)
    with ships.home.lock("a").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "0 dead runs were ended" in ships.reason(WATCH)
    assert status(ships, run_id) == "STARTED"
    assert "1 dead runs were ended" in ships.reason(WATCH)


def test_a_run_of_a_district_that_left_the_settings_is_ended_too(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its slot in the queue is one of four."""
    run_id = begin(ships)
    ships.add("b")
    del ships.districts["a"]
    ships.load()
    later(monkeypatch)
    ships.home.lock("a").parent.mkdir(parents=True)
    with ships.home.lock("a").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "0 dead runs were ended" in ships.reason(WATCH)
    assert "1 dead runs were ended" in ships.reason(WATCH)
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert not should_retry(run, ships.instance), "nobody could run it"
    dead_runs.tell_of_dead_run(ships.ledger, settings(ships), ships.instance, run)
    assert alarms.open_alarms(ships.ledger) == []


@pytest.mark.parametrize(("job", "tags"), [(RETENTION, {}), (DECIDE_HOLD, {DISTRICT_TAG: "a"})])
def test_a_job_without_a_districts_lock_is_ended_when_its_process_is_gone(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch, job: str, tags: dict[str, str]
) -> None:
    run_id = start(ships, job, tags)
    assert "0 dead runs were ended" in ships.reason(WATCH), "it may not have taken its lock yet"
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from connect_pipeline.process.locks import under_way\n"
        "with under_way(Path(sys.argv[1])):\n    print('at work', flush=True)\n    time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(ships.home.job_lock(job))],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": python_path()},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        later(monkeypatch)
        assert "0 dead runs were ended" in ships.reason(WATCH)
        process.kill()
    assert "1 dead runs were ended" in ships.reason(WATCH)
    told = [(one["district"], one["job"], one["cause"]) for one in alarms.open_alarms(ships.ledger)]
    assert told == ([("a", "retention", "failed")] if job == RETENTION else [])
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert should_retry(run, ships.instance) is (job == RETENTION), "a decision is a person's"


def test_retention_is_seen_to_be_at_work(ships: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def purge(home: Home, *_: object) -> dict[str, int]:
        seen.append(is_held(home.job_lock(RETENTION)))
        return {}

    monkeypatch.setattr(retention, "purge", purge)
    assert ships.defs is not None
    done = ships.defs.resolve_job_def(RETENTION).execute_in_process(instance=ships.instance)
    assert done.success
    assert seen == [True]
    assert not is_held(ships.home.job_lock(RETENTION))


def test_a_fault_of_retention_is_a_sentence(ships: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device", "/some/file")

    monkeypatch.setattr(retention, "_remove_runs", refuse)
    assert ships.defs is not None
    done = ships.defs.resolve_job_def(RETENTION).execute_in_process(
        instance=ships.instance, raise_on_error=False
    )
    (failure,) = done.get_step_failure_events()
    assert "all districts: The disk or memory refused" in str(failure.step_failure_data)
    assert "/some/file" not in str(failure.step_failure_data)
    (alarm,) = alarms.open_alarms(ships.ledger)
    assert (alarm["district"], alarm["job"], alarm["codes"]) == ("a", "retention", {"disk": 1})
    monkeypatch.undo()
    assert ships.defs.resolve_job_def(RETENTION).execute_in_process(instance=ships.instance).success
    assert alarms.open_alarms(ships.ledger) == []


def test_a_retention_run_that_could_not_begin_is_told_of(ships: Fleet) -> None:
    assert ships.defs is not None
    run = ships.instance.create_run_for_job(ships.defs.resolve_job_def(RETENTION))
    event = ships.instance.report_run_failed(run, "The launcher has no memory.")
    sensor = ships.defs.resolve_sensor_def("runs_that_died")
    assert isinstance(sensor, dg.RunStatusSensorDefinition)
    failed = ships.instance.get_run_by_id(run.run_id)
    assert failed is not None
    sensor(
        dg.build_run_status_sensor_context(
            sensor_name="runs_that_died",
            dagster_instance=ships.instance,
            dagster_run=failed,
            dagster_event=event,
        ).for_run_failure()
    )
    (alarm,) = alarms.open_alarms(ships.ledger)
    assert (alarm["job"], alarm["codes"]) == ("retention", {"did_not_begin": 1})


def test_what_cannot_be_removed_is_told_of_until_it_can_and_keeps_no_other_waiting(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    purged: list[str] = []

    def refuse(home: Home, ledger: object, name: str, *_: object) -> dict[str, int]:
        if name == "a":
            raise OSError(13, "Permission denied", "/some/file")
        purged.append(name)
        return {}

    ships.add("b")
    job = ships.load().resolve_job_def(RETENTION)
    with monkeypatch.context() as patch:
        patch.setattr(retention, "purge", refuse)
        assert not job.execute_in_process(instance=ships.instance, raise_on_error=False).success
    assert purged == ["b"]
    (alarm,) = alarms.open_alarms(ships.ledger)
    assert (alarm["district"], alarm["job"], alarm["cause"], alarm["codes"]) == (
        *("a", "retention", "failed"),
        {"disk": 1},
    )
    assert "Retention: it could not do its work" in sentence(
        Cause.FAILED, alarm["job"], alarm["codes"]
    )
    assert job.execute_in_process(instance=ships.instance).success
    assert alarms.open_alarms(ships.ledger, "a") == []


def test_settings_that_cannot_be_read_are_told_of_as_long(
    ships: Fleet, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster loads the graph anew, and would show a location that is broken to nobody."""
    monkeypatch.setenv("CONNECT_HOME", str(ships.home.root))
    ships.everybody = {"alarms": {"webhook": {"url": hook.url, "secret_env": "PATH"}}}
    ships.load()
    good = ships.home.settings_file.read_text()
    ships.home.settings_file.write_text(good + '"')
    with pytest.raises(SettingsError):
        definitions.defs()
    ships.home.settings_file.write_text(good)
    ships.evaluate(WATCH)
    ships.home.settings_file.write_text(good + '"')
    ships.evaluate(WATCH)  # of the graph that was loaded before
    broken = definitions.defs()
    night_watch = broken.resolve_sensor_def(WATCH)
    for _ in range(2):
        with pytest.raises(dg.Failure, match=r"Nothing runs for any district. districts.yaml line"):
            night_watch(dg.build_sensor_context(instance=ships.instance))
        (alarm,) = alarms.open_alarms(ships.ledger, "a")
        assert alarm["cause"] == "settings"
        assert hook.said == [("alarm", "a", "settings")]
    ships.home.settings_file.write_text(good)
    ships.evaluate(WATCH)
    assert alarms.open_alarms(ships.ledger, "a") == []
    assert hook.said == [("alarm", "a", "settings"), ("all_clear", "a", "settings")]


def test_dagsters_old_runs_go_whatever_they_are_of(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    ships.districts["a"]["keep"] = {"ledger_days": 30}
    ships.load()
    of_a, of_retention, of_hold, of_left, under_way_still = (
        start(ships, job, tags)
        for job, tags in (
            (NIGHTLY_SYNC, {DISTRICT_TAG: "a"}),
            (RETENTION, {}),
            (DECIDE_HOLD, {DISTRICT_TAG: "a"}),
            (NIGHTLY_SYNC, {DISTRICT_TAG: "left"}),
            (NIGHTLY_SYNC, {DISTRICT_TAG: "a"}),
        )
    )
    for run_id in (of_a, of_retention, of_hold, of_left):
        run = ships.instance.get_run_by_id(run_id)
        assert run is not None
        ships.instance.report_run_failed(run)
    everything = {of_a, of_retention, of_hold, of_left, under_way_still}
    assert kept_after(ships, monkeypatch, 29) == everything
    assert kept_after(ships, monkeypatch, 31) == {of_retention, of_left, under_way_still}
    assert kept_after(ships, monkeypatch, 366) == {under_way_still}


def kept_after(ships: Fleet, monkeypatch: pytest.MonkeyPatch, days: int) -> set[str]:
    """Dagster's runs after the job `retention` of so many days from now, without its own."""
    moment = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(retention, "now", lambda: moment)
    assert ships.defs is not None
    done = ships.defs.resolve_job_def(RETENTION).execute_in_process(instance=ships.instance)
    assert done.success
    kept = {run.run_id for run in ships.instance.get_runs()}
    ships.instance.delete_run(done.run_id)
    return kept - {done.run_id}


@pytest.mark.parametrize("started_by", ["a command", "a sensor", "a person in the UI"])
def test_two_runs_of_a_district_never_overlap_whoever_starts_them(
    ships: Fleet, started_by: str
) -> None:
    """By our dagster.yaml, as the daemon that works the queue counts."""
    assert ships.defs is not None
    job = ships.defs.resolve_job_def(NIGHTLY_SYNC)
    if started_by == "a command":
        run_id = run_job(ships.home, NIGHTLY_SYNC, "a").run_id
        run = ships.instance.get_run_by_id(run_id)
    else:
        tags = {DISTRICT_TAG: "a"}
        if started_by == "a sensor":
            ships.tick()
            (request,) = ships.tick()
            store = {"dynamic_partitions_requests": [], "dynamic_partitions_store": None}
            tags = dict(request.with_resolved_tags_and_config(job, **store).tags)
        run = ships.instance.create_run_for_job(job, tags=tags)
    assert run is not None
    limits = ships.instance.get_concurrency_config().run_queue_config
    assert limits is not None
    under_way_now = TagConcurrencyLimitsCounter(limits.tag_concurrency_limits, [run])
    queued = {
        name: ships.instance.create_run_for_job(job, tags={DISTRICT_TAG: name})
        for name in ("a", "b")
    }
    assert {name: under_way_now.is_blocked(one) for name, one in queued.items()} == {
        "a": True,
        "b": False,
    }


def test_a_job_that_has_just_ended_may_still_say_so(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(ships, RETENTION, {})
    lock = ships.home.job_lock(RETENTION)
    with under_way(lock):
        pass
    later(monkeypatch)
    just_now = dead_runs.time.time()
    os.utime(lock, (just_now, just_now))
    assert "0 dead runs were ended" in ships.reason(WATCH)
    os.utime(lock, (just_now - 120, just_now - 120))
    assert "1 dead runs were ended" in ships.reason(WATCH)


def test_a_run_that_ended_a_moment_ago_may_still_say_so(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = begin(ships)
    ships.ledger.end_run(run_id, "published", {})
    assert "0 dead runs were ended" in ships.reason(WATCH)
    later(monkeypatch)
    assert "1 dead runs were ended" in ships.reason(WATCH)


def test_who_died_is_told_of_once_and_the_next_run_ends_the_alarm(ships: Fleet) -> None:
    run_id = begin(ships)
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    for _ in range(2):
        dead_runs.tell_of_dead_run(ships.ledger, settings(ships), ships.instance, run)
    row = ships.ledger.run(run_id)
    assert row is not None
    assert row["outcome"] == "failed:3"
    (alarm,) = alarms.open_alarms(ships.ledger)
    assert (alarm["cause"], alarm["codes"], alarm["run_id"]) == ("failed", {"died": 1}, run_id)
    ships.tick()
    (request,) = ships.tick()
    assert ships.run(request) == "published"
    assert alarms.open_alarms(ships.ledger) == []


def test_who_died_while_the_ledger_was_locked_is_told_of_later(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster asks about a failed run once; `night_watch` asks again."""
    run_id = start(ships, NIGHTLY_SYNC, {DISTRICT_TAG: "a"})
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    ships.instance.report_run_failed(run)
    ships.evaluate(WATCH)
    assert open_alarms(ships.ledger, "a") == [], "it may still be saying so itself"
    later = time.time() + 61
    monkeypatch.setattr(dead_runs, "time", SimpleNamespace(time=lambda: later))
    for _ in range(2):
        ships.evaluate(WATCH)
        (alarm,) = open_alarms(ships.ledger, "a")
        assert (alarm["cause"], alarm["codes"]) == ("failed", {"did_not_begin": 1})
    row = ships.ledger.run(run_id)
    assert row is not None
    assert row["outcome"] == "failed:3"


def test_a_run_that_was_cancelled_in_the_queue_is_told_of(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever empties the queue may not know whose absences were in it."""
    assert ships.defs is not None
    job = ships.defs.resolve_job_def(NIGHTLY_SYNC)
    run = ships.instance.create_run_for_job(job, tags={DISTRICT_TAG: "a"})
    ships.instance.report_run_canceled(run)
    later(monkeypatch)
    ships.evaluate(WATCH)
    (alarm,) = open_alarms(ships.ledger, "a")
    assert (alarm["cause"], alarm["codes"]) == ("failed", {"did_not_begin": 1})


def test_a_run_that_was_marked_as_cancelled_and_works_on_did_not_die(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = begin(ships)
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    ships.instance.report_run_canceled(run)
    later(monkeypatch)
    ships.home.lock("a").parent.mkdir(parents=True)
    with ships.home.lock("a").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        ships.evaluate(WATCH)
        assert open_alarms(ships.ledger, "a") == []
    ships.evaluate(WATCH)
    (alarm,) = open_alarms(ships.ledger, "a")
    assert (alarm["cause"], alarm["codes"]) == ("failed", {"died": 1})


def test_an_alarm_that_no_run_can_end_any_more_is_over(ships: Fleet) -> None:
    settings = load_settings(ships.home.settings_file)
    raise_alarm(ships.ledger, settings, "a", "attendance", Cause.MISSING, {"missing_file": 1})
    ships.evaluate(WATCH)
    assert open_alarms(ships.ledger, "a") == []


def test_a_district_that_leaves_the_settings_for_a_while_keeps_its_alarms(ships: Fleet) -> None:
    """Nothing has passed: no run looks at the files, which wait as before."""
    ships.add("b")
    ships.load()
    alarms.raise_alarm(ships.ledger, settings(ships), "b", "core", Cause.BLOCKED, {"x": 1})
    kept = ships.districts.pop("b")
    ships.load()
    assert "0 alarms are open" in ships.reason(WATCH)
    ships.districts["b"] = kept
    ships.load()
    assert "1 alarms are open" in ships.reason(WATCH)
    (alarm,) = alarms.open_alarms(ships.ledger, "b")
    assert alarm["cause"] == "blocked"


def test_a_slip_in_the_settings_ends_no_alarm(ships: Fleet, hook: Webhook) -> None:
    """While it stands, nobody can read which absences the district takes, nor whom it tells."""
    ships.add(
        "b",
        attendance={"enabled": True},
        alarms={"webhook": {"url": hook.url, "secret_env": "PATH"}},
    )
    ships.load()
    right = settings(ships)
    hook.status = 503
    alarms.raise_alarm(ships.ledger, right, "b", "attendance", Cause.HELD, {"mass_absence": 1})
    assert "1 messages could not be delivered" in ships.reason(WATCH)
    ships.districts["b"]["alarms"]["web_hook"] = 1
    ships.load()
    with pytest.raises(dg.Failure):
        ships.evaluate(WATCH)
    del ships.districts["b"]["alarms"]["web_hook"]
    ships.load()
    hook.status = 200
    with ships.ledger.transaction() as connection:
        connection.execute(sa.update(alarm_notices).values(next_try_at=""))
    ships.evaluate(WATCH)
    # That of the settings could be told of to nobody: who is to be told stood in them.
    assert hook.said == [("alarm", "b", "held")]
    assert [row["cause"] for row in alarms.open_alarms(ships.ledger)] == ["held"]


def test_a_run_that_could_not_say_its_end_on_a_full_disk_did_not_die(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/some/file")

    ships.tick()
    (request,) = ships.tick()
    with monkeypatch.context() as full:
        full.setattr(snapshots, "publish", refuse)
        full.setattr(Ledger, "end_run", refuse)
        ships.run(request)
    (run,) = ships.instance.get_runs()
    row = ships.ledger.run(run.run_id)
    assert row is not None
    assert row["outcome"] == "running"
    dead_runs.tell_of_dead_run(ships.ledger, settings(ships), ships.instance, run)
    assert {one["cause"]: one["codes"] for one in alarms.open_alarms(ships.ledger)} == {
        "failed": {"disk": 1}
    }
    row = ships.ledger.run(run.run_id)
    assert row is not None
    assert "No space left" in row["message"]
    assert "/some/file" not in row["message"]


@pytest.mark.parametrize("outcome", ["blocked", "held", "failed"])
def test_what_a_run_could_not_say_as_the_ledger_broke_off_is_said_later(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    """Its end and its hold are in the ledger; nobody would hear of them before the next run."""

    def refuse(*_: object, **__: object) -> None:
        raise DiskFault("The ledger does not answer.")

    def run() -> str:
        ships.tick()
        (request,) = ships.tick()
        return ships.run(request)

    assert run() == "published"
    lines = FILES[STUDENTS.file_name].splitlines()
    without_last = "".join(f"{line.rpartition(',')[0]}\n" for line in lines)
    students = {"held": without_last, "blocked": "no header\n"}.get(
        outcome, FILES[STUDENTS.file_name].replace("Korean", "Spanish")
    )
    ships.upload("a", {STUDENTS.file_name: students})
    with monkeypatch.context() as broken:
        broken.setattr(alarms, "after_run", refuse)
        if outcome == "failed":
            broken.setattr(roster, "build_candidate", refuse)
        assert run().partition(":")[0] == outcome
    ships.evaluate(WATCH)
    assert open_alarms(ships.ledger, "a") == [], "it may still be saying so itself"
    in_a_minute = now() + timedelta(seconds=61)
    monkeypatch.setattr(untold, "now", lambda: in_a_minute)
    for _ in range(2):
        ships.evaluate(WATCH)
        (alarm,) = open_alarms(ships.ledger, "a")
        assert alarm["cause"] == outcome
    if outcome == "held":
        decide(ships.home, "a", "discarded", by="Pat Operator")
        ships.evaluate(WATCH)
        assert open_alarms(ships.ledger, "a") == []


def test_a_run_that_said_its_end_itself_is_not_told_of_again(ships: Fleet) -> None:
    run_id = begin(ships)
    ships.ledger.end_run(run_id, "blocked", {})
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    dead_runs.tell_of_dead_run(ships.ledger, settings(ships), ships.instance, run)
    assert alarms.open_alarms(ships.ledger) == []


def test_what_a_lost_ledger_knew_of_is_not_told_of_again(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its blocked nights ended long ago. A run that died before it had a row there is told of."""
    ships.upload("a", {STUDENTS.file_name: "no header\n"})
    ships.tick()
    (request,) = ships.tick()
    assert ships.run(request) == "blocked"
    ships.home.ledger_file.unlink()
    later(monkeypatch)
    ships.evaluate(WATCH)
    assert open_alarms(ships.ledger, "a") == []
    start(ships, NIGHTLY_SYNC, {DISTRICT_TAG: "a"})  # it waits for the lock, and is killed
    ships.evaluate(WATCH)
    ships.evaluate(WATCH)
    (alarm,) = open_alarms(ships.ledger, "a")
    assert alarm["codes"] == {"did_not_begin": 1}


def test_a_run_that_died_at_work_is_told_of_though_the_ledger_was_lost_with_it(
    ships: Fleet,
) -> None:
    """A machine that went down, and came back with a backup: nobody has heard of that run."""
    run_id = start(ships, NIGHTLY_SYNC, {DISTRICT_TAG: "a"})
    step = dg.DagsterEvent(dg.DagsterEventType.STEP_START.value, NIGHTLY_SYNC)
    ships.instance.report_dagster_event(step, run_id)
    run = ships.instance.get_run_by_id(run_id)
    assert run is not None
    ships.instance.report_run_failed(run)
    for _ in range(2):
        dead_runs.tell_of_dead_run(ships.ledger, settings(ships), ships.instance, run)
        (alarm,) = open_alarms(ships.ledger, "a")
        assert alarm["codes"] == {"died": 1}


def test_a_run_that_could_not_begin_is_told_of(ships: Fleet) -> None:
    assert ships.defs is not None
    run = ships.instance.create_run_for_job(
        ships.defs.resolve_job_def(NIGHTLY_SYNC), tags={DISTRICT_TAG: "a"}
    )
    dead_runs.tell_of_dead_run(ships.ledger, settings(ships), ships.instance, run)
    (alarm,) = alarms.open_alarms(ships.ledger)
    assert alarm["codes"] == {"did_not_begin": 1}


def execute(ships: Fleet, job: dg.JobDefinition, **options: Any) -> tuple[dg.DagsterRun, str]:
    """Run a job as Dagster does it: the run's record, and what its first error says."""
    result = job.execute_in_process(
        instance=ships.instance, raise_on_error=False, run_config=QUIET, **options
    )
    run = ships.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    errors = [getattr(event.event_specific_data, "error", None) for event in result.all_events]
    chain = [error for error in errors if error is not None]
    for error in chain:
        chain += [error.cause] if error.cause is not None else []
    return run, " ".join(error.message for error in chain)


def test_a_run_without_a_partition_says_that_one_is_to_be_chosen(ships: Fleet) -> None:
    assert ships.defs is not None
    run, says = execute(ships, ships.defs.resolve_job_def(NIGHTLY_SYNC))
    assert "UsageError: Choose a district as partition: a run is for one district." in says
    assert "KeyError" not in says
    assert not should_retry(run, ships.instance)


def test_assets_that_are_chosen_one_by_one_are_no_run(ships: Fleet) -> None:
    assert ships.defs is not None
    job = ships.defs.resolve_implicit_global_asset_job_def()
    _, says = execute(
        ships, job, partition_key="a", asset_selection=[dg.AssetKey("attendance_export")]
    )
    assert "UsageError: Launch one of the jobs nightly_sync, attendance_alerts" in says


def test_a_part_of_a_job_is_no_run_and_all_of_it_is(ships: Fleet) -> None:
    ships.add("a")
    assert ships.defs is not None
    job = ships.defs.resolve_job_def(NIGHTLY_SYNC)
    keys = list(job.asset_layer.executable_asset_keys)
    whole = job.execute_in_process(
        instance=ships.instance, partition_key="a", run_config=QUIET, asset_selection=keys
    )
    row = ships.ledger.run(whole.run_id)
    assert row is not None
    assert row["outcome"] == "published"
    only = [dg.AssetKey("lunch_recipients")]
    run, says = execute(ships, job, partition_key="a", asset_selection=only)
    assert "UsageError: Launch one of the jobs" in says
    dead_runs.tell_of_dead_run(ships.ledger, settings(ships), ships.instance, run)
    assert open_alarms(ships.ledger) == [], "who launched it has read why"
    assert is_refused(run)
    again = dg.DagsterRun(job_name=NIGHTLY_SYNC, run_id="2", tags=run.tags)
    assert not is_refused(again), "what executes it again takes its tags over"


@pytest.mark.parametrize("deadline", ["tonight", "2026-11-27T23:30:00"])
def test_a_deadline_that_a_person_wrote_is_a_sentence(ships: Fleet, deadline: str) -> None:
    assert ships.defs is not None
    for name in (NIGHTLY_SYNC, ATTENDANCE_ALERTS):
        job = ships.defs.resolve_job_def(name)
        run, says = execute(ships, job, partition_key="a", tags={DEADLINE_TAG: deadline})
        assert "UsageError: The tag connect/deadline is a time with its zone" in says
        assert is_refused(run)
        assert last_run(ships.ledger, ships.instance, name, "a", "x").deadline == ""


def test_steps_that_are_run_again_are_no_run(ships: Fleet) -> None:
    """From the page of a run, one by one or from where it failed."""
    assert ships.defs is not None
    runs = ships.defs.resources["run"]
    assert isinstance(runs, DistrictRuns)
    part = dg.DagsterRun(
        job_name=NIGHTLY_SYNC,
        run_id="1",
        tags={DISTRICT_TAG: "a"},
        step_keys_to_execute=["list_low_balances"],
    )
    with pytest.raises(UsageError, match="a run is a whole one"):
        runs._what_to_run(part)


def test_only_a_run_that_was_killed_is_tried_again(ships: Fleet) -> None:
    assert ships.defs is not None
    job = ships.defs.resolve_job_def(NIGHTLY_SYNC)
    ships.home.settings_file.unlink()  # it fails with that reason, before its first step
    run, says = execute(ships, job, partition_key="a")
    assert "There is no settings file" in says
    assert run.tags["dagster/failure_reason"] == "RUN_EXCEPTION"
    assert not should_retry(run, ships.instance)
    assert not is_refused(run), "nobody launched it in a wrong way"
    killed = ships.instance.get_run_by_id(begin(ships))
    assert killed is not None
    ships.instance.report_run_failed(killed, dead_runs.CUT_OFF)
    killed = ships.instance.get_run_by_id(killed.run_id)
    assert killed is not None
    assert should_retry(killed, ships.instance)
    assert get_reexecution_strategy(killed, ships.instance) is ReexecutionStrategy.ALL_STEPS


def test_the_next_run_ends_what_was_cut_off(ships: Fleet) -> None:
    run_id = begin(ships)
    ships.tick()
    (request,) = ships.tick()
    assert ships.run(request) == "published"
    row = ships.ledger.run(run_id)
    assert row is not None
    assert (row["outcome"], row["message"]) == ("failed:3", "a: the run was cut off.")


def test_a_wrong_district_stops_no_other_and_is_told_of_until_it_is_corrected(ships: Fleet) -> None:
    hook = {"url": "http://127.0.0.1:9/hook", "secret_env": "HOOK_SECRET"}
    ships.add("b", alarms={"webhook": hook}, dead_line="23:30")
    defs = ships.load()
    partitions = defs.resolve_job_def(NIGHTLY_SYNC).partitions_def
    assert partitions is not None
    assert partitions.get_partition_keys() == ["a"]
    ships.tick()
    (request,) = ships.tick()
    assert (request.partition_key, ships.run(request)) == ("a", "published")
    for _ in range(2):
        with pytest.raises(dg.Failure, match=r"runs for b while .*districts\.yaml line \d+: unk"):
            ships.evaluate(WATCH)
        (alarm,) = alarms.open_alarms(ships.ledger)
        assert (alarm["district"], alarm["cause"]) == ("b", "settings")
    with ships.ledger.transaction() as connection:
        notices = connection.execute(sa.select(alarm_notices.c.channel)).scalars().all()
    assert notices == ["own webhook"], "once, by the channel of its own"
    del ships.districts["b"]["dead_line"]
    ships.load()
    assert "0 alarms are open" in ships.reason(WATCH)
