r"""One pass over a file's bytes as they arrive: what they are, before anybody reads them.

For: the facts that the reader and the rules start from (design, 3.1): size, hash, lines, encoding,
line ends, and whether the file can be handed to DuckDB as it is.
Belongs here: bytes and what follows from bytes alone; the copy as UTF-8 with `\n` line ends.
Does not belong here: columns, records, limits on a file's size (`sftp/`), and any verdict.

The pass loops over no lines or bytes in Python: each chunk costs a few searches at memory speed
(about 0.7 s per GB, and 0.6 s for SHA-256), so it does not slow a fetch down.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from connect_pipeline.limits import Limits

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "windows-1252"]
Magic = Literal["spreadsheet", "compressed"]

CHUNK_BYTES = 256 * 1024
"""Small enough for a processor's cache: the searches after the first one cost next to nothing."""

# \t, \n and \r are text; NUL is reported apart.
_CONTROL_BYTES = tuple(bytes([byte]) for byte in range(1, 32) if byte not in b"\t\n\r")

_BOMS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LONGEST_BOM = 3

_HEAD_BYTES = 4096
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ZIPPED_SPREADSHEET = (b"[Content_Types].xml", b"xl/", b"opendocument.spreadsheet")
_OLD_SPREADSHEET = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# bzip2 starts with printable "BZh9"; the block mark that follows keeps a text file out.
_COMPRESSED = re.compile(
    rb"\x1f\x8b|BZh[1-9](?:1AY&SY|\x17rE8P\x90)|\xfd7zXZ\0|7z\xbc\xaf\x27\x1c|\x28\xb5\x2f\xfd|Rar!\x1a\x07"
)

# Windows-1252 leaves five bytes undefined. As C1 control characters (what browsers do) nothing is
# lost, and the control-character rule quarantines their rows.
_WINDOWS_1252 = "".join(
    bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)
)

STRAY_BYTES = "connect_pipeline.stray_bytes"
"""How Python decodes UTF-8 with single bytes of Windows-1252 in it: as what these are there."""


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(map(_WINDOWS_1252.__getitem__, error.object[error.start : error.end])), error.end


codecs.register_error(STRAY_BYTES, _as_windows_1252)

_STRAY = re.compile("[\udc80-\udcff]")  # as `surrogateescape` decodes it
_STRAY_IN_FIRST_LINE = re.compile("[^\r\n\udc80-\udcff]*[\udc80-\udcff]")
_STRAY_AND_REST_OF_LINE = re.compile("[\udc80-\udcff][^\r\n]*")

_ASCII_WITHIN_A_LINE = bytes(byte for byte in range(128) if byte not in b"\r\n")
_RUN_WITHIN_A_LINE = re.compile(rb"[^\r\n]+")


@dataclass(frozen=True)
class FileFacts:
    r"""What is known of a file once its bytes have passed by.

    A line is a physical line, ended by `\r\n`, `\r` or `\n`; a last line without an end counts.
    Facts on characters (`has_nul`, `free_byte`) are of the decoded text.
    """

    byte_count: int
    sha256: str
    line_count: int
    encoding: Encoding
    has_bom: bool
    has_nul: bool
    line_endings: tuple[str, ...]
    ends_with_newline: bool
    magic: Magic | None
    converted_lines: int
    """Lines with a byte of Windows-1252 that is not ASCII, from `first_non_utf8_line` on."""
    first_non_utf8_line: int | None
    """The line (1-based) that shows that not all is UTF-8."""
    ends_within_character: bool
    """The last character lacks bytes. That it is UTF-8, characters before it or the mark show."""
    has_long_line: bool
    """Some line is longer than the limit, in bytes as received (UTF-16: as UTF-8)."""
    free_byte: int | None
    """A control character that the file does not hold, or None when it holds all of them."""
    blank_lines: int = 0
    """Lines without any text, where they were counted (`count_blank_lines`)."""

    @property
    def mixed_line_endings(self) -> bool:
        """More than one style of line end."""
        return len(self.line_endings) > 1

    @property
    def has_returns(self) -> bool:
        r"""Some line does not end with a mere `\n`."""
        return self.line_endings not in ((), ("\n",))

    @property
    def has_stray_bytes(self) -> bool:
        """UTF-8, but for bytes that are none, and are read as Windows-1252."""
        return self.encoding == "utf-8" and self.first_non_utf8_line is not None

    @property
    def needs_copy(self) -> bool:
        """The file must go through `write_normalised` before DuckDB may read it."""
        return (
            self.has_bom
            or self.encoding != "utf-8"
            or self.has_stray_bytes
            or self.ends_within_character
            or self.has_returns
        )


