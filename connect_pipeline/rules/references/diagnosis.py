"""Why a reference fails: SQL that finds the rows and says what would have matched.

For: `unknown_teacher` and `unknown_student`. Belongs here: the search, its fixed phrases, and what
mends a file of which they are said most often. The diagnosis looks only at the distinct IDs that
failed, so that a clean file does not pay for it.
"""

from __future__ import annotations

from connect_pipeline.contract import ExportSpec

NOT_IN_FILE = "not in the file"
"""What is said where nothing says why."""
_SHARED = "two students have it there, so nobody knows whose family it means"
_QUARANTINED = "its row is quarantined"
_WITHOUT_ZEROS = f"{NOT_IN_FILE}; it would match without leading zeros"
_OTHER_CASE = f"{NOT_IN_FILE}; it differs only in case from one that is"
_TRAILING_TEXT = f"{NOT_IN_FILE}; it would match without the text after it"


def fixes(people: ExportSpec, swapped_with: ExportSpec | None = None) -> dict[str, str]:
    """What mends a file, by what is said of most of its rows that name nobody of `people`.

    Nothing for what two exports of different nights or filters come to. And in none of these is
    it an operator's to approve: the people are there, and would be taken out of their classes.
    """
    file = people.file_name
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


def _swapped(other: ExportSpec) -> str:
    return f"{NOT_IN_FILE}; it is an ID of {other.file_name}, so columns may be swapped"


def unmatched(
    spec: ExportSpec, column_name: str, people: ExportSpec, swapped_with: ExportSpec | None = None
) -> str:
    """SQL for the rows of `spec` whose `column_name` names nobody of the export `people`.

    Who is kept from the last snapshot is one of them. `swapped_with` is the export of the file's
    other ID column: an ID of it shows that the two columns are swapped.
    """
    field, kept = people.record_field, f"kept_{people.table}"
    swapped = (
        f"SELECT {swapped_with.record_field} FROM records.{swapped_with.table}"
        if swapped_with
        else "SELECT NULL WHERE false"
    )
    is_swapped = _swapped(swapped_with) if swapped_with else ""
    return f"""
        WITH known AS (
            SELECT {field} AS id FROM records.{people.table}
            UNION ALL
            SELECT {field} AS id FROM records.{kept}
            WHERE reason <> 'student_id_reused'
        ),
        -- Whom a row means that names an ID of two children, nobody knows.
        shared AS (
            SELECT {field} AS id FROM records.{kept} WHERE reason = 'student_id_reused'
        ),
        named AS (
            SELECT DISTINCT {field} AS id FROM records.{spec.table}
        ),
        unknown AS (
            SELECT id FROM named ANTI JOIN known USING (id)
        ),
        -- A file names each of them many times: whom it names is looked up once.
        failing AS (
            SELECT line, {field} AS id, school
            FROM records.{spec.table}
            WHERE {field} IN (FROM unknown)
        ),
        quarantined AS (
            SELECT record_id AS id
            FROM quality.quarantine
            WHERE export = '{people.file_name}'
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
            ANTI JOIN records.{people.table} AS people USING (school)
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
