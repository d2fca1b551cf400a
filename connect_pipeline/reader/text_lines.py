"""A file's physical lines as SQL: each is one value, whatever is in it.

Belongs here: how DuckDB is told to read lines and nothing else. Does not belong here: what a line
may hold (`law.py`).
"""

from __future__ import annotations

from connect_pipeline.reader.result import ConservationError, ReadResult

BY_CONTENT_ONLY = "hive_partitioning = false, compression = 'none'"
"""DuckDB would take columns from a folder such as `school=101`, and unpack by a file's name."""


def numbered_lines_sql(result: ReadResult) -> str:
    """SQL for the file's physical lines with their numbers: `line` and `text`.

    `$path` is to be bound to `as_pattern(result.text.path)`.
    """
    return f"(SELECT row_number() OVER () AS line, text FROM {lines_sql(result)})"


def lines_sql(result: ReadResult) -> str:
    """SQL for the file's physical lines: one column `text`, NULL for an empty line.

    The delimiter is a byte that the file does not have, so every line is one value.
    """
    return (
        "read_csv($path, columns = {'text': 'VARCHAR'}, auto_detect = false, header = false,"
        f" delim = chr({free_byte(result)}), quote = '', escape = '', comment = '',"
        " new_line = '\\n', strict_mode = true, null_padding = false,"
        f" {BY_CONTENT_ONLY})"
    )


def free_byte(result: ReadResult) -> int:
    """A byte that the file does not have. `nul_byte` refuses files that have them all."""
    if result.facts.free_byte is None:
        raise ConservationError
    return result.facts.free_byte
