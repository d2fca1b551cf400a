"""The rule `invalid_phone`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import STAFF, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

RULE = CellRule(
    code="invalid_phone",
    severity=Severity.WARNING,
    doc="A value is not one phone number that can be called or texted.",
    help=(
        "Nothing is sent to this number, so the family is reached by e-mail or not at all. Common"
        " causes are a missing area code, two numbers in one cell, a word such as none, or a filler"
        " such as 999-999-9999. Write one number with its area code; numbers of other countries"
        " start with + and the country code."
    ),
    message=(
        '"{column}" is not a phone number and is not used. Write one number with its area code, or'
        " leave it blank."
    ),
    applies=of_kind(Kind.PHONE),
    where=invalid(Kind.PHONE, "{cell}"),
    failing=Example.of(
        STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher,555-0101", line=2
    ),
    passing=Example.of(
        STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher,(201) 555-0101 x12"
    ),
)
