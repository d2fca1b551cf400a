r"""The lines of a file as its bytes pass by: how many, how ended, how long.

Belongs here: line ends and control characters, at memory speed. Does not belong here: encodings
(`encodings.py`), what is in a line (`reader/`).
"""

from __future__ import annotations

# \t, \n and \r are text; NUL is reported apart.
_CONTROL_BYTES = tuple(bytes([byte]) for byte in range(1, 32) if byte not in b"\t\n\r")


class Lines:
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


def _ends(data: bytes) -> tuple[int, int, int]:
    r"""How many `\n`, `\r` and `\r\n` there are."""
    returns = data.count(b"\r") if b"\r" in data else 0
    return data.count(b"\n"), returns, data.count(b"\r\n") if returns else 0
