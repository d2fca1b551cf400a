"""The rule `conflicting_duplicate`."""

from connect_pipeline.cells.normalise import expression
from connect_pipeline.contract import ATTENDANCE, SCHOOLS, STAFF, STUDENTS, Column, Kind
from connect_pipeline.rules.rule import Example, Severity, TableCheck, TableRule
from connect_pipeline.rules.sql import identity, later_rows

_COLUMNS = (*STUDENTS.required_names, "ContactPhonePrimary")
_COMPARED = [column for column in STUDENTS.columns if column.name not in ("ID", "School")]


def _published(column: Column) -> str:
    """SQL for a cell as it is compared: what is published of it, '' for nothing.

    As in `student_id_reused`, case and spaces make no other name.
    """
    value = f"{expression(column.kind, column.field)}::VARCHAR"
    if column.kind is Kind.NAME:
        value = f"fold_name({value})"
    value = f"coalesce({value}, '')"
    return f"lower({value})" if column.kind is Kind.EMAIL else value


_CELLS = ", ".join(f"{_published(column)} AS {column.field}" for column in _COMPARED)
_FIRST_DIFFERENCE = " ".join(
    f"WHEN later.{column.field} NOT IN ('', published.{column.field}) THEN '{column.name}'"
    for column in _COMPARED
)
# A child at several schools has one set of contacts, which are those of the first line: what a
# later line says beyond them or against them is lost, and a cell that it leaves blank is not.
_AT_OTHER_SCHOOLS = f"""
    WITH compared AS (
        SELECT line, student_id, {_CELLS}
        FROM records.students
        WHERE student_id IN (FROM records.students_alike)
    ),
    firsts AS (
        SELECT student_id, min(line) AS line FROM compared GROUP BY student_id
    ),
    published AS (
        SELECT compared.* FROM compared SEMI JOIN firsts USING (line)
    ),
    judged AS (
        SELECT
            later.line,
            later.student_id,
            CASE {_FIRST_DIFFERENCE} END AS column_name
        FROM compared AS later
        JOIN published USING (student_id)
    )
    SELECT
        line,
        student_id AS record_id,
        column_name,
        ', except that the student belongs to its school too' AS detail
    FROM judged
    WHERE column_name IS NOT NULL
"""

RULE = TableRule(
    code="conflicting_duplicate",
    severity=Severity.WARNING,
    doc="Two rows about the same student, about a member of staff at one school, or about the same"
    " site or absence, differ, and the first line wins.",
    help=(
        "Only one of the two rows can be right, and if it is the second one, messages go to an old"
        " number or a wrong contact. Mostly the export writes one row for each contact or each"
        " enrollment, past ones included. Have it write one row per person and school, the current"
        " one; the rows of a student at several schools agree in all but the school."
    ),
    message=(
        "An earlier row with the same key says something else; the first one is used and this one"
        " is not{detail}. Have the export write one row, or the same in all of them."
    ),
    spec=STUDENTS,
    # One child at several schools is concurrent enrollment: each school keeps its row.
    select=later_rows(STUDENTS, ["student_id", "school"]),
    also=(
        TableCheck(spec=STUDENTS, select=_AT_OTHER_SCHOOLS, keeps_rows=True),
        TableCheck(spec=SCHOOLS, select=later_rows(SCHOOLS, identity(SCHOOLS))),
        TableCheck(spec=STAFF, select=later_rows(STAFF, identity(STAFF))),
        TableCheck(spec=ATTENDANCE, select=later_rows(ATTENDANCE, identity(ATTENDANCE))),
    ),
    order=30,
    among_alike=True,
    drops_rows=True,
    failing=Example.of(
        STUDENTS,
        "001,101,Ana,Ruiz,(201) 555-0111",
        "001,101,Ana,Ruiz,(201) 555-0119",
        line=3,
        columns=_COLUMNS,
    ),
    passing=Example.of(
        STUDENTS,
        "001,101,Ana,Ruiz,(201) 555-0111",
        "001,102,Ana,Ruiz,(201) 555-0111",
        columns=_COLUMNS,
    ),
)
