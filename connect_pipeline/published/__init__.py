"""What consumers read: the published tables as data (DESIGN section 6).

For: Dagster column schemas, the consumers' documentation, `export`, and the test that the SQL
builds exactly these tables. `roster.py`, `attendance.py` and `lists.py` have the tables of each
file; `database.py` makes and opens one, `quality_rows.py` fills what all have in common.
Does not belong here: the SQL that builds them (`roster/sql`, `attendance/sql`).
"""

from connect_pipeline.published.attendance import ATTENDANCE_QUALITY, ATTENDANCE_TABLES
from connect_pipeline.published.columns import PublishedColumn, PublishedTable
from connect_pipeline.published.database import create_empty, open_published
from connect_pipeline.published.lists import ABSENCE_LIST, CLEARED_LIST, LUNCH_LIST
from connect_pipeline.published.roster import ROSTER_TABLES

__all__ = [
    "ABSENCE_LIST",
    "ATTENDANCE_QUALITY",
    "ATTENDANCE_TABLES",
    "CLEARED_LIST",
    "LUNCH_LIST",
    "ROSTER_TABLES",
    "PublishedColumn",
    "PublishedTable",
    "create_empty",
    "open_published",
]
