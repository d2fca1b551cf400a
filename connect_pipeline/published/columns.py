"""A published table as data, and the columns that several of them have.

Belongs here: names, types, meaning, privacy. Does not belong here: which tables there are
(`roster.py`, `attendance.py`, `lists.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from connect_pipeline.contract import DIRECTORY, PERSONAL, SENSITIVE, Privacy


@dataclass(frozen=True)
class PublishedColumn:
    """One column: DuckDB type, meaning, privacy."""

    name: str
    type: str = "VARCHAR"
    description: str = ""
    privacy: Privacy = Privacy.NONE


@dataclass(frozen=True)
class PublishedTable:
    """One table or view; `grain` says what one row is.

    `export_name` is what `export` calls it, where another published file has one of its name.
    """

    name: str
    grain: str
    columns: tuple[PublishedColumn, ...]
    export_name: str = ""

    @property
    def exported(self) -> str:
        """What `export` calls it: all tables of a district have names of their own there."""
        return self.export_name or self.name


SITE_ID = PublishedColumn("site_id", description="code of the site after merges")
SCHOOL = PublishedColumn("school", description="school code as the export has it")
STUDENT_ID = PublishedColumn("student_id", description="student number", privacy=PERSONAL)
STAFF_ID = PublishedColumn("staff_id", description="staff number", privacy=DIRECTORY)
TITLE = PublishedColumn("title", description="job title", privacy=DIRECTORY)
CLASS_ID = PublishedColumn("class_id", description="stable from night to night")
PERIOD = PublishedColumn("period", description="period; 0 is homeroom or all day")
COURSE_NAME = PublishedColumn("course_name", description="course name")
FIRST_NAME = PublishedColumn("first_name", description="given name", privacy=PERSONAL)
LAST_NAME = PublishedColumn("last_name", description="family name", privacy=PERSONAL)
GRADE = PublishedColumn("grade", description="PK, TK, K, 1 to 12, UG", privacy=DIRECTORY)
LANGUAGE = PublishedColumn("language", description="BCP 47 tag", privacy=SENSITIVE)
PHONE = PublishedColumn("phone", description="E.164", privacy=PERSONAL)
EMAIL = PublishedColumn("email", description="e-mail address", privacy=PERSONAL)
RELATION = PublishedColumn("relation", description="primary, secondary or self (the student)")
GUARDIAN = PublishedColumn("relation", description="primary or secondary, never the student")
CONTACT_NAME = PublishedColumn("name", description="name of the contact", privacy=PERSONAL)
GROUP_ID = PublishedColumn(
    "group_id",
    description="kind and what it is about, such as a teacher; stable from night to night",
    privacy=DIRECTORY,
)
AUDIENCE = PublishedColumn("audience", description="students or staff")
KIND = PublishedColumn(
    "kind",
    description="of students: site, grade, class, teacher, course, bus_route, language, zip_code,"
    " low_lunch_balance; of staff: site, title, district",
)
GROUP_NAME = PublishedColumn("name", description="what a person calls the group", privacy=DIRECTORY)
GROUP_SITE = PublishedColumn(
    "site_id", description="its site after merges; NULL for a group that is of no single site"
)
FINDING_CODE = PublishedColumn("code", description="the rule's stable name")
EXPORT = PublishedColumn("export", description="file name of the export, or `the drop`")
LINE = PublishedColumn("line", "BIGINT", "line in the export, the header being 1")
BATCH_ID = PublishedColumn("batch_id", description="batch; sorts by time")
DATE = PublishedColumn("date", "DATE", "day of the absence", PERSONAL)
CHANNEL = PublishedColumn("channel", description="sms, voice or email")
DESTINATION = PublishedColumn("destination", description="E.164 or e-mail", privacy=PERSONAL)
STUDENT_NAME = PublishedColumn("student_name", description="first and last", privacy=PERSONAL)
