"""SFTP requests that paramiko's client cannot send as we need them, on its own channel.

Files are read with many requests in flight, for paramiko's own `get` waits too much: over loopback
it takes about three times as long as this, and more where the network has latency.
Belongs here: requests and answers (draft-ietf-secsh-filexfer-02). Does not belong here: what they
are about (`drop.py`).
"""

from __future__ import annotations

import errno
import itertools
import struct
import threading
from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass

import paramiko
from paramiko.buffered_pipe import PipeTimeout
from paramiko.sftp import (
    CMD_ATTRS,
    CMD_CLOSE,
    CMD_DATA,
    CMD_FSTAT,
    CMD_HANDLE,
    CMD_LSTAT,
    CMD_NAME,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_STATUS,
    SFTP_EOF,
    SFTP_NO_SUCH_FILE,
    SFTP_PERMISSION_DENIED,
)

# Measured on loopback against OpenSSH: 255 KiB is the most that its sftp-server returns, and
# 64 of these in flight (16 MB) fill a line of 30 ms round trip faster than we can decrypt.
_BLOCK_BYTES = 255 * 1024
_BLOCKS_IN_FLIGHT = 64
_SMALLEST_BLOCK_BYTES = 4 * 1024
_LARGEST_ANSWER_BYTES = 1024 * 1024
_SMALLEST_NAME_BYTES = 12  # two strings and the flags of attributes
_SMALLEST_PAIR_BYTES = 8  # two strings

MOST_NAMES = 100_000
"""In a listing: one with more is of a folder that is no drop, or has no end."""

MOST_CHARACTERS = 32 * 1024 * 1024
"""In a listing's names. `MOST_NAMES` as long as a disk lets them be, of 255, have fewer."""


@dataclass(frozen=True)
class Attributes:
    """What a server tells of one name; None is what it does not tell."""

    size: int | None = None
    mode: int | None = None
    mtime: int | None = None


class Pieces:
    """What a channel has received and nobody has read, kept in the pieces in which it came.

    Stands in for paramiko's `BufferedPipe`. That (5.1) keeps it in one growing bytearray, and
    copies all of it again and again: with 16 MB in flight, a fetch took three times as long.
    It also takes whatever comes; here, more than the window ends the connection.
    """

    def __init__(self, window_bytes: int) -> None:
        self._window_bytes = window_bytes
        self._pieces: deque[bytes] = deque()
        self._taken = 0  # bytes of the first piece that were read
        self._kept = 0  # bytes of all pieces that were not
        self._changed = threading.Condition()
        self._closed = False

    def feed(self, data: bytes) -> None:
        if not data:  # an empty piece would read as the end
            return
        with self._changed:
            # What is read leaves here before the server is told of the room that it made.
            if self._kept + len(data) > self._window_bytes:
                raise paramiko.SSHException("more than the window has room for")
            self._kept += len(data)
            self._pieces.append(data)
            self._changed.notify_all()

    def read(self, nbytes: int, timeout: float | None = None) -> bytes:
        with self._changed:
            if not self._changed.wait_for(lambda: self._pieces or self._closed, timeout):
                raise PipeTimeout
            if not self._pieces:
                return b""
            piece, start = self._pieces[0], self._taken
            end = start + nbytes
            if end < len(piece):
                self._taken = end
            else:
                self._pieces.popleft()
                self._taken = 0
            part = piece[start:end]
            self._kept -= len(part)
        return part

    def read_ready(self) -> bool:
        return bool(self._pieces)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return self._kept


