"""The drop's folder over an open connection: looked at, fetched from, reports put back.

Belongs here: that a file is fetched whole or not at all. Does not belong here: how the connection
came about (`login.py`), requests (`wire.py`).
"""

from __future__ import annotations

import os
import posixpath
import secrets
import stat
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import cast

import paramiko

from connect_pipeline.contract import BY_FILE_NAME
from connect_pipeline.disk import PARTIAL_SUFFIX, disk_fault, private_folder, rename_durably
from connect_pipeline.drop_names import is_unfinished
from connect_pipeline.errors import (
    AccessFault,
    EnvironmentFault,
    FileChanged,
    Refused,
    TransientFault,
)
from connect_pipeline.landing.bytes_pass import BytesPass
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.sftp import patience
from connect_pipeline.sftp.faults import our_faults
from connect_pipeline.sftp.patience import seconds_for, within
from connect_pipeline.sftp.wire import Attributes, Wire


class FileMissing(AccessFault):
    """There is no file of this name in the drop."""


class NotAFile(Refused):
    """What has the file's name is a link, a folder or another thing that we do not read."""


class FileTooLarge(Refused):
    """The file is larger than the limit in the district's settings."""


@dataclass(frozen=True)
class RemoteFile:
    """What a look at the drop's folder shows of one name. `mtime` is the server's, in seconds."""

    name: str
    size: int
    mtime: int
    is_regular: bool


@dataclass(frozen=True)
class Fetched:
    """A file as received: verified, and stored at `path` under its content's name."""

    name: str
    path: Path
    facts: FileFacts
    mtime: int


