"""The rule `unknown_school`."""

from connect_pipeline.contract import (
    ATTENDANCE,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.rules.rule import Example, Severity, TableCheck, TableRule, with_header

_COLUMNS = STAFF.required_names


def _select(spec: ExportSpec) -> str:
    """One row for each code, at the first line that has it. Silent without settings."""
    return f"""
        WITH codes AS (
            SELECT school, min(line) AS line FROM records.{spec.table} GROUP BY school
        )
        SELECT line, NULL AS record_id, 'School' AS column_name, NULL AS detail
        FROM codes
        ANTI JOIN district.sites AS sites ON sites.code = codes.school
        WHERE EXISTS (FROM district.sites)
    """


RULE = TableRule(
    code="unknown_school",
    severity=Severity.WARNING,
    doc="A school code has no site in the district's settings.",
    help=(
        "Nobody is lost: the school gets a placeholder site without address and phone, and messages"
        " to its families lack the school's name and number. Add the code with the name of its site"
        " to sites in the settings. If the code is a typing error, correct it in your SIS; codes"
        " are text, and leading zeros count."
    ),
    message=(
        "The school code that first stands on this line has no site in the settings, so a"
        " placeholder is used. Add it to the settings, or correct it in your SIS."
    ),
    spec=STAFF,
    select=_select(STAFF),
    also=tuple(
        TableCheck(spec=spec, select=_select(spec))
        for spec in (STUDENTS, STAFF_TO_STUDENT, ATTENDANCE)
    ),
    order=90,
    failing=Example(
        STAFF,
        with_header(STAFF, "T1,999,Maria,Lopez,maria.lopez@example.org,Teacher", columns=_COLUMNS),
        2,
    ),
    passing=Example(
        STAFF,
        with_header(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher", columns=_COLUMNS),
    ),
)
