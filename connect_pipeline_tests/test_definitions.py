"""What Dagster loads: the graph as one literal, its sensors and schedules at work, its metadata.

A change of the graph shows here first; then it is decided on, and not noticed by chance.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import RemoteRepositoryOrigin
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG
from dagster._core.workspace.load import location_origins_from_yaml_paths

from connect_pipeline.alarms import open_alarms
from connect_pipeline.contract import CORE, SCHOOLS, STAFF, STUDENTS
from connect_pipeline.definitions import build_defs
from connect_pipeline.launch import run_job
from connect_pipeline.orchestration.instance import WORKSPACE
from connect_pipeline.orchestration.names import DEADLINE_TAG, DISTRICT_TAG, NIGHTLY_SYNC
from connect_pipeline.published import ROSTER_TABLES
from connect_pipeline.sample.server import EmbeddedServer, generate_key
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import (
    NAME,
    PASSWORD,
    SITES,
    SmallHome,
    python_path,
    small_home,
)

ATTENDANCE = {"enabled": True, "send_at": ["10:00", "17:30"]}
RECORD_CHECKS = (
    *("cells_are_valid", "file_is_whole", "header_matches_contract", "ids_are_unique"),
    *("no_row_is_lost", "references_resolve"),
)
BLOCKING, TELLING = True, False
PACIFIC = "America/Los_Angeles"

# Key: group, what it is made from, kinds, checks and whether they block.
ASSETS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], dict[str, bool]]] = {
    "staff_export": ("1_received", (), ("csv", "sftp"), {"file_is_fresh": TELLING}),
    "student_export": ("1_received", (), ("csv", "sftp"), {"file_is_fresh": TELLING}),
    "staff_to_student_export": ("1_received", (), ("csv", "sftp"), {"file_is_fresh": TELLING}),
    "school_export": ("1_received", (), ("csv", "sftp"), {}),
    "attendance_export": ("1_received", (), ("csv", "sftp"), {}),
    "site_records": (
        "2_checked",
        ("school_export",),
        ("duckdb",),
        dict.fromkeys(RECORD_CHECKS, TELLING),
    ),
    "staff_records": (
        "2_checked",
        ("staff_export",),
        ("duckdb",),
        dict.fromkeys(RECORD_CHECKS, BLOCKING),
    ),
    "student_records": (
        "2_checked",
        ("student_export",),
        ("duckdb",),
        dict.fromkeys(RECORD_CHECKS, BLOCKING),
    ),
    "class_records": (
        "2_checked",
        ("staff_records", "staff_to_student_export", "student_records"),
        ("duckdb",),
        dict.fromkeys(RECORD_CHECKS, BLOCKING),
    ),
    "absence_records": (
        "2_checked",
        ("attendance_export",),
        ("duckdb",),
        dict.fromkeys(RECORD_CHECKS, BLOCKING),
    ),
    "roster_changes": (
        "3_published",
        ("class_records", "site_records", "staff_records", "student_records"),
        ("duckdb",),
        {"change_is_plausible": BLOCKING},
    ),
    "rosters": ("3_published", ("roster_changes",), ("duckdb",), {}),
    "communication_groups": ("3_published", ("roster_changes",), ("duckdb",), {}),
    "lunch_recipients": ("4_lunch", ("rosters",), ("csv",), {}),
    "absences": (
        "4_attendance",
        ("absence_records", "rosters"),
        ("duckdb",),
        {"day_is_plausible": BLOCKING, "file_is_of_today": BLOCKING},
    ),
    "absence_accounting": (
        "4_attendance",
        ("absences",),
        ("duckdb",),
        {"everyone_is_accounted_for": BLOCKING},
    ),
    "recipients": (
        "4_attendance",
        ("absence_accounting",),
        ("csv", "duckdb"),
        {"no_destination_twice": BLOCKING},
    ),
}
JOBS = {
    "nightly_sync": (
        *("class_records", "communication_groups", "lunch_recipients", "roster_changes"),
        *("rosters", "school_export", "site_records", "staff_export", "staff_records"),
        *("staff_to_student_export", "student_export", "student_records"),
    ),
    "attendance_alerts": (
        *("absence_accounting", "absence_records", "absences", "attendance_export", "recipients"),
    ),
    "decide_hold": (),
    "retention": (),
}
# Name: job, cron, time zone.
SCHEDULES = {
    f"deadline_{NAME}": ("nightly_sync", "30 23 * * *", PACIFIC),
    f"attendance_due_{NAME}": ("attendance_alerts", ["30 9 * * *", "0 17 * * *"], PACIFIC),
    "retention_daily": ("retention", "0 10 * * *", "UTC"),
}
# Name: job, seconds between ticks.
SENSORS = {
    "core_set_arrived": ("nightly_sync", 30),
    "attendance_arrived": ("attendance_alerts", 10),
    "night_watch": (None, 30),
    "runs_that_died": (None, 30),
}


@pytest.fixture
def home(server: EmbeddedServer, tmp_path: Path) -> Iterator[SmallHome]:
    """A home whose files have to rest for a second, and this process with its environment."""
    home = small_home(
        server,
        tmp_path,
        attendance=ATTENDANCE,
        quiet_seconds={"core": 1, "attendance": 1},
        lunch_list={"enabled": True},
    )
    with home.here():
        yield home


# -- the graph ---------------------------------------------------------------------------------


def test_assets_and_checks_are_exactly_these(home: SmallHome) -> None:
    graph = build_defs(home.home).get_repository_def().asset_graph
    checks: dict[str, dict[str, bool]] = {}
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        checks.setdefault(key.asset_key.to_user_string(), {})[key.name] = spec.blocking
        assert spec.partitions_def == dg.StaticPartitionsDefinition([NAME]), key
    found = {}
    for spec in build_defs(home.home).resolve_all_asset_specs():
        name = spec.key.to_user_string()
        made_from = tuple(sorted(dep.asset_key.to_user_string() for dep in spec.deps))
        kinds = tuple(sorted(spec.kinds))
        found[name] = (spec.group_name, made_from, kinds, checks.get(name, {}))
        assert spec.owners == ["team:data-engineering"]
        assert spec.description, name
        assert spec.metadata["dagster/column_schema"].columns, name
    assert found == ASSETS


def test_jobs_are_exactly_these(home: SmallHome) -> None:
    repository = build_defs(home.home).get_repository_def()
    found = {}
    for job in repository.get_all_jobs():
        # The steps of a run share its scratch database, which one process may open.
        assert job.executor_def is dg.in_process_executor, job.name
        if not job.name.startswith("__"):
            keys = job.asset_layer.executable_asset_keys if job.asset_layer else ()
            found[job.name] = tuple(sorted(key.to_user_string() for key in keys))
            assert job.partitions_def is not None or not found[job.name]
    assert found == JOBS


def test_schedules_and_sensors_are_exactly_these(home: SmallHome) -> None:
    repository = build_defs(home.home).get_repository_def()
    assert {
        one.name: (one.job_name, one.cron_schedule, one.execution_timezone)
        for one in repository.schedule_defs
    } == SCHEDULES
    assert {
        one.name: (
            one.job_name if one.has_jobs or one.targets else None,
            one.minimum_interval_seconds,
        )
        for one in repository.sensor_defs
    } == SENSORS
    for one in (*repository.schedule_defs, *repository.sensor_defs):
        assert "RUNNING" in str(one.default_status), f"{one.name} would have to be switched on"
    files = {
        one.name: re.findall(r"\w+Export\.csv", one.description or "")
        for one in repository.sensor_defs
        if one.name.endswith("_arrived")
    }
    assert files == {
        "core_set_arrived": [spec.file_name for spec in (*CORE, SCHOOLS)],
        "attendance_arrived": ["AttendanceExport.csv"],
    }


def test_definitions_are_loadable_and_fresh_each_time(home: SmallHome) -> None:
    first, second = build_defs(home.home), build_defs(home.home)
    assert first is not second
    dg.Definitions.validate_loadable(first)


def test_they_load_without_a_warning(home: SmallHome) -> None:
    """In a process of its own, as Dagster's code server does it."""
    program = (
        "import warnings, dagster as dg\n"
        "warnings.simplefilter('error', DeprecationWarning)\n"
        "warnings.simplefilter('error', PendingDeprecationWarning)\n"
        "warnings.simplefilter('error', dg.PreviewWarning)\n"
        "from connect_pipeline import definitions\n"
        "repository = definitions.defs().get_repository_def()\n"
        "print(len(repository.get_all_jobs()), repository.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=home.process_environment(PYTHONPATH=python_path()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == str(len(JOBS) + 1)


def test_districts_are_partitions(server: EmbeddedServer, tmp_path: Path) -> None:
    home = small_home(server, tmp_path)
    text = home.home.settings_file.read_text()
    second = text.replace("districts:\n", "").replace(NAME, "ogden-ville", 1)
    home.home.settings_file.write_text(text + second)
    with home.here():
        repository = build_defs(home.home).get_repository_def()
    job = repository.get_job("nightly_sync")
    assert job.partitions_def is not None
    assert job.partitions_def.get_partition_keys() == ["ogden-ville", NAME]
    assert "deadline_ogden_ville" in {one.name for one in repository.schedule_defs}


# -- sensors -----------------------------------------------------------------------------------


class Ticks:
    """A sensor that ticks: Dagster keeps its cursor from one tick to the next."""

    def __init__(self, home: SmallHome, name: str) -> None:
        self.home = home
        self.name = name
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: str | None = None

    def tick(self) -> Any:
        """One tick, with the definitions as a code server would have loaded them by now."""
        repository = build_defs(self.home.home).get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=repository
        ) as context:
            result = repository.get_sensor_def(self.name).evaluate_tick(context)
        self.cursor = result.cursor
        return result

    def settle(self) -> Any:
        """Ticks until a second after something was seen to move; the last one."""
        self.tick()
        time.sleep(2.1)
        return self.tick()


