"""A second header below the first line: two files were joined.

Belongs here: how such a line looks, and the finding. Does not belong here: the first line
(`header.py`).
"""

from __future__ import annotations

import re
from pathlib import Path

from connect_pipeline.contract import Column
from connect_pipeline.databases import as_pattern
from connect_pipeline.findings import STORED_PER_CODE
from connect_pipeline.line_law import WHITE
from connect_pipeline.reader.result import ReadResult
from connect_pipeline.reader.text_lines import numbered_lines_sql

FEW_COLUMNS = 3


def joined_header(result: ReadResult) -> str:
    """A pattern for the header of a second file in a joined one, in other capitals, too.

    It may have quotes, blanks and a byte order mark that the first one has not, and other columns
    in another order; but a row of one or two cells may be a name by chance. What the first file
    broke off with may stand before it.
    """

    def cell(*columns: Column) -> str:
        names = (re.escape(one.name.replace('"', '""')).replace("'", "''") for one in columns)
        around = f'{WHITE}*"?{WHITE}*'
        return f"{around}(?:{'|'.join(names)}){around}"

    if len(result.columns) < FEW_COLUMNS:
        return "(?i)" + ",".join(map(cell, result.columns))
    any_name = cell(*result.spec.columns)
    return f"(?i)[^,]*{any_name}(?:,{any_name}){{{FEW_COLUMNS - 1},}}"


def add_repeated_headers(result: ReadResult, path: Path, where: str) -> None:
    """A finding for each line below the first whose `text` is so."""
    lines = result.connection.execute(
        f"SELECT line FROM {numbered_lines_sql(result)} WHERE line > 1 AND {where}",
        {"path": as_pattern(path)},
    ).fetchall()
    if lines:
        places = ({"line": line} for (line,) in lines[:STORED_PER_CODE])
        result.findings.add_many("repeated_header", len(lines), places)
