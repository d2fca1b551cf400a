"""The rule `unknown_absence_code`."""

from connect_pipeline.contract import ATTENDANCE, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

_CODES = "(SELECT list(coalesce(school || chr(31), '') || code) FROM district.absence_codes)"

RULE = CellRule(
    code="unknown_absence_code",
    severity=Severity.WARNING,
    doc="An absence code is not among those that the district's settings list for its school.",
    help=(
        "A code that nobody has listed alerts nobody, so a family may not hear that their child is"
        " missing. If it means an absence that families must hear of, list it in the settings under"
        " alert_codes; otherwise under other_codes. Codes are compared exactly, capitals included."
        " If other_codes is set and most rows of a file have such codes, the file is held: the SIS"
        " may have renamed them."
    ),
    message=(
        'The code in "{column}" is none of those that the district\'s settings list, so it alerts'
        " nobody. List it there (`alert_codes` or `other_codes`), or correct it in your SIS."
    ),
    setting="attendance.other_codes",
    applies=of_kind(Kind.ABSENCE_CODE),
    # Without settings the list is NULL, and so is the comparison: nothing is said. Most codes are
    # those of all schools, so a school's own are asked for last.
    where=f"NOT ({{cell}} = '' OR list_contains({_CODES}, {{cell}})"
    f" OR list_contains({_CODES}, cells.school || chr(31) || {{cell}}))",
    failing=Example.of(ATTENDANCE, '101,001,1,ZZ,"Lopez, Maria",10/02/25', line=2),
    passing=Example.of(ATTENDANCE, '101,001,1,E,"Lopez, Maria",10/02/25'),
)
