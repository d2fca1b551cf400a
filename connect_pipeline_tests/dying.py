"""A run in a process of its own that dies, as by `kill -9`, just before its n-th durable step.

For: the tests that go through the steps of a run one by one. The processes are forked from one that
has imported the program and done nothing else, for starting takes longer than what a run does.
Belongs here: starting, and the end of, such a process; which of a run's steps are alike. Does not
belong here: what a durable step is (`dies_at/`), what is expected after a kill.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
from collections.abc import Callable
from pathlib import Path

from connect_pipeline_tests.small_home import SmallHome

KILLED = 137
DIES_AT = Path(__file__).parent / "dies_at"
_OWN_NAME = re.compile(r"[0-9a-f]{64}|tmp\w+|[^/ ]*[0-9]{4}[^/ ]*")
"""What a file is called after its content, its time or its process."""
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "connect_pipeline_tests.faults.absences"])


def dies_before(home: SmallHome, run: Callable[[], None], step: int, log: Path) -> int:
    """`run`, a module's `main`, on this home, to die before the given step (0: never).

    Returns the exit code, 0 or `KILLED`. `log` gets a line per step.
    """
    said = log.with_name(f"{log.name}.said")
    environment = home.process_environment(DIES_AT=str(step), DIES_AT_LOG=str(log))
    process = _FORKS.Process(target=_run, args=(run, environment, said))
    process.start()
    process.join(120)
    process.kill()  # does nothing to one that has ended
    assert process.exitcode in (0, KILLED), said.read_text()
    return process.exitcode


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


def _run(run: Callable[[], None], environment: dict[str, str], said: Path) -> None:
    with said.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    importlib.import_module("connect_pipeline_tests.dies_at.sitecustomize")
    run()
