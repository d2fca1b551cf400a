"""What cannot be read is not damaged: nothing is removed, and the run says which file it is."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from connect_pipeline.disk import replacing
from connect_pipeline.errors import DiskFault, EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import tables
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.snapshots.damage import is_there, refuse_unread
from connect_pipeline_tests.faults.absences import absent, list_absences
from connect_pipeline_tests.new_homes import give_dagster
from connect_pipeline_tests.permissions import bound_by_permissions, read_only
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home


@pytest.fixture(scope="module")
def with_a_day(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """A published roster and today's absences."""
    home = small_home(server, tmp_path_factory.mktemp("day"), attendance={"enabled": True})
    give_dagster(home.home)
    home.publish()
    absent(home, "101,001,1,A")
    assert list_absences(home).outcome == "listed"
    return home


@pytest.fixture
def home(with_a_day: SmallHome, tmp_path: Path) -> SmallHome:
    return with_a_day.copy(tmp_path)


def published_files(home: SmallHome) -> dict[str, str]:
    folder = home.home.published(NAME)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextmanager
def closed(path: Path, mode: int = 0) -> Iterator[None]:
    """As if `path` were another user's."""
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


def attendance(home: Home) -> Path:
    return home.attendance(NAME)


def roster(home: Home) -> Path:
    return home.roster(NAME)


@pytest.mark.parametrize("place", [attendance, roster])
def test_a_file_of_another_user_is_not_damaged(home: SmallHome, place: object) -> None:
    assert callable(place)
    path, before, current = place(home.home), published_files(home), home.current()
    with closed(path):
        done = home.nightly_process(first=bound_by_permissions())
    assert done.returncode == 3, done
    assert "cannot be read: Permission denied" in done.stdout
    assert path.name in done.stdout or current in done.stdout, "the file is named"
    assert "damaged" not in done.stderr
    assert published_files(home) == before
    assert home.nightly().outcome == "unchanged"
    assert (published_files(home), home.current()) == (before, current)


def test_a_published_roster_of_another_user_is_not_passed_over_without_a_ledger(
    home: SmallHome,
) -> None:
    """Or the night would be published without being compared with what people have."""
    for path in home.home.root.glob("ledger.db*"):
        path.unlink()
    before = published_files(home)
    with closed(home.roster):
        done = home.nightly_process(first=bound_by_permissions())
    assert (done.returncode, "Permission denied" in done.stdout) == (3, True), done
    assert published_files(home) == before


def test_an_unreadable_older_snapshot_leaves_a_damaged_one_where_it_is(home: SmallHome) -> None:
    older = home.current()
    home.upload({"StudentExport.csv": home.read("StudentExport.csv").replace("Korean", "Spanish")})
    lost = home.publish()
    file = home.home.snapshot(NAME, lost)
    file.write_bytes(file.read_bytes()[:-1000])
    before = published_files(home)
    with closed(home.home.snapshot(NAME, older)):
        done = home.nightly_process(first=bound_by_permissions())
    assert (done.returncode, older in done.stdout) == (3, True), done
    assert published_files(home) == before


def test_rollback_to_a_snapshot_of_another_user_says_so(home: SmallHome) -> None:
    with closed(home.roster):
        done = home.command("rollback", NAME, home.current(), first=bound_by_permissions())
    assert (done.returncode, "Permission denied" in done.stderr) == (3, True), done
    assert "is damaged" not in done.stderr


def own_places(home: Home) -> list[Path]:
    return [
        home.attendance(NAME),
        home.published(NAME) / "snapshots",
        home.landing(NAME),
        next(home.landing(NAME).iterdir()),
        home.ledger_file,
        home.outbox(NAME),
    ]


def test_doctor_makes_a_home_its_owners_alone_as_a_run_would(home: SmallHome) -> None:
    home.home.root.chmod(0o755)
    assert "ok  home folder: well" in home.command("doctor", NAME).stdout
    assert home.home.root.stat().st_mode & 0o777 == 0o700


def test_doctor_names_what_another_user_owns(home: SmallHome) -> None:
    healthy = home.command("doctor", NAME, first=bound_by_permissions())
    assert (healthy.returncode, "ok  home folder: well" in healthy.stdout) == (0, True), healthy
    for path in own_places(home.home):
        with closed(path):
            done = home.command("doctor", NAME, first=bound_by_permissions())
        (said,) = [line for line in done.stdout.splitlines() if line.startswith("BAD home folder")]
        assert f"{path} belongs to " in said
        assert f"Run: chmod -R u+rwX {home.home.root}" in said
        assert f"ok  {NAME}: host key, login, folder: well" in done.stdout, "it looks on"
        assert done.returncode == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_doctor_says_whose_it_is_and_who_should_have_it(home: SmallHome) -> None:
    path = home.home.attendance(NAME)
    os.chown(path, 54321, -1)
    done = home.command("doctor", NAME, first=bound_by_permissions())
    assert f"{path} belongs to uid 54321, and root cannot read" in done.stdout
    assert f"Run: chown -R root {home.home.root}" in done.stdout


