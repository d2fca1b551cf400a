"""The header: accepted, or refused with what was found, what was expected and the likely intent.

For: deciding whether line 1 of a file is a subsequence of the contract's columns, in the
contract's order, holding every required one (DESIGN section 2), and saying why when it is not.
Does not belong here: reading lines (`law.py`).
"""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Container
from itertools import pairwise

from connect_pipeline.contract import EXPORTS, Column, ExportSpec
from connect_pipeline.findings import Findings
from connect_pipeline.line_law import FIELD
from connect_pipeline.rules.rule import Severity

OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
LONGEST_SHOWN_NAME = 40
UNNAMED_AT_THE_END = "Spreadsheets leave unnamed columns at the end: delete them before saving."
NOT_SHOWN = "(a name that may be data and is not shown)"
MAY_BE_DATA = re.compile(r"@|[0-9]{3}|[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LAWFUL_HEADER = re.compile(f"{FIELD}(?:,{FIELD})*")


def match_header(text: str, spec: ExportSpec, findings: Findings) -> tuple[Column, ...] | None:
    """The contract's columns that `text` (line 1, without line end) names, or None.

    When None is returned, `findings` holds at least one blocking finding that says why.
    """
    names = _names(text)
    columns = _accepted(names, spec)
    if columns is None:
        _explain(text, names, spec, findings)
    return columns


def _accepted(names: list[str], spec: ExportSpec) -> tuple[Column, ...] | None:
    """The columns that a header of these names has, None when it is none of the export's."""
    known = {column.name: column for column in spec.columns}
    columns = tuple(known[name] for name in names if name in known)
    positions = [spec.columns.index(column) for column in columns]
    in_order = all(one < next_ for one, next_ in pairwise(positions))
    has_all = all(column in columns for column in spec.columns if column.required)
    return columns if len(columns) == len(names) and in_order and has_all else None


def _names(text: str, delimiter: str = ",") -> list[str]:
    """The header's names; none when its quotes break the line law, or one is endless."""
    if delimiter == "," and not LAWFUL_HEADER.fullmatch(text):
        return []
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:  # longer than Python's reader takes, 128 KiB
        return []


def _folded(name: str) -> str:
    """A name without what people do not see: case, spaces, invisible characters."""
    visible = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cc", "Zs"))
    return unicodedata.normalize("NFKC", visible).casefold()


def _shown(name: str) -> str:
    """A name from a file as a message shows it: printable and short."""
    printable = "".join(c if c.isprintable() else "?" for c in name)
    if len(printable) > LONGEST_SHOWN_NAME:
        printable = printable[:LONGEST_SHOWN_NAME] + "..."
    return f'"{printable}"'


def _explain(text: str, names: list[str], spec: ExportSpec, findings: Findings) -> None:
    """Add the findings that say why the header is refused, root causes only."""
    folded = {_folded(column.name): column.name for column in spec.columns}
    if len(names) <= 1 and (word := _other_delimiter(text, folded)):
        findings.add("wrong_delimiter", line=1, found=word)
        return
    recognised = sum(_folded(name) in folded for name in names)
    if recognised < len(names) and (other := export_of(text)) is not None:
        findings.escalate(
            "missing_required_column",
            Severity.BLOCK,
            f"Line 1 is the header of {other.file_name}: another export lies here under this name."
            " Upload each export under its own name.",
        )
        return
    # Line 1 may be data: its text is shown only when it is beyond doubt a header.
    if not recognised or recognised * 3 < len(spec.required_names):
        findings.add("missing_header", line=1, expected=", ".join(spec.column_names))
        return
    shown = _shown_names(names, folded, recognised)
    meant = _explain_columns(names, folded, shown, spec, findings)
    _explain_order(names, folded, shown, meant, spec, findings)


def _explain_columns(
    names: list[str],
    folded: dict[str, str],
    shown: dict[str, str],
    spec: ExportSpec,
    findings: Findings,
) -> set[str]:
    """Say what is wrong with each name, and which required ones are not there.

    Returns the contract's columns that the names stand for.
    """
    expected = ", ".join(spec.column_names)
    missing = [one for one in spec.column_names if one not in names]
    last_named = max(place for place, name in enumerate(names, start=1) if _folded(name))
    explained: set[str] = set()
    for position, name in enumerate(names, start=1):
        intended = folded.get(_folded(name))
        if not _folded(name):
            hint = "" if position < last_named else UNNAMED_AT_THE_END
            findings.add("empty_column_name", line=1, position=position, hint=hint)
        elif intended is None:
            intended = _closest(name, missing)
            hint = f'Did you mean "{intended}"?' if intended else ""
            findings.add(
                "unknown_column",
                line=1,
                position=position,
                found=shown[name],
                expected=expected,
                hint=hint,
            )
        elif intended in explained:
            findings.add("duplicate_column", line=1, column=intended, position=position)
        elif name != intended and names.count(name) == 1:
            hint = f'Did you mean "{intended}"?'
            findings.add(
                "column_name_altered",
                line=1,
                column=intended,
                position=position,
                found=shown[name],
                hint=hint,
            )
        explained |= {intended} if intended else set()
    found = _as_found(names, shown)
    for required in spec.required_names:
        if required not in explained:
            findings.add(
                "missing_required_column",
                line=1,
                column=required,
                found=found,
                expected=expected,
            )
    return explained


def _as_found(names: list[str], shown: dict[str, str]) -> str:
    return ", ".join(shown[name].strip('"') for name in names)


def export_of(text: str) -> ExportSpec | None:
    """The export that accepts this line as its header, if there is one."""
    names = _names(text)
    return next((one for one in EXPORTS if _accepted(names, one) is not None), None)


def _other_delimiter(text: str, folded: Container[str]) -> str | None:
    """The delimiter, in a word, by which line 1 is a header, if it is not the comma."""
    for delimiter, word in OTHER_DELIMITERS.items():
        names = _names(text, delimiter)
        if len(names) > 1 and sum(_folded(name) in folded for name in names) * 2 >= len(names):
            return word
    return None


def _shown_names(names: list[str], folded: Container[str], recognised: int) -> dict[str, str]:
    """What a message shows of each name: nothing of what may be data.

    Data that ran into line 1, as after a lost line end, brings as many names as the header has, or
    some that are dates, numbers or addresses. A name of any export is none.
    """
    unknown = [name for name in names if _folded(name) not in folded]
    holds_data = len(unknown) >= recognised or any(map(MAY_BE_DATA.search, unknown))
    of_exports = {_folded(name) for export in EXPORTS for name in export.column_names}
    return {
        name: NOT_SHOWN if holds_data and _folded(name) not in of_exports else _shown(name)
        for name in names
    }


def _closest(name: str, missing: list[str]) -> str | None:
    """The missing column that this unknown name most likely stands for."""
    by_folded = {_folded(one): one for one in missing}
    close = difflib.get_close_matches(_folded(name), list(by_folded), n=1, cutoff=0.7)
    return by_folded[close[0]] if close else None


def _explain_order(
    names: list[str],
    folded: dict[str, str],
    shown: dict[str, str],
    meant: set[str],
    spec: ExportSpec,
    findings: Findings,
) -> None:
    """Say so when the columns that the contract knows stand in another order than its own.

    What is expected is a header that would be accepted: whoever copies it loses no column.
    """
    known = [folded[_folded(name)] for name in names if _folded(name) in folded]
    present = list(dict.fromkeys(known))
    ordered = [name for name in spec.column_names if name in present]
    lawful = [one for one in spec.columns if one.required or one.name in meant]
    for found, expected in zip(present, ordered, strict=True):
        if found != expected:
            findings.add(
                "column_order",
                line=1,
                column=found,
                position=1 + [folded.get(_folded(name)) for name in names].index(found),
                first=expected,
                found=_as_found(names, shown),
                expected=", ".join(one.name for one in lawful),
            )
            return
