"""What the disk damages or loses is noticed at the next run, said loudly, and made good again."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connect_pipeline import alarms, interrupted, snapshots
from connect_pipeline.contract import CORE, SCHOOLS, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.ledger import Ledger, tables
from connect_pipeline.run import lifecycle
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.snapshots import DAMAGED_SUFFIX, publishing
from connect_pipeline_tests.faults.absences import absent, list_absences, told
from connect_pipeline_tests.receivers import Webhook, webhook
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home, without_rows

STUDENT_FILE, CLASS_FILE = STUDENTS.file_name, STAFF_TO_STUDENT.file_name
SECRET_VARIABLE = "ALARM_SECRET"
NIGHT_2 = FILES[STUDENT_FILE].replace("Korean", "Spanish")


@pytest.fixture(scope="module")
def hook() -> Iterator[Webhook]:
    with webhook() as kept:
        yield kept


@pytest.fixture(scope="module")
def two_nights(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory, hook: Webhook
) -> SmallHome:
    """Two nights are published; the drop holds the second."""
    home = small_home(
        server,
        tmp_path_factory.mktemp("nights"),
        alarms={"webhook": {"url": hook.url, "secret_env": SECRET_VARIABLE}},
        attendance={"enabled": True},
    )
    home.environment[SECRET_VARIABLE] = "a secret of a test"
    home.publish()
    home.upload({STUDENT_FILE: NIGHT_2})
    home.publish()
    return home


@pytest.fixture
def home(two_nights: SmallHome, tmp_path: Path, hook: Webhook) -> SmallHome:
    hook.bodies.clear()
    return two_nights.copy(tmp_path)


def flip(share: float) -> Callable[[Path], None]:
    """One bit of the byte at this share of the file is another."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(share * (len(content) - 1))] ^= 0x10
        path.write_bytes(content)  # in place: both names of the file are damaged

    return damage


