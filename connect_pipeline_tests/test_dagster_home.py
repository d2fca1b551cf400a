"""`DAGSTER_HOME`: made by `doctor`, judged by it, and never silently run on Dagster's defaults."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from importlib import resources
from pathlib import Path

import pytest
import yaml
from dagster._daemon.types import DaemonHeartbeat

from connect_pipeline.doctor.automation import SENSORS, examine_automation
from connect_pipeline.ledger import open_ledger
from connect_pipeline.orchestration.open_instance import dagster_instance
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.small_home import NAME, SmallHome, python_path, small_home

OURS = resources.files("connect_pipeline.orchestration").joinpath("dagster.yaml").read_text()
DEFINITIONS = "from connect_pipeline.definitions import defs\ndefs().get_repository_def()\n"


@pytest.fixture
def home(server: EmbeddedServer, tmp_path: Path) -> SmallHome:
    """A home whose settings have just been written, with DAGSTER_HOME in a place of its own."""
    home = small_home(server, tmp_path)
    home.environment["DAGSTER_HOME"] = str(tmp_path / "state" / "dagster")
    return home


def place(home: SmallHome) -> Path:
    return Path(home.environment["DAGSTER_HOME"]) / "dagster.yaml"


def load(home: SmallHome) -> subprocess.CompletedProcess[str]:
    """What Dagster's daemon and web server load, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", DEFINITIONS],
        env=home.process_environment(PYTHONPATH=python_path()),
        capture_output=True,
        text=True,
        check=False,
    )


def test_dagster_on_its_defaults_is_warned_of_and_doctor_makes_its_home(home: SmallHome) -> None:
    for is_there in (False, True):
        if is_there:
            place(home).parent.mkdir(parents=True)
        warned = load(home)
        assert warned.returncode == 0
        assert f"{place(home).parent} (DAGSTER_HOME) has no dagster.yaml" in warned.stderr
        assert "run `connect-pipeline doctor`, which makes it" in warned.stderr
    done = home.command("doctor", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"ok  Dagster's home: {place(home)} is as it must be" in done.stdout
    assert place(home).read_text() == OURS
    loaded = load(home)
    assert (loaded.returncode, "has no dagster.yaml" in loaded.stderr) == (0, False)


def test_doctor_makes_nothing_where_no_settings_are(home: SmallHome) -> None:
    home.home.settings_file.unlink()
    done = home.command("doctor")
    assert done.returncode == 2
    assert "Dagster's home" not in done.stdout
    assert not place(home).exists()


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        ("telemetry:\n  enabled: false", "telemetry:\n  enabled: true", "`telemetry: enabled:"),
        ("telemetry:\n  enabled: false\n", "", "`telemetry: enabled: false`"),
        ("NoOpComputeLogManager", "LocalComputeLogManager", "`compute_logs` that keep nothing"),
        ("key: dagster/partition", "key: dagster/job", "`tag_concurrency_limits` for dagster/par"),
        (OURS, "", "`telemetry: enabled: false`, `compute_logs` that keep nothing, a `tag_conc"),
        ("run_retries:", "run_retries_of_before:", " lacks `run_retries`."),
        ("event_log_storage:", "event_log_of_before:", " lacks `event_log_storage`."),
        (OURS, "{", "cannot be read"),
    ],
)
def test_doctor_says_what_a_dagster_yaml_lacks(
    home: SmallHome, ours: str, theirs: str, says: str
) -> None:
    place(home).parent.mkdir(parents=True)
    assert ours in OURS
    place(home).write_text(OURS.replace(ours, theirs, 1))
    done = home.command_here("doctor", NAME, **home.environment)
    assert done.returncode == 2
    (line,) = [one for one in done.stdout.splitlines() if "Dagster's home" in one]
    assert line.startswith(f"BAD Dagster's home: {place(home)} ")
    assert says in line


def test_what_stands_beside_ours_is_the_operators(home: SmallHome) -> None:
    place(home).parent.mkdir(parents=True)
    place(home).write_text(OURS + "storage: {postgres: {postgres_url: {env: DAGSTER_URL}}}\n")
    done = home.command_here("doctor", NAME, **home.environment)
    assert f"ok  Dagster's home: {place(home)} is as it must be" in done.stdout
    assert done.returncode == 3
    assert f"sensors and schedules: Dagster's instance in {place(home).parent} can" in done.stdout


def test_doctor_names_opt_outs_that_nobody_reads(home: SmallHome) -> None:
    path = home.home.root / "opt_outs" / "springfeld.csv"
    path.parent.mkdir()
    path.write_text("channel,destination\n")
    done = home.command_here("doctor", NAME)
    assert done.returncode == 2
    assert f"{path} is of no district in districts.yaml" in " ".join(done.stdout.split())
    path.rename(path.with_stem(NAME))
    assert home.command_here("doctor", NAME).returncode == 0


LOOKS = (
    ("doctor",),
    ("status",),
    ("status", NAME),
    ("history", NAME),
    ("alerts", NAME, "--dry-run"),
)


def test_who_looks_is_told_that_the_ledger_is_gone_and_makes_none(home: SmallHome) -> None:
    """An empty one in its place would say that all is well."""
    home.write_settings(attendance={"enabled": True})
    assert home.command_here("status").returncode == 0, "nothing was published yet"
    home.publish()
    lost = [*home.home.root.glob("ledger.db*"), home.home.ledger_key_file]
    for path in lost:
        path.unlink()
    for look in LOOKS:
        done = home.command_here(*look)
        says = (done.stdout + done.stderr).replace("\n", " ")
        assert done.returncode == 3, look
        assert "ledger.db is gone, and what was published is not: restore a backup." in says, look
        assert [path for path in lost if path.exists()] == [], look


