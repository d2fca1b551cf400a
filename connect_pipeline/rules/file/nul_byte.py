"""The rule `nul_byte`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import Example, FileRule, Severity


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    # Spreadsheets and archives are full of NULs: they have rules of their own.
    # A file with every control character leaves none to tell its lines apart by, and is no text.
    is_binary = facts.has_nul or facts.free_byte is None
    return {} if is_binary and facts.magic is None else None


RULE = FileRule(
    code="nul_byte",
    severity=Severity.BLOCK,
    doc="The file holds NUL or all other control characters, which no text has.",
    help=(
        "NUL characters mean that the file was damaged on its way, for instance by a full disk or a"
        " transfer that broke off, or that it is UTF-16 without the mark that says so. Nobody can"
        " tell which names and phone numbers in it are whole, so none is used. Export again as"
        " UTF-8 and upload in binary mode."
    ),
    message=(
        "The file holds NUL characters, or all other characters that no text has: it is damaged, or"
        " it is not UTF-8. Export it again as UTF-8."
    ),
    broken=_broken,
    failing=Example.of(STAFF, "T1,101,Maria,Lop\0z,maria.lopez@example.org,Teacher"),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
