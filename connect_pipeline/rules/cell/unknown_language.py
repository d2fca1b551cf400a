"""The rule `unknown_language`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import STUDENTS, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

_COLUMNS = (*STUDENTS.required_names, "PrimaryLanguage")


RULE = CellRule(
    code="unknown_language",
    severity=Severity.WARNING,
    doc="A language is no name or code that is known.",
    help=(
        "The language is left blank and the family gets messages in the district's default"
        " language, which they may not read. Use the English name (Spanish), an ISO 639 code (es,"
        " spa) or a tag (es-MX), one language a cell. Two digits are no code here: each state means"
        " other languages by them."
    ),
    message=(
        '"{column}" is no known language and is left blank. Use its English name or its ISO 639'
        " code."
    ),
    applies=of_kind(Kind.LANGUAGE),
    where=invalid(Kind.LANGUAGE, "{cell}"),
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz,Spanish/English", line=2, columns=_COLUMNS),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz,es-MX", columns=_COLUMNS),
)
