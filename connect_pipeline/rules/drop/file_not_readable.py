"""The rule `file_not_readable`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="file_not_readable",
    severity=Severity.BLOCK,
    doc="What has the file's name is a link, a folder or another thing that is no regular file, or"
    " the login may not read it.",
    help=(
        "A link may point at a file of another district, or at one that is still being written, so"
        " none is followed. Nothing of this file is used: of the schools' file the names that were"
        " published last stay, and any other one stops the run. Upload the file itself, under"
        " exactly this name, and let the pipeline's login read it. `validate` follows a link to a"
        " file, for it looks at a folder of your own."
    ),
    message=(
        "What has this name is a link, a folder or another thing that is no regular file, or the"
        " pipeline's login may not read it. Upload the file itself, and let the login read it."
    ),
)
