"""What a spreadsheet would run as a formula, made harmless in the CSV files that we write.

For: every CSV file that we write: lists for senders and clerks, exports, findings, who would
vanish. The rule `formula_in_value` looks for the same in what comes in.
Belongs here: the pattern and the cure, in Python and in SQL. Does not belong here: writing files.
"""

from __future__ import annotations

import re

# OWASP, CSV Injection; a signed number is none. The wide forms are those of Japanese keyboards.
FORMULA = r"^[=@\t\r\n＝＋－＠]|^[+-](?:[^0-9]|.*[^0-9.])"
# Also what has an apostrophe already, so that whoever takes one off has what it was.
DEFUSED = f"^'|{FORMULA}"


def defused(text: str) -> str:
    """The text, with an apostrophe before what would start a formula, or with an apostrophe."""
    return f"'{text}" if re.search(DEFUSED, text) else text


def defused_sql(cell: str) -> str:
    """SQL for `cell`, an SQL expression of text, in which nothing starts a formula.

    Most cells start with a letter or a digit, and no pattern need be asked about those.
    """
    return f"CASE WHEN {_starts_like(DEFUSED, cell)} THEN '''' || {cell} ELSE {cell} END"


def is_formula(cell: str) -> str:
    """SQL for whether a cell starts like a formula. It holds no braces: rules format it."""
    return _starts_like(FORMULA, cell)


def _starts_like(pattern: str, cell: str) -> str:
    quoted = pattern.replace("'", "''")
    is_harmless = f"{cell} >= '0' AND {cell} < ':' OR {cell} >= 'A' AND {cell} < chr(123)"
    return f"(NOT ({is_harmless}) AND regexp_matches({cell}, '{quoted}'))"
