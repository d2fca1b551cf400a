"""The rule `file_still_changing`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="file_still_changing",
    severity=Severity.BLOCK,
    doc="The file's size or time changed between two looks or while it was read, so it is not ready"
    " yet.",
    help=(
        "Half a file looks like a file from which half of the students were removed. The pipeline"
        " waits until the file rests and then reads it by itself, so nothing needs to be done"
        " unless this comes back every night. In that case let the export write under a temporary"
        " name and rename the file when it is complete."
    ),
    message=(
        "This file was still being written, so it was not read. It is read when it has rested;"
        " upload under a temporary name and rename at the end if this happens often."
    ),
)
