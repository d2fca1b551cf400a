"""The defects that real exports have, put into a generated district, each one labelled.

For: `generate --defects`, and the tests that every defect is found with its code and line.
Belongs here: what a defect looks like in a file, and where it is. Does not belong here: what a
finding of it says (`rules/`), and damage to a whole file (encodings, headers, cut-off files),
which would hide everything else in it.

Defects go into rows of their own or into rows that nothing else refers to, so that one defect
is one finding; where another follows of necessity, it is labelled too. No file loses so many
rows that it would be blocked, from 200 students up.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from connect_pipeline.contract import (
    ATTENDANCE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.disk import disk_fault
from connect_pipeline.drop_names import LABELS_FILE
from connect_pipeline.errors import UsageError
from connect_pipeline.sample import vocabulary

FEWEST_STUDENTS = 200
"""In a smaller district the rows kept out would be more than 5 % of a file, and block it."""

NEED_SETTINGS = frozenset(
    {"merge_cycle", "merge_target_unknown", "unknown_absence_code", "unknown_school"}
)
"""Found only where the district's school and absence codes are known: never by `validate`."""

REUSED_STUDENT_ID = "88999999"
"""Two children share it; it is longer than the IDs of generated students."""

NO_BREAK_SPACE = "\u00a0"
ZERO_WIDTH_SPACE = "\u200b"
VERTICAL_TAB = "\x0b"  # a line break inside a cell, as word processors paste it

Row = dict[str, str]
Suits = Callable[[Row], bool]
Label = tuple[str, str | None]
"""The code of a finding, and the column it names (None: the row as a whole)."""


@dataclass(frozen=True)
class Defect:
    """One defect: the finding `code` is due at `line` (1-based, physical, header included).

    `needs` is what must be known to find it: "settings", or nothing but the exports.
    """

    file: str
    line: int
    code: str
    column: str | None
    needs: str | None = None


def refuse_too_few(students: int) -> None:
    """Raise `UsageError` for a district that is too small for defects."""
    if students < FEWEST_STUDENTS:
        raise UsageError(
            f"Defects need a district of {FEWEST_STUDENTS} students or more:"
            " in a smaller one they would block every file."
        )


def add_defects(folder: Path, seed: int) -> list[Defect]:
    """Damage the exports that `generate` wrote to `folder`; return the labels.

    The labels are also written beside the exports, as `defects.json`. The same exports and seed
    give the same bytes. Raises `UsageError` for a district of fewer than 200 students or one that
    is damaged already, and `EnvironmentFault` when a file cannot be read or written.
    """
    if (folder / LABELS_FILE).exists():
        raise UsageError(f"{folder} has defects already. Generate the district again first.")
    # Not for secrets: the same seed must damage the same lines.
    rng = random.Random(seed)  # noqa: S311
    try:
        schools = _Export(folder, SCHOOLS, rng)
        staff = _Export(folder, STAFF, rng)
        students = _Export(folder, STUDENTS, rng)
        classes = _Export(folder, STAFF_TO_STUDENT, rng)
        attendance = _Export(folder, ATTENDANCE, rng)
        refuse_too_few(len(students.lines))
        roll = _Roll(staff, students)
        _damage_schools(schools, roll)
        _damage_staff(staff, roll)
        _damage_students(students, roll)
        _damage_classes(classes, roll)
        _damage_attendance(attendance)
        exports = (schools, staff, students, classes, attendance)
        defects = [defect for export in exports for defect in export.write()]
        labels = json.dumps([asdict(defect) for defect in defects], indent=1)
        (folder / LABELS_FILE).write_text(labels + "\n", encoding="utf-8")
    except OSError as error:
        raise disk_fault(error, f"damage the exports in {folder}") from None
    return defects


