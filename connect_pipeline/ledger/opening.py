"""Opening the ledger: its database, made or migrated when needed, and its key.

Belongs here: SQLite below the home or Postgres by `CONNECT_LEDGER_URL`, migrations,
`CONNECT_LEDGER_KEY` or `ledger.key`. Does not belong here: what is in it (`ledger.py`).
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from connect_pipeline.disk import (
    PARTIAL_SUFFIX,
    PRIVATE_FILE,
    disk_fault,
    partials_of,
    replacing,
    sync_folder,
)
from connect_pipeline.errors import DatabaseFault, EnvironmentFault, SettingsError
from connect_pipeline.foreign_errors import server_refused
from connect_pipeline.home import Home, private_home
from connect_pipeline.ledger import postgres
from connect_pipeline.ledger.ledger import Ledger
from connect_pipeline.ledger.tables import ledger_key, listed

MIGRATIONS = Path(__file__).parent / "migrations"
LATEST_MIGRATION = max(path.name[:4] for path in MIGRATIONS.glob("versions/[0-9]*.py"))
LOCK_SECONDS = 30
KEY_CHARACTERS = 64
MAKING_SECONDS = 60


def open_ledger(home: Home) -> Ledger:
    """The ledger of `home`, made or migrated when needed.

    Raises `EnvironmentFault` when its database cannot be reached, or its key is lost or another.
    """
    private_home(home)
    given = os.environ.get("CONNECT_LEDGER_URL")
    try:
        # Never a path as part of a URL: there, `?` and `%` mean something else.
        url = sa.make_url(given or sa.URL.create("sqlite", database=str(home.ledger_file)))
        engine = _engine(url)
    except (sa.exc.ArgumentError, ValueError, ImportError) as error:  # the URL may hold a password
        raise SettingsError(
            f"CONNECT_LEDGER_URL names no database that can be used ({type(error).__name__})."
            " Write it as postgresql+psycopg2://..., and install connect-pipeline[postgres]."
        ) from None
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, Path(engine.url.database or home.ledger_file))
    try:
        _migrate(engine)
    except sa.exc.DBAPIError as error:
        kind = DatabaseFault if server_refused(error) else EnvironmentFault
        raise kind(
            f"The ledger cannot be opened ({type(error.orig).__name__}). Check CONNECT_LEDGER_URL,"
            " the server, the disk, and that no other program holds it locked."
        ) from None
    ledger = Ledger(engine, _key(home, engine))
    _refuse_another_key(ledger)
    return ledger


def has_ledger(home: Home) -> bool:
    """Whether there is a ledger to be opened; else `open_ledger` makes one."""
    return bool(os.environ.get("CONNECT_LEDGER_URL")) or home.ledger_file.exists()


def refuse_gone(home: Home) -> None:
    """Raise `EnvironmentFault` when there is no ledger and what was made with one is there.

    For who only looks: an empty one in its place says that all is well.
    """
    made_with_it = ("published/*/*", "outbox/*/*", "certificates/*")
    if not has_ledger(home) and any(any(home.root.glob(one)) for one in made_with_it):
        raise EnvironmentFault(
            f"{home.ledger_file} is gone, and what was published is not: restore a backup. Where"
            " there is none, a run makes a new ledger, which does not know who was told. If the"
            " ledger is in another database, set CONNECT_LEDGER_URL here, too."
        )


def _engine(url: sa.URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return sa.create_engine(url, connect_args={"timeout": LOCK_SECONDS}, hide_parameters=True)
    if url.get_driver_name() != "psycopg2":
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = sa.create_engine(
        url, connect_args=postgres.connect_args(url), pool_pre_ping=True, hide_parameters=True
    )
    postgres.limit_waiting(engine)
    return engine


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
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise SettingsError(
                "The ledger's database is in use by something else, such as Dagster, or by another"
                " version of connect_pipeline: use that one. Else let CONNECT_LEDGER_URL name a"
                " database of its own."
            ) from None


def _key(home: Home, engine: Engine) -> bytes:
    """`CONNECT_LEDGER_KEY`, or a random key made at first use in `ledger.key`."""
    given = os.environ.get("CONNECT_LEDGER_KEY")
    if given:
        return given.encode()
    path = home.ledger_key_file
    if not path.exists():
        _make_key(path, engine)
    _remove_left(path)
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise _key_fault(path, f"cannot be read: {error.strerror}") from None
    if len(key) < KEY_CHARACTERS:
        raise _key_fault(path, "is not whole")
    return key


def _make_key(path: Path, engine: Engine) -> None:
    """Make the key, once: of processes that begin at the same time all read the first one's."""
    with Ledger(engine, b"").transaction() as connection:
        if path.exists():
            return
        if _has_listed(connection):
            raise _key_fault(path, "is not there")
    mine = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")
    with replacing(mine) as file:
        file.write(secrets.token_hex(KEY_CHARACTERS // 2).encode())
    try:
        os.link(mine, path)  # never over the key of a process that was faster: PostgreSQL lets both
        sync_folder(path.parent)
    except FileExistsError:
        pass
    except OSError as error:
        raise disk_fault(error, f"make {path}") from None
    finally:
        mine.unlink(missing_ok=True)


def _remove_left(path: Path) -> None:
    """Remove a second key, of a process that was killed as it made one; that takes no minute."""
    for left in partials_of(path):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > MAKING_SECONDS:
                left.unlink()


def _refuse_another_key(ledger: Ledger) -> None:
    """Note the key at first use. While nobody was listed, another one may take its place."""
    mine = ledger.hashed("the key of this ledger")
    with ledger.engine.connect() as connection:
        noted = connection.execute(sa.select(ledger_key.c.key_check)).scalar()
    if noted == mine:
        return
    with ledger.transaction() as connection:
        if noted is not None and _has_listed(connection):
            raise EnvironmentFault(
                "The ledger's key is not the one with which it noted who was told, so everybody"
                " would be told again. Set CONNECT_LEDGER_KEY as it was (in the shell, for Dagster"
                " and for its daemon alike), or restore ledger.key."
            )
        connection.execute(sa.delete(ledger_key))
        connection.execute(sa.insert(ledger_key).values(id=1, key_check=mine))


def _has_listed(connection: Connection) -> bool:
    """Whether anybody was ever listed, so that another key would not know who was told."""
    return connection.execute(sa.select(listed.c.batch_id).limit(1)).first() is not None


def _key_fault(path: Path, what: str) -> EnvironmentFault:
    """With another key nobody would be recognised as told already, and all be told again."""
    return EnvironmentFault(
        f"The ledger's key {path} {what}. Restore it from a backup, or take that of the machine"
        " that made it (CONNECT_LEDGER_KEY); without it the ledger does not know who was told"
        " already."
    )
