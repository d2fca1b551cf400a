"""The rule `encoding_damaged`."""

from connect_pipeline.contract import STUDENTS, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

# UTF-8 that was read as Windows-1252 shows one character as two to four: a lead, which is also a
# letter of ordinary names, and continuations, some of which may follow such a letter in one. So it
# takes a pair that no name has: KŘÍŽ, JOSÉ’S and Groß with a no-break space are names.
_CONTINUATIONS = "".join(
    bytes([byte]).decode("cp1252", errors="ignore") for byte in range(0x80, 0xC0)
)
_NEVER_IN_NAMES = "\u20ac\u201a\u0192\u201e\u02c6\u2030\u2039\u2022\u02dc"
_NEVER_IN_NAMES += "\u00a1-\u00a9\u00ab\u00ac\u00af-\u00b3\u00b5\u00b6\u00b8\u00b9\u00bc-\u00bf"
_FOLLOWS_LATIN = "".join(sorted(set(_CONTINUATIONS) - set("\u0160\u017d\u00a0")))
_DOUBLY_ENCODED = (
    f"[\u00c2\u00c3][{_CONTINUATIONS}]",  # é as Ã©
    f"[\u00c4\u00c5][{_FOLLOWS_LATIN}]|\u00c5\u00a0[a-z]",  # ć as Ä‡, Š as Å and a no-break space
    f"[\u00c6-\u00de][{_NEVER_IN_NAMES}]",  # и as Ð¸
    "[\u00d0\u00d1][\u2020\u2021]",  # ц as Ñ†
    "\u00ca\u00bb",  # an okina
    f"\u00e1[\u00b8-\u00bb][{_CONTINUATIONS}]",  # ễ as á»…
    f"[\u00e0-\u00ef][{_NEVER_IN_NAMES}][{_CONTINUATIONS}]",
    f"[\u00e0-\u00ef][{_CONTINUATIONS}][{_NEVER_IN_NAMES}]",
    "\u00e2\u20ac",  # an apostrophe as â€™
    "\u00f0\u0178",
)
# Close enough to a letter, and much cheaper to prepare than the Unicode class.
_LETTER = "[A-Za-z\u00c0-\U0010ffff]"
_DAMAGED = "|".join(("\ufffd", rf"{_LETTER}\?{_LETTER}", *_DOUBLY_ENCODED))
# No name has a question mark; the name of a course may end in one.
_DAMAGED_NAME = rf"{_LETTER}\?|\?{_LETTER}|\?\?"


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
    applies=of_kind(Kind.NAME, Kind.TEXT),
    holds_if_plain=True,
    # Nearly all text is plain ASCII without a question mark, and needs no closer look.
    where="(contains({cell}, '?') OR strlen({cell}) <> length({cell}))"
    f" AND (regexp_matches({{cell}}, '{_DAMAGED}')"
    f" OR ('{{kind}}' = '{Kind.NAME}' AND regexp_matches({{cell}}, '{_DAMAGED_NAME}')))",
    failing=Example.of(STUDENTS, "001,101,Ana,Mu\u00c3\u00b1oz", line=2),
    passing=Example.of(STUDENTS, "001,101,João,Muñoz"),
)
