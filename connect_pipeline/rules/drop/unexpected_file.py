"""The rule `unexpected_file`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="unexpected_file",
    severity=Severity.INFO,
    doc="The drop holds a file whose name is none of the five.",
    help=(
        "No night reads the file. That is harmless for a file that was put there on purpose, but a"
        " name that is nearly right, such as one with (1), a date, other capitals or .xlsx, is"
        " often tonight's export, and then families are reached by yesterday's. Give the file its"
        " exact name and upload it again."
    ),
    message="A file has a name that is none of the five, so no night reads it. {hint}",
)