class BytesPass:
    """Feed it a file's chunks, of any size, in order; `finish` gives the facts."""

    def __init__(self, line_bytes: int = Limits.line_bytes) -> None:
        self._hash = hashlib.sha256()
        self._byte_count = 0
        self._head = b""
        self._text: _Utf16Text | _Utf8Text | None = None
        self._has_bom = False
        self._lines = _Lines(line_bytes)

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
        if len(self._head) >= _LONGEST_BOM:
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

    def _start(self) -> _Utf16Text | _Utf8Text:
        """Decide the encoding by the mark at the start, and pass on what was held back."""
        bom, encoding = _mark(self._head)
        self._has_bom = bool(bom)
        text = (
            _Utf8Text(self._lines, is_marked=self._has_bom)
            if encoding == "utf-8"
            else _Utf16Text(self._lines, encoding)
        )
        self._text = text
        text.feed(self._head[len(bom) :])
        self._head = self._head[:_HEAD_BYTES]
        return text


class _Utf8Text:
    """Bytes that are UTF-8, or show on the way that they are not, or not all of them.

    A file with its mark, or in which more bytes go on with a character of UTF-8 (all but the first
    of each) than belong to none, is UTF-8, and the others are strays in it: read as Windows-1252 it
    would have every other name with an accent wrong.
    """

    def __init__(self, lines: _Lines, *, is_marked: bool) -> None:
        self._lines = lines
        self._is_marked = is_marked
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._half_character = 0
        self._line_is_counted = self._stray_is_counted = False
        self._continuation_bytes = 0  # of characters of UTF-8, all but the first of each
        self._strays = self._lines_with_strays = 0
        self._non_ascii_lines = 0
        self.first_bad_line: int | None = None
        self.ends_within_character = False

    @property
    def encoding(self) -> Encoding:
        is_utf8 = self.first_bad_line is None or self._is_marked
        return "utf-8" if is_utf8 or self._continuation_bytes > self._strays else "windows-1252"

    @property
    def converted_lines(self) -> int:
        return self._lines_with_strays if self.encoding == "utf-8" else self._non_ascii_lines

    def feed(self, chunk: bytes) -> None:
        if self.first_bad_line is not None:
            self._count_non_ascii_lines(chunk)
            self._count_strays(chunk)
        elif self._half_character or not chunk.isascii():
            self._decode(chunk)
        self._lines.feed(chunk)

    def finish(self) -> None:
        if self.first_bad_line is not None:
            self._count_strays(b"", final=True)
        elif self._half_character:
            if self._is_marked or self._continuation_bytes:
                self.ends_within_character = True
            else:  # the only bytes above 127, such as the é of a last name in Windows-1252
                self._found_bad(b"", b"")

    def _decode(self, chunk: bytes) -> None:
        try:
            self._text_of(chunk)
        except UnicodeDecodeError as error:
            start = max(0, error.start - self._half_character)
            self._found_bad(chunk[:start], chunk)
            self._count_non_ascii_lines(chunk[start:])

    def _text_of(self, data: bytes, *, final: bool = False) -> str:
        """Decode and count what of it is UTF-8; a character that lacks bytes is held back."""
        text = self._decoder.decode(data, final)
        held = len(self._decoder.getstate()[0])
        self._continuation_bytes += self._half_character + len(data) - held - len(text)
        self._half_character = held
        return text

    def _found_bad(self, before: bytes, chunk: bytes) -> None:
        """Not all is UTF-8: `before` is what of `chunk` is. The chunk is decoded anew."""
        self.first_bad_line = self._lines.number_after(before)
        self._non_ascii_lines = 1
        self._line_is_counted = True
        held = self._decoder.getstate()[0]
        self._half_character = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._count_strays(held + chunk)

    def _count_strays(self, data: bytes, *, final: bool = False) -> None:
        """Count bytes that are no UTF-8, and the lines that have some."""
        text = self._text_of(data, final=final)
        self._strays += len(_STRAY.findall(text))
        self._lines_with_strays += len(_STRAY_AND_REST_OF_LINE.findall(text))
        # The line that the last chunk left open may be counted already.
        if self._stray_is_counted and _STRAY_IN_FIRST_LINE.match(text):
            self._lines_with_strays -= 1
        last_line = max(text.rfind("\n"), text.rfind("\r")) + 1
        still_open = self._stray_is_counted and not last_line
        self._stray_is_counted = still_open or bool(_STRAY.search(text, last_line))

    def _count_non_ascii_lines(self, data: bytes) -> None:
        if data.isascii():
            if b"\n" in data or b"\r" in data:
                self._line_is_counted = False
            return
        rest = data.translate(None, _ASCII_WITHIN_A_LINE)  # line ends and bytes above 127
        goes_on = self._line_is_counted and rest[:1] not in (b"\n", b"\r")
        self._non_ascii_lines += len(_RUN_WITHIN_A_LINE.findall(rest)) - goes_on
        self._line_is_counted = rest[-1:] not in (b"\n", b"\r")


class _Utf16Text:
    """UTF-16, seen as the UTF-8 that it will be read as. What is not UTF-16 becomes U+FFFD."""

    first_bad_line: int | None = None
    converted_lines = 0

    def __init__(self, lines: _Lines, encoding: Encoding) -> None:
        self.encoding = encoding
        self.ends_within_character = False
        self._lines = lines
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def feed(self, chunk: bytes) -> None:
        self._lines.feed(self._decoder.decode(chunk).encode())

    def finish(self) -> None:
        self.ends_within_character = bool(self._decoder.getstate()[0])
        self._lines.feed(self._decoder.decode(b"", final=True).encode())


