"""The rule `file_too_large`."""

from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import FileRule, Severity


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    if facts.byte_count <= limits.file_bytes:
        return None
    return {"found": f"{facts.byte_count:,}", "limit": f"{limits.file_bytes:,}"}


RULE = FileRule(
    code="file_too_large",
    severity=Severity.BLOCK,
    doc="The file has more bytes than the district's limit.",
    help=(
        "A file of this size is nearly always the wrong file, such as a backup or a report over"
        " several years, and messages to the families in it would be wrong too. Check what the"
        " export selects. If the district really is this large, raise the limit in its settings."
    ),
    message=(
        "The file has {found} bytes, the limit is {limit}. Export the current school year only, or"
        " ask the operator for a higher limit."
    ),
    setting="limits.file_bytes",
    broken=_broken,
)