class Drop:
    """The drop's folder over an open connection. Made by `connect`; for one thread at a time."""

    def __init__(
        self, client: paramiko.SFTPClient, channel: paramiko.Channel, folder: str, place: str
    ) -> None:
        self.folder = folder
        self.place = place
        self._client = client
        self._transport = channel.get_transport()
        self._wire = Wire(channel)

    def look(
        self, folder: str | None = None, seconds: float | None = None
    ) -> dict[str, RemoteFile]:
        """Every name in the folder, by one listing; unfinished uploads and folders are left out.

        A folder that is named like one of the five exports is not: somebody meant a file.
        `folder` is another than the drop's own, for a login that several districts share.
        Raises `EnvironmentFault` when the folder is missing or may not be read.
        """
        folder = folder or self.folder
        with self._talking(seconds or 2 * patience.SILENCE_SECONDS, f"folder {folder}"):
            entries = self._wire.list_folder(folder)
        return {
            name: _remote_file(name, attributes)
            for name, attributes in entries
            if not _is_left_out(name, attributes)
        }

    def fetch(
        self, name: str, into: Path, limit_bytes: int, line_bytes: int = Limits.line_bytes
    ) -> Fetched:
        """Fetch the file of exactly this name to `<into>/<sha256>`, whole and verified.

        Raises `FileMissing`, `NotAFile`, `FileTooLarge`; `FileChanged` when the file moved while
        it was read; `EnvironmentFault` when it may not be read or our disk is full. Then nothing
        of it is left in `into`.
        """
        before = self._stat(name)
        if not before.is_regular:
            raise NotAFile(
                f"{name} in {self.folder} on {self.place} is a link, a folder or another thing "
                "that is not a regular file, and is not read. Upload the file itself."
            )
        if before.size > limit_bytes:
            raise FileTooLarge(
                f"{name} in {self.folder} on {self.place} has {before.size:,} bytes; the limit is "
                f"{limit_bytes:,}. Check the export, or raise limits.file_bytes in the settings."
            )
        private_folder(into)
        bytes_pass = BytesPass(line_bytes)
        try:
            descriptor, partial = tempfile.mkstemp(suffix=PARTIAL_SUFFIX, dir=into)
            try:
                with os.fdopen(descriptor, "wb") as file, closing(self._read(before)) as chunks:
                    for chunk in chunks:
                        bytes_pass.feed(chunk)
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                facts = bytes_pass.finish()
                rename_durably(Path(partial), into / facts.sha256)
            finally:
                Path(partial).unlink(missing_ok=True)
        except OSError as error:  # the server's errors have become ours before they get here
            raise disk_fault(error, f"write {name} to {into}") from None
        return Fetched(name, into / facts.sha256, facts, before.mtime)

    def put(self, local_bytes: bytes, folder: str, name: str) -> None:
        """Write a file to the server so that it appears whole under its name, or not at all.

        A server without OpenSSH's posix-rename does so only while the name is free.

        Raises `EnvironmentFault` when the folder is missing or may not be written.
        """
        partial = posixpath.join(folder, f".{name}.{secrets.token_hex(4)}.part")
        path = posixpath.join(folder, name)
        with self._talking(seconds_for(len(local_bytes)), f"folder {folder}"):
            try:
                # paramiko would confirm it by attributes that it reads without a limit.
                self._client.putfo(BytesIO(local_bytes), partial, confirm=False)
                if self._wire.attributes_of(partial).size != len(local_bytes):
                    raise OSError("another size than was sent")
                try:
                    self._client.posix_rename(partial, path)
                except OSError:
                    self._client.rename(partial, path)
            except (OSError, UnicodeError):
                with suppress(OSError, EOFError, UnicodeError, paramiko.SSHException):
                    self._client.remove(partial)
                raise

    def remove(self, folder: str, is_unwanted: Callable[[str], bool]) -> None:
        """Remove the files in `folder` whose names are unwanted.

        Raises `EnvironmentFault` when the folder is missing or the server does not let us.
        """
        with self._talking(2 * patience.SILENCE_SECONDS, f"folder {folder}"):
            for name, _ in self._wire.list_folder(folder):
                if is_unwanted(name):
                    self._client.remove(posixpath.join(folder, name))

    def _stat(self, name: str) -> RemoteFile:
        with self._talking(patience.SILENCE_SECONDS, f"file {name} in {self.folder}", FileMissing):
            return self._lstat(name)

    def _lstat(self, name: str) -> RemoteFile:
        path = posixpath.join(self.folder, name)
        return _remote_file(name, self._wire.attributes_of(path))

    def _read(self, before: RemoteFile) -> Generator[bytes, None, None]:
        """The file's bytes. Who comes to the end of them knows that the file stood still.

        Raises `FileChanged` as soon as it shows that it did not.
        """
        name = before.name
        received = 0
        with (
            self._talking(
                seconds_for(0),
                f"file {name} in {self.folder}",
                FileChanged,
                moved=lambda: received,
            ),
            self._client.open(posixpath.join(self.folder, name), "r") as file,
        ):
            # types-paramiko 5.1 says SFTPHandle, the server's side; it is the wire's bytes.
            handle = cast(bytes, file.handle)
            for chunk in self._wire.read_ahead(handle, before.size):
                received += len(chunk)
                if received > before.size:  # so the limit holds during the read as well
                    break
                yield chunk
            opened = _remote_file(name, self._wire.attributes_of_open(handle))
            if not (received == before.size and opened == before == self._lstat(name)):
                raise FileChanged(
                    f"{name} in {self.folder} on {self.place} changed while it was read, so what "
                    "was read is not used. Run again when the upload is complete."
                )

    @contextmanager
    def _talking(
        self,
        seconds: float,
        subject: str,
        missing: type[EnvironmentFault] = AccessFault,
        moved: Callable[[], int] = lambda: 0,
    ) -> Iterator[None]:
        """Talk with the server about `subject` for so long at most; its errors become ours."""
        try:
            with our_faults(self.place, subject, missing), within(self._transport, seconds, moved):
                yield
        except FileChanged:
            raise
        except TransientFault:
            self._transport.close()  # question and answer may be out of step: nobody talks on
            raise


def _remote_file(name: str, attributes: Attributes) -> RemoteFile:
    # What a server does not tell is not taken for granted: no mode, not a regular file.
    return RemoteFile(
        name=name,
        size=attributes.size or 0,
        mtime=attributes.mtime or 0,
        is_regular=stat.S_ISREG(attributes.mode or 0),
    )


def _is_left_out(name: str, attributes: Attributes) -> bool:
    is_folder = stat.S_ISDIR(attributes.mode or 0)
    return is_unfinished(name) or (is_folder and name not in BY_FILE_NAME)
