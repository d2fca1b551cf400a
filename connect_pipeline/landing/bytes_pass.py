r"""One pass over a file's bytes as they arrive: what they are, before anybody reads them.

For: `FileFacts`: size, hash, lines, encoding, line ends, and whether the file can be handed to
DuckDB as it is.
Belongs here: the pass, and what its first bytes say that a file is. Does not belong here: columns,
records, limits on a file's size (`sftp/`), and any verdict.

The pass loops over no lines or bytes in Python: each chunk costs a few searches at memory speed
(about 0.7 s per GB, and 0.6 s for SHA-256), so it does not slow a fetch down.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from connect_pipeline.landing.encodings import LONGEST_BOM, Utf8Text, Utf16Text, byte_order_mark
from connect_pipeline.landing.file_facts import FileFacts, Magic
from connect_pipeline.landing.lines import Lines
from connect_pipeline.limits import Limits

CHUNK_BYTES = 256 * 1024
"""Small enough for a processor's cache: the searches after the first one cost next to nothing."""

_HEAD_BYTES = 4096
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ZIPPED_SPREADSHEET = (b"[Content_Types].xml", b"xl/", b"opendocument.spreadsheet")
_OLD_SPREADSHEET = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# bzip2 starts with printable "BZh9"; the block mark that follows keeps a text file out.
_COMPRESSED = re.compile(
    rb"\x1f\x8b|BZh[1-9](?:1AY&SY|\x17rE8P\x90)|\xfd7zXZ\0|7z\xbc\xaf\x27\x1c|\x28\xb5\x2f\xfd|Rar!\x1a\x07"
)


class BytesPass:
    """Feed it a file's chunks, of any size, in order; `finish` gives the facts."""

    def __init__(self, line_bytes: int = Limits.line_bytes) -> None:
        self._hash = hashlib.sha256()
        self._byte_count = 0
        self._head = b""
        self._text: Utf16Text | Utf8Text | None = None
        self._has_bom = False
        self._lines = Lines(line_bytes)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the file."""
        self._hash.update(chunk)
        self._byte_count += len(chunk)
        if self._text is not None:
            if len(self._head) < _HEAD_BYTES:
                self._head += chunk[: _HEAD_BYTES - len(self._head)]
            self._text.feed(chunk)
            return
        # Nothing is known before the longest byte order mark would have passed.
        self._head += chunk
        if len(self._head) >= LONGEST_BOM:
            self._start()

    def finish(self) -> FileFacts:
        """The facts. Nothing may be fed after this."""
        text = self._text or self._start()
        text.finish()
        lines = self._lines
        lines.finish()
        return FileFacts(
            byte_count=self._byte_count,
            sha256=self._hash.hexdigest(),
            line_count=lines.count,
            encoding=text.encoding,
            has_bom=self._has_bom,
            has_nul=lines.has_nul,
            line_endings=lines.endings,
            ends_with_newline=lines.ends_with_newline,
            magic=_magic(self._head),
            converted_lines=text.converted_lines,
            first_non_utf8_line=text.first_bad_line,
            ends_within_character=text.ends_within_character,
            has_long_line=lines.has_long_line,
            free_byte=lines.free_bytes[0][0] if lines.free_bytes else None,
        )

    def _start(self) -> Utf16Text | Utf8Text:
        """Decide the encoding by the mark at the start, and pass on what was held back."""
        bom, encoding = byte_order_mark(self._head)
        self._has_bom = bool(bom)
        text = (
            Utf8Text(self._lines, is_marked=self._has_bom)
            if encoding == "utf-8"
            else Utf16Text(self._lines, encoding)
        )
        self._text = text
        text.feed(self._head[len(bom) :])
        self._head = self._head[:_HEAD_BYTES]
        return text


def scan_file(path: Path, line_bytes: int = Limits.line_bytes) -> FileFacts:
    """The facts of a local file. Raises `OSError` when it cannot be read."""
    bytes_pass = BytesPass(line_bytes)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            bytes_pass.feed(chunk)
    return bytes_pass.finish()


def _magic(head: bytes) -> Magic | None:
    """What the first bytes say that the file is, if it is no text at all."""
    if head.startswith(_OLD_SPREADSHEET):
        return "spreadsheet"
    if head.startswith(_ZIP):
        return "spreadsheet" if any(name in head for name in _ZIPPED_SPREADSHEET) else "compressed"
    return "compressed" if _COMPRESSED.match(head) else None
