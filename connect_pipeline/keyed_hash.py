"""A text as its keyed hash, HMAC-SHA-256 (RFC 2104): whoever has the key can recognise it.

For: the ledger, which keeps destinations and erased students so, and the SQL that hashes or
recognises a whole table of them.
Belongs here: the hash, in Python and in SQL. Does not belong here: the key (`ledger/opening.py`).
"""

from __future__ import annotations

import hashlib
import hmac

import duckdb

_BLOCK = 64  # bytes, of SHA-256
_INNER, _OUTER = 0x36, 0x5C


def keyed_hash(key: bytes, text: str) -> str:
    """The hash of `text`, 64 hexadecimal digits."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def prepare(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Make `keyed_hash(text)` a function of SQL. The key stays in this connection's memory."""
    block = hashlib.sha256(key).digest() if len(key) > _BLOCK else key
    block = block.ljust(_BLOCK, b"\0")
    for name, pad in (("inner_key", _INNER), ("outer_key", _OUTER)):
        padded = bytes(byte ^ pad for byte in block)
        connection.execute(f"SET VARIABLE {name} = $key::BLOB", {"key": padded})
    connection.execute(
        """
        CREATE OR REPLACE TEMP MACRO keyed_hash(text) AS
            sha256(
                getvariable('outer_key')
                || unhex(sha256(getvariable('inner_key') || encode(text)))
            )
        """
    )
