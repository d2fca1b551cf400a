"""The ledger: small facts that must never be lost, in a transactional database.

For: what was received and what became of it, holds and what was decided, snapshots, batches and
who was listed, what was disclosed and erased. SQLite below the home by default, Postgres by
`CONNECT_LEDGER_URL`.
Belongs here: the tables and one method per fact. Does not belong here: why something is held or
listed (`roster/`, `attendance/`), and any destination in clear text: those are keyed hashes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from connect_pipeline.errors import DiskFault, EnvironmentFault, SettingsError, UsageError
from connect_pipeline.home import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    Home,
    disk_fault,
    private_folder,
    replacing,
)

CORE_JOB = "core"
ATTENDANCE_JOB = "attendance"
PREVIEW_JOB = "preview"  # what the attendance job would list, as counts; lists nobody
"""The jobs, as runs, holds and alarms name them."""

LATEST_MIGRATION = "0003"
LOCK_SECONDS = 30
KEY_CHARACTERS = 64

metadata = sa.MetaData()

# All times are UTC, ISO 8601, to the second; both databases sort them as text.
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("job", sa.String, nullable=False),
    sa.Column("started_at", sa.String, nullable=False),
    sa.Column("ended_at", sa.String),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("codes", sa.JSON, nullable=False),
    sa.Column("message", sa.String, nullable=False),
)
received = sa.Table(
    "received",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("export", sa.String, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("uploaded_at", sa.String, nullable=False),
    sa.Column("received_at", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
)
snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("snapshot_id", sa.String, primary_key=True),
    sa.Column("district", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),  # publishing, published
    sa.Column("published_at", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("set_sha256", sa.String, nullable=False),
    sa.Column("exports", sa.JSON, nullable=False),
    sa.Column("file_sha256", sa.String),  # of the snapshot's file; NULL before migration 0003
)
current = sa.Table(
    "current",
    metadata,
    sa.Column("district", sa.String, primary_key=True),
    sa.Column("snapshot_id", sa.String, nullable=False),
    sa.Column("rolled_back", sa.Boolean, nullable=False),
)
holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("job", sa.String, nullable=False),  # core, attendance
    sa.Column("set_sha256", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # held, approved, discarded, superseded, expired
    sa.Column("codes", sa.JSON, nullable=False),
    sa.Column("held_at", sa.String, nullable=False),
    sa.Column("decided_at", sa.String),
    sa.Column("decided_by", sa.String),  # a person; NULL when time or other files decided
    sa.Column("preview", sa.JSON),  # counts and sentences, never a name (roster/preview.py)
)
# Which snapshot consumers read from when on: one row is a publication or a rollback.
publications = sa.Table(
    "publications",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("snapshot_id", sa.String, nullable=False),
    sa.Column("current_from", sa.String, nullable=False),
    sa.Column("rolled_back", sa.Boolean, nullable=False),
    sa.Column("by", sa.String),  # a person; NULL when a run published
)
disclosures = sa.Table(
    "disclosures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("disclosed_at", sa.String, nullable=False),
    sa.Column("disclosed_by", sa.String, nullable=False),
    sa.Column("snapshot_id", sa.String, nullable=False),
    sa.Column("format", sa.String, nullable=False),
    sa.Column("folder", sa.String, nullable=False),
    sa.Column("tables", sa.JSON, nullable=False),  # {table: {"columns": [...], "rows": n}}
)
# `subject_hash` is a keyed hash of a student ID, or '' for the whole district; `key_check` shows
# whether the key is still the one that it was made with.
erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("subject_hash", sa.String, nullable=False),
    sa.Column("key_check", sa.String, nullable=False),
    sa.Column("erased_at", sa.String, nullable=False),
    sa.Column("erased_by", sa.String, nullable=False),
    sa.Column("completed_at", sa.String),
    sa.Column("lifted_at", sa.String),
    sa.Column("lifted_by", sa.String),
)
batches = sa.Table(
    "batches",
    metadata,
    sa.Column("batch_id", sa.String, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("date", sa.String, nullable=False),
    sa.Column("listed_at", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("file_sha256", sa.String, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
)
listed = sa.Table(
    "listed",
    metadata,
    sa.Column("district", sa.String, primary_key=True),
    sa.Column("date", sa.String, primary_key=True),
    sa.Column("student_id", sa.String, primary_key=True),
    sa.Column("period", sa.String, primary_key=True),
    sa.Column("channel", sa.String, primary_key=True),
    sa.Column("destination_hash", sa.String, primary_key=True),
    sa.Column("batch_id", sa.String, nullable=False, index=True),
)
alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("job", sa.String, nullable=False),
    sa.Column("cause", sa.String, nullable=False),
    sa.Column("night", sa.String, nullable=False),
    sa.Column("codes", sa.JSON, nullable=False),
    sa.Column("run_id", sa.String),
    sa.Column("raised_at", sa.String, nullable=False),
    sa.Column("cleared_at", sa.String),
)
alarm_notices = sa.Table(
    "alarm_notices",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("alarm_id", sa.Integer, nullable=False, index=True),
    sa.Column("event", sa.String, nullable=False),  # alarm, all_clear
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_try_at", sa.String, nullable=False),
    sa.Column("delivered_at", sa.String),
)


def now() -> datetime:
    """The time of day in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def stamp(moment: datetime) -> str:
    """A time as the ledger stores it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rising(moment: datetime, newest: datetime | None) -> datetime:
    """`moment`, or a second after the newest of its kind, so that a district's times rise.

    The ledger's times are to the second: two within one would sort by chance, and so would two
    around a clock that goes back.
    """
    return moment if newest is None else max(moment, newest + timedelta(seconds=1))


def set_sha256(exports: dict[str, str]) -> str:
    """What exactly a set of files is: one hash over names and content hashes."""
    return hashlib.sha256(json.dumps(sorted(exports.items())).encode()).hexdigest()


@dataclass(frozen=True)
class Ledger:
    """The open ledger. Each method is one transaction, unless it is given a connection."""

    engine: Engine
    key: bytes

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at once, so that readers in it cannot be stale.

        Raises `EnvironmentFault` when the ledger cannot be reached, is locked for long or full.
        """
        try:
            with self.engine.begin() as connection:
                if connection.dialect.name == "sqlite":
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        except sa.exc.DBAPIError as error:
            reason = type(error.orig).__name__
            raise DiskFault(
                f"The ledger could not be written ({reason})."
                " Check its disk and its lock, then retry."
            ) from None

    def rows(self, query: sa.Select[Any]) -> Sequence[RowMapping]:
        """The rows of a read-only query."""
        with self.transaction() as connection:
            return connection.execute(query).mappings().all()

    def hashed(self, destination: str) -> str:
        """A destination as the ledger stores it: HMAC-SHA-256 with the ledger's key."""
        return hmac.new(self.key, destination.encode(), hashlib.sha256).hexdigest()

    def start_run(self, run_id: str, district: str, job: str) -> None:
        """A run begins. Its outcome is `running` until `end_run`."""
        with self.transaction() as connection:
            connection.execute(sa.delete(runs).where(runs.c.run_id == run_id))
            newest = connection.execute(
                sa.select(sa.func.max(runs.c.started_at)).where(runs.c.district == district)
            ).scalar()
            before = None if newest is None else datetime.fromisoformat(newest)
            connection.execute(
                sa.insert(runs).values(
                    run_id=run_id,
                    district=district,
                    job=job,
                    started_at=stamp(rising(now(), before)),
                    outcome="running",
                    codes={},
                    message="",
                )
            )

    def end_interrupted(self, district: str, message: str) -> Sequence[str]:
        """End the runs of a district that were cut off; their IDs. Its lock must be held."""
        with self.transaction() as connection:
            cut_off = sa.and_(runs.c.district == district, runs.c.outcome == "running")
            run_ids = connection.execute(sa.select(runs.c.run_id).where(cut_off)).scalars().all()
            if run_ids:
                connection.execute(
                    sa.update(runs)
                    .where(cut_off)
                    .values(outcome="failed:3", message=message, ended_at=stamp(now()))
                )
        return run_ids

    def end_run(self, run_id: str, outcome: str, codes: dict[str, int], message: str = "") -> None:
        """A run ends: what became of it, the counts of its findings, a sentence for a person."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(runs)
                .where(runs.c.run_id == run_id)
                .values(outcome=outcome, codes=codes, message=message, ended_at=stamp(now()))
            )

    def run(self, run_id: str) -> RowMapping | None:
        """One run, or None."""
        found = self.rows(sa.select(runs).where(runs.c.run_id == run_id))
        return found[0] if found else None

    def runs_of(self, district: str, limit: int) -> Sequence[RowMapping]:
        """The last runs of a district, newest first."""
        return self.rows(
            sa.select(runs)
            .where(runs.c.district == district)
            .order_by(runs.c.started_at.desc(), runs.c.run_id)
            .limit(limit)
        )

    def record_received(
        self,
        district: str,
        export: str,
        sha256: str,
        size: int,
        uploaded_at: datetime,
        run_id: str,
    ) -> None:
        """A file has landed."""
        with self.transaction() as connection:
            connection.execute(
                sa.insert(received).values(
                    district=district,
                    export=export,
                    sha256=sha256,
                    bytes=size,
                    uploaded_at=stamp(uploaded_at),
                    received_at=stamp(now()),
                    run_id=run_id,
                )
            )

    def last_received(self, district: str, export: str) -> RowMapping | None:
        """The newest receipt of an export, or None."""
        found = self.rows(
            sa.select(received)
            .where(received.c.district == district, received.c.export == export)
            .order_by(received.c.id.desc())
            .limit(1)
        )
        return found[0] if found else None

    def begin_snapshot(
        self,
        district: str,
        snapshot_id: str,
        published_at: datetime,
        run_id: str,
        exports: dict[str, Any],
        set_hash: str,
        file_sha256: str | None = None,
    ) -> None:
        """A snapshot file is about to be renamed into place."""
        with self.transaction() as connection:
            connection.execute(
                sa.insert(snapshots).values(
                    district=district,
                    snapshot_id=snapshot_id,
                    state="publishing",
                    published_at=stamp(published_at),
                    run_id=run_id,
                    set_sha256=set_hash,
                    exports=exports,
                    file_sha256=file_sha256,
                )
            )

    def make_current(
        self,
        district: str,
        snapshot_id: str,
        *,
        rolled_back: bool = False,
        by: str | None = None,
    ) -> None:
        """This snapshot is what consumers read now; `by` names the person who went back to it.

        Approvals of other files end here, and a rollback ends all of them: what was approved
        against another roster must not get through months later because the same bytes come back.
        """
        with self.transaction() as connection:
            connection.execute(
                sa.update(snapshots)
                .where(snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id)
                .values(state="published")
            )
            connection.execute(sa.delete(current).where(current.c.district == district))
            connection.execute(
                sa.insert(current).values(
                    district=district, snapshot_id=snapshot_id, rolled_back=rolled_back
                )
            )
            connection.execute(
                sa.insert(publications).values(
                    district=district,
                    snapshot_id=snapshot_id,
                    current_from=stamp(now()),
                    rolled_back=rolled_back,
                    by=by,
                )
            )
            published_set = sa.select(snapshots.c.set_sha256).where(
                snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id
            )
            others = sa.true() if rolled_back else holds.c.set_sha256.not_in(published_set)
            connection.execute(
                sa.update(holds)
                .where(
                    holds.c.district == district,
                    holds.c.job == CORE_JOB,
                    holds.c.state == "approved",
                    others,
                )
                .values(state="superseded")
            )

    def current_snapshot(self, district: str) -> RowMapping | None:
        """The current snapshot's row, with `rolled_back`, or None before the first one."""
        found = self.rows(
            sa.select(snapshots, current.c.rolled_back)
            .join(
                current,
                sa.and_(
                    current.c.district == snapshots.c.district,
                    current.c.snapshot_id == snapshots.c.snapshot_id,
                ),
            )
            .where(snapshots.c.district == district)
        )
        return found[0] if found else None

    def publications_of(self, district: str, until: datetime | None = None) -> Sequence[RowMapping]:
        """Publications and rollbacks, newest first; with `until`, those up to that time."""
        query = sa.select(publications).where(publications.c.district == district)
        if until is not None:
            query = query.where(publications.c.current_from <= stamp(until))
        return self.rows(query.order_by(publications.c.id.desc()))

    def snapshots_of(self, district: str) -> Sequence[RowMapping]:
        """All snapshots of a district, newest first."""
        return self.rows(
            sa.select(snapshots)
            .where(snapshots.c.district == district)
            .order_by(snapshots.c.snapshot_id.desc())
        )

    def note_file(self, district: str, snapshot_id: str, file_sha256: str | None) -> None:
        """A snapshot's file has this hash now; None while it is being replaced."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(snapshots)
                .where(snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id)
                .values(file_sha256=file_sha256)
            )

    def forget_snapshot(self, district: str, snapshot_id: str) -> None:
        """A snapshot's file is gone (retention, or a kill before its rename)."""
        with self.transaction() as connection:
            connection.execute(
                sa.delete(snapshots).where(
                    snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id
                )
            )

    def hold(
        self,
        district: str,
        job: str,
        set_hash: str,
        codes: dict[str, int],
        preview: dict[str, Any] | None = None,
    ) -> None:
        """These bytes are held. Older undecided holds of the job are superseded.

        The same bytes again stay held since the first time, with what was seen this time.
        """
        with self.transaction() as connection:
            open_holds = sa.and_(
                holds.c.district == district, holds.c.job == job, holds.c.state == "held"
            )
            same = connection.execute(
                sa.select(holds.c.id).where(open_holds, holds.c.set_sha256 == set_hash)
            ).first()
            connection.execute(
                sa.update(holds)
                .where(open_holds, holds.c.set_sha256 != set_hash)
                .values(state="superseded", decided_at=stamp(now()))
            )
            seen: dict[str, Any] = {"codes": codes, "preview": preview or {}}
            if same is None:
                connection.execute(
                    sa.insert(holds).values(
                        district=district,
                        job=job,
                        set_sha256=set_hash,
                        state="held",
                        held_at=stamp(now()),
                        **seen,
                    )
                )
            else:
                connection.execute(sa.update(holds).where(holds.c.id == same.id).values(**seen))

    def expire_holds(self, district: str, before: datetime) -> int:
        """Holds from before `before` can no longer be approved; returns how many that were.

        What was judged against a roster of last week says nothing about tonight's.
        """
        with self.transaction() as connection:
            expired = connection.execute(
                sa.update(holds)
                .where(
                    holds.c.district == district,
                    holds.c.state == "held",
                    holds.c.held_at < stamp(before),
                )
                .values(state="expired", decided_at=stamp(now()))
            )
            return int(expired.rowcount)

    def holds_of(self, district: str, limit: int) -> Sequence[RowMapping]:
        """The last holds of a district, whatever became of them, newest first."""
        return self.rows(
            sa.select(holds)
            .where(holds.c.district == district)
            .order_by(holds.c.id.desc())
            .limit(limit)
        )

    def supersede_holds(self, district: str, job: str) -> None:
        """Other files were dealt with: nobody waits any more for what was held."""
        with self.transaction() as connection:
            connection.execute(
                sa.update(holds)
                .where(holds.c.district == district, holds.c.job == job, holds.c.state == "held")
                .values(state="superseded", decided_at=stamp(now()))
            )

    def open_hold(self, district: str, job: str) -> RowMapping | None:
        """The undecided hold, or None."""
        found = self.rows(
            sa.select(holds).where(
                holds.c.district == district, holds.c.job == job, holds.c.state == "held"
            )
        )
        return found[0] if found else None

    def decision(self, district: str, job: str, set_hash: str) -> str | None:
        """The state of the last hold on exactly these bytes; None when they were never held."""
        found = self.rows(
            sa.select(holds.c.state)
            .where(
                holds.c.district == district,
                holds.c.job == job,
                holds.c.set_sha256 == set_hash,
            )
            .order_by(holds.c.id.desc())
            .limit(1)
        )
        return str(found[0]["state"]) if found else None

    def decide(self, district: str, job: str, state: str, by: str) -> RowMapping:
        """Approve or discard the open hold; returns it.

        Raises `UsageError` when nothing is held.
        """
        hold = self.open_hold(district, job)
        if hold is None:
            raise UsageError(
                f"Nothing is held for {district}; `status {district}` shows its state."
            )
        with self.transaction() as connection:
            connection.execute(
                sa.update(holds)
                .where(holds.c.id == hold["id"])
                .values(state=state, decided_at=stamp(now()), decided_by=by)
            )
        return hold


