"""One file as read: what was accepted, what was not, and why.

Belongs here: the result, its rows as a DataFrame, what is found on lines of it, and when too many
of its rows are bad. Does not belong here: reading (`read.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from connect_pipeline.contract import Column, ExportSpec
from connect_pipeline.databases import count_rows
from connect_pipeline.findings import STORED_PER_CODE, Findings
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import most_within
from connect_pipeline.reader.text_file import Copies, TextFile

if TYPE_CHECKING:
    import pandas

BAD_ROWS_FLOOR = 5


class ConservationError(Exception):
    """The counts of one file do not add up: our bug, told as `row_conservation`."""


@dataclass
class ReadResult:
    """One file as read: what was accepted, what was not, and why.

    Always lines = header + blank + accepted + quarantined when the header was accepted. `padded`
    names the fields in which trimming changes a cell; a file `is_plain` when it holds nothing
    beyond ASCII and no question mark, so that its letters cannot be damaged.
    """

    spec: ExportSpec
    facts: FileFacts
    findings: Findings
    connection: duckdb.DuckDBPyConnection
    copies: Copies
    columns: tuple[Column, ...] = ()
    blank_lines: int = 0
    blank_rows: int = 0
    accepted_rows: int = 0
    quarantined_rows: int = 0
    refused: bool = False
    padded: frozenset[str] = frozenset()
    is_plain: bool = False
    text: TextFile | None = None

    @property
    def lines(self) -> int:
        """Physical lines, header and blank ones included."""
        return self.facts.line_count

    @property
    def rows(self) -> int:
        """Rows with something in them, lawful or not."""
        return self.accepted_rows + self.quarantined_rows

    @property
    def verdict(self) -> str:
        """`blocked`, `accepted_with_findings` or `accepted` (nothing above info)."""
        return self.findings.verdict

    def accepted(self) -> pandas.DataFrame:
        """The accepted rows: `line` and the file's columns by their header text, all text."""
        return frame_of_rows(self)


def frame_of_rows(result: ReadResult, where: str = "true") -> pandas.DataFrame:
    """The rows of `raw.<table>`, or some, verbatim, as a DataFrame of text."""
    import pandas  # a slow import that `validate` on the command line never needs

    if not result.columns:
        return pandas.DataFrame({"line": pandas.Series(dtype="int64")})
    fields = ", ".join(column.quoted for column in result.columns)
    frame = result.connection.execute(
        f"SELECT line, {fields} FROM raw.{result.spec.table} WHERE {where} ORDER BY line"
    ).df()
    frame.columns = pandas.Index(["line", *(column.name for column in result.columns)])
    return frame


def judge_bad_rows(result: ReadResult, bad: int, share: float) -> None:
    """Refuse a file of whose rows more than max(5, `share`) are `bad`."""
    limit = max(BAD_ROWS_FLOOR, most_within(result.rows, share))
    if bad > limit:
        result.findings.add("too_many_bad_rows", found=bad, limit=limit)


def add_for_lines(result: ReadResult, code: str, select: str) -> int:
    """Add a finding of `code` for each line that `select` gives; return how many there are."""
    connection = result.connection
    total = count_rows(connection, f"({select})")
    if total:
        lines = connection.execute(f"{select} ORDER BY line LIMIT {STORED_PER_CODE}").fetchall()
        result.findings.add_many(code, total, ({"line": line} for (line,) in lines))
    return total
