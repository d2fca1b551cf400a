"""The rule `kept_previous`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="kept_previous",
    severity=Severity.WARNING,
    doc="A person, or one of their schools, is kept as last published: a row was quarantined.",
    help=(
        "A damaged row does not remove anybody, from the district or from one of several schools:"
        " the family is still reached by what was published last, which may be out of date. That"
        " holds for who has a second row, at another school, too: nobody can tell whether its"
        " contacts are the right ones. Correct the row as its own finding says, and the next export"
        " replaces what was kept."
    ),
    message=(
        "A row that is or may be this person's was quarantined tonight, so what was published last"
        " is kept. Correct the row that the other finding names."
    ),
)
