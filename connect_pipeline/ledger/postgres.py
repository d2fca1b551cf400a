"""A ledger on Postgres: how long its connections wait for a server that may be gone.

For: `opening.py`. Without limits, a run waits without end for a server that is silent, and so does
the next one for the lock of a session that lost its run.
Belongs here: these limits. Does not belong here: what is said when one is reached
(`foreign_errors.py`).
"""

from __future__ import annotations

import select
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

CONNECT_SECONDS = 40
"""Longer than `tcp_user_timeout`, so that of several hosts the next one has its turn."""
NETWORK = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""libpq's parameters: how soon it sees that the other end is gone."""
# Listing 75,000 students takes some four seconds, a second of them between two statements. A
# session whose run is lost ends before whoever waits for its lock gives up, so that one goes on.
SESSION = {"idle_in_transaction_session_timeout": "120s", "lock_timeout": "150s"}
"""The server's settings of a session of ours."""
SILENT_SECONDS = 240
"""After the limits of the server, which says more."""

# What the server has for everybody was not meant for us; what is set for our role, for our database
# or in the URL was. No `options`, which PgBouncer refuses.
LIMIT = (
    "SELECT set_config(name, %s, false) FROM pg_settings"
    " WHERE name = %s AND source IN ('default', 'configuration file')"
)


def connect_args(url: sa.URL) -> dict[str, Any]:
    """How to connect, but for what the operator says in the URL.

    Raises `ValueError` for a limit that is no number.
    """
    int(str(url.query.get("connect_timeout", CONNECT_SECONDS)))
    return {name: value for name, value in NETWORK.items() if name not in url.query}


def limit_waiting(engine: Engine) -> None:
    """Let its connections, and all others of psycopg2 in this process, wait for so long only."""
    import psycopg2.extensions

    # Also of Dagster's: psycopg2 knows one way of waiting for all. Its own has no limit.
    psycopg2.extensions.set_wait_callback(_wait)

    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name, limit in SESSION.items():
                cursor.execute(LIMIT, (limit, name))
        connection.autocommit = False


def _wait(connection: Any) -> None:
    """Wait for the server's answer; psycopg2 closes the connection when this raises."""
    from psycopg2 import OperationalError, extensions

    limit = SILENT_SECONDS
    if connection.status == extensions.STATUS_SETUP:  # libpq leaves this limit to us then
        limit = int(connection.info.dsn_parameters.get("connect_timeout", CONNECT_SECONDS))
    while (state := connection.poll()) != extensions.POLL_OK:
        poll = select.poll()
        is_read = state == extensions.POLL_READ
        poll.register(connection.fileno(), select.POLLIN if is_read else select.POLLOUT)
        if not poll.poll(limit * 1000 if limit > 0 else None):
            raise OperationalError("The server does not answer.")
