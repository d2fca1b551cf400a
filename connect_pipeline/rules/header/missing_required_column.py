"""The rule `missing_required_column`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

RULE = Rule(
    code="missing_required_column",
    severity=Severity.BLOCK,
    doc="The header lacks a required column.",
    help=(
        "Without this column rows cannot be tied to a person, a school or a class, and families"
        " could not be reached. Add it to the export, spelled exactly as in the contract and at its"
        " place in the order. A column may be empty, but it must be there."
    ),
    message='The required column "{column}" is missing. Found: {found}. Expected: {expected}',
    failing=Example.of(
        STAFF,
        "T1,101,Maria,Lopez,maria.lopez@example.org",
        line=1,
        columns=("ID", "School", "Name.First", "Name.Last", "Email"),
    ),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
