"""The rule `unclosed_quote`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.line_law import FIELD, OPENED
from connect_pipeline.rules.rule import Example, RowRule, Severity

_ONE = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = RowRule(
    code="unclosed_quote",
    severity=Severity.QUARANTINE,
    doc="A value of the line begins with a quote that does not end on the same line.",
    help=(
        "Nobody can tell where such a value ends, and a guess could swallow the rows of other"
        " children that follow. Remove the quote in the SIS or close it; a quote that belongs to a"
        ' value, as in a nickname, is written twice ("") inside quotes. If the value has a line'
        " break, replace it by a space."
    ),
    message=(
        "A quote is opened on this line and not closed, so the row was kept out. Close it, or"
        " remove the line break or the quote from the value."
    ),
    where=f"regexp_full_match(text, '(?:{FIELD},)*{OPENED}')",
    order=40,
    failing=Example.of(STAFF, _ONE, 'T2,102,James,"Chen,james.chen@example.org,Teacher', line=3),
    passing=Example.of(STAFF, 'T2,102,James,"Chen",james.chen@example.org,Teacher'),
)
