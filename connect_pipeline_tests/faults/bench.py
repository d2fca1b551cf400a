"""A drop that misbehaves on command: the embedded server, with one fault at a time.

For: whole runs against faults. Belongs here: the hooks and the faults. Does not belong here: what
is expected of a run.

A fault strikes `times` times (for ever by default) at its file, then the server behaves. Files are
handed out in small pieces, so that a fault can strike at any byte of a small file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from paramiko.sftp import SFTP_PERMISSION_DENIED

from connect_pipeline.sample.server import EmbeddedServer, Files, Handle

PIECE_BYTES = 64
FOR_EVER = 10**9


@dataclass
class Fault:
    """One way to misbehave. `at` is the share of the file that has been read when it strikes."""

    name: str
    file: str
    times: int = FOR_EVER
    at: float = 0.0
    struck: int = 0

    def strikes(self, path: Path | str) -> bool:
        """Whether it strikes here and now; counts."""
        if Path(path).name != self.file or self.struck >= self.times:
            return False
        self.struck += 1
        return True

    def before_open(self, files: FaultyFiles, path: str) -> int | None:
        """What `open` answers instead of the file, or None."""
        return None

    def before_read(self, handle: FaultyHandle, offset: int) -> None:
        """Before a piece is read."""

    def after_listing(self, files: FaultyFiles, folder: Path) -> None:
        """After the folder was listed."""

    def told_size(self, path: Path, size: int) -> int:
        """The size that the server tells."""
        return size


@dataclass
class Reset(Fault):
    """The connection is cut."""

    def before_read(self, handle: FaultyHandle, offset: int) -> None:
        if offset >= self.at * handle.size and self.strikes(handle.path):
            handle.files.server.cut()


@dataclass
class Stall(Fault):
    """The server falls silent in the middle of a file."""

    seconds: float = 60

    def before_read(self, handle: FaultyHandle, offset: int) -> None:
        if offset >= self.at * handle.size and self.strikes(handle.path):
            time.sleep(self.seconds)


@dataclass
class Changes(Fault):
    """Something happens to the file while it is read."""

    change: Callable[[Path], None] = lambda path: None

    def before_read(self, handle: FaultyHandle, offset: int) -> None:
        if offset >= self.at * handle.size and self.strikes(handle.path):
            self.change(handle.path)


@dataclass
class ChangesAnother(Changes):
    """Something happens to another file of the set while this one is read."""

    another: str = ""

    def before_read(self, handle: FaultyHandle, offset: int) -> None:
        if offset >= self.at * handle.size and self.strikes(handle.path):
            self.change(handle.path.with_name(self.another))


@dataclass
class Vanishes(Fault):
    """The file is there when the folder is listed, and not when it is read."""

    def after_listing(self, files: FaultyFiles, folder: Path) -> None:
        if (folder / self.file).exists() and self.strikes(self.file):
            (folder / self.file).unlink()


@dataclass
class Unlistable(Fault):
    """The connection is cut whenever the folder (`file` is its name) is listed."""

    def after_listing(self, files: FaultyFiles, folder: Path) -> None:
        if self.strikes(folder):
            files.server.cut()


@dataclass
class Denied(Fault):
    """The login may list the file and not read it."""

    def before_open(self, files: FaultyFiles, path: str) -> int | None:
        return SFTP_PERMISSION_DENIED if self.strikes(path) else None


@dataclass
class Lies(Fault):
    """The server tells another size than the file has."""

    by: int = 1

    def told_size(self, path: Path, size: int) -> int:
        return size + self.by if self.strikes(path) else size


class FaultyHandle(Handle):
    """An open file that comes in pieces."""

    files: FaultyFiles  # type: ignore[assignment]

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def read(self, offset: int, length: int) -> Any:
        fault = self.files.server.fault
        if fault is not None:
            fault.before_read(self, offset)
        return super().read(offset, min(length, PIECE_BYTES))

    def stat(self) -> Any:
        return self.files.told(self.path, super().stat())


class FaultyFiles(Files):
    """The folder, with the server's fault."""

    handle_class = FaultyHandle
    server: FaultyServer  # type: ignore[assignment]

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:
        fault = self.server.fault
        refusal = fault.before_open(self, path) if fault is not None else None
        return super().open(path, flags, attr) if refusal is None else refusal

    def list_folder(self, path: str) -> Any:
        entries = super().list_folder(path)
        if self.server.fault is not None and not isinstance(entries, int):
            folder = self.server.root / path.lstrip("/")
            entries = [self.told(folder / one.filename, one) for one in entries]
            self.server.fault.after_listing(self, folder)
        return entries

    def lstat(self, path: str) -> Any:
        return self.told(self.server.root / path.lstrip("/"), super().lstat(path))

    def told(self, path: Path, attributes: Any) -> Any:
        fault = self.server.fault
        if fault is not None and isinstance(attributes, paramiko.SFTPAttributes):
            attributes.st_size = fault.told_size(path, attributes.st_size or 0)
        return attributes


class FaultyServer(EmbeddedServer):
    """An embedded server with at most one fault."""

    fault: Fault | None = None

    def __init__(self, root: Path, username: str, password: str) -> None:
        super().__init__(root, username, password, files=FaultyFiles)

    def cut(self) -> None:
        """Cut the open connections, from within one of them."""
        for transport in list(self._transports):
            transport.close()


# -- what can happen to a file -------------------------------------------------------------------


def replaced_by(content: str) -> Callable[[Path], None]:
    """Another file is renamed to its name."""

    def change(path: Path) -> None:
        beside = path.with_name(f".{path.name}.part")
        beside.write_text(content)
        beside.replace(path)

    return change


def overwritten_by(content: str) -> Callable[[Path], None]:
    """The same file gets another content, in place; its time moves on."""

    def change(path: Path) -> None:
        before = path.stat().st_mtime
        path.write_text(content)
        os.utime(path, (before + 2, before + 2))

    return change


def appended(text: str) -> Callable[[Path], None]:
    """An upload goes on."""

    def change(path: Path) -> None:
        with path.open("a") as file:
            file.write(text)

    return change


def truncated_to(share: float) -> Callable[[Path], None]:
    """An upload begins anew: the file is cut."""
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


def removed(path: Path) -> None:
    """The file is removed."""
    path.unlink(missing_ok=True)
