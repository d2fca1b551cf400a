"""The rule `is_spreadsheet`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import Example, FileRule, Severity


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    return {} if facts.magic == "spreadsheet" else None


RULE = FileRule(
    code="is_spreadsheet",
    severity=Severity.BLOCK,
    doc="The file is a spreadsheet (Excel or OpenDocument) under the name of a CSV file.",
    help=(
        "Renaming a workbook to .csv does not make it one, and nothing in it can be read. Open it"
        " and save it as CSV UTF-8; better, upload what the SIS exports without opening it, since"
        " spreadsheets drop leading zeros from IDs, and a child whose ID changed cannot be matched"
        " with a family."
    ),
    message=(
        "This is a spreadsheet, not a CSV file. Upload the CSV as your SIS exports it, without"
        " opening it in a spreadsheet program."
    ),
    broken=_broken,
    failing=Example(STAFF, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8)),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