def test_doctor_looks_on_behind_a_check_that_fails(home: SmallHome) -> None:
    folder = home.home.root / "opt_outs"
    folder.mkdir()
    (folder / f"{NAME}.csv").touch()
    with closed(folder, 0o400):  # its names can be listed, and nothing more is known of them
        done = home.command("doctor", NAME, first=bound_by_permissions())
    assert f"BAD opt-outs: Could not use {folder}/{NAME}.csv: Permission denied" in done.stdout
    assert f"ok  {NAME}: host key, login, folder: well" in done.stdout
    assert (done.returncode, done.stderr) == (3, "")


def test_a_read_only_home_is_said_with_its_path(home: SmallHome) -> None:
    before = published_files(home)
    first = read_only(home.home.root)
    done = home.command("doctor", NAME, first=first)
    assert f"{home.home.root}/doctor.probe: Read-only file system" in done.stdout
    assert f"ok  {NAME}: host key, login, folder: well" in done.stdout, "it looks on"
    assert done.returncode == 3
    for words in (("rollback", NAME, home.current()), ("approve", NAME)):
        done = home.command(*words, first=first)
        assert f"Could not lock {home.home.lock(NAME)}: Read-only file system" in done.stderr
    assert published_files(home) == before


def test_what_cannot_be_written_is_said_also_where_nothing_can_be_removed(tmp_path: Path) -> None:
    target = tmp_path / ("a" * 250)  # the temporary name beside it is too long for the disk
    with pytest.raises(DiskFault, match=f"Could not write {target}: File name"), replacing(target):
        pass


@pytest.mark.parametrize("place", [attendance, roster])
@pytest.mark.parametrize("is_hashed", [True, False])
def test_a_reader_that_holds_a_file_open_for_writing_damages_nothing(
    home: SmallHome, place: object, *, is_hashed: bool
) -> None:
    assert callable(place)
    if not is_hashed:  # then only DuckDB judges the snapshot
        with home.ledger.transaction() as connection:
            connection.execute(sa.update(tables.snapshots).values(file_sha256=None))
    path, current = place(home.home), home.current()
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    reader = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "1\n"
    try:
        with pytest.raises(EnvironmentFault, match="another program has it open for writing"):
            home.nightly()
    finally:
        reader.communicate("\n")
    assert path.exists()
    assert home.current() == current
    assert home.nightly().outcome == "unchanged"


def test_what_is_not_there_is_not_unreadable(tmp_path: Path) -> None:
    assert not is_there(tmp_path / "none")
    (tmp_path / "file").touch()
    assert is_there(tmp_path / "file")
    assert not is_there(tmp_path / "file" / "below")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES])
def test_what_the_system_lacks_is_no_damage(tmp_path: Path, number: int) -> None:
    reason = os.strerror(number)
    for error in (OSError(number, reason), duckdb.IOException(f"Cannot open file: {reason}")):
        with pytest.raises(EnvironmentFault, match=reason):
            refuse_unread(tmp_path / "file", error)


def test_what_the_file_lacks_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    refuse_unread(path, OSError(errno.EIO, os.strerror(errno.EIO)))
    refuse_unread(path, duckdb.IOException("Corrupt database file"))


@pytest.mark.parametrize("what", [(), ("--student", "002")])
def test_nothing_is_certified_where_the_search_could_not_look(
    home: SmallHome, what: tuple[str, ...]
) -> None:
    cleared = home.home.outbox(NAME) / "cleared"
    cleared.mkdir(exist_ok=True)
    (cleared / "list.csv").write_text("student_id\n002\n")
    with closed(cleared):
        done = home.fresh_command("erase", NAME, *what, first=bound_by_permissions())
        assert (done.returncode, "Permission denied" in done.stderr) == (3, True), done
        assert not home.home.certificates.exists()
    done = home.fresh_command("erase", NAME, *what)
    assert done.returncode == 0, done
    assert len(list(home.home.certificates.iterdir())) == 1
    assert not any(b"002" in path.read_bytes() for path in cleared.glob("*"))
