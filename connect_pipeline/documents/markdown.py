"""Markdown, as the generated pages have it.

Belongs here: tables and the line that says where a page comes from. Does not belong here: words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def written_from(*sources: str) -> str:
    """The comment at the top of a page: edit its sources, not the page."""
    return f"<!-- Written by `make docs`; edit {' and '.join(sources)}, not this page. -->"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. What would end a cell, or be taken for HTML, is escaped."""
    lines = [_row(header), "|---" * len(header) + "|", *(_row(row) for row in rows)]
    return "\n".join([*lines, ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return escaped if "`" in text else escaped.replace("<", "\\<")
