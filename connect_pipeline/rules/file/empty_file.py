"""The rule `empty_file`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import Example, FileRule, Severity


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    return {} if facts.line_count == 0 else None


RULE = FileRule(
    code="empty_file",
    severity=Severity.BLOCK,
    doc="The file holds nothing at all, not even a header.",
    help=(
        "Read as it is, an empty file would remove everybody, and no family would be reached. The"
        " export job was probably interrupted, had no disk space, or was not allowed to read the"
        " data. Run it again and look at the file before you upload it."
    ),
    message="The file is empty. Run the export again; what is published stays until then.",
    broken=_broken,
    failing=Example(STAFF, ""),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
