"""Why a reference fails: SQL that finds the rows and says what would have matched.

For: `unknown_teacher` and `unknown_student`. Belongs here: the search, its fixed phrases, and what
mends a file of which they are said most often. The diagnosis looks only at the distinct IDs that
failed, so that a clean file does not pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from connect_pipeline.contract import STAFF, STUDENTS, ExportSpec

NOT_IN_FILE = "not in the file"
"""What is said where nothing says why."""
_SHARED = "two students have it there, so nobody knows whose family it means"
_QUARANTINED = "its row is quarantined"
_WITHOUT_ZEROS = f"{NOT_IN_FILE}; it would match without leading zeros"
_OTHER_CASE = f"{NOT_IN_FILE}; it differs only in case from one that is"
_TRAILING_TEXT = f"{NOT_IN_FILE}; it would match without the text after it"


@dataclass(frozen=True)
class People:
    """Those whom an ID may name: an export's rows, and who is kept from the last snapshot."""

    spec: ExportSpec
    field: str
    kept: str


STAFF_MEMBERS = People(STAFF, "staff_id", "kept_staff")
STUDENT_BODY = People(STUDENTS, "student_id", "kept_students")


def fixes(people: People, swapped_with: People | None = None) -> dict[str, str]:
    """What mends a file, by what is said of most of its rows that name none of `people`.

    Nothing for what two exports of different nights or filters come to. And in none of these is
    it an operator's to approve: the people are there, and would be taken out of their classes.
    """
    file = people.spec.file_name
    found = {
        _SHARED: f"Give each child in {file} an ID of its own, and export both files again.",
        _QUARANTINED: f"Correct the rows that were kept out of {file}, and export both again.",
        _WITHOUT_ZEROS: (
            "Export the IDs as text in both files, so that they keep their zeros, and open neither"
            " file in a spreadsheet."
        ),
        _OTHER_CASE: (
            "Export the IDs of both files from one field, in the same capital or small letters."
        ),
        _TRAILING_TEXT: "Export the ID alone in this column, without anything after it.",
    }
    if swapped_with:
        found[_swapped(swapped_with)] = "Export each of the two IDs into its own column."
    return found


def _swapped(other: People) -> str:
    return f"{NOT_IN_FILE}; it is an ID of {other.spec.file_name}, so columns may be swapped"


def unmatched(
    spec: ExportSpec, column_name: str, people: People, swapped_with: People | None = None
) -> str:
    """SQL for the rows of `spec` whose `column_name` names none of `people`.

    `swapped_with` are those of the file's other ID column: an ID of theirs shows that the two
    columns are swapped.
    """
    field = people.field
    swapped = (
        f"SELECT {swapped_with.field} FROM records.{swapped_with.spec.table}"
        if swapped_with
        else "SELECT NULL WHERE false"
    )
    is_swapped = _swapped(swapped_with) if swapped_with else ""
    return f"""
        WITH known AS (
            SELECT {field} AS id FROM records.{people.spec.table}
            UNION ALL
            SELECT {field} AS id FROM records.{people.kept}
            WHERE reason <> 'student_id_reused'
        ),
        -- Whom a row means that names an ID of two children, nobody knows.
        shared AS (
            SELECT {field} AS id FROM records.{people.kept} WHERE reason = 'student_id_reused'
        ),
        failing AS (
            SELECT line, {field} AS id, school
            FROM records.{spec.table}
            ANTI JOIN known ON known.id = {spec.table}.{field}
        ),
        unknown AS (
            SELECT DISTINCT id FROM failing
        ),
        quarantined AS (
            SELECT record_id AS id
            FROM quality.quarantine
            WHERE export = '{people.spec.file_name}'
        ),
        without_zeros AS (
            SELECT unknown.id
            FROM unknown SEMI JOIN known ON ltrim(known.id, '0') = ltrim(unknown.id, '0')
        ),
        other_case AS (
            SELECT unknown.id FROM unknown SEMI JOIN known ON lower(known.id) = lower(unknown.id)
        ),
        trailing_text AS (
            SELECT unknown.id
            FROM unknown
            SEMI JOIN known
                ON known.id = regexp_extract(unknown.id, '^([0-9A-Za-z]+)[^0-9A-Za-z]', 1)
        ),
        absent_schools AS (
            SELECT DISTINCT school
            FROM failing
            ANTI JOIN records.{people.spec.table} AS people USING (school)
        )
        SELECT
            line,
            id AS record_id,
            '{column_name}' AS column_name,
            CASE
                WHEN id IN (FROM shared) THEN '{_SHARED}'
                WHEN id IN (FROM quarantined) THEN '{_QUARANTINED}'
                WHEN id IN (FROM without_zeros) THEN '{_WITHOUT_ZEROS}'
                WHEN id IN (FROM other_case) THEN '{_OTHER_CASE}'
                WHEN id IN (FROM trailing_text) THEN '{_TRAILING_TEXT}'
                WHEN id IN ({swapped}) THEN '{is_swapped}'
                WHEN school IN (FROM absent_schools)
                    THEN '{NOT_IN_FILE}, which has nobody of this school'
                ELSE '{NOT_IN_FILE}'
            END AS detail
        FROM failing
    """
