"""The rule `staff_identity_conflict`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Severity, TableRule

_FIRST = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = TableRule(
    code="staff_identity_conflict",
    severity=Severity.WARNING,
    doc="The rows of one staff ID differ in name or e-mail, and the first line wins.",
    help=(
        "The person is published with the name and e-mail of the first line, at all their schools."
        " If they are two people, one of them would see the classes and families of the other: give"
        " each an ID of their own. If it is one person, make the rows equal in your SIS; case and"
        " spaces do not matter."
    ),
    message=(
        '"{column}" is not the same as in the first row of this staff ID, which is used. Make the'
        " rows equal, or give each person an ID."
    ),
    spec=STAFF,
    select="""
        WITH compared AS (
            SELECT
                line,
                staff_id,
                fold_name(first_name) AS first_name,
                fold_name(last_name) AS last_name,
                nullif(lower(email), '') AS email
            FROM records.staff
            WHERE staff_id IN (FROM records.staff_alike)
        ),
        judged AS (
            SELECT
                line,
                staff_id,
                CASE
                    WHEN first_name <> first_value(first_name IGNORE NULLS) OVER rows_of_one
                        THEN 'Name.First'
                    WHEN last_name <> first_value(last_name IGNORE NULLS) OVER rows_of_one
                        THEN 'Name.Last'
                    WHEN email <> first_value(email IGNORE NULLS) OVER rows_of_one
                        THEN 'Email'
                END AS column_name
            FROM compared
            WINDOW rows_of_one AS (PARTITION BY staff_id ORDER BY line)
        )
        SELECT line, staff_id AS record_id, column_name, NULL AS detail
        FROM judged
        WHERE column_name IS NOT NULL
    """,
    order=20,  # before duplicates are left out: who has two rows at one school may be two people
    among_alike=True,
    failing=Example.of(STAFF, _FIRST, "T1,102,Maria,Lopez,m.lopez@example.org,Teacher", line=3),
    passing=Example.of(STAFF, _FIRST, "T1,102,Maria,Lopez,Maria.Lopez@example.org,Coach"),
)
