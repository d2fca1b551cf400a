"""The encodings of received files: how one is told from its bytes, and what it makes of them.

Belongs here: byte order marks, UTF-8 with strays of Windows-1252 in it, and what is counted of
them. Does not belong here: lines (`lines.py`), the copy as UTF-8 (`as_utf8.py`).
"""

from __future__ import annotations

import codecs
import re

from connect_pipeline.landing.file_facts import Encoding
from connect_pipeline.landing.lines import Lines

_BOMS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LONGEST_BOM = 3

# Windows-1252 leaves five bytes undefined. As C1 control characters (what browsers do) nothing is
# lost, and the control-character rule quarantines their rows.
WINDOWS_1252 = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))

STRAY_BYTES = "connect_pipeline.stray_bytes"
"""How Python decodes UTF-8 with single bytes of Windows-1252 in it: as what these are there."""

_STRAY = re.compile("[\udc80-\udcff]")  # as `surrogateescape` decodes it
_STRAY_IN_FIRST_LINE = re.compile("[^\r\n\udc80-\udcff]*[\udc80-\udcff]")
_STRAY_AND_REST_OF_LINE = re.compile("[\udc80-\udcff][^\r\n]*")

_ASCII_WITHIN_A_LINE = bytes(byte for byte in range(128) if byte not in b"\r\n")
_RUN_WITHIN_A_LINE = re.compile(rb"[^\r\n]+")


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(map(WINDOWS_1252.__getitem__, error.object[error.start : error.end])), error.end


codecs.register_error(STRAY_BYTES, _as_windows_1252)


def byte_order_mark(head: bytes) -> tuple[bytes, Encoding]:
    """The byte order mark at the start, and what it says; no mark means UTF-8 until disproved."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return bom, encoding
    return b"", "utf-8"


class Utf8Text:
    """Bytes that are UTF-8, or show on the way that they are not, or not all of them.

    A file with its mark, or in which more bytes go on with a character of UTF-8 (all but the first
    of each) than belong to none, is UTF-8, and the others are strays in it: read as Windows-1252 it
    would have every other name with an accent wrong.
    """

    def __init__(self, lines: Lines, *, is_marked: bool) -> None:
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


class Utf16Text:
    """UTF-16, seen as the UTF-8 that it will be read as. What is not UTF-16 becomes U+FFFD."""

    first_bad_line: int | None = None
    converted_lines = 0

    def __init__(self, lines: Lines, encoding: Encoding) -> None:
        self.encoding = encoding
        self.ends_within_character = False
        self._lines = lines
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def feed(self, chunk: bytes) -> None:
        self._lines.feed(self._decoder.decode(chunk).encode())

    def finish(self) -> None:
        self.ends_within_character = bool(self._decoder.getstate()[0])
        self._lines.feed(self._decoder.decode(b"", final=True).encode())
