"""The rule `encoding_converted`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import Example, FileRule, Severity, with_header

NAMES = {"utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "windows-1252": "Windows-1252"}
MIXED = "UTF-8 with bytes of Windows-1252"


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    encoding = MIXED if facts.has_stray_bytes else NAMES.get(facts.encoding)
    is_text = facts.line_count and not facts.has_nul and facts.magic is None
    if encoding is None or not is_text:
        return None
    # In UTF-16 every line is written otherwise than in UTF-8.
    count = facts.converted_lines or facts.line_count
    return {"encoding": encoding, "count": count, "line": facts.first_non_utf8_line}


_TEXT = with_header(
    STAFF, "T1,101,María,López,maria.lopez@example.org,Teacher", columns=STAFF.required_names
)

RULE = FileRule(
    code="encoding_converted",
    severity=Severity.WARNING,
    doc="The file is not UTF-8, or not all of it, and was read as UTF-16 or Windows-1252.",
    help=(
        "Windows-1252 is a guess, the likeliest one: if it is wrong, names with accents are wrong"
        " in every message to those families. Look at such a name in the published roster. Set the"
        " export's encoding to UTF-8, and nothing has to be guessed."
    ),
    message=(
        "The file is not UTF-8 and was read as {encoding} (lines concerned: {count}). Check a name"
        " with an accent, and export as UTF-8."
    ),
    broken=_broken,
    failing=Example(STAFF, _TEXT.encode("cp1252"), 2),
    passing=Example(STAFF, _TEXT),
)