class Wire:
    """Reads and listings with several requests in flight.

    A listing survives a name that is not UTF-8 (paramiko 5.1 raises `UnicodeDecodeError` for the
    whole folder). No answer is worked on for long, whatever counts are in it (paramiko takes a
    server's word, and loops for an hour where no time-out ends it).
    """

    # paramiko numbers its own requests from 1; it passes over answers to numbers that it does
    # not know, and so do we.
    _FIRST_NUMBER = 0x8000_0000

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count(self._FIRST_NUMBER)
        self._block_bytes = _BLOCK_BYTES

    def list_folder(self, folder: str) -> list[tuple[str, Attributes]]:
        """All entries but `.` and `..`. A name that is not UTF-8 is shown with U+FFFD.

        Raises `OSError` (EOVERFLOW) when there are more than `MOST_NAMES`, or `MOST_CHARACTERS`.
        """
        opening = {self._ask(CMD_OPENDIR, string(folder.encode()))}
        kind, body = self._answer(opening)[1:]
        if kind != CMD_HANDLE:
            raise _status_error(body)
        handle = body  # an SFTP string already
        entries: list[tuple[str, Attributes]] = []
        characters = 0
        # The second request finds the end in most folders, which saves a round trip.
        asked = {self._ask(CMD_READDIR, handle), self._ask(CMD_READDIR, handle)}
        while asked:
            number, kind, body = self._answer(asked)
            asked.remove(number)
            if kind == CMD_NAME:
                more = list(_names(paramiko.Message(body)))
                entries += more
                characters += sum(len(name) for name, _ in more)
                if len(entries) > MOST_NAMES or characters > MOST_CHARACTERS:
                    raise OSError(errno.EOVERFLOW, "too many names")
                asked.add(self._ask(CMD_READDIR, handle))
            elif not _is_end(kind, body):
                raise _status_error(body)
        self._ask(CMD_CLOSE, handle)
        return entries

    def attributes_of(self, path: str) -> Attributes:
        """Those of the entry of this name, a link itself if it is one. Raises `OSError`."""
        return self._attributes(CMD_LSTAT, string(path.encode()))

    def attributes_of_open(self, handle: bytes) -> Attributes:
        """Those of an open file. Raises `OSError`."""
        return self._attributes(CMD_FSTAT, string(handle))

    def read_ahead(self, handle: bytes, size: int) -> Iterator[bytes]:
        """A file's bytes in order, from many requests in flight; memory is bounded by their number.

        Reads on behind `size` until the server says that the file ends, so that a file that grew
        shows. Ends early where the file does.
        """
        file = string(handle)
        asked: dict[int, tuple[int, int]] = {}
        arrived: dict[int, bytes] = {}
        next_offset = delivered = 0
        while asked or next_offset <= size:
            while next_offset <= size and len(asked) + len(arrived) < _BLOCKS_IN_FLIGHT:
                length = min(self._block_bytes, size - next_offset) or 1  # the last finds the end
                asked[self._ask_read(file, next_offset, length)] = (next_offset, length)
                next_offset += length
            number, kind, body = self._answer(asked)
            offset, length = asked.pop(number)
            if _is_end(kind, body):
                if offset < size:
                    return
                continue
            if kind != CMD_DATA:
                raise _status_error(body)
            if not 0 < len(body) <= length:
                raise paramiko.SSHException("an answer of another length than asked for")
            arrived[offset] = body
            if len(body) < length:  # a server may return less: ask for the rest, and for less
                self._block_bytes = max(len(body), _SMALLEST_BLOCK_BYTES)
                rest = (offset + len(body), length - len(body))
                asked[self._ask_read(file, *rest)] = rest
            while data := arrived.pop(delivered, None):
                delivered += len(data)
                yield data

    def _attributes(self, request: int, subject: bytes) -> Attributes:
        kind, body = self._answer({self._ask(request, subject)})[1:]
        if kind != CMD_ATTRS:
            raise _status_error(body)
        return _next_attributes(paramiko.Message(body))

    def _ask_read(self, file: bytes, offset: int, length: int) -> int:
        return self._ask(CMD_READ, file + struct.pack(">QI", offset, length))

    def _ask(self, kind: int, payload: bytes) -> int:
        number = next(self._numbers)
        head = struct.pack(">IBI", 5 + len(payload), kind, number)
        try:
            self._channel.sendall(head + payload)
        except OSError:
            if self._channel.closed:  # between two requests: as if between two answers
                raise EOFError from None
            raise
        return number

    def _answer(self, expected: Container[int]) -> tuple[int, int, bytes]:
        """The next answer to one of the expected requests: number, kind, body."""
        while True:
            length, kind, number = struct.unpack(">IBI", self._receive(9))
            if not 5 <= length <= _LARGEST_ANSWER_BYTES:
                raise paramiko.SSHException("an answer that is not SFTP")
            if kind == CMD_DATA:
                self._receive(4)  # the data's own length, which follows from the answer's
                length -= 4
            body = self._receive(length - 5)
            if number in expected:
                return number, kind, body

    def _receive(self, count: int) -> bytes:
        parts = []
        while count > 0:
            part = self._channel.recv(count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def string(data: bytes) -> bytes:
    """Bytes as SSH writes a string (RFC 4251, section 5): the length, then they."""
    return struct.pack(">I", len(data)) + data


def _names(message: paramiko.Message) -> Iterator[tuple[str, Attributes]]:
    for _ in range(_next_count(message, _SMALLEST_NAME_BYTES)):
        name = message.get_string().decode("utf-8", "replace")
        message.get_string()  # the line that `ls -l` would show
        attributes = _next_attributes(message)
        if name not in (".", ".."):
            yield name, attributes


def _next_attributes(message: paramiko.Message) -> Attributes:
    flags = message.get_int()
    size = message.get_int64() if flags & paramiko.SFTPAttributes.FLAG_SIZE else None
    if flags & paramiko.SFTPAttributes.FLAG_UIDGID:
        message.get_int64()
    mode = message.get_int() if flags & paramiko.SFTPAttributes.FLAG_PERMISSIONS else None
    mtime = None
    if flags & paramiko.SFTPAttributes.FLAG_AMTIME:
        message.get_int()
        mtime = message.get_int()
    if flags & paramiko.SFTPAttributes.FLAG_EXTENDED:
        for _ in range(_next_count(message, _SMALLEST_PAIR_BYTES)):
            message.get_string()
            message.get_string()
    return Attributes(size, mode, mtime)


def _next_count(message: paramiko.Message, smallest_bytes: int) -> int:
    """A count of what follows it. There is no more of that than the message has room for."""
    count = message.get_int()
    left = message.packet.getbuffer().nbytes - message.packet.tell()
    if count * smallest_bytes > left:
        raise paramiko.SSHException("a count of more than the answer has")
    return count


def _is_end(kind: int, body: bytes) -> bool:
    return kind == CMD_STATUS and paramiko.Message(body).get_int() == SFTP_EOF


def _status_error(body: bytes) -> OSError:
    code = paramiko.Message(body).get_int()
    numbers = {SFTP_NO_SUCH_FILE: errno.ENOENT, SFTP_PERMISSION_DENIED: errno.EACCES}
    return OSError(numbers[code], "") if code in numbers else OSError()