class _Export:
    """The lines of one export, the changes to be made to them, and their labels.

    Added lines each go to a place of their own between two lines of the file, so that an open
    quote in one never swallows another defect.
    """

    def __init__(self, folder: Path, spec: ExportSpec, rng: random.Random) -> None:
        self.path = folder / spec.file_name
        self.spec = spec
        self.rng = rng
        text = self.path.read_text(encoding="utf-8")
        # Never splitlines(): it also splits at characters that do not end a line of a file.
        self.header, *self.lines = text.removesuffix("\n").split("\n")
        self._edited: dict[int, tuple[str, Label]] = {}
        self._added: dict[int, tuple[str, tuple[Label, ...]]] = {}
        self._taken: set[int] = set()

    def row(self, index: int) -> Row:
        """The cells of a data line of the undamaged file."""
        (cells,) = csv.reader([self.lines[index]])
        return dict(zip(self.spec.column_names, cells, strict=True))

    def victim(self, suits: Suits = lambda row: True) -> int:
        """A data line in the first half of the file that `suits` and no other defect uses."""
        half = (len(self.lines) + 1) // 2
        start = self.rng.randrange(half)
        for step in range(half):
            index = (start + step) % half
            if index not in self._taken and suits(self.row(index)):
                self._taken.add(index)
                return index
        raise UsageError(f"{self.spec.file_name} has too few rows to damage: generate more.")

    def replace(self, index: int, text: str, label: Label) -> None:
        """Put `text` in the place of a data line."""
        self._edited[index] = (text, label)

    def edit(self, code: str, column: str, value: str) -> None:
        """Put `value` into one cell of some row."""
        index = self.victim(lambda row: row[column] not in ("", value))
        self.replace(index, _line(self.row(index) | {column: value}), (code, column))

    def pad(self, column: str, before: str, after: str) -> None:
        """Put white space around one cell of some row."""
        index = self.victim(lambda row: row[column] != "")
        cells = self.row(index)
        cells[column] = f"{before}{cells[column]}{after}"
        self.replace(index, _line(cells), ("whitespace_trimmed", column))

    def add(self, text: str, *labels: Label, after: int = -1) -> int:
        """Add a line somewhere below the data line `after`; return its place.

        `text` may be two physical lines; then the second label is the second line's.
        """
        place = self.rng.randrange(after + 1, len(self.lines) + 1)
        while place in self._added:
            place = place + 1 if place < len(self.lines) else after + 1
        self._added[place] = (text, labels)
        return place

    def add_copy(self, label: Label, changes: Row, suits: Suits = lambda row: True) -> int:
        """Add a copy of some row that `suits` below it, with other cells as `changes` says."""
        index = self.victim(suits)
        return self.add(_line(self.row(index) | changes), label, after=index)

    def write(self) -> list[Defect]:
        """Write the damaged file; return its labels with their lines."""
        written, defects = [self.header], []
        for index in range(len(self.lines) + 1):
            pieces: list[tuple[str, tuple[Label, ...]]] = []
            if index in self._added:
                pieces.append(self._added[index])
            if index in self._edited:
                text, label = self._edited[index]
                pieces.append((text, (label,)))
            elif index < len(self.lines):
                pieces.append((self.lines[index], ()))
            for text, labels in pieces:
                for line, (code, column) in enumerate(labels, start=len(written) + 1):
                    needs = "settings" if code in NEED_SETTINGS else None
                    defects.append(Defect(self.spec.file_name, line, code, column, needs))
                written += text.split("\n")
        self.path.write_text("\n".join(written) + "\n", encoding="utf-8", newline="\n")
        return defects


class _Roll:
    """Who is where: for choosing victims, and values that nobody has."""

    def __init__(self, staff: _Export, students: _Export) -> None:
        self._schools_of: dict[str, set[str]] = {}
        self._numbers = itertools.count(1)
        codes: dict[str, None] = {}
        for export in (staff, students):
            for row in csv.DictReader([export.header, *export.lines]):
                self.add(row["ID"], row["School"])
                if export is students:
                    codes[row["School"]] = None
        # Students come school by school, in the order of the school export, which has no codes.
        self.codes = list(codes)

    def number(self) -> int:
        """A number not given before."""
        return next(self._numbers)

    def is_at_one_school(self, row: Row) -> bool:
        """Whether the student or member of staff of a row is at no other school."""
        return len(self._schools_of[row["ID"]]) == 1

    def add(self, person: str, school: str) -> None:
        """Note that a student or member of staff is at one school more."""
        self._schools_of.setdefault(person, set()).add(school)

    def without(self, *people: str) -> str:
        """The code of a school where none of these people is, "" when there is none."""
        known = set().union(*(self._schools_of[person] for person in people))
        return next((code for code in self.codes if code not in known), "")


