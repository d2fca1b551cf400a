"""The rule `student_id_reused`."""

from connect_pipeline.contract import STUDENTS
from connect_pipeline.rules.rule import Example, Severity, TableRule

# The first cells of a broken line, once without its quotes and once split at them.
_START = "array_to_string(string_split(text, ',')[1:8], ',')"
_FIRST_CELLS = " || ".join(
    f"',' || fold_name(replace({_START}, '\"', '{instead}')) || ','" for instead in ("", ",")
)


def _is_no_cell(name: str) -> str:
    """SQL for whether a folded name, which may have commas and quotes, is in no first cell."""
    return f"NOT contains(cells, ',' || replace({name}, '\"', '') || ',')"


RULE = TableRule(
    code="student_id_reused",
    severity=Severity.QUARANTINE,
    doc="One student ID stands in rows with different names, which are two children under one ID.",
    help=(
        "Nobody may guess which parent to call for which child, so all rows of this ID are kept"
        " out, and what was published last stays. Find out in your SIS whose ID it is and give the"
        " other child a new one. If it is one child whose name is spelled in two ways, make the"
        " names equal; case and spaces do not matter. A blank name is no evidence of another child:"
        " the row that stands first is used."
    ),
    message=(
        "This student ID is used with different names, so all its rows were kept out. Give each"
        " child an ID of its own, or make the names equal."
    ),
    spec=STUDENTS,
    # A blank name is no evidence of another child: it is left out of the comparison. A row that
    # another rule keeps out is: its child has this ID, too. So is a line that breaks the line law
    # and has both names, unless they are words in its first cells, which may have moved.
    select=f"""
        WITH broken AS (
            SELECT record_id AS student_id, {_FIRST_CELLS} AS cells
            FROM quality.quarantine
            ANTI JOIN records.students_checked USING (line)
            WHERE export = 'StudentExport.csv'
            AND len(string_split(text, ',')) >= 4
        ),
        named AS (
            SELECT
                student_id,
                fold_name(first_name) AS first_name,
                fold_name(last_name) AS last_name
            FROM records.students_checked
            WHERE student_id IN (FROM records.students_alike)
            OR student_id IN (SELECT student_id FROM broken)
        ),
        reused AS (
            SELECT student_id
            FROM named
            GROUP BY student_id
            HAVING min(first_name) <> max(first_name) OR min(last_name) <> max(last_name)
            UNION
            SELECT student_id
            FROM named
            JOIN broken USING (student_id)
            WHERE {_is_no_cell("first_name")} OR {_is_no_cell("last_name")}
        )
        SELECT line, student_id AS record_id, 'ID' AS column_name, NULL AS detail
        FROM records.students
        WHERE student_id IN (FROM reused)
    """,
    order=5,  # before duplicates are left out: all rows of the ID are meant
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "001,102,Ben,Ito", line=2),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "001,102,ANA,Ruiz"),
)
