"""The rule `missing_file`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="missing_file",
    severity=Severity.BLOCK,
    doc="A file that the run needs is not in the drop: one of the core set, or the absences.",
    help=(
        "The three core files (Staff, Student, StaffToStudent) are published together or not at"
        " all, so that no class points at people who are not there; until the file arrives,"
        " families are reached by what was published last. Without AttendanceExport.csv nobody is"
        " told of an absence. Check that the export job of your SIS ran, that it writes to the drop"
        " folder, and that the name is exactly the one in the contract, capitals included."
    ),
    message=(
        "This file is not in the drop. Without it nothing new is published; without the absences"
        " nobody is told of them. Run the export again and upload the file under exactly this name."
    ),
)