def _line(row: Row) -> str:
    """A line as a careful program writes it: quoted where needed."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(row.values())
    return buffer.getvalue().removesuffix("\n")


def _careless_line(row: Row) -> str:
    """A line as a careless program writes it: cells glued with commas."""
    return ",".join(row.values())


def _starts_with_zero(column: str) -> Suits:
    return lambda row: row[column].startswith("0")


def _damage_schools(schools: _Export, roll: _Roll) -> None:
    # The last site, the annex, points to the first: both get a target that cannot be.
    annex = len(schools.lines) - 1
    one, other = schools.rng.sample(range(1, annex), 2)
    for index, target, code in (
        (0, roll.codes[0], "merge_cycle"),
        (one, roll.codes[other], "merge_cycle"),
        (other, roll.codes[one], "merge_cycle"),
        (annex, "999", "merge_target_unknown"),
    ):
        row = schools.row(index) | {"Merge with Site ID": target}
        schools.replace(index, _line(row), (code, "Merge with Site ID"))

    def site(name: str, phone: str) -> Row:
        cells = (name, "9 Mill Road, Riverton", phone, "")
        return dict(zip(SCHOOLS.column_names, cells, strict=True))

    depot = _careless_line(site("Bus Depot", "(209) 555-0190"))
    schools.add(depot, ("wrong_field_count", None))
    schools.add(_line(site("District Office", "555-01")), ("invalid_phone", "Phone Number"))


def _damage_staff(staff: _Export, roll: _Roll) -> None:
    def new(**cells: str) -> Row:
        number = roll.number()
        blank = dict.fromkeys(STAFF.column_names, "")
        return (
            blank
            | {
                "ID": str(900000 + number),
                "School": staff.rng.choice(roll.codes),
                "Name.First": staff.rng.choice(vocabulary.GIVEN_NAMES),
                "Name.Last": staff.rng.choice(vocabulary.FAMILY_NAMES),
                "Email": f"substitute{number}@example.org",
                "Title": "Substitute Teacher",
            }
            | cells
        )

    staff.add(_careless_line(new(Title="Coach, Athletics")), ("wrong_field_count", None))
    staff.add(_careless_line(new(Title='"Coach')), ("unclosed_quote", None))
    staff.add(_line(dict.fromkeys(STAFF.column_names, "")), ("blank_row", None))
    for code, column, value in (
        ("missing_key_value", "ID", ""),
        ("id_looks_damaged", "ID", "#N/A"),
        ("missing_required_value", "Title", ""),
        ("missing_required_value", "Email", ""),
        ("invalid_email", "Email", "substitute.example.org"),
        ("invalid_phone", "Mobile_number", "ext. 12"),
        ("whitespace_trimmed", "Email", f"padded@example.org{ZERO_WIDTH_SPACE}"),
        ("formula_in_value", "Title", "=Substitute Teacher"),
    ):
        staff.add(_line(new(**{column: value})), (code, column))

    staff.add_copy(("duplicate_row", None), {}, roll.is_at_one_school)
    staff.add_copy(
        ("conflicting_duplicate", None), {"Title": "Head of Department"}, roll.is_at_one_school
    )
    index = staff.victim(roll.is_at_one_school)
    person = staff.row(index)
    elsewhere = roll.without(person["ID"])
    roll.add(person["ID"], elsewhere)
    other = person | {"School": elsewhere, "Email": "other@example.org"}
    staff.add(_line(other), ("staff_identity_conflict", None), after=index)


def _damage_students(students: _Export, roll: _Roll) -> None:
    def new(**cells: str) -> Row:
        number = roll.number()
        name = students.rng.choice(vocabulary.FAMILY_NAMES)
        blank = dict.fromkeys(STUDENTS.column_names, "")
        return (
            blank
            | {
                # One digit longer than those of generated students, so never one of theirs.
                "ID": str(88000000 + number),
                "School": students.rng.choice(roll.codes),
                "Name.First": students.rng.choice(vocabulary.GIVEN_NAMES),
                "Name.Last": name,
                "ContactNamePrimary": f"Pat {name}",
                "ContactPhonePrimary": f"(209) 555-{number:04}",
                "ContactEmailPrimary": f"pat{number}@example.net",
                "ZipCode": "90001",
                "Grade": "7",
                "PrimaryLanguage": "English",
            }
            | cells
        )

    students.add(_careless_line(new(**{"Name.Last": "Reyes, Jr."})), ("wrong_field_count", None))
    nickname = new(ContactNamePrimary='Roberta "Bobbie" Reyes')
    students.add(_careless_line(nickname), ("stray_quote", None))
    students.add(
        _line(new(ContactNamePrimary="Pat Reyes\n(grandmother)")),
        ("unclosed_quote", None),
        ("new_line_in_value", None),
    )
    students.add(_line(dict.fromkeys(STUDENTS.column_names, "")), ("blank_row", None))
    for code, column, value in (
        ("missing_key_value", "ID", ""),
        ("missing_key_value", "School", ""),
        ("id_looks_damaged", "ID", "8.80E+07"),
        ("missing_required_value", "Name.First", ""),
        ("encoding_damaged", "Name.Last", "Mu?oz"),
        ("whitespace_trimmed", "Name.Last", " Reyes "),
        ("whitespace_trimmed", "Name.First", f"{NO_BREAK_SPACE}Ana"),
        ("invalid_email", "Email", "ana.reyes@@example.net"),
        ("invalid_email", "ContactEmailPrimary", "none"),
        ("invalid_phone", "ContactPhonePrimary", "555-0123"),
        ("invalid_phone", "MobileNumber", "2.10E+09"),
        ("formula_in_value", "ContactNameSecondary", "=1+1"),
        ("invalid_zip_code", "ZipCode", "9001"),
        ("unknown_grade", "Grade", "Y14"),
        ("invalid_lunch_balance", "LunchBalance", "overdue"),
        ("unknown_language", "PrimaryLanguage", "Zzyzx"),
        ("unknown_contact_method", "PreferredContactMethod", "pigeon"),
        ("unknown_school", "School", "998"),
    ):
        students.add(_line(new(**{column: value})), (code, column))

    students.add_copy(("duplicate_row", None), {}, roll.is_at_one_school)
    students.add_copy(("conflicting_duplicate", None), {"ZipCode": "90899"}, roll.is_at_one_school)
    for name in ("Abara", "Zamora"):
        reused = new(ID=REUSED_STUDENT_ID, **{"Name.Last": name})
        students.add(_line(reused), ("student_id_reused", None))


def _damage_classes(classes: _Export, roll: _Roll) -> None:
    def copy(**cells: str) -> Row:
        return classes.row(classes.victim()) | cells

    classes.add(_careless_line(copy(Name="Art, Music")), ("wrong_field_count", None))
    classes.add(_careless_line(copy(Name='Choir "A"')), ("stray_quote", None))
    classes.add(_careless_line(copy(Name='"Choir A')), ("unclosed_quote", None))
    classes.add(_line(copy(Name=f"Choir{VERTICAL_TAB}A")), ("control_character", None))
    classes.add("", ("blank_line", None))
    for code, column, value in (
        ("missing_key_value", "Teacher", ""),
        ("missing_key_value", "Period", ""),
        ("id_looks_damaged", "Student", "2.00E+06"),
        ("id_looks_damaged", "Teacher", "40001.0"),
        ("unknown_teacher", "Teacher", "990001"),
        ("unknown_student", "Student", "99000001"),
        # Quarantined in its own file, as two children share it.
        ("unknown_student", "Student", REUSED_STUDENT_ID),
    ):
        classes.add(_line(copy(**{column: value})), (code, column))
    classes.edit("missing_required_value", "Name", "")
    classes.edit("formula_in_value", "Name", "@Home Study")
    classes.pad("Period", " ", "")
    classes.pad("Student", "", NO_BREAK_SPACE)
    classes.add_copy(("duplicate_row", None), {})
    # What a spreadsheet makes of an ID when it opens a file.
    for code, column in (("unknown_student", "Student"), ("unknown_teacher", "Teacher")):
        index = classes.victim(_starts_with_zero(column))
        row = classes.row(index)
        row[column] = row[column].lstrip("0")
        classes.add(_line(row), (code, column))
    index = classes.victim(lambda row: roll.without(row["Teacher"], row["Student"]) != "")
    row = classes.row(index)
    row["School"] = roll.without(row["Teacher"], row["Student"])
    classes.add(_line(row), ("school_mismatch", "School"))


def _damage_attendance(attendance: _Export) -> None:
    # At the school with the most absences one more unscheduled period is far from a hold.
    schools = Counter(line.split(",")[0] for line in attendance.lines[: len(attendance.lines) // 2])
    ((school, _),) = schools.most_common(1)
    index = attendance.victim(lambda row: row["School"] == school)
    unscheduled = _line(attendance.row(index) | {"Period": "12"})
    attendance.replace(index, unscheduled, ("period_not_in_schedule", "Period"))
    index = attendance.victim()
    row = attendance.row(index)
    attendance.replace(index, _careless_line(row), ("wrong_field_count", None))
    month, day, year = row["Date"].split("/")
    attendance.edit("missing_key_value", "Absence.code", "")
    attendance.edit("invalid_date", "Date", "13/45/26")
    attendance.edit("date_format_tolerated", "Date", f"20{year}-{month}-{day}")
    attendance.edit("date_format_tolerated", "Date", f"{month}/{day}/20{year}")
    attendance.edit("unknown_absence_code", "Absence.code", "ZZ")
    attendance.pad("Student", "", " ")
    attendance.add_copy(("unknown_student", "Student"), {"Student": "99000001"})
    attendance.add_copy(("duplicate_absence", None), {"Teacher.name": ""})
