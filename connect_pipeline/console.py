"""What a command prints: its answer, what is said beside it, and what is being done meanwhile.

Belongs here: the two streams and how a line, JSON and progress get there. Does not belong here:
what is said (`cli.py`, `report/`, `status/`).
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

answers: list[Any] = []
"""What this run printed as JSON."""


@cache
def out() -> Console:
    """What a command answers. Rich takes as long to import as a small folder to be read."""
    from rich.console import Console

    return Console()


@cache
def err() -> Console:
    """What is said beside the answer."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def busy(doing: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done where somebody sees it; gives what changes the words."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    with err().status(doing) as status:
        yield status.update


def say(message: str) -> None:
    """What went wrong, on the error stream."""
    print_line(message, "red", err())


def print_line(text: str, style: str | None = None, to: Console | None = None) -> None:
    """A line as it is: what is in brackets in a path is no markup."""
    (to or out()).print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def show_progress() -> None:
    """Our own log, on the error stream."""
    from rich.logging import RichHandler

    handler = RichHandler(console=err(), show_path=False, show_level=False, markup=False)
    logger = logging.getLogger("connect_pipeline")
    if not any(isinstance(one, RichHandler) for one in logger.handlers):
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def print_json(value: Any) -> None:
    """One answer as JSON."""
    answers.append(value)
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))  # noqa: T201
