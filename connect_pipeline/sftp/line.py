"""The TCP connection to a drop, which takes only so much from whoever answers.

Belongs here: how much is received. Does not belong here: who it is, and when that is proven
(`login.py`).
"""

from __future__ import annotations

import socket

import paramiko

_MOST_BYTES_OF_STRANGERS = 256 * 1024  # a login with OpenSSH takes about 3 KB
_MOST_BYTES_OF_A_PACKET = 1024 * 1024  # we allow a server 255 KiB of data in one (`login.py`)


class Line(socket.socket):
    """A TCP connection that nobody can fill memory through.

    paramiko (5.1) reads a first line without an end, and before and after any key is proven a
    packet of up to 4 GB: it asks for as many bytes as the packet says that it has.
    """

    _left: int | None = _MOST_BYTES_OF_STRANGERS

    @classmethod
    def to(cls, host: str, port: int, seconds: float) -> Line:
        connection = socket.create_connection((host, port), timeout=seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(fileno=connection.detach())

    def lift_limit(self) -> None:
        """For one who is no stranger."""
        self._left = None

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if size > _MOST_BYTES_OF_A_PACKET:
            raise paramiko.SSHException("a packet of more than was agreed on")
        data = super().recv(size, flags)
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise paramiko.SSHException("more than a login takes")
        return data
