"""Makes a Python process die, as by `kill -9`, just before its n-th durable step.

For: `dying.py`, which imports it in a forked process, and `test_erase.py`, which puts this folder
first in the PYTHONPATH of a command: so no product code has a hook. DIES_AT is n (0: never);
DIES_AT_LOG names a file that gets one line per step. A step is what changes the disk for good: a
sync, a rename, a link, an unlink, and a commit that has something to commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

_SEEN = "changes counted"  # in what SQLAlchemy keeps of a connection while it is open
_left = int(os.environ.get("DIES_AT", "0"))
_log = os.open(os.environ["DIES_AT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _count(name: str, *places: object) -> None:
    global _left
    os.write(_log, " ".join([name, *(_told(one) for one in places)]).encode() + b"\n")
    _left -= 1
    if _left == 0:
        os._exit(137)


def _counted(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        if name != "unlink" or Path(arguments[0]).exists():  # else there is nothing to remove
            _count(name, *arguments)
        return step(*arguments, **options)

    return counted


def _commit(dialect: DefaultDialect, connection: Any) -> None:
    changes = connection.total_changes  # of a connection of sqlite3, since it was opened
    if changes != connection.info.get(_SEEN, 0):
        connection.info[_SEEN] = changes
        _count("commit")
    _do_commit(dialect, connection)


def _told(argument: object) -> str:
    if isinstance(argument, int):  # an open file
        return str(Path(f"/proc/self/fd/{argument}").readlink())
    return str(argument) if isinstance(argument, str | os.PathLike) else ""


for _name in ("fsync", "replace", "rename", "link", "unlink"):
    setattr(os, _name, _counted(_name, getattr(os, _name)))
_do_commit = DefaultDialect.do_commit
DefaultDialect.do_commit = _commit  # type: ignore[method-assign, assignment]
