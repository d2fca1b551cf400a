"""The rule `unknown_column`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

RULE = Rule(
    code="unknown_column",
    severity=Severity.BLOCK,
    doc="The header names a column that the contract does not have.",
    help=(
        "A column that is not in the contract may hold data about families that must not leave the"
        " SIS, and it may be a known column under another name, whose data would be lost. Rename it"
        " as in the contract, or take it out of the export."
    ),
    message=(
        "Column {position}, {found}, is not in the contract. Rename it or take it out of the"
        " export. Known columns: {expected}. {hint}"
    ),
    failing=Example.of(
        STAFF,
        "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher,1980",
        line=1,
        columns=(*STAFF.required_names, "BirthYear"),
    ),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher,(201) 555-0101"),
)