@contextmanager
def ticking(home: SmallHome, name: str) -> Iterator[Ticks]:
    ticks = Ticks(home, name)
    with ticks.instance:
        yield ticks


def test_a_set_asks_for_a_run_when_it_has_rested(home: SmallHome) -> None:
    with ticking(home, "core_set_arrived") as ticks:
        first = ticks.tick()
        assert (first.run_requests, bool(first.skip_message)) == ([], True)
        time.sleep(2.1)
        second = ticks.tick()
        (request,) = second.run_requests
        assert request.partition_key == NAME
        assert request.tags[DISTRICT_TAG] == NAME
        assert request.run_key.startswith(f"{NAME}:")
        time.sleep(1.1)
        assert ticks.tick().run_requests == [], "the same files do not ask twice"

        os.utime(home.drop / STUDENTS.file_name, (1_000_000_000, 1_000_000_000))
        (again,) = ticks.settle().run_requests
        assert again.run_key != request.run_key, "older is news as well: different, not greater"


def test_a_set_that_is_not_whole_or_moves_asks_for_nothing(home: SmallHome) -> None:
    with ticking(home, "core_set_arrived") as ticks:
        home.upload({STAFF.file_name: None})
        assert ticks.settle().run_requests == []
        home.upload({STAFF.file_name: FILES[STAFF.file_name]})
        assert ticks.tick().run_requests == []
        time.sleep(1.2)
        home.upload({STUDENTS.file_name: FILES[STUDENTS.file_name] + "\n"})
        assert ticks.tick().run_requests == [], "it moved a moment ago"
        assert len(ticks.settle().run_requests) == 1


