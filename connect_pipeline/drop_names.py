"""The names in a drop beside the five exports: which are worth a word, and what each may mean.

For: `unexpected_file`, in a folder, a zip and on the server alike.
Belongs here: names, those of our own files among them. Does not belong here: listing them
(`validation/inputs.py`, `sftp/`), reading files.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import PurePath

from connect_pipeline.contract import BY_FILE_NAME, EXPORTS
from connect_pipeline.findings import Findings

# What uploading programs leave while they write.
_UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".temp", ".filepart", ".uploading")
_CLOSE = 0.8
LABELS_FILE = "defects.json"
"""What `generate --defects` writes beside the exports."""
REPORT_PREFIX = "connect-report-"
# Also what a killed run left under the temporary name that `Drop.put` writes to.
OUR_REPORT = re.compile(
    rf"\.?{REPORT_PREFIX}(\d{{4}}-\d\d-\d\dT\d{{6}}Z)-[a-z]+\.html(?:\.[0-9a-f]{{8}}\.part)?"
)
"""The name of a report that was handed back; its group is the time of the run."""
REPORT_TIME = "%Y-%m-%dT%H%M%SZ"
"""That time, as the name of a run's page begins."""


def is_unfinished(name: str) -> bool:
    """Whether this is the name of a file that is still being written, or a hidden one."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED_SUFFIXES)


def note_unexpected_names(drop: Findings, names: Iterable[str]) -> None:
    """Add `unexpected_file` for each file that is none of the five; the names are not shown.

    Those that are nearly one of the five come first, in its place: a report shows the first few.
    """
    unexpected = [name for name in names if _is_unexpected(name)]
    meant = [(near, _difference(name, near)) for name in unexpected if (near := near_export(name))]
    for near, difference in sorted(meant):
        note_unexpected_name(drop, near, difference)
    for _ in range(len(unexpected) - len(meant)):
        drop.add("unexpected_file", hint="")


def note_unexpected_name(drop: Findings, meant: str, difference: str = "") -> None:
    """Add `unexpected_file` for a file whose name should be `meant`, and how it differs."""
    drop.add("unexpected_file", hint=f'Did you mean "{meant}"? {difference}')


def _difference(name: str, export: str) -> str:
    """How a name differs from the export's, in words that hold nothing of the name."""
    ways = []
    ending = name.strip().lower()
    if ending.endswith(".csv.csv"):
        ways.append("ends in .csv twice")
    if not ending.endswith(".csv"):
        ways.append("does not end in .csv")
    if any(letter.isdigit() for letter in name):
        ways.append("has a number or a date")
    if name.casefold() == export.casefold():
        ways.append("has other capitals")
    return f"It {' and '.join(ways) or 'has other letters, blanks or signs'}."


def _is_unexpected(name: str) -> bool:
    return not (
        name in (*BY_FILE_NAME, LABELS_FILE) or is_unfinished(name) or OUR_REPORT.fullmatch(name)
    )


def near_export(name: str) -> str | None:
    """The export whose name this nearly is: a copy's, a misspelled one; None for any other."""
    letters = {_letters(spec.file_name.removesuffix(".csv")): spec.file_name for spec in EXPORTS}
    within = [one for one in letters if one in _letters(name)]
    if within:
        return letters[max(within, key=len)]  # StaffToStudent has Student, too
    close = difflib.get_close_matches(_letters(PurePath(name).stem), letters, n=1, cutoff=_CLOSE)
    return letters[close[0]] if close else None


def _letters(name: str) -> str:
    """A name less what copies add to it: capitals, dates, numbers, blanks."""
    return re.sub("[^a-z]", "", name.casefold())
