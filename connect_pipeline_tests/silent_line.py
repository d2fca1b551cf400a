"""A line to a server that falls silent, as a proxy on loopback: both ends stay connected.

For: the tests of a ledger on PostgreSQL. Does not belong here: what is expected of whoever waits.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from connect_pipeline_tests.bad_line import hang_up

HANGS_UP_AFTER_SECONDS = 6
"""So that a client without any limit fails its test, and does not hold it up."""


@contextmanager
def silent_line(port: int, after: bytes) -> Iterator[int]:
    """The port of a proxy for `port`.

    Once a client has sent `after`, nothing passes on that connection any more, in either direction,
    nor does the server hear that the client is gone.
    """
    ends: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket, silent: threading.Event) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if after in data:
                    silent.set()
                if silent.is_set():
                    break
                target.sendall(data)
            if silent.is_set():
                time.sleep(HANGS_UP_AFTER_SECONDS)
        hang_up([source, target])

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                ends.extend((client, server))
                silent = threading.Event()
                for pair in ((server, client), (client, server)):
                    threading.Thread(target=pump, args=(*pair, silent), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])
        hang_up([listener])
    hang_up(ends)