def cut_to(share: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


DAMAGES = [
    pytest.param(flip(0), id="first byte"),
    pytest.param(flip(0.1), id="a tenth in"),
    pytest.param(flip(0.5), id="in the middle"),
    pytest.param(flip(0.97), id="near the end"),
    pytest.param(flip(1), id="last byte"),
    pytest.param(cut_to(0.999), id="a cut tail"),
    pytest.param(cut_to(0.3), id="most of it cut"),
    pytest.param(cut_to(0), id="emptied"),
    pytest.param(Path.unlink, id="gone"),
]


def damage_current(home: SmallHome, damage: Callable[[Path], None]) -> None:
    file = home.home.snapshot(NAME, home.current())
    damage(file)
    if not file.exists():  # its other name as well
        home.roster.unlink()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_roster_is_rebuilt_from_what_was_received(
    home: SmallHome,
    two_nights: SmallHome,
    hook: Webhook,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also when the drop is empty by now."""
    lost = home.current()
    damage_current(home, damage)
    for spec in (*CORE, SCHOOLS):
        home.upload({spec.file_name: None})
    assert home.nightly().outcome == "blocked", "the files are missing, which is said, too"
    assert home.content() == two_nights.content()
    assert home.current() not in (lost, two_nights.current())
    assert f"snapshot {lost}, the current one, is damaged" in caplog.text
    assert "rebuilt as snapshot" in caplog.text
    assert ("alarm", NAME, "damaged") in hook.said
    assert ("all_clear", NAME, "damaged") in hook.said
    home.assert_tidy()
    assert len(home.snapshots()) == 2
    people_had = {row["snapshot_id"] for row in home.ledger.publications_of(NAME)}
    assert people_had == set(home.snapshots()), "what `history` answers from"


def test_a_rebuilt_roster_is_what_the_next_files_are_compared_with(home: SmallHome) -> None:
    damage_current(home, flip(0.5))
    assert home.nightly().outcome == "unchanged", "the same files are published already"
    assert len(home.query("FROM connect.changes")) == 1


def test_what_cannot_be_rebuilt_gives_way_to_the_night_before(
    home: SmallHome, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    first = home.snapshots()[0]
    damage_current(home, flip(0.5))
    shutil.rmtree(home.home.landing(NAME))
    home.upload({CLASS_FILE: None})
    assert home.nightly().outcome == "blocked"
    assert home.current() == first
    assert "it could not be rebuilt" in caplog.text
    assert {row["cause"] for row in alarms.open_alarms(home.ledger)} == {"damaged", "missing"}
    home.upload({CLASS_FILE: FILES[CLASS_FILE]})
    home.publish()
    assert ("all_clear", NAME, "damaged") in hook.said
    home.assert_tidy()
    assert list(home.home.published(NAME).rglob("*.damaged")) == []


def test_a_run_killed_while_a_damaged_snapshot_gives_way_has_gone_back_to_nothing(
    home: SmallHome, two_nights: SmallHome
) -> None:
    """Readers have the night before already, and the ledger says the damaged one."""
    first, second = (home.home.snapshot(NAME, one) for one in home.snapshots())
    damage_current(home, flip(0.5))
    second.rename(second.with_suffix(DAMAGED_SUFFIX))
    home.roster.unlink()
    home.roster.hardlink_to(first)
    assert home.nightly().outcome == "unchanged"
    assert home.content() == two_nights.content()


def test_a_run_killed_while_the_only_snapshot_is_gone_leaves_it_to_be_rebuilt(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """It is no district that never published: nobody is asked, and nothing goes out unseen."""
    home = small_home(server, tmp_path)
    home.publish()
    before = home.content()
    damage_current(home, flip(0.5))
    assert snapshots.set_aside_damaged(home.home, home.ledger, NAME) is not None
    lines = home.read(STUDENTS.file_name).splitlines()
    home.upload({STUDENTS.file_name: "".join(f"{line.rpartition(',')[0]}\n" for line in lines)})
    run = home.nightly()
    assert (run.outcome, list(run.report.holding_codes())) == ("held", ["column_vanished"])
    assert home.content() == before


def test_a_rebuild_that_failed_late_is_not_finished_over_a_newer_night(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rename was not proven to be on the disk; the night that followed is newer."""
    damage_current(home, flip(0.5))
    rename = publishing.rename_durably

    def fails_late(source: Path, target: Path) -> None:
        rename(source, target)
        if source.stem == "candidate":
            monkeypatch.setattr(publishing, "rename_durably", rename)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(publishing, "rename_durably", fails_late)
    home.upload({STUDENTS.file_name: home.read(STUDENTS.file_name).replace("Ben", "Benno")})
    assert home.nightly().outcome == "published"
    tonight = home.current()
    with home.here():
        interrupted.settle(home.home, home.ledger, NAME)
    assert home.current() == tonight
    assert home.roster.samefile(home.home.snapshot(NAME, tonight))
    assert home.query("SELECT count(*) FROM connect.students WHERE first_name = 'Benno'") == [(1,)]
    home.assert_tidy()


def test_a_publication_is_not_finished_over_a_newer_one(home: SmallHome) -> None:
    first, second = home.snapshots()
    with home.ledger.transaction() as connection:
        of_first = sa.update(tables.snapshots).where(tables.snapshots.c.snapshot_id == first)
        connection.execute(of_first.values(state="publishing"))
    with home.here():
        interrupted.settle(home.home, home.ledger, NAME)
    assert (home.current(), home.snapshots()) == (second, [second])
    home.assert_tidy()


def test_what_an_operator_went_back_to_stays_chosen_when_its_rebuild_is_killed(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next night would publish what was gone back from."""
    first, _ = home.snapshots()
    assert home.command_here("rollback", NAME, first).returncode == 0
    damage_current(home, flip(0.5))

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "make_current", cut)
        with pytest.raises(KeyboardInterrupt):
            home.nightly()
    run = home.nightly()
    assert (run.outcome, "rolled_back" in run.report.holding_codes()) == ("held", True)
    home.assert_tidy()
    assert {row["snapshot_id"] for row in home.ledger.publications_of(NAME)} <= {*home.snapshots()}


def test_a_killed_rebuild_is_done_by_the_next_run(
    home: SmallHome, two_nights: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where tonight's files are refused, so that no other night takes its place."""
    damage_current(home, flip(0.5))
    home.upload({STUDENTS.file_name: "no header"})

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for module, step in ((lifecycle, "rebuild"), (Ledger, "begin_snapshot")):
        with monkeypatch.context() as patched:
            patched.setattr(module, step, cut)
            with pytest.raises(KeyboardInterrupt):
                home.nightly()
        assert alarms.open_alarms(home.ledger)[0]["cause"] == "damaged"
    assert home.nightly().outcome == "blocked"
    assert home.content() == two_nights.content()
    assert "damaged" not in {row["cause"] for row in alarms.open_alarms(home.ledger)}


def test_the_only_snapshot_damaged_and_nothing_to_rebuild_it_from(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    home = small_home(server, tmp_path)
    home.publish()
    before = home.tables()["connect.rosters"]
    damage_current(home, cut_to(0.5))
    shutil.rmtree(home.home.landing(NAME))
    home.write_settings(sftp={"port": 1})
    assert home.nightly().outcome == "failed:3"
    assert not home.roster.exists(), "no damaged file under a name that readers trust"
    home.write_settings(sftp={"port": server.port})
    students = home.read(STUDENTS.file_name)
    home.upload({STUDENTS.file_name: without_rows(students, "001,")})
    held = home.nightly()
    assert (held.outcome, list(held.report.holding_codes())) == ("held", ["roster_lost"])
    assert not home.roster.exists(), "nobody can tell what these files have lost"
    assert home.command_here("status").stdout.count("alarm damaged") == 1
    home.upload({STUDENTS.file_name: students})
    assert home.nightly().outcome == "held"
    assert home.command_here("approve", NAME).returncode == 0
    home.publish()
    assert home.tables()["connect.rosters"] == before
    assert home.command_here("status").stdout.count("damaged") == 0


def test_what_is_gone_altogether_is_said_by_who_changes_nothing(home: SmallHome) -> None:
    current = home.current()
    shutil.rmtree(home.home.published(NAME))
    doctor = home.command_here("doctor", NAME)
    assert (doctor.returncode, "is damaged or gone. Run `sync" in doctor.stdout) == (3, True)
    assert "the published roster is not there" in home.command_here("status", NAME).stdout
    for asked in (["rollback", NAME, current], ["history", NAME, "--on", "2026-11-29"]):
        refused = home.command_here(*asked)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.count(current) <= 1, "what is not there is no choice"


def test_a_damaged_older_snapshot_is_not_gone_back_to(home: SmallHome) -> None:
    older, before = home.snapshots()[0], home.roster_bytes()
    flip(0.5)(home.home.snapshot(NAME, older))
    done = home.command_here("rollback", NAME, older)
    assert done.returncode == 3
    assert "is damaged: choose another one" in done.stderr
    assert home.roster_bytes() == before


@pytest.mark.parametrize("is_received", [True, False], ids=["rebuilt", "not to be rebuilt"])
def test_a_rolled_back_roster_that_is_damaged_lets_nothing_else_in(
    home: SmallHome, is_received: bool
) -> None:
    first, second = home.snapshots()
    assert home.command_here("rollback", NAME, first).returncode == 0
    rolled_back_to = home.tables()["connect.students"]
    damage_current(home, flip(0.5))
    if is_received:
        assert home.nightly().outcome == "held"
        assert home.tables()["connect.students"] == rolled_back_to
        return
    shutil.rmtree(home.home.landing(NAME))
    for _ in range(2):
        with pytest.raises(EnvironmentFault, match="Choose another one"):
            home.nightly()
        assert not home.roster.exists()
    assert home.command_here("rollback", NAME, second).returncode == 0
    assert home.nightly().outcome == "unchanged"


def test_an_older_roster_in_place_of_a_damaged_one_stays_gone_back_to(home: SmallHome) -> None:
    """Else what was gone back from would be published by itself."""
    home.upload({STUDENT_FILE: NIGHT_2.replace("Spanish", "Russian")})
    home.publish()
    oldest, second, _ = home.snapshots()
    assert home.command_here("rollback", NAME, second).returncode == 0
    damage_current(home, flip(0.5))
    shutil.rmtree(home.home.landing(NAME))
    run = home.nightly()
    assert (run.outcome, "rolled_back" in run.report.counts()) == ("held", True)
    assert home.current() == oldest


def test_a_roster_that_is_another_file_is_replaced(home: SmallHome, two_nights: SmallHome) -> None:
    home.roster.unlink()
    shutil.copy(home.home.snapshot(NAME, home.snapshots()[0]), home.roster)
    assert home.nightly().outcome == "unchanged"
    assert home.content() == two_nights.content()
    home.assert_tidy()


def test_a_good_roster_mends_a_damaged_snapshot(home: SmallHome, two_nights: SmallHome) -> None:
    """After a restore, the two names may be two files."""
    good = home.roster.read_bytes()
    home.roster.unlink()
    home.roster.write_bytes(good)
    flip(0.5)(home.home.snapshot(NAME, home.current()))
    assert home.nightly().outcome == "unchanged"
    assert home.current() == two_nights.current()
    home.assert_tidy()


def test_folders_on_two_disks_are_named(home: SmallHome) -> None:
    """A snapshot is renamed into place, which no disk does for another."""
    work = home.home.root / "work"
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if Path(other).stat().st_dev == work.stat().st_dev:
            pytest.skip("this machine has one file system")
        shutil.rmtree(work)
        work.symlink_to(other)
        before = home.roster_bytes()
        home.upload({STUDENT_FILE: NIGHT_2.replace("Spanish", "Polish")})
        run = home.nightly()
    assert (run.outcome, home.roster_bytes()) == ("failed:3", before)
    assert "Put work/ and published/ of CONNECT_HOME on one file system" in run.message


def test_scratch_is_never_trusted(home: SmallHome) -> None:
    home.home.work(NAME).write_bytes(b"not a database" * 1000)
    home.home.scratch(NAME).mkdir(exist_ok=True)
    (home.home.scratch(NAME) / "candidate.duckdb").write_bytes(b"nor this")
    home.upload({STUDENT_FILE: FILES[STUDENT_FILE]})
    home.publish()
    home.assert_tidy()


def test_a_damaged_school_file_from_an_earlier_night_is_noticed(home: SmallHome) -> None:
    row = home.ledger.last_received(NAME, SCHOOLS.file_name)
    assert row is not None
    landed = home.home.landing(NAME) / str(row["sha256"])
    sites = home.tables()["connect.sites"]
    flip(0.5)(landed)
    home.upload({SCHOOLS.file_name: None, STUDENT_FILE: FILES[STUDENT_FILE]})
    assert home.nightly().outcome == "failed:3"
    home.publish()
    assert home.tables()["connect.sites"] == sites


# -- the day -------------------------------------------------------------------------------------


def test_an_attendance_run_rebuilds_the_roster_that_it_needs(home: SmallHome) -> None:
    damage_current(home, flip(0.5))
    absent(home, "101,001,1,A")
    assert list_absences(home).outcome == "listed"
    assert told(home)


@pytest.mark.parametrize("damage", [flip(0.3), flip(0.6), cut_to(0.5), cut_to(0)])
def test_a_damaged_day_is_begun_anew_and_nobody_is_told_twice(
    home: SmallHome,
    hook: Webhook,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    absent(home, "101,001,1,A")
    assert list_absences(home).outcome == "listed"
    before = told(home)
    damage(home.home.attendance(NAME))
    absent(home, "101,001,1,A", "101,002,1,A")
    run = list_absences(home)
    assert run.outcome == "listed", run.message
    after = told(home)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) > len(before), "nobody twice"
    assert hook.said == [("alarm", NAME, "damaged"), ("all_clear", NAME, "damaged")]


@pytest.mark.parametrize("damaged", ["roster.duckdb", "attendance.duckdb"])
def test_what_is_damaged_is_named_by_commands_that_mend_nothing(
    home: SmallHome, tmp_path: Path, damaged: str
) -> None:
    absent(home, "101,001,1,A")
    assert list_absences(home).outcome == "listed"
    path = home.home.published(NAME) / damaged
    cut_to(0.5)(path)
    files = {path, home.home.snapshot(NAME, home.current())}
    reading = (
        ("alerts", NAME, "--dry-run"),
        ("export", NAME, str(tmp_path / "out")),
        ("doctor", NAME),
    )
    for command in reading:
        done = home.command_here(*command)
        said = f"{done.stdout}{done.stderr}"
        assert (done.returncode, "Run `" in said) == (3, True), done
        assert any(f"{file} is damaged" in said for file in files if file.exists()), done
    assert path.exists(), "none of them mends it"
    assert home.nightly().outcome in ("published", "unchanged")
    for command in (("export", NAME, str(tmp_path / "out")), ("doctor", NAME)):
        assert "is damaged" not in home.command_here(*command).stdout


# -- what a writer leaves ------------------------------------------------------------------------

WRITER = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE main.mine AS SELECT 1 AS one")
os._exit(0)
"""


def test_what_a_writer_left_beside_published_files_harms_nobody(home: SmallHome) -> None:
    """DuckDB opens to write unless it is told otherwise, and leaves a log when it is cut off."""
    absent(home, "101,001,1,A")
    assert list_absences(home).outcome == "listed"
    for rows in (("101,001,1,A", "101,002,1,A"), ("101,001,1,A",)):
        for path in (home.roster, home.home.attendance(NAME)):
            subprocess.run([sys.executable, "-c", WRITER, str(path)], check=True)
            assert path.with_name(f"{path.name}.wal").exists()
        absent(home, *rows)
        list_absences(home)
        assert not list(home.home.published(NAME).rglob("*.wal"))
        assert home.query("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mine'") == [
            (0,)
        ]
    assert len(told(home)) == len(set(told(home))) > 0
    assert list((home.home.outbox(NAME) / "cleared").glob("*.csv"))
    home.upload({STUDENT_FILE: NIGHT_2.replace("Spanish", "Russian")})
    subprocess.run([sys.executable, "-c", WRITER, str(home.roster)], check=True)
    home.publish()
    home.assert_tidy()
    assert alarms.open_alarms(home.ledger) == []


# -- the ledger ----------------------------------------------------------------------------------


def lose_ledger(home: SmallHome) -> None:
    for path in home.home.root.glob("ledger.db*"):
        path.unlink()


def test_without_its_ledger_a_home_still_compares_with_what_is_published(
    home: SmallHome, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    published = home.current()
    lose_ledger(home)
    lines = NIGHT_2.splitlines()
    home.upload({STUDENT_FILE: "".join(f"{line.rpartition(',')[0]}\n" for line in lines)})
    run = home.nightly()
    assert (run.outcome, "column_vanished" in run.report.counts()) == ("held", True)
    assert home.current() == published
    assert f"took the published snapshot {published} into a ledger" in caplog.text


def test_lists_that_a_restored_home_has_not_are_said_once(
    home: SmallHome, caplog: pytest.LogCaptureFixture
) -> None:
    """Whom they name counts as told, and nobody else can say whether the sender has them."""
    absent(home, "101,001,1,A")
    assert list_absences(home).outcome == "listed"
    (listed,) = home.home.outbox(NAME).glob("*.json")
    shutil.rmtree(home.home.outbox(NAME))
    caplog.set_level(logging.ERROR)
    assert list_absences(home).outcome == "nothing_new"
    assert "neither in the outbox" not in caplog.text, "a sender takes lists away"
    home.home.attendance(NAME).unlink()
    doctor = home.command_here("doctor", NAME).stdout
    assert f"BAD {NAME}: what is published" not in doctor, "so far, nothing of it is damaged"
    assert list_absences(home).outcome == "nothing_new"
    assert f"neither in the outbox nor in what is published: {listed.stem}. Ask" in caplog.text
    raised = home.ledger.rows(sa.select(tables.alarms.c.cause))
    assert [row["cause"] for row in raised] == ["damaged"]
    caplog.clear()
    assert list_absences(home).outcome == "nothing_new"
    assert caplog.text == ""


def test_without_its_ledger_nobody_is_told_again(home: SmallHome) -> None:
    absent(home, "101,001,1,A")
    assert list_absences(home).outcome == "listed"
    before = told(home)
    lose_ledger(home)
    absent(home, "101,001,1,A", "101,002,1,A")
    with pytest.raises(EnvironmentFault, match="the ledger was lost or replaced"):
        list_absences(home)
    dry_run = home.command_here("alerts", NAME, "--dry-run")
    assert (dry_run.returncode, dry_run.stdout) == (3, "")
    assert "the ledger was lost or replaced" in dry_run.stderr
    assert told(home) == before
    assert home.ledger.runs_of(NAME, 1)[0]["outcome"] == "failed:3"
    assert f"BAD {NAME}: what is published: " in home.command_here("doctor", NAME).stdout


def test_a_snapshot_of_before_the_hashes_is_only_opened(home: SmallHome) -> None:
    with home.ledger.transaction() as connection:
        connection.execute(sa.update(tables.snapshots).values(file_sha256=None))
    assert home.nightly().outcome == "unchanged"
    row: Any = home.ledger.current_snapshot(NAME)
    assert snapshots.is_undamaged(home.roster, row)
    cut_to(0.1)(home.roster)
    assert not snapshots.is_undamaged(home.roster, row)
    with pytest.raises(EnvironmentFault):
        snapshots.verify(home.roster)
