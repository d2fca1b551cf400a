"""The rule `end_mark`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, RowRule, Severity, with_header

_TEXT = with_header(
    STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher", columns=STAFF.required_names
)

RULE = RowRule(
    code="end_mark",
    severity=Severity.BLOCK,
    doc="The last line is nothing but the mark by which old programs end a file (Ctrl-Z).",
    help=(
        "Programs from the days of DOS write this invisible character behind the last row. No rows"
        " need be missing, but a line that is no row and has no line end is also what is left where"
        " a file broke off, so what families have stays as it is. Switch the mark off in the"
        " export, or have it write the file by a current program."
    ),
    message=(
        "The file ends with the invisible end mark of an old program (Ctrl-Z). Switch the mark off"
        " in the export, then export and upload the file again."
    ),
    where=r"is_unended AND regexp_full_match(text, '\x1a+')",
    order=15,
    failing=Example(STAFF, f"{_TEXT}\x1a", 3),
    passing=Example(STAFF, _TEXT),
)
