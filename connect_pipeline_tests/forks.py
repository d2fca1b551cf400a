"""Processes of their own, forked from one that has imported the program (`warm.py`).

For: the tests that need a process (its exit code, its output, its limits, its death) and no start
of Python, which takes longer than most of what they run. Belongs here: making such a process, and
what it is given. Does not belong here: what it runs, and the tests of a command's own start
(`test_imports.py`, `test_cli.py`).
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "connect_pipeline_tests.warm"])


def forked(
    work: Callable[[], object],
    environment: Mapping[str, str],
    *,
    first: Callable[[], object] | None = None,
    seconds: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run `work` under this environment in a process of its own, after `first`, if there is one.

    Both must be importable by their names.
    """
    pipes = [_FORKS.Pipe(duplex=False) for _ in range(2)]
    ours, theirs = [reader for reader, _ in pipes], [writer for _, writer in pipes]
    process = _FORKS.Process(target=_run, args=(work, dict(environment), *theirs, first))
    process.start()
    for writer in theirs:
        writer.close()
    with ThreadPoolExecutor() as beside:
        said = [beside.submit(_read, reader) for reader in ours]
        process.join(seconds)
        process.kill()  # does nothing to one that has ended
        process.join()
        out, err = (one.result() for one in said)
    return subprocess.CompletedProcess(work, process.exitcode or 0, out, err)


def _read(reader: Connection) -> str:
    with reader:
        return b"".join(iter(partial(os.read, reader.fileno(), 1 << 16), b"")).decode()


def _run(
    work: Callable[[], object],
    environment: dict[str, str],
    out: Connection,
    err: Connection,
    first: Callable[[], object] | None,
) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123 - a device
        for descriptor, stream in enumerate((nothing, out, err)):
            os.dup2(stream.fileno(), descriptor)
    out.close()
    err.close()
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", closefd=False) for descriptor in (1, 2))
    gc.freeze()  # what was imported is no garbage, as in a command (`cli.py`)
    os.environ.clear()
    os.environ.update(environment)
    if first is not None:
        first()
    work()
