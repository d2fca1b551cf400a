"""The rule `too_many_rows`."""

from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import FileRule, Severity


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    rows = facts.line_count - 1 - facts.blank_lines
    if rows <= limits.rows:
        return None
    return {"found": f"{rows:,}", "limit": f"{limits.rows:,}"}


RULE = FileRule(
    code="too_many_rows",
    severity=Severity.BLOCK,
    doc="The file has more rows than the district's limit.",
    help=(
        "So many rows mean that the export selects too much, such as all school years or every"
        " meeting of a class, and families would get messages about classes of the past. Check the"
        " export's filters. If the district really has this many rows, raise the limit in its"
        " settings."
    ),
    message=(
        "The file has {found} rows, the limit is {limit}. Check what the export selects, or ask the"
        " operator for a higher limit."
    ),
    setting="limits.rows",
    broken=_broken,
)
