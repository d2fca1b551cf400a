"""A line that flips one bit of what a server says, as a proxy on loopback.

For: the tests of connections. Does not belong here: what is expected of whoever is connected.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def flipping_line(port: int, at: int) -> Iterator[int]:
    """The port of a proxy for `port`: in its first connection, byte `at` has one bit flipped."""
    ends: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket, at: int) -> None:
        passed = 0
        with suppress(OSError):
            while data := bytearray(source.recv(65536)):
                if passed <= at < passed + len(data):
                    data[at - passed] ^= 1
                passed += len(data)
                target.sendall(data)
        hang_up([source, target])

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                flipped = -1 if ends else at
                ends.extend((client, server))
                for source, target, byte in ((server, client, flipped), (client, server, -1)):
                    threading.Thread(target=pump, args=(source, target, byte), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])
        hang_up([listener])
    hang_up(ends)


def hang_up(ends: list[socket.socket]) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
