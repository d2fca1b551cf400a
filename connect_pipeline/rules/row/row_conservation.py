"""The rule `row_conservation`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="row_conservation",
    severity=Severity.SYSTEM,
    doc="The rows that were read do not add up to the lines of the file, which is our bug.",
    help=(
        "Every line must be the header, blank, accepted or quarantined. When the sum is wrong a row"
        " was lost or made up, so the run fails and nothing is published: families are reached by"
        " what was published last. Nothing needs to be changed in the export; please report it to"
        " the people who run the pipeline."
    ),
    message=(
        "The rows do not add up (found {found}, expected {expected}): an error of this program, not"
        " of the file. Nothing is published; tell the operator."
    ),
)