def test_doctor_says_that_a_ledger_is_another_one(home: SmallHome) -> None:
    home.publish()
    for path in home.home.root.glob("ledger.db*"):
        path.unlink()
    with home.here():
        open_ledger(home.home).close()
    done = home.command_here("doctor")
    assert done.returncode == 3
    assert f"it knows nothing of what is published for {NAME}" in done.stdout


def test_doctor_says_which_secret_of_an_alarm_is_not_set(home: SmallHome) -> None:
    webhook = {"url": "https://alarms.example.org/in", "secret_env": "NO_SUCH_SECRET"}
    home.write_settings(alarms={"webhook": webhook})
    done = home.command_here("doctor")
    assert done.returncode == 2
    assert "alarms: not set in the environment: NO_SUCH_SECRET" in done.stdout
    done = home.command_here("doctor", NO_SUCH_SECRET="x")
    assert (done.returncode, "alarms: the secrets are set" in done.stdout) == (0, True)
    mail = {"host": "mail.example.org", "sender": "a@example.org", "to": ["b@example.org"]}
    login = {"username": "connect", "password_env": "NO_SUCH_PASSWORD"}
    everybody = yaml.safe_dump({"alarms": {"mail": {**mail, **login}}})
    home.home.settings_file.write_text(home.home.settings_file.read_text() + everybody)
    done = home.command_here("doctor", NO_SUCH_SECRET="x")
    assert done.returncode == 2
    assert "alarms: not set in the environment: NO_SUCH_PASSWORD" in done.stdout


@pytest.mark.parametrize(("folder", "is_same"), [("{}/", True), ("/another", False)])
def test_doctor_finds_two_districts_with_one_drop(
    home: SmallHome, folder: str, is_same: bool
) -> None:
    """A section that was copied: each family would be told twice."""
    sftp = {**home.sftp, "folder": folder.format(home.sftp["folder"])}
    copied = yaml.safe_dump({"shelbyville": {"name": "Shelbyville", "sftp": sftp}})
    text = home.home.settings_file.read_text()
    home.home.settings_file.write_text(text + textwrap.indent(copied, "  "))
    done = home.command_here("doctor", NAME)
    assert done.returncode == (2 if is_same else 0)
    said = f"{NAME} and shelbyville have the same drop" in " ".join(done.stdout.split())
    assert said is is_same


def test_doctor_names_a_school_that_only_its_codes_for_absences_have(home: SmallHome) -> None:
    codes = {"enabled": True, "school_alert_codes": {"101": ["T"], "0102": ["T"]}}
    home.write_settings(attendance=codes)
    done = home.command_here("doctor", NAME)
    assert done.returncode == 2
    said = " ".join(done.stdout.split())
    assert f"BAD {NAME}: sites: attendance.school_alert_codes names 0102, which sites" in said


def test_doctor_names_what_was_turned_off(home: SmallHome) -> None:
    what = "sensors and schedules"
    home.environment["DAGSTER_HOME"] = str(home.home.dagster)
    done = home.command_here("doctor", NAME)
    assert (done.returncode, f"ok  {what}: Dagster has not run" in done.stdout) == (0, True)
    with home.here(), dagster_instance(home.home):
        pass
    done = home.command_here("doctor", NAME)
    assert (done.returncode, f"ok  {what}: all are on; no daemon" in done.stdout) == (0, True)
    stopped = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "dagster"), "sensor", "stop", "core_set_arrived"),
            *("-m", "connect_pipeline.definitions"),
        ],
        env=home.process_environment(PYTHONPATH=python_path()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode == 0, stopped.stderr
    done = home.command_here("doctor", NAME)
    assert done.returncode == 2
    assert f"{what}: turned off in Dagster: core_set_arrived." in done.stdout


def test_doctor_says_that_the_daemon_is_down(home: SmallHome) -> None:
    """Nothing else would: what raises alarms is down with it."""
    home.environment["DAGSTER_HOME"] = str(home.home.dagster)

    def seen(minutes: float) -> None:
        at = time.time() - 60 * minutes
        with home.here(), dagster_instance(home.home) as instance:
            instance.add_daemon_heartbeat(DaemonHeartbeat(at, SENSORS, "one", []))

    seen(minutes=9)
    with home.here():
        assert "all are on; the daemon was last seen 20" in examine_automation(home.home)
    seen(minutes=11)
    done = home.command_here("doctor", NAME)
    said = " ".join(done.stdout.split())
    assert done.returncode == 3
    assert "BAD sensors and schedules: Dagster's daemon is down: it was last seen 20" in said
    assert f"ok {NAME}: host key, login, folder" in said, "and looks at all else"
    with home.here(), dagster_instance(home.home) as instance:
        instance.wipe_daemon_heartbeats()
    with home.here():
        assert "no daemon has run here" in examine_automation(home.home)


def test_a_damaged_event_log_is_said_before_a_run(home: SmallHome) -> None:
    home.environment["DAGSTER_HOME"] = str(home.home.dagster)
    with home.here(), dagster_instance(home.home):
        pass
    (log,) = (home.home.dagster / "events").glob("*.db")
    log.write_bytes(b"no database" * 1000)
    for command in ("sync", "doctor"):
        done = home.command_here(command, NAME)
        assert done.returncode == 3
        assert "cannot be opened (DatabaseError)" in f"{done.stdout}{done.stderr}"
