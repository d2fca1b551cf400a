"""The rule `missing_file`."""

from connect_pipeline.rules.rule import DropRule, Severity

RULE = DropRule(
    code="missing_file",
    severity=Severity.BLOCK,
    doc="A file of the core set (Staff, Student, StaffToStudent) is not in the drop.",
    help=(
        "The three core files are published together or not at all, so that no class points at"
        " people who are not there; until the file arrives, families are reached by what was"
        " published last. Check that the export job of your SIS ran, that it writes to the drop"
        " folder, and that the name is exactly the one in the contract, capitals included."
    ),
    message=(
        "This file is not in the drop, so nothing new is published. Run the export again and"
        " upload the file under exactly this name."
    ),
)
