"""The tables of `attendance.duckdb`.

Belongs here: what consumers of a day of absences read. Does not belong here: the SQL that builds
them (`attendance/sql`).
"""

from __future__ import annotations

from dataclasses import replace

from connect_pipeline.contract import DIRECTORY, PERSONAL, SENSITIVE
from connect_pipeline.published.columns import (
    BATCH_ID,
    CHANNEL,
    DATE,
    DESTINATION,
    LANGUAGE,
    PERIOD,
    SCHOOL,
    SITE_ID,
    STUDENT_ID,
    STUDENT_NAME,
    PublishedColumn,
    PublishedTable,
)
from connect_pipeline.published.roster import ROSTER_TABLES

ATTENDANCE_QUALITY = tuple(
    replace(
        one,
        grain=f"{one.grain}; of the day's last file that was neither blocked nor held",
        export_name=f"attendance.{one.name.replace('.', '_')}",
    )
    for one in ROSTER_TABLES
    if one.name.startswith("quality.")
)
ATTENDANCE_TABLES = (
    PublishedTable(
        "attendance.absences",
        "student × period × date",
        (
            SCHOOL,
            SITE_ID,
            STUDENT_ID,
            PERIOD,
            PublishedColumn("code", description="the district's absence code", privacy=SENSITIVE),
            DATE,
            PublishedColumn("teacher_name", description="of the period", privacy=DIRECTORY),
        ),
    ),
    PublishedTable(
        "attendance.accounting",
        "absent student × date",
        (
            DATE,
            STUDENT_ID,
            PublishedColumn("status", description="listed or suppressed"),
            PublishedColumn(
                "reason",
                description="why suppressed: code_does_not_alert, too_few_periods, no_school_day,"
                " no_usable_contact, opted_out, already_listed, not_today, unknown_student or"
                " cleared; NULL when listed",
            ),
            PublishedColumn(
                "batch_id",
                description="the batch that lists, or listed, the student; else NULL",
            ),
        ),
    ),
    PublishedTable(
        "attendance.recipients",
        "batch × channel × destination",
        (
            BATCH_ID,
            PublishedColumn("listed_at", "TIMESTAMP WITH TIME ZONE", "UTC"),
            DATE,
            CHANNEL,
            DESTINATION,
            PublishedColumn("contact_names", "VARCHAR[]", "who is reached there", PERSONAL),
            LANGUAGE,
            PublishedColumn("student_ids", "VARCHAR[]", "the children concerned", PERSONAL),
        ),
    ),
    PublishedTable(
        "attendance.recipient_absences",
        "recipient × child",
        (
            BATCH_ID,
            CHANNEL,
            DESTINATION,
            STUDENT_ID,
            STUDENT_NAME,
            PublishedColumn("site_name", description="site of the absence"),
            PublishedColumn("site_phone", description="E.164"),
            PublishedColumn("periods", "VARCHAR[]", "in order", PERSONAL),
            PublishedColumn("codes", "VARCHAR[]", "absence codes", SENSITIVE),
            PublishedColumn(
                "teacher_names", "VARCHAR[]", "teachers of the periods; NULL if unknown", DIRECTORY
            ),
        ),
    ),
    *ATTENDANCE_QUALITY,
)
