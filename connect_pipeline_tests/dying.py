"""A run in a process of its own that dies, as by `kill -9`, just before its n-th durable step.

For: the tests that go through the steps of a run one by one. Belongs here: the end of such a
process; which of a run's steps are alike. Does not belong here: what a durable step is
(`dies_at/`), what is expected after a kill.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path

from connect_pipeline_tests.forks import forked
from connect_pipeline_tests.small_home import SmallHome

KILLED = 137
DIES_AT = Path(__file__).parent / "dies_at"
_OWN_NAME = re.compile(r"[0-9a-f]{64}|tmp\w+|[^/ ]*[0-9]{4}[^/ ]*")
"""What a file is called after its content, its time or its process."""


def dies_before(home: SmallHome, run: Callable[[], None], step: int, log: Path) -> int:
    """`run`, a module's `main`, on this home, to die before the given step (0: never).

    Returns the exit code, 0 or `KILLED`. `log` gets a line per step.
    """
    environment = home.process_environment(DIES_AT=str(step), DIES_AT_LOG=str(log))
    done = forked(run, environment, first=count_steps)
    assert done.returncode in (0, KILLED), done
    return done.returncode


def steps_by_kind(log: Path) -> tuple[list[int], list[int]]:
    """The steps of a run, numbered from 1: the first of each kind, and the others.

    Of one kind are steps that differ in a file's own name. What a commit is of, the step before it
    says.
    """
    kinds: dict[str, int] = {}
    others = []
    before = ""
    for number, step in enumerate(log.read_text().splitlines(), 1):
        kind = _OWN_NAME.sub("*", step)
        if kinds.setdefault(f"{before} {kind}" if kind == "commit" else kind, number) != number:
            others.append(number)
        before = kind
    return list(kinds.values()), others


def count_steps() -> None:
    """For a process that was just forked, under DIES_AT and DIES_AT_LOG."""
    importlib.import_module("connect_pipeline_tests.dies_at.sitecustomize")
