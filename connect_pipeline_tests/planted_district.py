"""Exports whose cells are planted words, so that a cell that gets out is seen at once.

For: the tests that no report shows a cell's value. Belongs here: `write_planted`, which puts the
words into the forms that the rules look for, and `PLANTED`, what no report may hold.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from connect_pipeline.contract import EXPORTS, Column, ExportSpec, Kind

PLANTED = ("zqx", "555-01", "11/28/24")
"""Nearly every cell holds one of these; no word of ours does."""

# Each puts a planted word into a form that some rule about a cell looks for.
CELL_FORMS = (
    "{}",
    "={}",
    "@{}",
    " {} ",
    "\u00a0{}",
    "{}\u200b",
    "+1 {}",
    "555-01{}",
    "{}@",
    "{}\ufffd",
    "{}Ã©",
    "12345.0{}",
    "#{}!",
    "$-{}",
    "13/45/{}",
)

# Each breaks the line law in another way; `{0}` and `{1}` are planted words.
LINE_FORMS = ("{0},{1}", "{0}\x07{1}", '{0}"{1}"', '"{0},{1}', '{0}",{1}')


def write_planted(folder: Path) -> dict[str, str]:
    """Write the five exports to `folder`; return their texts by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    words = (f"zqx{number:05d}" for number in itertools.count())
    texts = {}
    for spec in EXPORTS:
        lines = [",".join(spec.column_names), *_rows(spec, words)]
        lines += [form.format(next(words), next(words)) for form in LINE_FORMS]
        texts[spec.file_name] = "\n".join(lines) + "\n"
        (folder / spec.file_name).write_text(texts[spec.file_name], encoding="utf-8")
    return texts


def _rows(spec: ExportSpec, words: Iterator[str]) -> Iterator[str]:
    """For each column and form a row with that cell, and of each column a blank one.

    Then keys that stand twice, with other content and as the very same row.
    """
    for index, form in itertools.product(range(len(spec.columns)), ("", *CELL_FORMS)):
        cells = [_cell(column, next(words)) for column in spec.columns]
        cells[index] = form.format(next(words))
        yield ",".join(cells)
    for _ in range(2):
        key = {name: next(words) for name in spec.identity}
        first, second = (
            ",".join(key.get(column.name) or _cell(column, next(words)) for column in spec.columns)
            for _ in range(2)
        )
        yield from (first, second, first)


def _cell(column: Column, word: str) -> str:
    """A cell in which most rules find nothing: most cells of a column must be of its kind."""
    forms = {
        Kind.EMAIL: f"{word}@example.org",
        Kind.PHONE: f"(201) 555-01{word[-2:]}",
        Kind.DATE: "11/28/24",
        Kind.GRADE: "9",
        Kind.LANGUAGE: "Spanish",
        Kind.CONTACT_METHOD: "Text",
    }
    return forms.get(column.kind, word)


CODES = {
    "wrong_field_count",
    "stray_quote",
    "unclosed_quote",
    "new_line_in_value",
    "control_character",
    "missing_key_value",
    "missing_required_value",
    "whitespace_trimmed",
    "id_looks_damaged",
    "invalid_email",
    "invalid_phone",
    "invalid_date",
    "formula_in_value",
    "encoding_damaged",
    "unknown_grade",
    "unknown_language",
    "unknown_contact_method",
    "invalid_zip_code",
    "invalid_lunch_balance",
    "unknown_absence_code",
    "unknown_school",
    "merge_target_unknown",
    "duplicate_row",
    "conflicting_duplicate",
    "student_id_reused",
    "unknown_teacher",
    "unknown_student",
}
"""What the planted words raise, with a district's settings: proof that they reach the rules."""
