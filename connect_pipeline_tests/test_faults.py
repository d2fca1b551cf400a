"""What can fail around a nightly run: each fault is said in one sentence, and harms nothing.

Each test asks for the words, the exit code (DESIGN section 8) and that what is published is, byte
for byte, what it was. No output ever holds a traceback.
"""

from __future__ import annotations

import fcntl
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from connect_pipeline.attendance.opt_outs import opt_out_file
from connect_pipeline.contract import SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.errors import DiskFault
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.ledger import opening
from connect_pipeline.orchestration.open_instance import dagster_instance
from connect_pipeline.process import locks
from connect_pipeline.sample.server import EmbeddedServer, generate_key
from connect_pipeline_tests.forks import forked
from connect_pipeline_tests.small_home import (
    NAME,
    PASSWORD_VARIABLE,
    SmallHome,
    small_home,
)

STAFF_FILE, STUDENT_FILE, CLASS_FILE, SCHOOL_FILE = (
    spec.file_name for spec in (STAFF, STUDENTS, STAFF_TO_STUDENT, SCHOOLS)
)


@pytest.fixture(scope="module")
def first_night(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """The small district, published once; in its drop is another night by now."""
    home = small_home(server, tmp_path_factory.mktemp("first-night"))
    home.publish()
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace("Korean", "Spanish")})
    return home


# -- the faults --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """What goes wrong, what `sync` says and ends with, and what `doctor` says, where it can see."""

    what: str
    cause: Callable[[SmallHome], None]
    exit_code: int
    says: str
    doctor: tuple[int, str] | None = None
    command: tuple[str, ...] = ("sync", NAME)


def another_host_key(home: SmallHome) -> None:
    key = generate_key()
    home.write_settings(sftp={"host_key": f"{key.get_name()} {key.get_base64()}"})


def wrong_password(home: SmallHome) -> None:
    home.environment[PASSWORD_VARIABLE] = "not-the-password"


def no_password(home: SmallHome) -> None:
    home.environment[PASSWORD_VARIABLE] = ""


def edited(name: str, old: str, new: str) -> Callable[[SmallHome], None]:
    return lambda home: home.upload({name: home.read(name).replace(old, new, 1)})


def link_for_a_file(home: SmallHome) -> None:
    file = home.drop / STAFF_FILE
    file.rename(home.drop / "elsewhere")
    file.symlink_to("elsewhere")


def folder_for(path: Callable[[SmallHome], Path]) -> Callable[[SmallHome], None]:
    """A folder stands where a file should be."""

    def cause(home: SmallHome) -> None:
        path(home).unlink(missing_ok=True)
        path(home).mkdir()

    return cause


def file_for(path: Callable[[SmallHome], Path]) -> Callable[[SmallHome], None]:
    """A file stands where a folder should be."""

    def cause(home: SmallHome) -> None:
        shutil.rmtree(path(home), ignore_errors=True)
        path(home).write_text("not a folder")

    return cause


def settings_of(content: bytes) -> Callable[[SmallHome], None]:
    return lambda home: home.home.settings_file.write_bytes(content) and None


