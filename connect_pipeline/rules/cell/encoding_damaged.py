"""The rule `encoding_damaged`."""

from connect_pipeline.contract import STUDENTS, Column, ExportSpec, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, with_header

_COLUMNS = STUDENTS.required_names

# The second byte of a two-byte UTF-8 character, as Windows-1252 shows it.
_SECOND_BYTES = "".join(
    bytes([byte]).decode("cp1252", errors="ignore") for byte in range(0x80, 0xC0)
)
# Close enough to a letter, and much cheaper to prepare than the Unicode class.
_LETTER = "[A-Za-z\u00c0-\U0010ffff]"
_DAMAGED = "|".join(
    (
        "\ufffd",
        rf"{_LETTER}\?{_LETTER}",
        f"[\u00c2\u00c3][{_SECOND_BYTES}]",  # é as Ã©
        "\u00e2\u20ac",  # an apostrophe as â€™
    )
)


def _applies(spec: ExportSpec, column: Column) -> bool:
    return column.kind in (Kind.NAME, Kind.TEXT)


RULE = CellRule(
    code="encoding_damaged",
    severity=Severity.WARNING,
    doc="Letters were lost before the file was written, as in Mu\u00c3\u00b1oz or Mu?oz.",
    help=(
        "The name is loaded as it stands, and families see it damaged in every message. Some"
        " program on the way read the text in the wrong encoding, so nothing can be put right here."
        " Set all steps of the export, the SIS's report and the transfer included, to UTF-8."
    ),
    message=(
        '"{column}" holds letters that were damaged before this file was written. Set the export'
        " to UTF-8 and export again."
    ),
    applies=_applies,
    holds_if_plain=True,
    # Nearly all text is plain ASCII without a question mark, and needs no closer look.
    where="(contains({cell}, '?') OR strlen({cell}) <> length({cell}))"
    f" AND regexp_matches({{cell}}, '{_DAMAGED}')",
    failing=Example(
        STUDENTS, with_header(STUDENTS, "001,101,Ana,Mu\u00c3\u00b1oz", columns=_COLUMNS), 2
    ),
    passing=Example(STUDENTS, with_header(STUDENTS, "001,101,João,Muñoz", columns=_COLUMNS)),
)
