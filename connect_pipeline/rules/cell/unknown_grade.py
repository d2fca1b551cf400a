"""The rule `unknown_grade`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import STUDENTS, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

_COLUMNS = (*STUDENTS.required_names, "Grade")


RULE = CellRule(
    code="unknown_grade",
    severity=Severity.WARNING,
    doc="A grade is none of TK, PK, K, 1 to 12 and UG, in any of their usual spellings.",
    help=(
        "The student stays in the roster without a grade, and the family misses what is sent to a"
        " grade. Use K, 1 to 12, TK, PK or UG (ungraded); spellings such as 05, 5th, KG and"
        " Kindergarten are understood. Code tables of other systems need a translation in the"
        " export."
    ),
    message='"{column}" is no known grade and is left blank. Use TK, PK, K, 1 to 12 or UG.',
    applies=of_kind(Kind.GRADE),
    where=invalid(Kind.GRADE, "{cell}"),
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz,15", line=2, columns=_COLUMNS),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz,09", columns=_COLUMNS),
)
