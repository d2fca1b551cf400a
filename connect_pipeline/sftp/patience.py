"""How long a server is waited for, and how often it is asked again: time is bounded.

Belongs here: these bounds and what keeps them. Does not belong here: what is asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import paramiko
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from connect_pipeline.errors import TransientFault

CONNECT_SECONDS = 15
"""For the TCP connection, the banner, the handshake, the login and the session: each."""

SILENCE_SECONDS = 30
"""A server that says nothing for so long is given up."""

SLOWEST_BYTES_PER_SECOND = 16 * 1024
"""A transfer that is slower than this, after the first minute, is given up: time is bounded."""

TRIES = 3

Result = TypeVar("Result")


def with_retries(work: Callable[[], Result]) -> Result:
    """`work()`, tried again a little later while its faults may pass by themselves.

    `work` opens its own connection. Raises what the last try raised; permanent faults at once.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(TransientFault),
        stop=stop_after_attempt(TRIES),
        wait=wait_exponential(multiplier=0.5, max=5),
        reraise=True,
    )
    return retrying(work)


@contextmanager
def within(
    transport: paramiko.Transport, seconds: float, moved: Callable[[], int] = lambda: 0
) -> Iterator[None]:
    """Close the transport when the block takes longer, and say `TimeoutError`.

    What a transfer has `moved`, in bytes, gives it more: it may go on as long as it is fast enough.
    paramiko 5.1 waits for some answers (a subsystem, a slot to send) without any limit.
    """
    begun = time.monotonic()
    ended, expired = threading.Event(), threading.Event()

    def left() -> float:
        return begun + seconds + moved() / SLOWEST_BYTES_PER_SECOND - time.monotonic()

    def watch() -> None:
        while not ended.wait(max(left(), 0)):
            if left() <= 0:
                expired.set()
                transport.close()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except Exception:
        if expired.is_set():
            raise TimeoutError from None
        raise
    finally:
        ended.set()


def seconds_for(size: int) -> float:
    """How long a transfer of `size` bytes may take."""
    return 2 * SILENCE_SECONDS + size / SLOWEST_BYTES_PER_SECOND
