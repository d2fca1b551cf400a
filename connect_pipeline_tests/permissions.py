"""A process that file permissions bind, also when the tests run as root, or a read-only disk.

For: tests of files that nobody may read or write. Belongs here: how root is made to obey.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

PR_CAPBSET_DROP = 24
CAPABILITY_VERSION_3 = 0x20080522
# Without these two, root opens a file only if the file's permissions let its owner.
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_PRIVATE_BELOW = 1, 32, 4096, 0x44000


def bound_by_permissions() -> Callable[[], None] | None:
    """What binds a process, before it opens anything; None where every process is bound.

    Skips the test where root cannot be bound so.
    """
    if os.geteuid() != 0:
        return None
    if sys.platform != "linux":
        pytest.skip("root can be bound by permissions on Linux only")
    return _drop


def _drop() -> None:
    """Give both up, for this process and for what it may execute."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then the higher ones
    wrong = libc.capget(header, sets)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        wrong = wrong or libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        for place in range(3):
            sets[place] &= ~(1 << capability)
    if wrong or libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "the permissions could not be given up")


def read_only(folder: Path) -> Callable[[], None]:
    """What makes `folder` a read-only disk for one process; no other sees that.

    Skips the test where that is not allowed: it takes root, and mounts.
    """
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("only root can mount")
    return partial(_mount_read_only, os.fsencode(folder))


def _mount_read_only(folder: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        libc.unshare(CLONE_NEWNS)
        or libc.mount(None, b"/", None, MS_PRIVATE_BELOW, None)
        or libc.mount(folder, folder, None, MS_BIND, None)
        or libc.mount(None, folder, None, MS_REMOUNT | MS_BIND | MS_RDONLY, None)
    ):
        raise OSError(ctypes.get_errno(), "the folder could not be made read-only")
