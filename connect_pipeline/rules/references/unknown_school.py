"""The rule `unknown_school`."""

from connect_pipeline.contract import (
    ATTENDANCE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.rules.rule import Example, Severity, TableCheck, TableRule

_NO_SITE = (
    "the code that first stands on this line has no site in the settings, so a placeholder is used."
    " Add the code to the settings, or correct it in your SIS"
)
_NO_ROW = (
    "the name that the settings have for it is in no row, so the site has no address and no phone."
    " Write the name in the settings as it stands in this file, or add the row"
)
_NO_CODE = (
    "the settings have no code with the name on this line, and there is a code without a row. If"
    " this is its site, write the name in the settings as it stands here"
)


def _select(spec: ExportSpec) -> str:
    """One row for each code, at the first line that has it. Silent without settings."""
    return f"""
        WITH codes AS (
            SELECT school, min(line) AS line FROM records.{spec.table} GROUP BY school
        )
        SELECT line, NULL AS record_id, 'School' AS column_name, '{_NO_SITE}' AS detail
        FROM codes
        ANTI JOIN district.sites AS sites ON sites.code = codes.school
        WHERE getvariable('has_settings')
    """


# A code and its site find each other by the name alone. A row that no code has is mostly no school,
# such as a bus depot; while a code has no row, it may be the one, and both ends are said.
_LOOSE_ENDS = f"""
    WITH without_row AS (
        SELECT code FROM district.sites AS sites ANTI JOIN records.schools AS schools USING (name)
    )
    SELECT
        NULL AS line,
        NULL AS record_id,
        'School Site Name' AS column_name,
        'for code ' || code || ', {_NO_ROW}' AS detail
    FROM without_row
    UNION ALL
    SELECT line, NULL AS record_id, 'School Site Name' AS column_name, '{_NO_CODE}' AS detail
    FROM records.schools AS schools
    ANTI JOIN district.sites AS sites USING (name)
    WHERE EXISTS (FROM without_row)
"""

RULE = TableRule(
    code="unknown_school",
    severity=Severity.WARNING,
    doc="A school code has no site in the district's settings, or the name of its site and"
    " SchoolExport.csv do not agree.",
    help=(
        "Nobody is lost: the school gets a placeholder site, or one without address and phone, and"
        " messages to its families lack the school's name or number. Add the code to sites in the"
        " settings, with the name of its site exactly as SchoolExport.csv has it. If the code is a"
        " typing error, correct it in your SIS; codes are text, and leading zeros count."
    ),
    message="A school code and its site do not find each other: {detail}.",
    spec=STAFF,
    select=_select(STAFF),
    also=(
        *(
            TableCheck(spec=spec, select=_select(spec))
            for spec in (STUDENTS, STAFF_TO_STUDENT, ATTENDANCE)
        ),
        TableCheck(spec=SCHOOLS, select=_LOOSE_ENDS),
    ),
    order=90,
    failing=Example.of(STAFF, "T1,999,Maria,Lopez,maria.lopez@example.org,Teacher", line=2),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
