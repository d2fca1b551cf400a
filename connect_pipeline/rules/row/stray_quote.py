"""The rule `stray_quote`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.line_law import FIELD
from connect_pipeline.rules.rule import Example, RowRule, Severity

_ONE = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = RowRule(
    code="stray_quote",
    severity=Severity.QUARANTINE,
    doc="A quote stands inside a value that is not quoted properly.",
    help=(
        "Programs read such a line in different ways, and in some of them a phone number moves into"
        " the next column, so the row is kept out. Put the whole value in quotes and write each"
        ' quote in it twice: "James ""Jim""". Most exports have a setting that does this for every'
        " value."
    ),
    message=(
        "A quote stands where none may stand, so the row was kept out. Put the whole value in"
        ' quotes and double the quotes in it ("").'
    ),
    where=f"NOT regexp_full_match(text, '{FIELD}(?:,{FIELD})*')",
    order=50,
    failing=Example.of(
        STAFF, _ONE, 'T2,102,James "Jim",Chen,james.chen@example.org,Teacher', line=3
    ),
    passing=Example.of(STAFF, 'T2,102,"James ""Jim""",Chen,james.chen@example.org,Teacher'),
)
