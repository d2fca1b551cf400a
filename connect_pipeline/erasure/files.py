"""Lists and reports without a student: CSV rows and findings that name the student go.

For: `outbox/` and `reports/`. A list for the sender keeps its manifest true. Belongs here: how such
a file is read and written again. Does not belong here: databases (`rebuild.py`), and received
files, which are removed whole, for they never change (`of_student.py`).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

from connect_pipeline.attendance.told import ABSENT_AGAIN, CLEARED, NO_LONGER_ALERTS
from connect_pipeline.cells.formulas import defused
from connect_pipeline.contract import STAFF
from connect_pipeline.erasure.traces import Traces

Record = dict[str, str]


def list_without_student(content: bytes, traces: Traces) -> bytes:
    """A CSV file less the rows about the student; the same bytes when there are none.

    Beside a sibling at the same destination, the names of the student's own contacts go, too.
    """
    text = io.StringIO(content.decode(), newline="")
    reader = csv.DictReader(text)
    columns = list(reader.fieldnames or ())
    rows = list(reader)
    named = [row for row in rows if _is_about(row, traces)]
    if not named:
        return content
    shared = {_destination(row) for row in named}
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, lineterminator=_line_end(content))
    writer.writeheader()
    for row in rows:
        if row not in named:
            if "contact_names" in row and _destination(row) in shared:
                row["contact_names"] = _without_own(row["contact_names"], traces)
            writer.writerow(row)
    return out.getvalue().encode()


def manifest_of(manifest: dict[str, Any], content: bytes) -> dict[str, Any]:
    """The manifest of a list as it is now: its hash, size and counts."""
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    facts: dict[str, Callable[[], Any]] = {
        "rows": lambda: len(rows),
        "bytes": lambda: len(content),
        "sha256": lambda: hashlib.sha256(content).hexdigest(),
        "students": lambda: len({row["student_id"] for row in rows}),
        "cleared_students": lambda: _students(rows, CLEARED),
        "students_no_longer_alerting": lambda: _students(rows, NO_LONGER_ALERTS),
        "students_absent_again": lambda: _students(rows, ABSENT_AGAIN),
        "recipients": lambda: _recipients(rows),
    }
    return {name: facts[name]() if name in facts else value for name, value in manifest.items()}


def _students(rows: list[Record], change: str) -> int:
    return len({row["student_id"] for row in rows if row["change"] == change})


def findings_without_student(content: bytes, traces: Traces) -> bytes:
    """A JSON report less the findings about the student; the counts stay, as they were true."""
    report = json.loads(content)
    changed = False
    for name, part in (*report.get("exports", {}).items(), ("", report.get("drop", {}))):
        kept = [
            one
            for one in part.get("findings", ())
            if name == STAFF.file_name or one.get("record_id") != traces.student_id
        ]
        if len(kept) < len(part.get("findings", ())):
            part["findings"], changed = kept, True
    return json.dumps(report, indent=1, ensure_ascii=False).encode() if changed else content


def _is_about(row: Record, traces: Traces) -> bool:
    """Whether a row names the student, or a class that nobody else was ever in."""
    student = traces.student_id
    ids = (student, f"'{student}")  # a spreadsheet's formula is defused with an apostrophe
    if "entity" not in row:
        return row.get("student_id") in ids
    if row["entity"] == "class":
        return f"class:{row.get('id')}" in traces.lonely_groups
    return row["entity"] == "student" and row.get("id") in ids


def _destination(row: Record) -> tuple[str | None, ...]:
    return row.get("batch_id"), row.get("channel"), row.get("destination")


def _without_own(names: str, traces: Traces) -> str:
    """The names in a cell less the student's own. A name may have the separator in it."""
    plain = names.removeprefix("'")
    left = f"; {plain if defused(plain) == names else names}; "
    for name in sorted(traces.words_beside_others, key=len, reverse=True):
        while f"; {name}; " in left:
            left = left.replace(f"; {name}; ", "; ")
    return defused(left.removeprefix("; ").removesuffix("; "))


def _recipients(rows: list[Record]) -> dict[str, int]:
    destinations = {(row["channel"], row["destination"]) for row in rows}
    channels = sorted({channel for channel, _ in destinations})
    return {one: sum(channel == one for channel, _ in destinations) for one in channels}


def _line_end(content: bytes) -> str:
    return "\r\n" if b"\r\n" in content[:10_000] else "\n"
