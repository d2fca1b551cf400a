"""The contract: the five exports of a district as data.

For: everything that must know a file's name, its columns, their order, kinds and privacy.
Belongs here: `Column`, `ExportSpec`, the five exports, and nothing that reads or checks them.
Does not belong here: reading (`reader/`), rules (`rules/`).

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


NONE, DIRECTORY = Privacy.NONE, Privacy.DIRECTORY
PERSONAL, SENSITIVE = Privacy.PERSONAL, Privacy.SENSITIVE


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


def _key(name: str, kind: Kind, field: str, privacy: Privacy, description: str) -> Column:
    """A column that no file may lack; a row without a value of it is quarantined."""
    return Column(name, True, kind, field, True, privacy, description)


def _required(name: str, kind: Kind, field: str, privacy: Privacy, description: str) -> Column:
    """A column that no file may lack; a cell of it may be blank."""
    return Column(name, True, kind, field, False, privacy, description)


def _optional(name: str, kind: Kind, field: str, privacy: Privacy, description: str) -> Column:
    """A column that a file need not have."""
    return Column(name, False, kind, field, False, privacy, description)


STAFF = ExportSpec(
    file_name="StaffExport.csv",
    table="staff",
    row="one staff member at one school",
    identity=("ID", "School"),
    columns=(
        _key("ID", Kind.ID, "staff_id", DIRECTORY, "staff number"),
        _key("School", Kind.SCHOOL, "school", NONE, "school code"),
        _required("Name.First", Kind.NAME, "first_name", DIRECTORY, "given name"),
        _required("Name.Last", Kind.NAME, "last_name", DIRECTORY, "family name"),
        _required("Email", Kind.EMAIL, "email", DIRECTORY, "work e-mail"),
        _required("Title", Kind.TEXT, "title", DIRECTORY, "job title"),
        _optional("Mobile_number", Kind.PHONE, "mobile_phone", PERSONAL, "mobile phone"),
    ),
)

STUDENTS = ExportSpec(
    file_name="StudentExport.csv",
    table="students",
    row="one student at one school",
    identity=("ID",),
    columns=(
        _key("ID", Kind.ID, "student_id", PERSONAL, "student number"),
        _key("School", Kind.SCHOOL, "school", NONE, "school code"),
        _required("Name.First", Kind.NAME, "first_name", PERSONAL, "given name"),
        _required("Name.Last", Kind.NAME, "last_name", PERSONAL, "family name"),
        _optional(
            "MobileNumber", Kind.PHONE, "mobile_phone", PERSONAL, "the student's own mobile phone"
        ),
        _optional("Email", Kind.EMAIL, "email", PERSONAL, "the student's own e-mail"),
        _optional(
            "ContactNamePrimary", Kind.NAME, "primary_name", PERSONAL, "first guardian contact"
        ),
        _optional(
            "ContactPhonePrimary",
            Kind.PHONE,
            "primary_phone",
            PERSONAL,
            "phone of the first guardian contact",
        ),
        _optional(
            "ContactEmailPrimary",
            Kind.EMAIL,
            "primary_email",
            PERSONAL,
            "e-mail of the first guardian contact",
        ),
        _optional(
            "ContactNameSecondary", Kind.NAME, "secondary_name", PERSONAL, "second guardian contact"
        ),
        _optional(
            "ContactPhoneSecondary",
            Kind.PHONE,
            "secondary_phone",
            PERSONAL,
            "phone of the second guardian contact",
        ),
        _optional(
            "ContactEmailSecondary",
            Kind.EMAIL,
            "secondary_email",
            PERSONAL,
            "e-mail of the second guardian contact",
        ),
        _optional("ZipCode", Kind.ZIP_CODE, "zip_code", PERSONAL, "ZIP code of the home"),
        _optional("Grade", Kind.GRADE, "grade", DIRECTORY, "grade level"),
        _optional("BusRoute", Kind.TEXT, "bus_route", PERSONAL, "bus route"),
        _optional(
            "LunchBalance",
            Kind.MONEY,
            "lunch_balance",
            SENSITIVE,
            "balance of the lunch account, in dollars",
        ),
        _optional(
            "PrimaryLanguage",
            Kind.LANGUAGE,
            "language",
            SENSITIVE,
            "language that the family reads",
        ),
        _optional(
            "PreferredContactMethod",
            Kind.CONTACT_METHOD,
            "preferred_contact_method",
            PERSONAL,
            "text, phone, email or all",
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
        _key("School", Kind.SCHOOL, "school", NONE, "school code"),
        _key("Teacher", Kind.ID, "staff_id", DIRECTORY, "staff number"),
        _key("Student", Kind.ID, "student_id", PERSONAL, "student number"),
        _key("Period", Kind.PERIOD, "period", NONE, "period; 0 is homeroom"),
        _required("Name", Kind.TEXT, "course_name", NONE, "course name"),
        _optional("Course_number", Kind.TEXT, "course_number", NONE, "course number"),
        _optional("Section_number", Kind.TEXT, "section_number", NONE, "section number"),
    ),
)

ATTENDANCE = ExportSpec(
    file_name="AttendanceExport.csv",
    table="attendance",
    row="one student absent from one period on one day",
    identity=("School", "Student", "Period", "Date"),
    header_only_is_legal=True,
    columns=(
        _key("School", Kind.SCHOOL, "school", NONE, "school code"),
        _key("Student", Kind.ID, "student_id", PERSONAL, "student number"),
        _key("Period", Kind.PERIOD, "period", NONE, "period; 0 is homeroom"),
        _key("Absence.code", Kind.ABSENCE_CODE, "code", SENSITIVE, "the district's absence code"),
        _optional("Teacher.name", Kind.NAME, "teacher_name", DIRECTORY, "teacher of the period"),
        _optional("Date", Kind.DATE, "date", PERSONAL, "day of the absence, MM/DD/YY"),
    ),
)

SCHOOLS = ExportSpec(
    file_name="SchoolExport.csv",
    table="schools",
    row="one school site",
    identity=("School Site Name",),
    columns=(
        _key("School Site Name", Kind.TEXT, "name", NONE, "site name"),
        _required("Address", Kind.TEXT, "address", NONE, "street address"),
        _required("Phone Number", Kind.PHONE, "phone", NONE, "site phone"),
        _optional(
            "Merge with Site ID",
            Kind.SCHOOL,
            "merge_with",
            NONE,
            "school code of the site that takes its members",
        ),
    ),
)

CORE = (STAFF, STUDENTS, STAFF_TO_STUDENT)
"""The core set: published together or not at all."""

# Root causes come first: schools, staff, students, classes, absences (RULES.md).
EXPORTS = (SCHOOLS, STAFF, STUDENTS, STAFF_TO_STUDENT, ATTENDANCE)
"""All five, in the order in which their problems are reported."""

BY_FILE_NAME = {spec.file_name: spec for spec in EXPORTS}
