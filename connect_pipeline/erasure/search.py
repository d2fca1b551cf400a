"""The search after an erasure: whether a word of the student is left in a file.

For: the proof that an erasure is complete. A database keeps its cells without anything between
them, so its cells are asked one by one, and its bytes for words that are in no cell of it: what a
page still holds of a deleted row. Belongs here: how a kind of file is searched. Does not belong
here: which files (`of_student.py`), what is found in a text (`recognising.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from connect_pipeline.databases import set_variables
from connect_pipeline.erasure.recognising import bytes_of, has_one_of, is_destination, is_in
from connect_pipeline.erasure.traces import Traces, own_texts
from connect_pipeline.published import open_published


def is_left_in_text(path: Path, traces: Traces) -> bool:
    """Whether a file that is text holds a word."""
    return traces.mentioned_in(path)


def is_left_in_database(path: Path, traces: Traces) -> bool:
    """Whether a published database holds a word, in a cell or in what is left of a page."""
    words = traces.telling_words
    if not words:
        return False
    try:
        texts = _cells_with(path, words)
    except duckdb.Error:  # not a database, or not whole: then all of its bytes are asked
        texts = []
    if any(is_in(word, text) for word in words for text in texts):
        return True
    # A database has the names of its tables and columns, too, and our comments on them.
    texts += own_texts()
    return _has_bytes(path, [one for one in words if not any(one in text for text in texts)])


def is_left_in_records(path: Path, traces: Traces) -> bool:
    """Whether a file of the ledger's or Dagster's holds a phone number or an address.

    Names of people who work with them are there by right, and may be those of parents; of what
    an export says, nothing ever is.
    """
    return _has_bytes(path, [word for word in traces.telling_words if is_destination(word)])


def _cells_with(path: Path, words: list[str]) -> list[str]:
    """Every text of the database that has a word, as a word of its own or as part of another."""
    found = []
    with open_published(path) as connection:
        set_variables(connection, words=words)
        columns = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns()"
            " JOIN duckdb_tables() USING (database_name, schema_name, table_name)"
            " WHERE database_name = 'published' AND data_type LIKE 'VARCHAR%'"
        ).fetchall()
        for table, column in columns:
            rows = connection.execute(
                f'SELECT DISTINCT "{column}"::VARCHAR AS text FROM {table}'
                f" WHERE {has_one_of('words')}"
            ).fetchall()
            found += [str(row[0]) for row in rows]
    return found


def _has_bytes(path: Path, words: Iterable[str]) -> bool:
    with bytes_of(path) as content:
        return any(content.find(word.encode()) >= 0 for word in words)
