"""The rule `bom_present`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import Example, FileRule, Severity, with_header


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    # UTF-16 needs its mark; that it is UTF-16 is said by `encoding_converted`.
    return {} if facts.has_bom and facts.encoding == "utf-8" else None


_TEXT = with_header(
    STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher", columns=STAFF.required_names
)

RULE = FileRule(
    code="bom_present",
    severity=Severity.INFO,
    doc="The file starts with a byte order mark, which is left out.",
    help=(
        "The mark is invisible and does no harm here. Programs that do not know it take it for a"
        ' part of the first column\'s name. Choose "UTF-8" rather than "UTF-8 with BOM" or "CSV'
        ' UTF-8" if your export lets you.'
    ),
    message="The file starts with a byte order mark, which was left out. Nothing needs to be done.",
    broken=_broken,
    failing=Example(STAFF, "\ufeff" + _TEXT),
    passing=Example(STAFF, _TEXT),
)
