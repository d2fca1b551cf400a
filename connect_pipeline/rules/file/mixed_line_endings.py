"""The rule `mixed_line_endings`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import Example, FileRule, Severity, with_header


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    return {} if facts.mixed_line_endings and facts.magic is None else None


_TEXT = with_header(
    STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher", columns=STAFF.required_names
)

RULE = FileRule(
    code="mixed_line_endings",
    severity=Severity.INFO,
    doc="The file ends its lines in more than one way (CRLF, LF or CR).",
    help=(
        "Every kind of line end is read, so nothing is lost. A mixture often means that two files"
        " were joined or that a cell holds a line break, and then rows about other children may be"
        " damaged nearby. Let one program write the whole file."
    ),
    message=(
        "The lines end in more than one way, which was put right. See that the file was not joined"
        " from two exports."
    ),
    broken=_broken,
    failing=Example(STAFF, _TEXT.replace("\n", "\r\n", 1).encode()),
    passing=Example(STAFF, _TEXT.replace("\n", "\r\n").encode()),
)
