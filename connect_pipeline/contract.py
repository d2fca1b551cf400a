"""The contract: the five exports of a district as data.

For: everything that must know a file's name, its columns, their order, kinds and privacy.
Belongs here: `Column`, `ExportSpec`, the five exports, and nothing that reads or checks them.
Does not belong here: header matching (`header.py`), reading (`reader.py`), rules (`rules/`).

Header checks, scratch tables, Dagster column schemas, the sample generator, the documentation
tables and the privacy tags all derive from this module; nothing repeats it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds. A kind decides which cell rules apply and how text is normalised."""

    ID = "id"
    SCHOOL = "school"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    TEXT = "text"
    ZIP_CODE = "zip_code"
    GRADE = "grade"
    MONEY = "money"
    LANGUAGE = "language"
    CONTACT_METHOD = "contact_method"
    PERIOD = "period"
    ABSENCE_CODE = "absence_code"
    DATE = "date"


class Privacy(StrEnum):
    """How closely a column's values are guarded; shown as a tag in every column schema.

    The words follow FERPA (34 CFR 99.3): `directory` is what a school may list, `personal`
    identifies or reaches a person, `sensitive` is personal and could harm or embarrass.
    """

    NONE = "none"
    DIRECTORY = "directory"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


@dataclass(frozen=True)
class Column:
    """One column of an export.

    `name` is the exact header text; `field` is its name in our tables (snake_case, derived from
    `name` unless given). `key` marks the cells without which a row cannot be attributed to
    anyone: a row that lacks one is quarantined.
    """

    name: str
    required: bool = False
    kind: Kind = Kind.TEXT
    field: str = ""
    key: bool = False
    privacy: Privacy = Privacy.NONE
    description: str = ""

    def __post_init__(self) -> None:
        if not self.field:
            snake = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")
            object.__setattr__(self, "field", snake or "column")

    @property
    def quoted(self) -> str:
        """`field` as SQL has it."""
        return f'"{self.field}"'