def test_attendance_waits_for_a_roster(home: SmallHome) -> None:
    with ticking(home, "attendance_arrived") as ticks:
        assert ticks.settle().run_requests == []
        home.publish()
        (request,) = ticks.settle().run_requests
        assert request.partition_key == NAME


def test_a_server_that_is_down_skips_the_tick_and_says_so(home: SmallHome) -> None:
    with ticking(home, "core_set_arrived") as ticks:
        ticks.tick()
        port = home.sftp["port"]
        home.write_settings(sftp={"port": 1})
        result = ticks.tick()
        assert result.run_requests == []
        assert f"{NAME}: The SFTP server 127.0.0.1:1 refused the connection" in result.skip_message
        home.write_settings(sftp={"port": port})
        time.sleep(2.1)
        assert len(ticks.tick().run_requests) == 1, "a look that failed is not an empty drop"


def test_another_host_key_is_said_in_the_tick_and_is_an_alarm(home: SmallHome) -> None:
    key = generate_key()
    home.write_settings(sftp={"host_key": f"{key.get_name()} {key.get_base64()}"})
    with ticking(home, "core_set_arrived") as ticks:
        said = str(ticks.tick().skip_message)
    assert f"{NAME}: " in said
    assert "another host key than the pinned one" in said
    assert "Traceback" not in said
    assert [one["cause"] for one in open_alarms(home.ledger)] == ["no_access"]


def test_one_drop_that_cannot_be_looked_at_does_not_stop_the_others(
    server: EmbeddedServer, home: SmallHome
) -> None:
    key = generate_key()
    other = {
        "name": "Shelbyville",
        "sftp": {**home.sftp, "host_key": f"{key.get_name()} {key.get_base64()}"},
        "sites": SITES,
    }
    text = home.home.settings_file.read_text()
    home.home.settings_file.write_text(text + f"  shelbyville: {json.dumps(other)}\n")
    with ticking(home, "core_set_arrived") as ticks:
        (request,) = ticks.settle().run_requests
    assert request.partition_key == NAME


# -- schedules ---------------------------------------------------------------------------------


