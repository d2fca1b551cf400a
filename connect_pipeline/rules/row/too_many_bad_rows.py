"""The rule `too_many_bad_rows`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

_GOOD = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"
_BAD = "T{},101,Maria,Lopez, Jr.,maria.lopez@example.org,Teacher"


RULE = Rule(
    code="too_many_bad_rows",
    severity=Severity.BLOCK,
    doc="More rows of the file were quarantined than five and than the district's share.",
    help=(
        "A few bad rows are typing errors; this many mean that the export itself is wrong, and the"
        " rows that look right may be wrong too. So the file is refused, and families are reached"
        " by what was published last. The other findings of this file say what is wrong: start with"
        " the one that has the most rows."
    ),
    message=(
        "{found} rows were quarantined; more than {limit} mean that the export itself is wrong."
        " Correct the cause that the other findings name and export again."
    ),
    setting="thresholds.bad_rows",
    failing=Example.of(STAFF, _GOOD, *(_BAD.format(number) for number in range(2, 8))),
    passing=Example.of(STAFF, _GOOD, _BAD.format(2)),
)
