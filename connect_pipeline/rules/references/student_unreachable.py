"""The rule `student_unreachable`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import GUARDIANS, STUDENTS, Kind, contact_relation
from connect_pipeline.rules.rule import Example, Severity, TableRule

_COLUMNS = (*STUDENTS.required_names, "ContactPhonePrimary")
_IS_UNREACHABLE = " AND ".join(
    f"(coalesce({column.field}, '') = '' OR {invalid(column.kind, column.field)})"
    for column in STUDENTS.columns
    if column.kind in (Kind.PHONE, Kind.EMAIL) and contact_relation(column) in GUARDIANS
)

RULE = TableRule(
    code="student_unreachable",
    severity=Severity.INFO,
    doc="Students of a school have no contact with a usable phone or e-mail, counted per school.",
    help=(
        "Nobody would hear of an absence of these students: messages go to their contacts, never to"
        " the students themselves. Add a phone number or an e-mail to at least one contact in your"
        " SIS. If all students are concerned, the export lacks the contact columns."
    ),
    message=(
        "Students whom no message can reach: {detail}, the first at this line. Add a contact's"
        " phone or e-mail in your SIS."
    ),
    spec=STUDENTS,
    # Of a student with a row for each school, the contacts of the first line are published.
    select=f"""
        WITH silent AS MATERIALIZED (
            SELECT line, student_id, school FROM records.students WHERE {_IS_UNREACHABLE}
        ),
        firsts AS (
            SELECT student_id, min(line) AS line
            FROM records.students
            WHERE student_id IN (FROM records.students_alike)
            GROUP BY student_id
        ),
        unreachable AS (
            SELECT line, school
            FROM silent
            WHERE student_id NOT IN (FROM records.students_alike)
            UNION ALL
            SELECT line, school
            FROM records.students
            WHERE student_id IN (SELECT student_id FROM silent SEMI JOIN firsts USING (line))
        )
        SELECT
            min(line) AS line,
            NULL AS record_id,
            NULL AS column_name,
            format('{{:,}}', count(*)) || ' of one school' AS detail
        FROM unreachable
        GROUP BY school
        ORDER BY line
    """,
    order=200,
    failing=Example.of(
        STUDENTS, "001,101,Ana,Ruiz,(201) 555-0111", "002,101,Ben,Ito,", line=3, columns=_COLUMNS
    ),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz,(201) 555-0111", columns=_COLUMNS),
)
