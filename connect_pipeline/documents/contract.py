"""`docs/contract.md`: what a district's exports hold, from `contract.py`.

Belongs here: beside the page's shape, how people write each kind of value and what is read of it;
a test holds every example to `cells/normalise.py`. Does not belong here: columns (`contract.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from connect_pipeline.contract import ATTENDANCE, CORE, SCHOOLS, ExportSpec, Kind
from connect_pipeline.documents.markdown import table, written_from

HEAD = f"""\
# The contract

{written_from("`connect_pipeline/contract.py`")}

For the people who set up a district's exports: the five files, their columns, and how values are
written. What happens to a file that does not keep this is in [rules.md](rules.md);
`connect-pipeline validate FOLDER` says it of a folder of exports.

- **Names are exact**: of the files and in the header, capitals included. Columns stand in this
  order. Those in **bold** must be there; each of the others may be left out, which means that it is
  not supplied. A column that is there and empty means that the value is known to be blank. A column
  that was there last night and is gone holds the night, for it would wipe data.
- **A record is one line**, with as many fields as the header, in UTF-8 (RFC 4180: a value with a
  comma or a quote stands in quotes, and a quote in it is doubled). No value has a line break in it.
- **Each file is whole**: everybody in it, every time; who is missing has left. A later
  AttendanceExport.csv of a day repeats that day's absences, for whoever it leaves out counts as
  cleared. A row without `Date` is of the day of the upload; a file with a header only says that
  nobody is absent.
- **Numbers that name something are text**: `007` and `7` are two students. Do not save the file
  with a program that turns them into numbers, such as a spreadsheet.
- `Teacher` is an ID of StaffExport.csv, `Student` one of StudentExport.csv. School, Student and
  Period of an absence are found in StaffToStudentExport.csv; the period `0` is the homeroom, or all
  day.
- A student or a member of staff at several schools has a row for each, alike in all but the school.
- A row is kept out when a cell is blank in a column marked "no".
- StaffExport.csv, StudentExport.csv and StaffToStudentExport.csv are one set, of one night.

## Uploading

- **The three core files every night before the deadline** (`deadline` in the
  [settings](settings.md)), all in one go, also when nothing has changed: a file that was not
  uploaded again is taken for one whose export failed.
- **AttendanceExport.csv as often as the district likes**, and at least 30 minutes before each time
  of sending (`attendance.send_at`).
- **SchoolExport.csv once**, and again when a school's name, address, phone or merger changes. It
  stays in the drop.

Write a file under a temporary name (`StudentExport.csv.part`) and rename it when it is complete.
"""


@dataclass(frozen=True)
class Form:
    """How a kind of value is written; by example, what is read of it."""

    text: str
    examples: tuple[tuple[str, str], ...] = ()


FORMS = {
    Kind.ID: Form("text, the same in all files", (("007", "007"),)),
    Kind.SCHOOL: Form("the school's code, text", (("0101", "0101"),)),
    Kind.NAME: Form("text"),
    Kind.TEXT: Form("text"),
    Kind.PERIOD: Form("text", (("0", "0"), ("2A", "2A"))),
    Kind.ABSENCE_CODE: Form("text; the settings say which alert"),
    Kind.EMAIL: Form("one address", (("eva.ruiz@Example.COM", "eva.ruiz@example.com"),)),
    Kind.PHONE: Form(
        "a North American number, or one of another country with + and its code; an extension is"
        " left out",
        (("(201) 555-0111", "+12015550111"), ("1-201-555-0111 ext. 4", "+12015550111")),
    ),
    Kind.ZIP_CODE: Form("5 or 9 digits", (("12345", "12345"), ("123456789", "12345-6789"))),
    Kind.GRADE: Form(
        "PK, TK, K, 1 to 12, or ungraded", (("09", "9"), ("KN", "K"), ("Ungraded", "UG"))
    ),
    Kind.MONEY: Form("dollars", (("$1,204.50", "1204.50"), ("(3.20)", "-3.20"))),
    Kind.LANGUAGE: Form(
        "an English name, a code of ISO 639, or a tag of BCP 47",
        (("Spanish", "es"), ("spa", "es"), ("es_mx", "es-MX")),
    ),
    Kind.CONTACT_METHOD: Form(
        "text, phone, email or all, or what is often said for it",
        (("SMS", "text"), ("Voice", "phone"), ("E-mail", "email"), ("Any", "all")),
    ),
    Kind.DATE: Form(
        "MM/DD/YY; others of these are read with a warning",
        (("11/27/26", "2026-11-27"), ("2026-11-27", "2026-11-27"), ("9/5/2026", "2026-09-05")),
    ),
}


def contract_page() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEAD, *(_section(spec) for spec in (*CORE, ATTENDANCE, SCHOOLS)), _forms()])


def _section(spec: ExportSpec) -> str:
    rows = [
        (
            f"**`{column.name}`**" if column.required else f"`{column.name}`",
            column.description,
            "no" if column.key else "with a warning" if column.required else "yes",
            f"[{_word(column.kind)}](#how-values-are-written)",
            str(column.privacy),
        )
        for column in spec.columns
    ]
    identity = ", ".join(f"`{name}`" for name in spec.identity)
    return (
        f"## {spec.file_name}\n\nOne row is {spec.row}. What it is about: {identity}.\n\n"
        + table(("column", "what it is", "may be blank", "written as", "privacy"), rows)
    )


def _forms() -> str:
    rows = [
        (
            _word(kind),
            form.text,
            ", ".join(f"`{written}` → `{read}`" for written, read in form.examples),
        )
        for kind, form in FORMS.items()
    ]
    return (
        "## How values are written\n\nSpaces around a value do not count. What cannot be read is"
        " reported and published as blank, but for an ID that was damaged and a date: without them"
        " nobody knows whom or when the row is about, and it is kept out.\n\n"
        + table(("kind", "written as", "examples, and what is read"), rows)
    )


def _word(kind: Kind) -> str:
    return kind.value.replace("_", " ")
