"""A PostgreSQL server of our own, for tests of a ledger on it.

For: `running_postgres`, `empty`, with which each test begins, and `wait_for_waiting`. Does not
belong here: what is expected of the ledger.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from connect_pipeline_tests.system_parts import require


def as_user() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server of our own, on a loopback port, gone afterwards."""
    initdb, pg_ctl = require("initdb"), require("pg_ctl")
    # Not below pytest's folder, which another user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="connect-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    try:
        command = [*as_user(), initdb, "-D", str(data), "-U", "connect", "-A", "trust"]
        subprocess.run(command, **quiet)  # type: ignore[call-overload]
        start = [*as_user(), pg_ctl, "-D", str(data), "-w", "-o", options]
        subprocess.run([*start, "-l", str(folder / "log"), "start"], **quiet)  # type: ignore[call-overload]
        yield f"postgresql+psycopg2://connect@127.0.0.1:{port}/postgres"
        stop = [*as_user(), pg_ctl, "-D", str(data), "-m", "immediate", "stop"]
        subprocess.run(stop, **quiet)  # type: ignore[call-overload]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def empty(url: str) -> None:
    """Drop every table."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    engine.dispose()


def wait_for_waiting(url: str, sessions: int) -> None:
    """Wait until so many sessions wait for a lock of another one."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    deadline = time.monotonic() + 30
    with engine.connect() as connection:
        while connection.exec_driver_sql(waiting).scalar() != sessions:
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.02)
    engine.dispose()
