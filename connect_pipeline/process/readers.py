"""Output that nobody reads any more, as behind `| head -1`: the work goes on, and its exit code.

Python, Rich and Typer each end the process with 1 there, in the middle of a run or between two
districts, and 1 means that files are blocked or held.

Belongs here: the standard streams of a command. Does not belong here: what is printed
(`console.py`), and output that cannot be written for another reason, which is an error.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class _Unread(io.FileIO):
    """A descriptor that leads nowhere once its reader has gone."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return super().write(data)


def outlive_readers() -> None:
    """Let standard output and errors be written to the end, whoever has stopped reading them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):  # not one that a shell closed (`>&-`)
            raw = _Unread(stream.fileno(), "w", closefd=False)
            lasting = io.TextIOWrapper(
                raw if stream.write_through else io.BufferedWriter(raw),
                encoding=stream.encoding,
                errors=stream.errors,
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, lasting)