@dataclass(frozen=True)
class ExportSpec:
    """One export: its exact file name and its columns in the contract's order.

    `identity` lists the columns that together name one row; `table` is the name of its tables
    in the scratch database.
    """

    file_name: str
    columns: tuple[Column, ...]
    identity: tuple[str, ...] = ()
    table: str = ""
    row: str = "row"
    header_only_is_legal: bool = False

    def __post_init__(self) -> None:
        if not self.table:
            stem = self.file_name.rsplit(".", 1)[0]
            object.__setattr__(self, "table", re.sub(r"[^a-z0-9]+", "_", stem.lower()))
        object.__setattr__(self, "columns", _with_distinct_fields(self.columns))

    @property
    def column_names(self) -> tuple[str, ...]:
        """The header of a file that supplies every column."""
        return tuple(column.name for column in self.columns)

    @property
    def required_names(self) -> tuple[str, ...]:
        """The columns that no file may lack."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def identity_columns(self) -> tuple[Column, ...]:
        """The columns of `identity`, in its order."""
        return tuple(self.column(name) for name in self.identity)

    @property
    def record_field(self) -> str | None:
        """The field that names whom a row is about: its last key that is an ID."""
        ids = [column.field for column in self.columns if column.key and column.kind is Kind.ID]
        return ids[-1] if ids else None

    def column(self, name: str) -> Column:
        """The column with this exact header text. Raises `KeyError` for any other text."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _with_distinct_fields(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """SQL folds case and our tables have a `line` of their own: collisions get a number."""
    taken = {"line"}
    distinct = []
    for column in columns:
        field, number = column.field, 1
        while field in taken:
            number += 1
            field = f"{column.field}_{number}"
        taken.add(field)
        distinct.append(column if field == column.field else replace(column, field=field))
    return tuple(distinct)


STAFF = ExportSpec(
    file_name="StaffExport.csv",
    table="staff",
    row="one staff member at one school",
    identity=("ID", "School"),
    columns=(
        Column("ID", True, Kind.ID, "staff_id", True, Privacy.DIRECTORY, "staff number"),
        Column("School", True, Kind.SCHOOL, "school", True, Privacy.NONE, "school code"),
        Column("Name.First", True, Kind.NAME, "first_name", False, Privacy.DIRECTORY, "given name"),
        Column("Name.Last", True, Kind.NAME, "last_name", False, Privacy.DIRECTORY, "family name"),
        Column("Email", True, Kind.EMAIL, "email", False, Privacy.DIRECTORY, "work e-mail"),
        Column("Title", True, Kind.TEXT, "title", False, Privacy.DIRECTORY, "job title"),
        Column(
            "Mobile_number",
            kind=Kind.PHONE,
            field="mobile_phone",
            privacy=Privacy.PERSONAL,
            description="mobile phone",
        ),
    ),
)

STUDENTS = ExportSpec(
    file_name="StudentExport.csv",
    table="students",
    row="one student at one school",
    identity=("ID",),
    columns=(
        Column("ID", True, Kind.ID, "student_id", True, Privacy.PERSONAL, "student number"),
        Column("School", True, Kind.SCHOOL, "school", True, Privacy.NONE, "school code"),
        Column("Name.First", True, Kind.NAME, "first_name", False, Privacy.PERSONAL, "given name"),
        Column("Name.Last", True, Kind.NAME, "last_name", False, Privacy.PERSONAL, "family name"),
        Column(
            "MobileNumber",
            kind=Kind.PHONE,
            field="mobile_phone",
            privacy=Privacy.PERSONAL,
            description="the student's own mobile phone",
        ),
        Column(
            "Email",
            kind=Kind.EMAIL,
            field="email",
            privacy=Privacy.PERSONAL,
            description="the student's own e-mail",
        ),
        Column(
            "ContactNamePrimary",
            kind=Kind.NAME,
            field="primary_name",
            privacy=Privacy.PERSONAL,
            description="first guardian contact",
        ),
        Column(
            "ContactPhonePrimary",
            kind=Kind.PHONE,
            field="primary_phone",
            privacy=Privacy.PERSONAL,
            description="phone of the first guardian contact",
        ),
        Column(
            "ContactEmailPrimary",
            kind=Kind.EMAIL,
            field="primary_email",
            privacy=Privacy.PERSONAL,
            description="e-mail of the first guardian contact",
        ),
        Column(
            "ContactNameSecondary",
            kind=Kind.NAME,
            field="secondary_name",
            privacy=Privacy.PERSONAL,
            description="second guardian contact",
        ),
        Column(
            "ContactPhoneSecondary",
            kind=Kind.PHONE,
            field="secondary_phone",
            privacy=Privacy.PERSONAL,
            description="phone of the second guardian contact",
        ),
        Column(
            "ContactEmailSecondary",
            kind=Kind.EMAIL,
            field="secondary_email",
            privacy=Privacy.PERSONAL,
            description="e-mail of the second guardian contact",
        ),
        Column(
            "ZipCode",
            kind=Kind.ZIP_CODE,
            field="zip_code",
            privacy=Privacy.PERSONAL,
            description="ZIP code of the home",
        ),
        Column(
            "Grade",
            kind=Kind.GRADE,
            field="grade",
            privacy=Privacy.DIRECTORY,
            description="grade level",
        ),
        Column(
            "BusRoute",
            field="bus_route",
            privacy=Privacy.PERSONAL,
            description="bus route",
        ),
        Column(
            "LunchBalance",
            kind=Kind.MONEY,
            field="lunch_balance",
            privacy=Privacy.SENSITIVE,
            description="balance of the lunch account, in dollars",
        ),
        Column(
            "PrimaryLanguage",
            kind=Kind.LANGUAGE,
            field="language",
            privacy=Privacy.SENSITIVE,
            description="language that the family reads",
        ),
        Column(
            "PreferredContactMethod",
            kind=Kind.CONTACT_METHOD,
            field="preferred_contact_method",
            privacy=Privacy.PERSONAL,
            description="text, phone, email or all",
        ),
    ),
)

GUARDIANS = ("primary", "secondary")
"""The relations whose names, phones and e-mails a student's row has, beside the student's own."""


def contact_relation(column: Column) -> str:
    """Whose a column of students is: a guardian's, by relation, or `self`."""
    first = column.field.partition("_")[0]
    return first if first in GUARDIANS else "self"


