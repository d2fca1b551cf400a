"""The tables of `roster.duckdb`.

Belongs here: what consumers of the roster read. Does not belong here: the SQL that builds them
(`roster/sql`).
"""

from __future__ import annotations

from connect_pipeline.contract import DIRECTORY, PERSONAL, SENSITIVE
from connect_pipeline.published.columns import (
    AUDIENCE,
    CLASS_ID,
    CONTACT_NAME,
    COURSE_NAME,
    EMAIL,
    EXPORT,
    FINDING_CODE,
    FIRST_NAME,
    GRADE,
    GROUP_ID,
    GROUP_NAME,
    GROUP_SITE,
    GUARDIAN,
    KIND,
    LANGUAGE,
    LAST_NAME,
    LINE,
    PERIOD,
    PHONE,
    RELATION,
    SCHOOL,
    SITE_ID,
    STAFF_ID,
    STUDENT_ID,
    TITLE,
    PublishedColumn,
    PublishedTable,
)

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
