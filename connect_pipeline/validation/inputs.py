"""What `validate` is given: a folder, one export, a zip of exports, or standard input.

For: turning any of these into received files by export name, and refusing anything else in one
sentence.
Belongs here: where bytes come from, and which export a file without a name is. Does not belong
here: unpacking (`unzip.py`), and what files say (`reader/`, `checks/`).
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from connect_pipeline.contract import BY_FILE_NAME, CORE, EXPORTS, ExportSpec
from connect_pipeline.disk import disk_fault, path_of_open
from connect_pipeline.errors import UsageError
from connect_pipeline.landing.bytes_pass import scan_file
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.reader.header import OTHER_DELIMITERS, export_of
from connect_pipeline.validation.unzip import exports_in, is_zip, kept

STANDARD_INPUT = "-"

_HEADER_BYTES = 64 * 1024
# How much of a damaged header must be one export's, and how much more than any other's.
_LIKELY, _AHEAD = 0.6, 0.2


@dataclass(frozen=True)
class Received:
    """One received file: where its bytes are, and what is known of them already."""

    path: Path
    facts: FileFacts | None = None


@dataclass(frozen=True)
class Given:
    """What was given: files by export name, those that must be there, and every name seen.

    `not_files` are the exports whose names are there and are no files'. `taken_for` is the export
    that a single file is by its header, when its name is another.
    """

    received: dict[str, Received]
    required: tuple[ExportSpec, ...] = ()
    names: tuple[str, ...] = ()
    not_files: tuple[str, ...] = ()
    taken_for: str | None = None


@contextmanager
def opened(source: str | Path) -> Iterator[Given]:
    """The files of `source`: a path, or `-` for standard input. They are gone after the block.

    Raises `UsageError` for what is none of the possible inputs, `EnvironmentFault` when something
    cannot be read or unpacked.
    """
    with ExitStack() as stack:
        try:
            given = _given(source, stack)
        except OSError as error:
            raise disk_fault(error, "read what is to be checked") from None
        yield given


def _given(source: str | Path, stack: ExitStack) -> Given:
    if str(source) == STANDARD_INPUT:
        return _from_standard_input(stack)
    path = Path(source)
    if path.is_dir():
        return _from_folder(path)
    if path.name in BY_FILE_NAME and path.is_file():
        return Given({path.name: Received(path)})
    if path.is_file():
        with path.open("rb") as file:
            if is_zip(file):
                return _from_zip(file, path.name, stack)
        given = _from_nameless(path, path.name)
        return replace(given, taken_for=next(iter(given.received)))
    if path.exists():
        raise UsageError(f"{path} is no regular file. Pipe it in, and give - as the name.")
    raise UsageError(f"There is no {path}. Name a folder of exports, one export, or a zip of them.")


def _from_folder(folder: Path) -> Given:
    # A link is followed, unlike in a drop: whoever looks at a folder of theirs made it.
    received = {name: Received(folder / name) for name in BY_FILE_NAME if (folder / name).is_file()}
    entries = sorted(folder.iterdir())
    names = tuple(entry.name for entry in entries if entry.is_file())
    not_files = {entry.name for entry in entries} & BY_FILE_NAME.keys() - received.keys()
    return Given(received, CORE, names, tuple(not_files))


def _from_standard_input(stack: ExitStack) -> Given:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("Nothing is piped in. Pipe an export or a zip of exports into `-`.")
    name = "standard input"
    copy = kept(sys.stdin.buffer, name, stack)
    if copy.tell() == 0:
        raise UsageError("Standard input is empty. Pipe an export or a zip of exports into `-`.")
    if is_zip(copy):
        return _from_zip(copy, name, stack)
    return _from_nameless(path_of_open(copy), name)


def _from_zip(file: IO[bytes], name: str, stack: ExitStack) -> Given:
    exports, names = exports_in(file, name, stack)
    received = {export: Received(path_of_open(copy)) for export, copy in exports.items()}
    return Given(received, CORE, names)


def _from_nameless(path: Path, name: str) -> Given:
    """One export whose name does not say which: its header does."""
    facts = scan_file(path)
    if facts.magic is not None:
        what = "a spreadsheet" if facts.magic == "spreadsheet" else "compressed"
        raise UsageError(f"{name} is {what}. Give the CSV files that the SIS exports, or a zip.")
    spec = recognise(_first_line(path, facts))
    if spec is None:
        raise UsageError(
            f"{name} is none of the five exports: its first line is not the header of one, nor"
            f" is its name one of {', '.join(BY_FILE_NAME)}."
        )
    return Given({spec.file_name: Received(path, facts)})


def _first_line(path: Path, facts: FileFacts) -> str:
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES).decode(facts.encoding, errors="replace")
    return re.split(r"[\r\n]", head.removeprefix("\ufeff"), maxsplit=1)[0]


def recognise(header: str) -> ExportSpec | None:
    """The export whose header this is, or is most like; None when it is not like any one."""
    if (accepted := export_of(header)) is not None:
        return accepted
    ranked = sorted(((_likeness(header, spec), spec.file_name) for spec in EXPORTS), reverse=True)
    (best, name), (second, _) = ranked[:2]
    return BY_FILE_NAME[name] if best >= _LIKELY and best - second >= _AHEAD else None


def _likeness(header: str, spec: ExportSpec) -> float:
    """The share of the header that is the export's, or of its required columns that are there.

    The smaller of the two, from 0 to 1.
    """
    columns = {_folded(name) for name in spec.column_names}
    required = {_folded(name) for name in spec.required_names}
    best = 0.0
    for delimiter in (",", *OTHER_DELIMITERS):
        cells = next(csv.reader([header], delimiter=delimiter), [])
        names = {_folded(name) for name in cells if name.strip()}
        if names:
            known, needed = len(names & columns) / len(names), len(names & required) / len(required)
            best = max(best, min(known, needed))
    return best


def _folded(name: str) -> str:
    # Not further: Mobile_number is a staff member's, MobileNumber a student's.
    return name.strip().casefold()
