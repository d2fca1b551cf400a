"""Whose a line is that broke the law: its cells are not known, but one of its words may be an ID.

In doubt a word is one. Belongs here: SQL over `quality.quarantine`, in a run's scratch and in
published files alike. Does not belong here: what becomes of such a line (`keep_out.py`,
`erasure/rebuild.py`).
"""

from __future__ import annotations

# What separates cells, whatever a district's file was made with; and, from a line without its
# phones (whose parts would be taken for short IDs), all that is in no ID.
CELLS = r"""[^,;|\t\r\n"]+"""
PHONE = r"\(?\d{3}\)?[ .-]*\d{3}[ .-]+\d{4}"
ID_TEXT = r"[\p{L}\p{N}._-]+"


QUOTED = '"((?:[^"]|"")*)"'
BROKEN_ROW = (
    "count(*) FILTER (WHERE code <> 'new_line_in_value') OVER (PARTITION BY export ORDER BY line)"
)
"""SQL: the number of the row that a quarantined line is a part of: a value may go on on others."""


def words_that_may_be_ids(text: str) -> str:
    """SQL: the list of what in a line, given as an SQL expression, may be an ID."""
    return (
        f"list_distinct(list_transform(regexp_extract_all({text}, '{CELLS}')"
        f" || regexp_extract_all(regexp_replace({text}, '{PHONE}', ' ', 'g'), '{ID_TEXT}')"
        f" || list_transform(regexp_extract_all({text}, '{QUOTED}', 1),"
        " lambda one: replace(one, '\"\"', '\"')),"
        " lambda one: trim(one)))"
    )
