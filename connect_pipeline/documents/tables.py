"""`docs/tables.md`: every published table and its columns, from `published/`.

Belongs here: the page's shape. Does not belong here: anything about a single table.
"""

from __future__ import annotations

from connect_pipeline.documents.markdown import table, written_from
from connect_pipeline.published import (
    ABSENCE_LIST,
    ATTENDANCE_TABLES,
    CLEARED_LIST,
    LUNCH_LIST,
    ROSTER_TABLES,
    PublishedTable,
)

HEAD = f"""\
# Published tables

{written_from("`connect_pipeline/published/`")}

What each table and view has, for those who read them; how to read them is in
[consumers.md](consumers.md). The words for privacy follow FERPA (34 CFR 99.3): `directory` is what
a school may list, `personal` identifies or reaches a person, `sensitive` is personal and could harm
or embarrass. Dagster shows them as tags of the columns.
"""

PLACES: tuple[tuple[str, tuple[PublishedTable, ...]], ...] = (
    ("`published/<district>/roster.duckdb`", ROSTER_TABLES),
    ("`published/<district>/attendance.duckdb`", ATTENDANCE_TABLES),
    ("`outbox/<district>/<batch_id>.csv`", (ABSENCE_LIST,)),
    ("`outbox/<district>/cleared/<batch_id>.csv`", (CLEARED_LIST,)),
    ("`outbox/<district>/low_lunch_balance/<batch_id>.csv`", (LUNCH_LIST,)),
)


def tables_page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    for place, tables in PLACES:
        parts += [f"## {place}\n", *(_section(one) for one in tables)]
    return "\n".join(parts)


def _section(published: PublishedTable) -> str:
    rows = [
        (f"`{column.name}`", column.type, column.description, str(column.privacy))
        for column in published.columns
    ]
    columns = table(("column", "type", "what it is", "privacy"), rows)
    grain = f"One row: {published.grain}."
    if published.export_name:
        grain += f" `export` calls it `{published.export_name}`."
    return f"### {published.name}\n\n{grain}\n\n{columns}"
