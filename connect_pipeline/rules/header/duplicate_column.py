"""The rule `duplicate_column`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

RULE = Rule(
    code="duplicate_column",
    severity=Severity.BLOCK,
    doc="The header names a column twice.",
    help=(
        "With two columns of one name nobody can tell which e-mail or phone number is meant, and"
        " the wrong one would send messages astray. Take one of them out of the export, or give it"
        " the name of the column that it really is."
    ),
    message=(
        'The column "{column}" is there twice, the second time as column {position}. Take one of'
        " them out of the export."
    ),
    failing=Example.of(
        STAFF,
        "T1,101,Maria,Lopez,maria.lopez@example.org,m.lopez@example.org,Teacher",
        line=1,
        columns=("ID", "School", "Name.First", "Name.Last", "Email", "Email", "Title"),
    ),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
