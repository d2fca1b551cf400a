"""The rule `stale_file`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="stale_file",
    severity=Severity.HOLD,
    doc="A file is from an earlier day: at the deadline, a core file that nobody has uploaded since"
    " the one before (with a warning, if all of them are published already); or an attendance file"
    " that is not of today, which is blocked, and with a warning one that nobody has uploaded since"
    " the last time of sending.",
    help=(
        "An old file would undo the changes of the last days: new students would lose their"
        " rosters, and families would be told about absences of another day. Usually the export"
        " job failed or wrote elsewhere, and the old file was left or uploaded once more. Run the"
        " export again; a file that is held and right as it is, an operator can approve."
    ),
    message=(
        "This file has not been uploaded since the last deadline, so it may be out of date. Run the"
        " export again and upload the new file, or have an operator approve this one."
    ),
    setting="hold_stale_files",
)

PUBLISHED_MESSAGE = (
    "This file was last uploaded on {day}, and a newer one is due. It is published already, so"
    " nothing is held and there is nothing to approve. Find out why no newer one came, export again"
    " and upload it."
)
