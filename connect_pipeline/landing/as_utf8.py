r"""A received file as UTF-8 with `\n` line ends, which is what DuckDB reads.

For: the reader, where a file is not so itself. Belongs here: the copy, and blank lines, for which
the text is needed. Does not belong here: where the copy is (`reader/text_file.py`).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from connect_pipeline.landing.bytes_pass import CHUNK_BYTES
from connect_pipeline.landing.encodings import (
    LONGEST_BOM,
    STRAY_BYTES,
    WINDOWS_1252,
    byte_order_mark,
)
from connect_pipeline.landing.file_facts import FileFacts


def write_normalised(source: Path, target: BinaryIO, facts: FileFacts) -> None:
    r"""Write `source` to `target` as UTF-8 without BOM, with `\n` for every line end.

    `facts` are the source's own. Streams: memory does not grow with the file.
    """
    held = b""
    for data in _as_utf8(source, facts):
        if facts.has_returns:
            data, held = held + data, b""
            if data.endswith(b"\r"):
                data, held = data[:-1], b"\r"
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        target.write(data)
    if held:
        target.write(b"\n")


def _as_utf8(source: Path, facts: FileFacts) -> Iterator[bytes]:
    with source.open("rb", buffering=0) as file:
        file.seek(len(byte_order_mark(file.read(LONGEST_BOM))[0]))
        if facts.encoding == "utf-8" and not (facts.ends_within_character or facts.has_stray_bytes):
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
        elif facts.encoding == "windows-1252":
            while chunk := file.read(CHUNK_BYTES):
                yield codecs.charmap_decode(chunk, "strict", WINDOWS_1252)[0].encode()
        else:
            errors = STRAY_BYTES if facts.has_stray_bytes else "replace"
            decoder = codecs.getincrementaldecoder(facts.encoding)(errors)
            while chunk := file.read(CHUNK_BYTES):
                yield decoder.decode(chunk).encode()
            yield decoder.decode(b"", final=True).encode()


def count_blank_lines(path: Path, facts: FileFacts) -> int:
    """How many lines hold nothing or only blanks. For the few files that it matters to."""
    blank = 0
    unended = ""  # the line that the last piece left open, as a character of its kind
    with path.open(encoding=facts.encoding, errors="replace") as file:
        while piece := file.read(CHUNK_BYTES):
            *lines, last = (unended + piece).split("\n")
            # No loop of ours: a file of line ends alone has one for each byte.
            blank += lines.count("") + sum(map(str.isspace, lines))
            unended = "x" if last.strip() else last[:1]
    return blank + unended.isspace()