FAULTS = (
    Fault(
        "wrong host key",
        another_host_key,
        3,
        "shows another host key than the pinned one",
        (3, "shows another host key than the pinned one"),
    ),
    Fault("wrong password", wrong_password, 3, "refused the login", (3, "refused the login")),
    Fault(
        "no password",
        no_password,
        2,
        f"The environment variable {PASSWORD_VARIABLE}",
        (2, f"The environment variable {PASSWORD_VARIABLE}"),
    ),
    Fault(
        "missing folder",
        lambda home: home.write_settings(sftp={"folder": "/nowhere"}),
        3,
        "has no folder /nowhere",
        (3, "has no folder /nowhere"),
    ),
    Fault(
        "server down",
        lambda home: home.write_settings(sftp={"port": 1}),
        3,
        "The SFTP server 127.0.0.1:1 refused the connection",
        (3, "The SFTP server 127.0.0.1:1 refused the connection"),
    ),
    Fault(
        "missing file",
        lambda home: home.upload({CLASS_FILE: None}),
        1,
        f"{CLASS_FILE}: This file is not in the drop",
        (0, f"missing: {CLASS_FILE}"),
    ),
    Fault(
        "header in another order",
        edited(STAFF_FILE, "ID,School", "School,ID"),
        1,
        f"{STAFF_FILE}: The columns do not stand in the contract's order",
    ),
    Fault("0-byte file", lambda home: home.upload({STUDENT_FILE: ""}), 1, f"{STUDENT_FILE}: "),
    Fault("link for a file", link_for_a_file, 1, f"{STAFF_FILE}: What has this name is a link"),
    Fault(
        "folder for a file",
        folder_for(lambda home: home.drop / STAFF_FILE),
        1,
        f"{STAFF_FILE}: What has this name is a link, a folder",
        (0, f"that is no file: {STAFF_FILE}"),
    ),
    Fault(
        "file too large",
        lambda home: home.write_settings(limits={"file_bytes": 400}),
        1,
        f"{STUDENT_FILE}: ",
    ),
    Fault(
        "no settings",
        lambda home: home.home.settings_file.unlink(),
        2,
        "There is no settings file",
        (2, "There is no settings file"),
    ),
    Fault(
        "settings that are no text",
        settings_of(b"\xff\xfe\x00"),
        2,
        "districts.yaml line 1: a character that is not UTF-8",
        (2, "districts.yaml line 1: a character that is not UTF-8"),
    ),
    Fault(
        "settings that are a folder",
        folder_for(lambda home: home.home.settings_file),
        2,
        "districts.yaml cannot be read",
        (2, "districts.yaml cannot be read"),
    ),
    Fault(
        "settings that are no YAML",
        settings_of(b"districts:\n  springfield: [\n"),
        2,
        "districts.yaml line 3",
        (2, "districts.yaml line 3"),
    ),
    Fault(
        "an unknown setting",
        lambda home: home.write_settings(deadlin="23:30"),
        2,
        "unknown key `districts.springfield.deadlin`; allowed here: name, ",
        (2, "unknown key `districts.springfield.deadlin`"),
    ),
    Fault(
        "unknown district",
        lambda home: None,
        2,
        f"No district 'shelbyville' in the settings. Known: {NAME}.",
        (2, "No district 'shelbyville'"),
        ("sync", "shelbyville"),
    ),
    Fault(
        "a ledger key that is a folder",
        folder_for(lambda home: home.home.ledger_key_file),
        3,
        "ledger.key cannot be read: Is a directory",
        (3, "ledger.key cannot be read: Is a directory"),
    ),
    Fault(
        "a ledger key that is empty",
        lambda home: home.home.ledger_key_file.write_bytes(b"") and None,
        3,
        "ledger.key is not whole",
        (3, "ledger.key is not whole"),
    ),
    Fault(
        "a ledger that is no database",
        lambda home: home.home.ledger_file.write_bytes(b"no database " * 999) and None,
        3,
        "The ledger cannot be opened",
        (3, "The ledger cannot be opened"),
    ),
    Fault(
        "a ledger URL that is none",
        lambda home: home.environment.update(CONNECT_LEDGER_URL="my secret ledger"),
        2,
        "CONNECT_LEDGER_URL names no database",
        (2, "CONNECT_LEDGER_URL names no database"),
    ),
    Fault("no landing folder", file_for(lambda home: home.home.landing(NAME)), 3, "/landing/"),
    Fault("no work folder", file_for(lambda home: home.home.root / "work"), 3, "/work"),
    Fault("no Dagster folder", file_for(lambda home: home.home.dagster), 3, "/dagster"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_is_said_in_one_sentence_and_harms_nothing(home: SmallHome, fault: Fault) -> None:
    before = home.roster_bytes(), home.snapshots()
    fault.cause(home)
    done = home.command_here(*fault.command)
    assert_said(done, fault.exit_code, fault.says)
    assert (home.roster_bytes(), home.snapshots()) == before


@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if one.doctor], ids=lambda fault: fault.what
)
def test_doctor_says_it_too(home: SmallHome, fault: Fault) -> None:
    before = home.roster_bytes()
    fault.cause(home)
    assert fault.doctor is not None
    done = home.command_here("doctor", *fault.command[1:])
    assert_said(done, *fault.doctor)
    assert home.roster_bytes() == before


