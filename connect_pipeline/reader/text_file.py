"""A received file as DuckDB can read it: the file itself, or a copy that has no name.

For: the reader. Belongs here: when a copy is needed, where it is made, and what is said when there
is no room for it. Does not belong here: how bytes are made UTF-8 (`landing/as_utf8.py`), what is
in a line (`law.py`).
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import duckdb

from connect_pipeline.disk import disk_fault, disk_reason, is_text, path_of_open
from connect_pipeline.landing.as_utf8 import write_normalised
from connect_pipeline.landing.file_facts import FileFacts


@dataclass(frozen=True)
class Copies:
    """What DuckDB is given in the stead of an export, in `folder`; None is the system's."""

    export: str
    folder: Path | None

    def begin(self) -> BinaryIO:
        """A new copy, empty; it is gone when it is closed."""
        return tempfile.TemporaryFile(dir=self.folder)

    @contextmanager
    def may_fill_the_disk(self) -> Iterator[None]:
        """Name the folder when there is no room for a copy that is written within."""
        folder = self.folder or tempfile.gettempdir()
        doing = f"write a copy of {self.export} to {folder}"
        try:
            yield
        except OSError as error:
            raise disk_fault(error, doing) from None
        except duckdb.Error as error:
            reason = disk_reason(error)
            if reason is None:
                raise
            raise disk_fault(OSError(None, reason), doing) from None


@dataclass
class TextFile:
    """A file as DuckDB finds it: UTF-8, line feeds, bounded lines.

    Mostly the received file itself. A copy, where one is needed, has no name on the disk and
    goes with this object, so that a kill leaves nothing behind.
    """

    path: Path
    opened: BinaryIO | None = None

    def __post_init__(self) -> None:
        if self.opened is not None:
            weakref.finalize(self, self.opened.close)


def text_for_duckdb(path: Path, facts: FileFacts, line_bytes: int, copies: Copies) -> TextFile:
    """The received file, or a copy in UTF-8 in which no line is much longer than `line_bytes`."""
    if not facts.needs_copy and not facts.has_long_line:
        if is_text(path):
            return TextFile(path)
        file = path.open("rb")
        return TextFile(path_of_open(file), file)
    with copies.may_fill_the_disk():
        copy = copies.begin()
        write_normalised(path, copy, facts)
        if facts.has_long_line:
            copy.seek(0)
            shortened = copies.begin()
            _shorten_lines(copy, shortened, line_bytes)
            copy.close()
            copy = shortened
        copy.flush()
    return TextFile(path_of_open(copy), copy)


def _shorten_lines(source: BinaryIO, target: BinaryIO, limit: int) -> None:
    """Copy lines, each cut to just over `limit` bytes: enough to be told as too long."""
    while piece := source.readline(limit + 1):
        if len(piece) <= limit or piece.endswith(b"\n"):
            target.write(piece)
            continue
        target.write(piece.decode("utf-8", errors="ignore").encode())
        target.write(b"." * 4)  # the cut may have dropped bytes of a character
        while piece and not piece.endswith(b"\n"):
            piece = source.readline(1024 * 1024)
        if piece:
            target.write(b"\n")