def open_ledger(home: Home) -> Ledger:
    """The ledger of `home`, made or migrated when needed.

    Raises `EnvironmentFault` when its database cannot be reached, or its key is lost.
    """
    private_folder(home.root)
    with suppress(OSError):  # whose folder it is not, is told by `doctor`
        home.root.chmod(PRIVATE_FOLDER)
    given = os.environ.get("CONNECT_LEDGER_URL")
    try:
        # Never a path as part of a URL: there, `?` and `%` mean something else.
        url = sa.make_url(given or sa.URL.create("sqlite", database=str(home.ledger_file)))
        engine = sa.create_engine(url, **_engine_options(url))
    except (sa.exc.ArgumentError, ImportError) as error:  # the URL may hold a password
        raise SettingsError(
            f"CONNECT_LEDGER_URL names no database that can be used ({type(error).__name__})."
            " Write it as postgresql+psycopg2://..., and install connect-pipeline[postgres]."
        ) from None
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, Path(engine.url.database or home.ledger_file))
    try:
        _migrate(engine)
    except sa.exc.DBAPIError as error:
        raise EnvironmentFault(
            f"The ledger cannot be opened ({type(error.orig).__name__}). Check CONNECT_LEDGER_URL,"
            " the server and the disk."
        ) from None
    return Ledger(engine, _key(home, engine))


