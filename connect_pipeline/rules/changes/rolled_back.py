"""An operator went back to an earlier snapshot: the next night must not undo that unseen."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="rolled_back",
    severity=Severity.HOLD,
    doc="The published snapshot is one that an operator went back to.",
    help="Somebody decided that a later night was wrong. Publishing over that decision could bring"
    " back what was wrong, so the first set of files after a rollback waits for an operator.",
    message="An operator rolled back to an earlier snapshot. Approve these files when they no"
    " longer have what was wrong.",
)
