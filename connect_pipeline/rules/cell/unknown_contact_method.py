"""The rule `unknown_contact_method`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import STUDENTS, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

_COLUMNS = (*STUDENTS.required_names, "PreferredContactMethod")


RULE = CellRule(
    code="unknown_contact_method",
    severity=Severity.WARNING,
    doc="A preferred contact method is none of text, phone, email and all.",
    help=(
        "The wish of the family is not known, so they are reached by the district's default"
        " channels. Use text, phone, email or all; usual words such as SMS, call and e-mail are"
        " understood. Leave the cell blank for families without a wish."
    ),
    message=(
        '"{column}" is no known contact method and is left blank. Use text, phone, email or all.'
    ),
    applies=of_kind(Kind.CONTACT_METHOD),
    where=invalid(Kind.CONTACT_METHOD, "{cell}"),
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz,pigeon", line=2, columns=_COLUMNS),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz,SMS", columns=_COLUMNS),
)
