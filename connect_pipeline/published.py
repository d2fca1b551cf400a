"""What consumers read: the published tables as data (DESIGN section 6).

For: Dagster column schemas, the consumers' documentation, `export`, and the test that the SQL
builds exactly these tables. Belongs here: names, types, meaning, privacy, and how a reader opens
a published file. Does not belong here: the SQL that builds them (`roster/sql`, `attendance/sql`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from connect_pipeline.contract import DIRECTORY, PERSONAL, SENSITIVE, Privacy
from connect_pipeline.databases import attach, in_memory


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

ROSTER_TABLES = (
    PublishedTable(
        "connect.sites",
        "site",
        (
            SITE_ID,
            PublishedColumn("name", description="site name, or School <code>"),
            PublishedColumn("address", description="street address"),
            PublishedColumn("phone", description="site phone, E.164"),
            PublishedColumn("is_placeholder", "BOOLEAN", "no site is known for this code"),
        ),
    ),
    PublishedTable(
        "connect.staff",
        "staff member",
        (
            STAFF_ID,
            PublishedColumn("first_name", description="given name", privacy=DIRECTORY),
            PublishedColumn("last_name", description="family name", privacy=DIRECTORY),
            PublishedColumn("email", description="work e-mail", privacy=DIRECTORY),
            TITLE,
            PublishedColumn("mobile_phone", description="E.164", privacy=PERSONAL),
        ),
    ),
    PublishedTable("connect.staff_sites", "staff member × school", (STAFF_ID, SCHOOL, SITE_ID)),
    PublishedTable("connect.staff_titles", "staff member × school", (STAFF_ID, SCHOOL, TITLE)),
    PublishedTable(
        "connect.students",
        "student",
        (
            STUDENT_ID,
            FIRST_NAME,
            LAST_NAME,
            GRADE,
            PublishedColumn("zip_code", description="ZIP or ZIP+4", privacy=PERSONAL),
            PublishedColumn("bus_route", description="bus route", privacy=PERSONAL),
            PublishedColumn("lunch_balance", "DECIMAL(10,2)", "dollars", SENSITIVE),
            LANGUAGE,
            PublishedColumn(
                "preferred_contact_method", description="text, phone, email, all", privacy=PERSONAL
            ),
        ),
    ),
    PublishedTable("connect.student_sites", "student × school", (STUDENT_ID, SCHOOL, SITE_ID)),
    PublishedTable(
        "connect.contacts", "student × relation", (STUDENT_ID, RELATION, CONTACT_NAME, PHONE, EMAIL)
    ),
    PublishedTable(
        "connect.classes",
        "class",
        (
            CLASS_ID,
            SCHOOL,
            SITE_ID,
            STAFF_ID,
            PERIOD,
            COURSE_NAME,
            PublishedColumn("course_number", description="course number"),
            PublishedColumn("section_number", description="section number"),
            PublishedColumn("student_count", "BIGINT", "students enrolled"),
        ),
    ),
    PublishedTable(
        "connect.rosters",
        "class × student",
        (
            CLASS_ID,
            SCHOOL,
            SITE_ID,
            STAFF_ID,
            PublishedColumn("teacher_name", description="first and last name", privacy=DIRECTORY),
            PERIOD,
            COURSE_NAME,
            STUDENT_ID,
            FIRST_NAME,
            LAST_NAME,
            GRADE,
        ),
    ),
    PublishedTable(
        "connect.groups",
        "group",
        (
            GROUP_ID,
            AUDIENCE,
            KIND,
            GROUP_SITE,
            GROUP_NAME,
            PublishedColumn("member_count", "BIGINT", "members"),
        ),
    ),
    PublishedTable(
        "connect.group_members",
        "group × person",
        (
            GROUP_ID,
            PublishedColumn("person_id", description="student or staff number", privacy=PERSONAL),
        ),
    ),
    PublishedTable(
        "connect.family_members",
        "student group × contact",
        (GROUP_ID, STUDENT_ID, GUARDIAN, CONTACT_NAME, PHONE, EMAIL, LANGUAGE),
    ),
    PublishedTable(
        "connect.changes",
        "person or class × change",
        (
            PublishedColumn("entity", description="student, staff or class"),
            PublishedColumn("key", description="its number or class_id", privacy=PERSONAL),
            PublishedColumn("change", description="added, changed or removed"),
            PublishedColumn("columns", "VARCHAR[]", "columns that differ, for changed"),
        ),
    ),
    PublishedTable(
        "connect.group_changes",
        "group whose members are not those of the last snapshot",
        (
            GROUP_ID,
            AUDIENCE,
            KIND,
            GROUP_NAME,
            PublishedColumn("change", description="new, changed or gone"),
            PublishedColumn("added", "BIGINT", "members who came"),
            PublishedColumn("removed", "BIGINT", "members who left"),
        ),
    ),
    PublishedTable(
        "connect.kept",
        "person or enrollment that stays as last published",
        (
            PublishedColumn(
                "entity",
                description="student, staff or enrollment; student_site or staff_site when only a"
                " further school of theirs stays",
            ),
            PublishedColumn("key", description="student or staff number", privacy=PERSONAL),
            PublishedColumn("class_id", description="of an enrollment; else NULL"),
            PublishedColumn(
                "reason",
                description="row_quarantined, unnamed_row_quarantined, student_id_reused (two"
                " students have the ID; their enrollments have row_quarantined) or add_only",
            ),
            PublishedColumn("nights", "BIGINT", "for how many published nights now"),
            PublishedColumn("valid_in", description="the last snapshot with a valid row"),
        ),
    ),
    PublishedTable(
        "connect.staff_access",
        "staff member × what they may reach",
        (
            STAFF_ID,
            PublishedColumn("scope", description="class, site or district"),
            PublishedColumn("scope_id", description="class_id or site_id; NULL for the district"),
            PublishedColumn("group_id", description="the students of the scope; NULL for all"),
        ),
    ),
    PublishedTable(
        "connect.snapshot",
        "the one snapshot",
        (
            PublishedColumn("snapshot_id", description="sorts by time"),
            PublishedColumn("published_at", "TIMESTAMP WITH TIME ZONE", "UTC"),
            PublishedColumn("run_id", description="the run in Dagster"),
            PublishedColumn(
                "previous_snapshot_id",
                description="what `changes` and `group_changes` compare it with; NULL for nothing",
            ),
            PublishedColumn("staff_rows", "BIGINT", "rows accepted of StaffExport.csv"),
            PublishedColumn("staff_sha256", description="its bytes"),
            PublishedColumn("student_rows", "BIGINT", "rows accepted of StudentExport.csv"),
            PublishedColumn("student_sha256", description="its bytes"),
            PublishedColumn(
                "staff_to_student_rows", "BIGINT", "rows accepted of StaffToStudentExport.csv"
            ),
            PublishedColumn("staff_to_student_sha256", description="its bytes"),
            PublishedColumn("school_rows", "BIGINT", "rows accepted of SchoolExport.csv"),
            PublishedColumn("school_sha256", description="its bytes; NULL without one"),
        ),
    ),
    # What the tables above stand on, and what the next night is compared with.
    PublishedTable("connect.school_sites", "school code", (SCHOOL, SITE_ID)),
    PublishedTable("connect.enrollments", "class × student", (CLASS_ID, STUDENT_ID)),
    PublishedTable(
        "connect.supplied_columns",
        "column that an export had",
        (EXPORT, PublishedColumn("column_name", description="header text")),
    ),
    PublishedTable(
        "connect.group_settings",
        "the one set of settings that groups depend on",
        (PublishedColumn("low_lunch_balance", "DECIMAL(10,2)", "below it, a balance is low"),),
    ),
    PublishedTable(
        "connect.access_titles",
        "job title that reaches more than its holder's classes",
        (
            PublishedColumn("scope", description="site or district"),
            PublishedColumn("title", description="in small letters"),
        ),
    ),
    PublishedTable(
        "quality.findings",
        "finding, of each code the first 1,000",
        (
            EXPORT,
            LINE,
            PublishedColumn("record_id", description="whom the row is about", privacy=PERSONAL),
            PublishedColumn("column_name", description="the column concerned"),
            FINDING_CODE,
            PublishedColumn("severity", description="block, hold, quarantine, warning, info"),
            PublishedColumn("message", description="what is wrong and what to do"),
        ),
    ),
    PublishedTable(
        "quality.quarantine",
        "row kept out",
        (
            EXPORT,
            LINE,
            FINDING_CODE,
            PublishedColumn("text", description="the line as received", privacy=SENSITIVE),
        ),
    ),
)

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


# Files of the outbox, for the sender: `outbox/<district>/<batch_id>.csv`, and in `cleared/` and
# `low_lunch_balance/`.
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


def create_empty(
    connection: duckdb.DuckDBPyConnection, catalog: str, tables: Iterable[PublishedTable]
) -> None:
    """Make these tables, without rows, and their schemas in an attached database."""
    for table in tables:
        schema, _, _ = table.name.partition(".")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")
        columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
        connection.execute(f"CREATE TABLE {catalog}.{table.name} ({columns})")


@contextmanager
def open_published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Read a published file as a consumer should: read-only, attached under a name of its own.

    Opened directly, `attendance.duckdb` would be the catalog `attendance` with the schema
    `attendance`, and DuckDB refuses `attendance.recipients` as ambiguous.
    """
    with in_memory() as connection:
        attach(connection, path, "published", read_only=True)
        connection.execute("USE published")
        yield connection
