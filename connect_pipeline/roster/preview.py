"""What an operator sees of a hold before deciding: counts, the reasons, and who would vanish.

For: the preview in the ledger (`status` shows it), which holds counts, the school codes of the
settings and the findings' own sentences and nothing else of a file, and the list of who would
vanish, which is written to the district's reports and nowhere else.
Belongs here: both. Does not belong here: whether to hold (`hold.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import duckdb

from connect_pipeline.cells.formulas import defused_sql
from connect_pipeline.databases import count_rows, statement
from connect_pipeline.query_files import give_name, write_query, written_beside
from connect_pipeline.roster.hold import Change
from connect_pipeline.validation import Report

WOULD_VANISH = "-would-vanish.csv"
VANISH_COLUMNS = ("entity", "id", "name", "schools", "detail")


def preview_of(report: Report, changes: list[Change], listed: Collection[str]) -> dict[str, Any]:
    """`reasons`: what holds, in sentences; `changes`: counts overall and of each school.

    Schools at which nothing is removed or changed are left out; `listed` are those of the settings.
    """
    shown = shown_schools((one.school for one in changes if one.school is not None), listed)
    counted = [
        {
            "entity": one.entity,
            "school": None if one.school is None else shown[one.school],
            "before": one.before,
            "added": one.added,
            "removed": one.removed,
            "changed": one.changed,
        }
        for one in changes
        if one.school is None or one.removed or one.changed
    ]
    return {"reasons": report.reasons_to_hold(), "changes": counted}


def shown_schools(schools: Iterable[str], listed: Collection[str]) -> dict[str, str]:
    """What an operator sees of each school's code.

    One that is not among those `listed` in the settings is only a cell's value, perhaps of a column
    that was moved: its school is counted under a number.
    """
    schools = set(schools)
    unlisted = sorted(schools - set(listed))
    numbers = {school: f"not in settings ({n})" for n, school in enumerate(unlisted, start=1)}
    return {school: numbers.get(school, school) for school in schools}


def write_would_vanish(connection: duckdb.DuckDBPyConnection, page: Path) -> Path | None:
    """List the people and classes that would vanish, beside the run's report `page`.

    Returns the list's path, None when nobody would. `previous` and `candidate` are attached.
    """
    if not count_rows(connection, "candidate.connect.changes WHERE change = 'removed'"):
        return None
    target = page.with_name(f"{page.stem}{WOULD_VANISH}")
    cells = ", ".join(f"{defused_sql(name)} AS {name}" for name in VANISH_COLUMNS)
    rows = statement(__package__, "would_vanish")
    with written_beside(target) as beside:
        write_query(connection, f"SELECT {cells} FROM ({rows})", beside)
        give_name(beside, target)
    return target
