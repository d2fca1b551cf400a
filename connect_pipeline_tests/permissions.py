"""A process that file permissions bind, also when the tests run as root.

For: tests of files that belong to somebody else. Belongs here: how root is made to obey.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

import pytest

PR_CAPBSET_DROP = 24
# Without these two, root opens a file only if the file's permissions let its owner.
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


def bound_by_permissions() -> Callable[[], None] | None:
    """A `preexec_fn` for a process that may not read what its owner may not; None if none may.

    Skips the test where root cannot be bound so.
    """
    if os.geteuid() != 0:
        return None
    if sys.platform != "linux":
        pytest.skip("root can be bound by permissions on Linux only")
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def drop() -> None:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")

    return drop