def test_doctor_finds_nothing_wrong_with_a_healthy_home(home: SmallHome) -> None:
    done = home.command_here("doctor", NAME)
    assert_said(done, 0, "all files are there")
    assert "BAD" not in done.stdout


def test_doctor_names_a_report_folder_that_is_not_there(home: SmallHome) -> None:
    home.write_settings(sftp={**home.sftp, "report_folder": "/nowhere"})
    done = home.command_here("doctor")
    assert done.returncode == 3
    assert "report folder" in done.stdout
    assert "/nowhere" in done.stdout


def test_doctor_reads_the_opt_outs(home: SmallHome) -> None:
    home.write_settings(attendance={"enabled": True})
    place = opt_out_file(home.home, NAME)
    place.parent.mkdir()
    place.write_text("channel,destination\nsms,201-555-0111\n")
    assert_said(home.command_here("doctor", NAME), 0, f"ok  {NAME}: opt-outs: 1 read")
    place.write_text("channel,destination\nsms,201-555\n")
    done = home.command_here("doctor", NAME)
    assert_said(done, 2, f"{place} line 2: the destination is not a phone number")
    assert "201-555" not in done.stdout


def test_doctor_goes_on_after_the_first_thing_that_is_wrong(home: SmallHome) -> None:
    another_host_key(home)
    home.home.ledger_key_file.write_bytes(b"")
    done = home.command_here("doctor", NAME)
    assert done.returncode == 3
    for words in ("ok  settings", "ok  home folder", "BAD ledger", f"BAD {NAME}: host key"):
        assert words in done.stdout


def test_doctor_says_that_a_home_of_somebody_elses_is_open(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    home.home.root.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)  # as root this cannot be had otherwise
    assert_said(home.command_here("doctor", NAME), 3, "chmod 700")


def test_doctor_examines_a_district_though_anothers_settings_are_wrong(home: SmallHome) -> None:
    with home.home.settings_file.open("a") as settings:
        settings.write("  shelbyville: {name: Shelbyville, sftp: {port: none}}\n")
    done = home.command_here("doctor", NAME)
    assert_said(done, 0, f"ok  {NAME}: host key, login, folder: well")
    assert "shelbyville" not in done.stdout
    done = home.command_here("doctor")
    assert_said(done, 2, "BAD shelbyville: settings: ")
    assert done.stdout.count("BAD") == 1
    assert f"ok  {NAME}: host key, login, folder: well" in done.stdout
    done = home.command_here("doctor", "shelbyville")
    assert_said(done, 2, "BAD shelbyville: settings: ")
    assert NAME not in done.stdout.replace(str(home.home.root), "")
    assert_said(home.command_here("doctor", "nowhere"), 2, "nowhere")


def assert_said(done: subprocess.CompletedProcess[str], exit_code: int, words: str) -> None:
    output = done.stdout + done.stderr
    assert done.returncode == exit_code, output
    assert "Traceback" not in output
    assert "A bug in connect_pipeline" not in output
    assert "  File " not in output
    assert words in re.sub(r"\s*\n\s*", " ", output), output


def test_a_lost_snapshot_file_comes_back_from_the_roster(home: SmallHome) -> None:
    home.home.snapshot(NAME, home.current()).unlink()
    home.publish()
    assert len(home.snapshots()) == 2


