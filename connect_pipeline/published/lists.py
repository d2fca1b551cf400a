"""The lists in the outbox, for the sender.

They are `outbox/<district>/<batch_id>.csv`, and files in `cleared/` and `low_lunch_balance/`.
Belongs here: their columns, as tables. Does not belong here: how a list gets there
(`attendance/files.py`).
"""

from __future__ import annotations

from connect_pipeline.contract import DIRECTORY, PERSONAL, SENSITIVE
from connect_pipeline.published.columns import (
    BATCH_ID,
    CHANNEL,
    DESTINATION,
    LANGUAGE,
    STUDENT_ID,
    STUDENT_NAME,
    PublishedColumn,
    PublishedTable,
)

LISTED_AT = PublishedColumn("listed_at", description="UTC, ISO 8601")
LIST_DATE = PublishedColumn("date", "DATE", "day of the list")
CONTACT_NAMES = PublishedColumn(
    "contact_names", description="who is reached there", privacy=PERSONAL
)
WHO_IS_TOLD = (
    BATCH_ID,
    LISTED_AT,
    LIST_DATE,
    CHANNEL,
    DESTINATION,
    LANGUAGE,
    CONTACT_NAMES,
    STUDENT_ID,
    STUDENT_NAME,
)
ABSENCE_SITE = PublishedColumn("site_name", description="site of the absence, or sites")
ABSENCE_PHONE = PublishedColumn("site_phone", description="E.164, of the first site")
ABSENCE_LIST = PublishedTable(
    "absences",
    "batch × channel × destination × child; the rows of one channel and destination are one"
    " message, about siblings",
    (
        *WHO_IS_TOLD,
        ABSENCE_SITE,
        ABSENCE_PHONE,
        PublishedColumn("periods", description="in order, each once", privacy=PERSONAL),
        PublishedColumn("codes", description="absence codes, each once", privacy=SENSITIVE),
        PublishedColumn(
            "teacher_names", description="teachers of the periods, each once", privacy=DIRECTORY
        ),
    ),
)
CLEARED_LIST = PublishedTable(
    "cleared",
    "batch × a child's row of an earlier list (`listed_in`, channel, destination, student_id) ×"
    " change",
    (
        BATCH_ID,
        LISTED_AT,
        LIST_DATE,
        PublishedColumn("listed_in", description="batch of the list that has the message"),
        CHANNEL,
        DESTINATION,
        LANGUAGE,
        STUDENT_ID,
        STUDENT_NAME,
        ABSENCE_SITE,
        ABSENCE_PHONE,
        PublishedColumn("periods", description="in order, each once", privacy=PERSONAL),
        PublishedColumn("change", description="cleared, no_longer_alerts or absent_again"),
    ),
)
LUNCH_LIST = PublishedTable(
    "low_lunch_balance",
    "batch × channel × destination × child",
    (
        *WHO_IS_TOLD,
        PublishedColumn("lunch_balance", "DECIMAL(10,2)", "dollars", SENSITIVE),
        PublishedColumn("site_name", description="the student's site, or sites"),
        PublishedColumn("site_phone", description="E.164, of the first site"),
    ),
)
