"""Lines to a server that are bad, as a proxy on loopback: one flips a bit, one falls silent.

For: the tests of connections. Belongs here: what passes on a line. Does not belong here: what is
expected of whoever is connected.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

HANGS_UP_AFTER_SECONDS = 6
"""A silent line, so that a client without any limit fails its test, and does not hold it up."""

Pump = Callable[[socket.socket, socket.socket], None]
"""Passes on what one end of a connection says to the other, until it hangs up."""


@contextmanager
def flipping_line(port: int, at: int) -> Iterator[int]:
    """The port of a proxy for `port`: in its first connection, byte `at` has one bit flipped."""

    def pump(at: int, source: socket.socket, target: socket.socket) -> None:
        passed = 0
        while data := bytearray(source.recv(65536)):
            if passed <= at < passed + len(data):
                data[at - passed] ^= 1
            passed += len(data)
            target.sendall(data)

    def pumps(connection: int) -> tuple[Pump, Pump]:
        return partial(pump, -1 if connection else at), partial(pump, -1)

    with _line(port, pumps) as ours:
        yield ours


@contextmanager
def silent_line(port: int, after: bytes) -> Iterator[int]:
    """The port of a proxy for `port`; both ends of a connection stay connected.

    Once a client has sent `after`, nothing passes on that connection any more, in either direction,
    nor does the server hear that the client is gone.
    """

    def pump(silent: threading.Event, source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(65536):
            if after in data:
                silent.set()
            if silent.is_set():
                break
            target.sendall(data)
        if silent.is_set():
            time.sleep(HANGS_UP_AFTER_SECONDS)

    def pumps(_connection: int) -> tuple[Pump, Pump]:
        one = partial(pump, threading.Event())
        return one, one

    with _line(port, pumps) as ours:
        yield ours


@contextmanager
def _line(port: int, pumps: Callable[[int], tuple[Pump, Pump]]) -> Iterator[int]:
    """The port of a proxy for `port`.

    `pumps` are those of the connection of this number, from 0: what the server says, and what the
    client does.
    """
    ends: list[socket.socket] = []

    def pass_on(pump: Pump, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            pump(source, target)
        _hang_up([source, target])

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                of_server, of_client = pumps(len(ends) // 2)
                ends.extend((client, server))
                for way in ((of_server, server, client), (of_client, client, server)):
                    threading.Thread(target=pass_on, args=way, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])
        _hang_up([listener])
    _hang_up(ends)


def _hang_up(ends: list[socket.socket]) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