def test_a_lost_roster_file_comes_back_from_the_snapshot(home: SmallHome) -> None:
    before = home.roster_bytes()
    home.roster.unlink()
    home.upload({STUDENT_FILE: None})
    assert home.nightly().outcome == "blocked"
    assert home.roster_bytes() == before


def test_a_lost_key_is_not_replaced_once_somebody_was_told(home: SmallHome) -> None:
    """With another key everybody would be told again."""
    with sqlite3.connect(home.home.ledger_file) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(listed)")]
        marks = ", ".join("?" for _ in columns)
        connection.execute(f"INSERT INTO listed VALUES ({marks})", ["x" for _ in columns])
    home.home.ledger_key_file.unlink()
    assert_said(home.command_here("sync", NAME), 3, "ledger.key is not there. Restore it")
    assert not home.home.ledger_key_file.exists()


def test_a_report_that_cannot_be_written_fails_no_run(home: SmallHome) -> None:
    file_for(lambda home: home.home.reports(NAME))(home)
    done = home.command_here("sync", NAME)
    assert_said(done, 0, "there is no report of this run")
    assert f"{NAME}: published" in done.stdout


# -- locks -------------------------------------------------------------------------------------


@contextmanager
def locked_ledger(home: SmallHome) -> Iterator[subprocess.Popen[str]]:
    """Another process has the ledger's write lock, until its standard input is closed."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        " c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(home.home.ledger_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    try:
        yield process
    finally:
        process.communicate()


def sqlite(code: int) -> sa.exc.DatabaseError:
    """What SQLAlchemy raises of an error of SQLite with this code."""
    error = sqlite3.DatabaseError("what it said")
    error.sqlite_errorcode = code
    return sa.exc.DatabaseError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        # DuckDB's words for an fsync that failed, of which it has no code and no reason.
        (duckdb.FatalException("FATAL Error: fsync failed!"), "(fsync failed). Mend that"),
        (duckdb.IOException("Could not write: No space left on device"), "device). Free some"),
        (duckdb.OutOfMemoryException("failed to allocate"), "OutOfMemoryException). Free some"),
        (duckdb.IOException("Could not read: Input/output error"), "error). Mend that"),
        (sqlite(11), "A database of the ledger or of Dagster is damaged (DatabaseError)."),
        (sqlite(13), "(DatabaseError). Free some"),
        (sqlite(14), "(DatabaseError). Mend that"),
    ],
)
def test_what_a_database_could_not_do_is_said_as_what_it_is(error: Exception, says: str) -> None:
    ours = as_our_error(error)
    assert isinstance(ours, DiskFault)
    assert says in str(ours)


def test_a_locked_ledger_is_said(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LOCK_SECONDS", 0.2)
    before = home.roster_bytes()
    with locked_ledger(home):
        done = home.command_here("sync", NAME)
    assert_said(done, 3, "The ledger could not be written (OperationalError)")
    assert home.roster_bytes() == before


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_who_only_reads_does_not_wait_for_who_writes(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(opening, "LOCK_SECONDS", 0.2)
    with locked_ledger(home):
        assert home.command_here(command, NAME).returncode == 0


def test_a_ledger_that_is_locked_for_a_moment_is_waited_for(home: SmallHome) -> None:
    with locked_ledger(home) as process:
        running = home.start("sync", NAME)
        time.sleep(4)
        assert running.poll() is None
        process.communicate()
        running.communicate()
    assert running.returncode == 0


def test_two_runs_of_one_district_do_not_overlap(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOCK_SECONDS", 0.3)
    before = home.roster_bytes()
    with home.home.lock(NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = home.command_here("sync", NAME)
    assert_said(done, 3, f"another run, an erasure or a clean-up of {NAME} is under way")
    assert home.roster_bytes() == before
    home.publish()


def test_two_syncs_at_once_publish_once(home: SmallHome) -> None:
    both = [home.start("sync", NAME) for _ in range(2)]
    outputs = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], outputs
    assert sorted(out for out, _ in outputs) == [f"{NAME}: published\n", f"{NAME}: unchanged\n"]
    assert len(home.snapshots()) == 2


def test_many_first_commands_at_once_make_one_dagster_instance(home: SmallHome) -> None:
    """Each of these would make Dagster's databases, if none was there."""
    assert not home.home.dagster.exists()
    with ThreadPoolExecutor() as beside:
        environment = home.process_environment()
        at_once = [beside.submit(forked, open_dagsters, environment) for _ in range(4)]
    said = [one.result() for one in at_once]
    assert [one.returncode for one in said] == [0] * 4, said


