"""A district's opt-outs without those of an erased student's family.

For: `opt_outs/<district>.csv`, which people write. A destination that only the student had goes
with the student: whoever has it next has not opted out. One that a sibling or a member of staff
has, too, stays. Belongs here: which lines go. Does not belong here: what the file must look like
(`attendance/opt_outs.py`); a line that cannot be read stays as it is, and the certificate says so.
"""

from __future__ import annotations

import csv

from connect_pipeline.cells.normalise import expression, register
from connect_pipeline.contract import Kind
from connect_pipeline.databases import in_memory
from connect_pipeline.erasure.traces import Traces


def opt_outs_without_student(content: bytes, traces: Traces) -> bytes:
    """The file less the lines with a destination of the student's alone, else byte for byte."""
    lines = content.splitlines(keepends=True)
    own = {word.lower() for word in traces.words}
    published = _as_published([_destination(line) for line in lines])
    return b"".join(line for line, places in zip(lines, published, strict=True) if not places & own)


def unread_lines(content: bytes) -> list[str]:
    """The lines below the first in which no phone number and no e-mail address can be read."""
    lines = content.splitlines()[1:]
    published = _as_published([_destination(line) for line in lines])
    return [
        line.decode("utf-8", errors="replace")
        for line, places in zip(lines, published, strict=True)
        if line.strip() and not places
    ]


def _destination(line: bytes) -> str:
    text = line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    try:
        cells = next(csv.reader([text], strict=True), [])
    except csv.Error:
        cells = []
    return cells[-1].strip() if cells else ""


def _as_published(destinations: list[str]) -> list[set[str]]:
    """Each destination as phone and as e-mail, in the form in which contacts are published."""
    phone, email = expression(Kind.PHONE, "destination"), expression(Kind.EMAIL, "destination")
    with in_memory() as connection:
        register(connection)
        rows = connection.execute(
            f"SELECT {phone}, lower({email}) FROM ("
            " SELECT unnest($destinations::VARCHAR[]) AS destination,"
            " generate_subscripts($destinations::VARCHAR[], 1) AS line"
            ") ORDER BY line",
            {"destinations": destinations},
        ).fetchall()
    return [{place for place in row if place is not None} for row in rows]
