"""Running a command and asking the operating system what it cost.

Absolute times mean nothing on a shared machine: commands are run in turn, and what is reported
is the ratio of pairs that ran one after the other.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """One finished process, its children that were waited for included."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Spread:
    """Several runs of one thing."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def spread(values: Sequence[float]) -> Spread:
    """Minimum, median and maximum."""
    return Spread(min(values), statistics.median(values), max(values))


# A process starts with the memory that its parent had, in the kernel's books: a small one between
# keeps the harness out of what is measured. It writes what the command cost to the file of its
# first argument.
_LAUNCHER = """
import json, os, sys
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024], file)
"""


def run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Cost:
    """Run a command to its end. Raises `RuntimeError` when it fails; `log` says why."""
    cost = log.with_suffix(".cost")
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(cost)]
    started = time.monotonic()
    with log.open("wb") as output:
        subprocess.run(  # noqa: S603 - the benchmark's own commands
            [*launcher, *command],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=True,
        )
    seconds = time.monotonic() - started
    code, cpu_seconds, peak_mb = json.loads(cost.read_text())
    if code:
        raise RuntimeError(f"{command[:4]} ended with {code}: see {log}")
    return Cost(seconds, cpu_seconds, peak_mb)
