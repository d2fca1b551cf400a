"""The rule `invalid_zip_code`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import STUDENTS, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

_COLUMNS = (*STUDENTS.required_names, "ZipCode")


RULE = CellRule(
    code="invalid_zip_code",
    severity=Severity.WARNING,
    doc="A ZIP code is not five digits, or five and four.",
    help=(
        "The ZIP code is left blank, and the family misses what is sent to an area, such as a"
        " warning of a flood. Four digits mostly mean that a spreadsheet dropped a leading zero."
        " Export the column as text: 12345 or 12345-6789."
    ),
    message='"{column}" is not a ZIP code and is left blank. Write it as 12345 or 12345-6789.',
    applies=of_kind(Kind.ZIP_CODE),
    where=invalid(Kind.ZIP_CODE, "{cell}"),
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz,1234", line=2, columns=_COLUMNS),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz,01234-5678", columns=_COLUMNS),
)