class _Lines:
    """Lines, line ends and control characters of text in an encoding that extends ASCII."""

    def __init__(self, line_bytes: int) -> None:
        self._limit = line_bytes
        self._held = b""  # a \r whose \n may come with the next chunk
        self._unfinished = 0  # bytes of the line that the last chunk left open
        self._line_feeds = self._returns = self._pairs = 0
        self._last = b""
        self.has_nul = False
        self.has_long_line = False
        self.free_bytes = list(_CONTROL_BYTES)

    def feed(self, chunk: bytes) -> None:
        if not chunk:
            return
        # All 28 are looked for in every chunk: a byte left out of one could not be vouched for.
        self.free_bytes = [byte for byte in self.free_bytes if byte not in chunk]
        self.has_nul = self.has_nul or b"\0" in chunk
        self._last = chunk[-1:]
        if self._held:
            chunk, self._held = self._held + chunk, b""
        if chunk.endswith(b"\r"):
            chunk, self._held = chunk[:-1], b"\r"
        line_feeds, returns, pairs = _ends(chunk)
        self._line_feeds += line_feeds
        self._returns += returns
        self._pairs += pairs
        if not self.has_long_line:
            self._measure(chunk, returns > 0)

    def finish(self) -> None:
        if self._held:
            self._returns += 1
            self._held = b""

    @property
    def count(self) -> int:
        unended = bool(self._last) and not self.ends_with_newline
        return self._line_feeds + self._returns - self._pairs + unended

    @property
    def ends_with_newline(self) -> bool:
        return self._last in (b"\n", b"\r")

    @property
    def endings(self) -> tuple[str, ...]:
        styles = {
            "\n": self._line_feeds > self._pairs,
            "\r\n": self._pairs > 0,
            "\r": self._returns > self._pairs,
        }
        return tuple(style for style, seen in styles.items() if seen)

    def number_after(self, start_of_chunk: bytes) -> int:
        """The number of the line that goes on after these bytes, which were not fed yet."""
        line_feeds, returns, pairs = _ends(self._held + start_of_chunk)
        before = self._line_feeds + self._returns - self._pairs
        return before + line_feeds + returns - pairs + 1

    def _measure(self, chunk: bytes, has_returns: bool) -> None:
        """See that every line ends within the limit, hopping from line end to line end.

        A hop takes the last line end that the limit allows, so a chunk costs a few short searches.
        """
        start = -self._unfinished
        while True:
            reach = start + self._limit + 1
            end = chunk.rfind(b"\n", max(start, 0), max(reach, 0))
            if has_returns:
                end = max(end, chunk.rfind(b"\r", max(start, 0), max(reach, 0)))
            if end >= 0:
                start = end + 1
                continue
            self._unfinished = len(chunk) - start
            # Without an end in reach the line is long, unless the chunk ends first.
            self.has_long_line = self._unfinished > self._limit
            return


def scan_file(path: Path, line_bytes: int = Limits.line_bytes) -> FileFacts:
    """The facts of a local file. Raises `OSError` when it cannot be read."""
    bytes_pass = BytesPass(line_bytes)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            bytes_pass.feed(chunk)
    return bytes_pass.finish()


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
        file.seek(len(_mark(file.read(_LONGEST_BOM))[0]))
        if facts.encoding == "utf-8" and not (facts.ends_within_character or facts.has_stray_bytes):
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
        elif facts.encoding == "windows-1252":
            while chunk := file.read(CHUNK_BYTES):
                yield codecs.charmap_decode(chunk, "strict", _WINDOWS_1252)[0].encode()
        else:
            errors = STRAY_BYTES if facts.has_stray_bytes else "replace"
            decoder = codecs.getincrementaldecoder(facts.encoding)(errors)
            while chunk := file.read(CHUNK_BYTES):
                yield decoder.decode(chunk).encode()
            yield decoder.decode(b"", final=True).encode()


def _mark(head: bytes) -> tuple[bytes, Encoding]:
    """The byte order mark at the start, and what it says; no mark means UTF-8 until disproved."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return bom, encoding
    return b"", "utf-8"


def _magic(head: bytes) -> Magic | None:
    """What the first bytes say that the file is, if it is no text at all."""
    if head.startswith(_OLD_SPREADSHEET):
        return "spreadsheet"
    if head.startswith(_ZIP):
        return "spreadsheet" if any(name in head for name in _ZIPPED_SPREADSHEET) else "compressed"
    return "compressed" if _COMPRESSED.match(head) else None


def _ends(data: bytes) -> tuple[int, int, int]:
    r"""How many `\n`, `\r` and `\r\n` there are."""
    returns = data.count(b"\r") if b"\r" in data else 0
    return data.count(b"\n"), returns, data.count(b"\r\n") if returns else 0