def test_a_deadline_asks_for_a_run_of_its_district(home: SmallHome) -> None:
    repository = build_defs(home.home).get_repository_def()
    schedule = repository.get_schedule_def(f"deadline_{NAME}")
    due = datetime.now(UTC) - timedelta(minutes=1)
    with dg.build_schedule_context(
        scheduled_execution_time=due, repository_def=repository
    ) as context:
        (request,) = schedule.evaluate_tick(context).run_requests
    assert request.partition_key == NAME
    assert request.tags[DISTRICT_TAG] == NAME
    assert datetime.fromisoformat(request.tags[DEADLINE_TAG]) == due


# -- what a run tells ---------------------------------------------------------------------------


def test_the_page_of_a_job_has_the_runs_of_commands(home: SmallHome) -> None:
    """It asks for those of its repository and location, as Dagster labels what it launches."""
    (place,) = location_origins_from_yaml_paths([str(WORKSPACE)])
    label = RemoteRepositoryOrigin(place, SINGLETON_REPOSITORY_NAME).get_label()
    asked = dg.RunsFilter(job_name=NIGHTLY_SYNC, tags={REPOSITORY_LABEL_TAG: label})
    run_id = home.run().run_id
    with home.here(), dg.DagsterInstance.get() as instance:
        assert [run.run_id for run in instance.get_runs(asked)] == [run_id]


def test_each_district_has_checks_of_its_own(server: EmbeddedServer, tmp_path: Path) -> None:
    """Both fetch from one drop: the files of the second one's run are refused."""
    home = small_home(server, tmp_path)
    text = home.home.settings_file.read_text()
    home.home.settings_file.write_text(
        text + text.replace("districts:\n", "").replace(NAME, "ogden", 1)
    )
    assert home.run().outcome == "published"
    home.upload({STUDENTS.file_name: "no header\n"})
    key = dg.AssetCheckKey(dg.AssetKey("student_records"), "header_matches_contract")
    with home.here():
        assert run_job(home.home, NIGHTLY_SYNC, "ogden").outcome.startswith("blocked")
        with dg.DagsterInstance.get() as instance:
            known = instance.event_log_storage.get_asset_check_partition_info([key])
    assert {one.partition_key: one.latest_execution_status.value for one in known} == {
        NAME: "SUCCEEDED",
        "ogden": "FAILED",
    }


def test_a_run_tells_counts_schemas_and_hashes_and_no_cell(home: SmallHome) -> None:
    finished = home.run()
    assert finished.outcome == "published"
    with dg.DagsterInstance.get() as instance:
        told = {}
        for asset in ASSETS:
            event = instance.get_latest_materialization_event(dg.AssetKey(asset))
            if event is not None and event.asset_materialization is not None:
                assert event.asset_materialization.partition == NAME
                told[asset] = {
                    name: value.value
                    for name, value in event.asset_materialization.metadata.items()
                }
        events = instance.all_logs(finished.run_id)
        text = "\n".join(record.message + str(record) for record in events)
    assert set(told) == set(JOBS["nightly_sync"])
    assert {type(one["seconds"]) for one in told.values()} == {float}
    # The files come in one step, of which each tells.
    assert 0 < told["staff_export"]["seconds"] == told["student_export"]["seconds"]
    assert told["roster_changes"]["seconds"] > 0
    for spec, name in zip(CORE, ("staff", "student", "staff_to_student"), strict=True):
        received = told[f"{name}_export"]
        assert received["bytes"] == (home.drop / spec.file_name).stat().st_size
        assert received["sha256"] == home.ledger.last_received(NAME, spec.file_name)["sha256"]  # type: ignore[index]
    assert told["student_records"]["dagster/row_count"] == 6
    assert told["student_records"]["quarantined"] == 0
    assert told["rosters"]["dagster/row_count"] == 10
    assert told["communication_groups"]["snapshot"] == home.current()
    assert told["lunch_recipients"]["students, listed"] == 1
    schema = build_defs(home.home).resolve_all_asset_specs()
    columns = {
        spec.key.to_user_string(): spec.metadata["dagster/column_schema"].columns for spec in schema
    }
    rosters = next(table for table in ROSTER_TABLES if table.name == "connect.rosters")
    assert [(one.name, one.type) for one in columns["rosters"]] == [
        (one.name, one.type) for one in rosters.columns
    ]
    assert {one.tags["privacy"] for one in columns["student_export"]} == {
        *("none", "directory", "personal", "sensitive")
    }
    for cell in ("Ruiz", "555-01", "+1201555", "@example", "Algebra", "Lincoln High", PASSWORD):
        assert cell not in text, cell
