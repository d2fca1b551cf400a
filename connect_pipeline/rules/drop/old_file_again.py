"""The rule `old_file_again`."""

from connect_pipeline.rules.rule import Rule, Severity

MANY_ROWS = 50
"""Fewer rows may well be what they were some days ago, without an old file."""

RULE = Rule(
    code="old_file_again",
    severity=Severity.WARNING,
    doc="A core file is, byte for byte, one that came before and was replaced since; held, when"
    f" more than one other file was published in between and it has {MANY_ROWS} rows or more.",
    help=(
        "An old file undoes what has changed since: families would be told at numbers that they"
        " gave up, and children would be back in classes that they have left. Its upload is new, so"
        " no deadline tells. Usually somebody uploaded an earlier day's export. Export again and"
        " upload that; if a newer file was wrong and this one is meant, an operator can approve it."
    ),
    message=(
        "This is the file that was uploaded on {day}, byte for byte; another one was published"
        " since. If it is here by mistake, export again and upload the new file."
    ),
)

OLDER_MESSAGE = (
    "This is the file that was uploaded on {day}, byte for byte; {others} others were published"
    " since. Export again and upload the new file, or have an operator approve this one."
)