def contact_columns(relation: str) -> list[Column]:
    """The columns of students that are of this relation."""
    return [one for one in STUDENTS.columns if contact_relation(one) == relation]


STAFF_TO_STUDENT = ExportSpec(
    file_name="StaffToStudentExport.csv",
    table="staff_to_student",
    row="one student in one section",
    identity=(
        "School",
        "Teacher",
        "Student",
        "Period",
        "Name",
        "Course_number",
        "Section_number",
    ),
    columns=(
        Column("School", True, Kind.SCHOOL, "school", True, Privacy.NONE, "school code"),
        Column("Teacher", True, Kind.ID, "staff_id", True, Privacy.DIRECTORY, "staff number"),
        Column("Student", True, Kind.ID, "student_id", True, Privacy.PERSONAL, "student number"),
        Column("Period", True, Kind.PERIOD, "period", True, Privacy.NONE, "period; 0 is homeroom"),
        Column("Name", True, Kind.TEXT, "course_name", False, Privacy.NONE, "course name"),
        Column("Course_number", field="course_number", description="course number"),
        Column("Section_number", field="section_number", description="section number"),
    ),
)

ATTENDANCE = ExportSpec(
    file_name="AttendanceExport.csv",
    table="attendance",
    row="one student absent from one period on one day",
    identity=("School", "Student", "Period", "Date"),
    header_only_is_legal=True,
    columns=(
        Column("School", True, Kind.SCHOOL, "school", True, Privacy.NONE, "school code"),
        Column("Student", True, Kind.ID, "student_id", True, Privacy.PERSONAL, "student number"),
        Column("Period", True, Kind.PERIOD, "period", True, Privacy.NONE, "period; 0 is homeroom"),
        Column(
            "Absence.code",
            True,
            Kind.ABSENCE_CODE,
            "code",
            True,
            Privacy.SENSITIVE,
            "the district's absence code",
        ),
        Column(
            "Teacher.name",
            kind=Kind.NAME,
            field="teacher_name",
            privacy=Privacy.DIRECTORY,
            description="teacher of the period",
        ),
        Column(
            "Date",
            kind=Kind.DATE,
            field="date",
            privacy=Privacy.PERSONAL,
            description="day of the absence, MM/DD/YY",
        ),
    ),
)

SCHOOLS = ExportSpec(
    file_name="SchoolExport.csv",
    table="schools",
    row="one school site",
    identity=("School Site Name",),
    columns=(
        Column("School Site Name", True, Kind.TEXT, "name", True, Privacy.NONE, "site name"),
        Column("Address", True, Kind.TEXT, "address", False, Privacy.NONE, "street address"),
        Column("Phone Number", True, Kind.PHONE, "phone", False, Privacy.NONE, "site phone"),
        Column(
            "Merge with Site ID",
            kind=Kind.SCHOOL,
            field="merge_with",
            description="school code of the site that takes its members",
        ),
    ),
)

CORE = (STAFF, STUDENTS, STAFF_TO_STUDENT)
"""The core set: published together or not at all."""

# Root causes come first: schools, staff, students, classes, absences (RULES.md).
EXPORTS = (SCHOOLS, STAFF, STUDENTS, STAFF_TO_STUDENT, ATTENDANCE)
"""All five, in the order in which their problems are reported."""

BY_FILE_NAME = {spec.file_name: spec for spec in EXPORTS}