def _engine_options(url: sa.URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": LOCK_SECONDS}, "hide_parameters": True}
    return {"hide_parameters": True, "pool_pre_ping": True}


def _prepare_sqlite(engine: Engine, path: Path) -> None:
    """Owner-only file, full durability, and transactions that we begin ourselves."""
    if not path.exists():
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, PRIVATE_FILE))
        except OSError as error:
            raise disk_fault(error, f"make {path}") from None

    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # sqlite3 would begin a transaction only at the first write, too late for a read to be
        # part of it; SQLAlchemy's documentation, "Serializable isolation / Savepoints".
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA foreign_keys = ON")


def _migrate(engine: Engine) -> None:
    """Bring the tables to the latest migration; Alembic is imported only when there is one."""
    with engine.connect() as connection:
        if sa.inspect(connection).has_table("alembic_version"):
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            if version == LATEST_MIGRATION:
                return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise SettingsError(
                "The ledger's database is in use by something else, such as Dagster, or by a newer"
                " version of connect_pipeline. Let CONNECT_LEDGER_URL name a database of its own."
            ) from None


def _key(home: Home, engine: Engine) -> bytes:
    """`CONNECT_LEDGER_KEY`, or a random key made at first use in `ledger.key`."""
    given = os.environ.get("CONNECT_LEDGER_KEY")
    if given:
        return given.encode()
    path = home.ledger_key_file
    if not path.exists():
        _make_key(path, engine)
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise _key_fault(path, f"cannot be read: {error.strerror}") from None
    if len(key) < KEY_CHARACTERS:
        raise _key_fault(path, "is not whole")
    return key


def _make_key(path: Path, engine: Engine) -> None:
    """Make the key, once, also when two processes begin at the same time."""
    with Ledger(engine, b"").transaction() as connection:
        if path.exists():
            return
        if connection.execute(sa.select(listed.c.batch_id).limit(1)).first() is not None:
            raise _key_fault(path, "is gone")
        with replacing(path) as file:
            file.write(secrets.token_hex(KEY_CHARACTERS // 2).encode())


def _key_fault(path: Path, what: str) -> EnvironmentFault:
    """With another key nobody would be recognised as told already, and all be told again."""
    return EnvironmentFault(
        f"The ledger's key {path} {what}. Restore it from a backup; without it the ledger does not"
        " know who was told already."
    )
