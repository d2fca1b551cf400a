r"""What is known of a file by its bytes alone: the facts that the reader and the rules start from.

Belongs here: the facts (design, 3.1). Does not belong here: finding them out (`bytes_pass.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "windows-1252"]
Magic = Literal["spreadsheet", "compressed"]


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
