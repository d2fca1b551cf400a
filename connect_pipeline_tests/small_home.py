"""A CONNECT_HOME with one small district, its drop, and the nightly run on it.

For: tests of promises about whole runs. Belongs here: making a home behind a real server, running
the real commands in a process of their own (exit codes and output matter) or the same job in this
one (faster), and reading what was published. Does not belong here: what is expected of it.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import yaml
from sqlalchemy.engine import RowMapping

from connect_pipeline.contract import CORE, SCHOOLS
from connect_pipeline.disk import PARTIAL_SUFFIX
from connect_pipeline.errors import ConnectError
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.ledger import CORE_JOB, Ledger, open_ledger
from connect_pipeline.ledger.tables import holds
from connect_pipeline.outcomes import outcome_exit_code
from connect_pipeline.process.cleared_memory import ALLOCATOR
from connect_pipeline.published import ROSTER_TABLES
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.lifecycle import district_run
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests import small_district
from connect_pipeline_tests.forks import forked
from connect_pipeline_tests.reading import reading

if TYPE_CHECKING:
    from connect_pipeline.launch import Finished
    from connect_pipeline_tests.sshd import OpenSshd

REPOSITORY = Path(__file__).parent.parent
NAME = "springfield"
USER = "springfield"
PASSWORD = "swordfish-of-a-test"
PASSWORD_VARIABLE = "SPRINGFIELD_PASSWORD"
SITES = dict(small_district.DISTRICT.sites)

Row = tuple[Any, ...]
Tables = dict[str, list[Row]]


@dataclass
class SmallHome:
    """One home with the district `springfield`. `drop` is its drop's folder on this machine."""

    home: Home
    drop: Path
    sftp: dict[str, Any]
    sites: dict[str, str] = field(default_factory=lambda: dict(SITES))
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    # -- settings and files ----------------------------------------------------------------

    def write_settings(self, **changes: Any) -> None:
        """Write `districts.yaml`. `sftp` is merged into what the server needs; others are added."""
        self.sftp |= changes.pop("sftp", {})
        self.settings |= changes
        district = {"name": "Springfield", "sftp": self.sftp, "sites": self.sites, **self.settings}
        self.home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.settings_file.write_text(yaml.safe_dump({"districts": {NAME: district}}))
        self.home.settings_file.chmod(0o600)

    def upload(self, files: Mapping[str, str | bytes | None]) -> None:
        """Put files into the drop, each whole at once; None removes one."""
        for name, content in files.items():
            if content is None:
                (self.drop / name).unlink()
                continue
            beside = self.drop / f".{name}.part"
            beside.write_bytes(content if isinstance(content, bytes) else content.encode())
            beside.replace(self.drop / name)

    def read(self, name: str) -> str:
        """A file of the drop, as text."""
        return (self.drop / name).read_text()

    def copy(self, folder: Path) -> SmallHome:
        """The same home and drop again, for a test that changes them. Hard links stay links."""
        home = Home(folder / "home")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(self.home.root), str(home.root)], check=True)
        drop = Path(tempfile.mkdtemp(prefix="drop-", dir=self.drop.parent))
        for file in self.drop.iterdir():
            shutil.copy2(file, drop)
        remote = str(Path(str(self.sftp["folder"])).parent / drop.name)
        again = SmallHome(
            home, drop, {**self.sftp, "folder": remote}, dict(self.sites), dict(self.settings)
        )
        again.environment = dict(self.environment)
        again.write_settings()
        return again

    # -- runs ------------------------------------------------------------------------------

    def process_environment(self, **changes: str) -> dict[str, str]:
        """The environment of a command: nothing of this process's that is about a home."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CONNECT_", "DAGSTER_", "PYTEST_", ALLOCATOR))
        }
        own = {"CONNECT_HOME": str(self.home.root), PASSWORD_VARIABLE: PASSWORD, "COLUMNS": "250"}
        return {**kept, **own, **self.environment, **changes}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "connect_pipeline.cli", *arguments],
            env=self.process_environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fresh_command(
        self, *arguments: str, first: Callable[[], None] | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a user does: Python is started for it."""
        return subprocess.run(
            [sys.executable, "-m", "connect_pipeline.cli", *arguments],
            env=self.process_environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=first,
            check=False,
        )

    def command(
        self, *arguments: str, first: Callable[[], object] | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own, after `first`."""
        work = partial(_command, arguments)
        return forked(work, self.process_environment(**environment), first=first)

    def sync(self) -> subprocess.CompletedProcess[str]:
        """`connect-pipeline sync springfield` in a process of its own."""
        return self.command("sync", NAME)

    def nightly_process(
        self, first: Callable[[], object] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`nightly` in a process of its own, after `first`."""
        return forked(main, self.process_environment(), first=first)

    @contextmanager
    def here(self) -> Iterator[None]:
        """This process with the environment of a command, for calls into the library."""
        before, mask = dict(os.environ), os.umask(0o077)
        os.environ.clear()
        os.environ.update(self.process_environment(DAGSTER_HOME=str(self.home.dagster)))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            os.umask(mask)

    def command_here(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in this process, which has imported everything already."""
        from connect_pipeline import cli

        out, err = io.StringIO(), io.StringIO()
        level = logging.getLogger("connect_pipeline").level
        with self.here(), redirect_stdout(out), redirect_stderr(err):
            os.environ.update(environment)
            before, sys.argv = sys.argv, ["connect-pipeline", *arguments]
            try:
                cli.main()
                code: object = 0
            except SystemExit as stop:
                code = stop.code
            finally:
                sys.argv = before
                logging.getLogger("connect_pipeline").setLevel(level)
        return subprocess.CompletedProcess(
            arguments, int(str(code or 0)), *(stream.getvalue() for stream in (out, err))
        )

    def run(self, job: str = "nightly_sync") -> Finished:
        """The same run as `sync`, through Dagster, in this process."""
        from connect_pipeline.launch import run_job

        with self.here():
            return run_job(self.home, job, NAME)

    def materialized(self, run_id: str) -> dict[str, dict[str, Any]]:
        """What each asset told when this run materialized it, by its name."""
        import dagster as dg

        with self.here(), dg.DagsterInstance.get() as instance:
            records = instance.get_records_for_run(
                run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
            ).records
        made = [one.event_log_entry.asset_materialization for one in records]
        return {
            one.asset_key.to_user_string(): {
                name: value.value for name, value in one.metadata.items()
            }
            for one in made
            if one is not None
        }

    def nightly(self) -> DistrictRun:
        """The steps of the nightly job without Dagster around them: a third of the time.

        Returns the run after its end; raises when it could not begin.
        """
        with self.here():
            return _nightly(self.home)

    def publish(self) -> str:
        """Run, prove that something was published, and return the snapshot's ID."""
        run = self.nightly()
        assert run.outcome == "published", f"{run.outcome}: {run.message}"
        assert run.snapshot_id is not None
        return run.snapshot_id

    # -- what came of it -------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        with self.here():
            return open_ledger(self.home)

    def current(self) -> str:
        """The ID of the current snapshot."""
        row = self.ledger.current_snapshot(NAME)
        assert row is not None
        return str(row["snapshot_id"])

    def holds(self) -> Sequence[RowMapping]:
        """All holds, newest first."""
        return self.ledger.rows(
            sa.select(holds).where(holds.c.district == NAME).order_by(holds.c.id.desc())
        )

    def snapshots(self) -> list[str]:
        """The IDs of the snapshot files, oldest first."""
        folder = self.home.published(NAME) / "snapshots"
        return sorted(path.stem for path in folder.glob("*.duckdb"))

    @property
    def roster(self) -> Path:
        return self.home.roster(NAME)

    def query(self, sql: str) -> list[Row]:
        """Rows of the published roster."""
        with reading(self.roster) as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> Tables:
        """Every published table and view, sorted, by its name with schema."""
        return tables_of(self.roster)

    def content(self) -> str:
        """One digest over all that a night says; the same for the same night published twice."""
        return content_of(self.roster)

    def roster_bytes(self) -> str:
        """A digest of the published file's bytes."""
        return hashlib.sha256(self.roster.read_bytes()).hexdigest()

    def assert_tidy(self) -> None:
        """Nothing is left of what was begun and not ended, and files and ledger agree."""
        left = [str(path) for path in self.home.root.rglob(f"*{PARTIAL_SUFFIX}")]
        assert left == []
        assert not self.home.scratch(NAME).exists()
        rows = self.ledger.snapshots_of(NAME)
        assert {str(row["snapshot_id"]) for row in rows} == set(self.snapshots())
        assert {row["state"] for row in rows} == {"published"}
        assert self.roster.samefile(self.home.snapshot(NAME, self.current()))


def python_path(*first: Path) -> str:
    """PYTHONPATH of a process of its own: these, this repository, and what this process has."""
    own = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    return os.pathsep.join([*map(str, (*first, REPOSITORY)), *own])


def _nightly(home: Home) -> DistrictRun:
    run: DistrictRun | None = None
    try:
        with district_run(home, NAME, uuid.uuid4().hex, CORE_JOB) as run:
            try:
                _steps(run)
            except Exception as error:
                raise as_our_error(error) from None
    except ConnectError:
        if run is None:
            raise
    return run


def _steps(run: DistrictRun) -> None:
    """What the assets of `nightly_sync` call, in their order."""
    for spec in (*CORE, SCHOOLS):
        run.visit.receive(spec)
    run.visit.confirm()
    if run.night.ends_unchanged():
        run.night.list_low_balances()
        return
    run.refuse_missing(CORE)
    for spec in (SCHOOLS, *CORE):
        run.check(spec)
    run.night.build()
    if run.night.settle_hold():
        run.night.publish()
        run.night.list_low_balances()


def tables_of(roster: Path) -> Tables:
    """Every table and view of a snapshot, sorted, by its name with schema."""
    with reading(roster) as connection:
        return {
            table.name: connection.execute(f"FROM {table.name} ORDER BY ALL").fetchall()
            for table in ROSTER_TABLES
        }


def content_of(roster: Path) -> str:
    """A digest over all tables, without what names the run: ID, time, run, the night before."""
    tables = tables_of(roster)
    tables["connect.snapshot"] = [row[4:] for row in tables["connect.snapshot"]]
    return hashlib.sha256(repr(sorted(tables.items())).encode()).hexdigest()


@contextmanager
def serving(root: Path) -> Iterator[EmbeddedServer]:
    """An embedded server for the drops of many small homes."""
    with EmbeddedServer(root, USER, PASSWORD) as server:
        yield server


def small_home(
    server: EmbeddedServer | OpenSshd,
    folder: Path,
    files: Mapping[str, str | bytes] | None = None,
    *,
    sites: Mapping[str, str] | None = None,
    **settings: Any,
) -> SmallHome:
    """A home below `folder` whose drop is behind `server`; by default with the small district."""
    if isinstance(server, EmbeddedServer):
        drop = Path(tempfile.mkdtemp(prefix="drop-", dir=server.root))
        login = {
            "username": USER,
            "password_env": PASSWORD_VARIABLE,
            "folder": f"/{drop.name}",
        }
    else:
        drop = folder / "drop"
        drop.mkdir(parents=True)
        login = {
            "username": server.settings(drop).username,
            "private_key": str(server.private_key),
            "folder": str(drop),
        }
    place = {"host": "127.0.0.1", "port": server.port, "host_key": server.host_key_line}
    made = SmallHome(Home(folder / "home"), drop, {**place, **login}, dict(sites or SITES))
    made.upload(small_district.FILES if files is None else files)
    made.write_settings(**settings)
    return made


def with_rows(text: str, *rows: str) -> str:
    """An export with more rows at its end."""
    return text + "".join(f"{row}\n" for row in rows)


def without_rows(text: str, *starts: str) -> str:
    """An export less the rows that begin so."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(starts))


def classes_of(home: SmallHome, student: str) -> set[tuple[str, str]]:
    """School and period of each class that a student is published in."""
    return set(
        home.query(f"SELECT school, period FROM connect.rosters WHERE student_id = '{student}'")
    )


def contacts_of(home: SmallHome, student: str) -> list[tuple[Any, ...]]:
    """Relation and phone of each contact that a student is published with."""
    return home.query(
        f"SELECT relation, phone FROM connect.contacts WHERE student_id = '{student}' ORDER BY ALL"
    )


def _command(arguments: Sequence[str]) -> None:
    from connect_pipeline import cli

    sys.argv = ["connect-pipeline", *arguments]
    cli.process()


def main() -> None:
    """What `nightly_process` runs."""
    os.umask(0o077)
    try:
        run = _nightly(Home.from_environment())
    except ConnectError as error:
        print(error)  # noqa: T201 - the answer of this process
        sys.exit(error.exit_code)
    print(run.outcome, run.message)  # noqa: T201 - the answer of this process
    sys.exit(outcome_exit_code(run.outcome))
