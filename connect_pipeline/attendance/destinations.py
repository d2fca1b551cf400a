"""Where the families of the children at hand may be told: `sql/destinations.sql`, made ready.

For: absences and low lunch balances, which ask for it in the same way.
Belongs here: what that statement needs. Does not belong here: which contact is told by which
channel (the SQL), reading opt-outs (`opt_outs.py`).
"""

from __future__ import annotations

import duckdb

from connect_pipeline import keyed_hash
from connect_pipeline.attendance.opt_outs import load_opt_outs
from connect_pipeline.attendance.statements import run
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger
from connect_pipeline.settings import District


def find_destinations(
    connection: duckdb.DuckDBPyConnection, home: Home, name: str, district: District, ledger: Ledger
) -> None:
    """Fill `attendance.destinations` for `attendance.children`, and make `hashed` for what follows.

    Raises `SettingsError` when the opt-outs cannot be read.
    """
    load_opt_outs(connection, home, name)
    keyed_hash.prepare(connection, ledger.key)
    # As the ledger knows a destination: 128 bits are enough.
    connection.execute(
        "CREATE OR REPLACE TEMP MACRO hashed(destination) AS left(keyed_hash(destination), 32)"
    )
    run(connection, "destinations", default_channels=list(district.attendance.default_channels))