def open_dagsters() -> None:
    with dagster_instance(Home.from_environment()):
        pass


# -- a full disk -------------------------------------------------------------------------------


def limited_to(size: int) -> Callable[[], None]:
    """No file of the process can grow beyond `size`: what a full disk does, but for one process."""
    return partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    "size",
    [0, 300, 8_000, 60_000, 150_000, 300_000, 450_000],
)
def test_a_full_disk_leaves_what_is_published(home: SmallHome, size: int) -> None:
    """From the ledger's first byte over landing and scratch to the snapshot."""
    before = home.roster_bytes(), home.content()
    landed = {path.name for path in home.home.landing(NAME).iterdir()}
    done = home.nightly_process(limited_to(size))
    assert_said(done, 3, "")
    assert (home.roster_bytes(), home.content()) == before
    assert re.search(r"Free|free|ledger", done.stdout + done.stderr)
    for path in home.home.landing(NAME).iterdir():
        assert path.name in landed or len(path.name) == 64, "no half of a file"
    home.publish()  # with room again, all is well
    home.assert_tidy()


@pytest.mark.parametrize("size", [1_000, 400_000, 1_500_000])
def test_a_full_disk_is_said_by_the_command(home: SmallHome, size: int) -> None:
    """Here Dagster's own files are among those that cannot grow."""
    before = home.roster_bytes()
    done = home.command("sync", NAME, first=limited_to(size))
    assert_said(done, 3, "")
    assert re.search("The disk or memory refused|File too large", done.stdout + done.stderr)
    assert home.roster_bytes() == before
    assert_said(home.command_here("sync", NAME), 0, f"{NAME}: published")
    home.assert_tidy()


def test_a_full_disk_at_the_very_first_run(server: EmbeddedServer, tmp_path: Path) -> None:
    home = small_home(server, tmp_path)
    for size in (0, 40, 5_000):
        done = home.nightly_process(limited_to(size))
        assert_said(done, 3, "")
        assert not home.roster.exists()
    home.publish()
    home.assert_tidy()


# -- doctor touches nothing ----------------------------------------------------------------------


def snapshot_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every path below, with its permissions and content."""
    return {
        str(path.relative_to(folder.parent)): (
            path.stat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *folder.rglob("*"))
    }


def test_doctor_leaves_a_mistyped_home_alone(home: SmallHome, tmp_path: Path) -> None:
    mistyped = tmp_path / "mistyped"
    for _ in range(2):
        done = home.command_here("doctor", CONNECT_HOME=str(mistyped))
        assert_said(done, 2, f"There is no settings file {mistyped}/districts.yaml")
        assert not mistyped.exists()
    mistyped.mkdir(mode=0o755)
    (mistyped / "somebody's").write_text("own")
    before = snapshot_of(mistyped)
    done = home.command_here("doctor", CONNECT_HOME=str(mistyped))
    assert_said(done, 2, f"There is no settings file {mistyped}/districts.yaml")
    assert snapshot_of(mistyped) == before


def test_doctor_makes_only_dagsters_settings_in_a_new_home(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    home = small_home(server, tmp_path)
    before = snapshot_of(home.home.root)
    done = home.command_here("doctor", NAME)
    assert_said(done, 0, "ok  ledger: none yet; the first run makes it")
    made = snapshot_of(home.home.root)
    assert {name: made[name] for name in before} == before
    assert made.keys() - before.keys() == {"home/dagster", "home/dagster/dagster.yaml"}
