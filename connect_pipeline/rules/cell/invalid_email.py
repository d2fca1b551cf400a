"""The rule `invalid_email`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import STAFF, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

RULE = CellRule(
    code="invalid_email",
    severity=Severity.WARNING,
    doc="A value is not one e-mail address that mail can be sent to.",
    help=(
        "Nothing is sent to this address, so the person is reached by phone or not at all. Common"
        " causes are two addresses in one cell, a missing part after the @, a space, or a word such"
        " as none. Write exactly one address, or leave the cell blank."
    ),
    message=(
        '"{column}" is not an e-mail address and is not used. Write one address, or leave it blank.'
    ),
    applies=of_kind(Kind.EMAIL),
    where=invalid(Kind.EMAIL, "{cell}"),
    failing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez at example.org,Teacher", line=2),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
