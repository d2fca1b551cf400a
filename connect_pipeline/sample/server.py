"""An embedded SFTP server: a district's drop for the demo and the tests.

For: a real SSH server on a loopback port, with its own host key, that serves one folder. What is
tested against it goes through the same sockets, keys and packets as against a district's server.
Belongs here: the server, and the hooks by which a test makes it misbehave. Does not belong here:
the district's files (`district.py`), and any use beyond loopback.

To misbehave, subclass `Handle` (an open file), `Files` (the folder) or `Login`, and pass
`files=YourFiles` or `login=YourLogin`; `Files.handle_class` says what `open` returns.
"""

from __future__ import annotations

import hmac
import io
import os
import posixpath
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import SFTP_FAILURE, SFTP_OK

import connect_pipeline.sftp  # noqa: F401 - paramiko's log, which has tracebacks, goes nowhere

if TYPE_CHECKING:
    from typing_extensions import Buffer

_STOP_SECONDS = 5

Self = TypeVar("Self")
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def generate_key() -> paramiko.Ed25519Key:
    """A fresh ed25519 key pair."""
    return paramiko.Ed25519Key.from_private_key(io.StringIO(generate_private_key()))


def generate_private_key() -> str:
    """A fresh ed25519 private key, as OpenSSH writes it."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        .decode()
    )


class EmbeddedServer:
    """An SFTP server on 127.0.0.1 that serves the files below `root`, and nothing above it.

    A context manager; `start` and `stop` do the same. `port` 0 takes a free one. A client logs in
    with the password or with `authorized_key` (an "ssh-ed25519 AAAA..." line).
    """

    def __init__(
        self,
        root: Path,
        username: str,
        password: str,
        *,
        host_key: paramiko.PKey | None = None,
        authorized_key: str | None = None,
        port: int = 0,
        files: type[Files] | None = None,
        login: type[Login] | None = None,
    ) -> None:
        self.root = root.resolve()
        self.username = username
        self.password = password
        self.host_key = host_key or generate_key()
        self.authorized_key = authorized_key
        self.port = port
        self.files = files or Files
        self.login = login or Login
        self.auth_attempts: list[tuple[str, str]] = []
        """Every login that was tried: method and user name, never what was offered."""
        self.connection_count = 0
        self.sessions: set[threading.Thread] = set()
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._transports: list[paramiko.Transport] = []

    @property
    def host_key_line(self) -> str:
        """The host key as settings pin it."""
        return f"{self.host_key.get_name()} {self.host_key.get_base64()}"

    def __enter__(self) -> EmbeddedServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen. Raises `OSError` when the port is taken."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(
            target=self._accept, args=(self._listener,), name="embedded-sftp", daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        """Cut every connection and end every thread. A second call does nothing."""
        if self._listener is None or self._acceptor is None:
            return
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # `close` alone leaves `accept` waiting
        self._listener.close()
        self._acceptor.join(_STOP_SECONDS)
        self._listener = None
        for transport in self._transports:
            transport.close()
        for thread in [*self._transports, *self.sessions]:
            thread.join(_STOP_SECONDS)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connection_count += 1
            with suppress(OSError, EOFError, paramiko.SSHException):
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(connection)
        transport.add_server_key(self.host_key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, self.files, self)
        # Known before it begins, so that whoever closes them all misses none.
        self._transports = [*(one for one in self._transports if one.is_active()), transport]
        transport.start_server(event=threading.Event(), server=self.login(self))


class Login(paramiko.ServerInterface):
    """Who may come in, and that they may have an SFTP session and nothing else."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey" if self._server.authorized_key else "password"

    def check_auth_none(self, username: str) -> int:
        return self._result("none", username, False)

    def check_auth_password(self, username: str, password: str) -> int:
        right = hmac.compare_digest(password.encode(), self._server.password.encode())
        return self._result("password", username, right)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        offered = f"{key.get_name()} {key.get_base64()}"
        authorized = " ".join((self._server.authorized_key or "").split()[:2])
        return self._result("publickey", username, offered == authorized)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if kind == "session":
            return OPEN_SUCCEEDED
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def _result(self, method: str, username: str, right: bool) -> int:
        self._server.auth_attempts.append((method, username))
        return AUTH_SUCCESSFUL if right and username == self._server.username else AUTH_FAILED


def _answers_errors(
    method: Callable[Concatenate[Self, Arguments], Answer],
) -> Callable[Concatenate[Self, Arguments], Answer | int]:
    """Answer an `OSError` with the SFTP status for it."""

    def answer(self: Self, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer | int:
        try:
            return method(self, *args, **kwargs)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    return answer


class Handle(paramiko.SFTPHandle):
    """An open file."""

    def __init__(self, files: Files, path: Path, flags: int) -> None:
        super().__init__(flags)
        self.files = files
        self.path = path
        self._descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    @_answers_errors
    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    @_answers_errors
    def write(self, offset: int, data: Buffer) -> int:
        view = memoryview(data)
        while view:
            count = os.pwrite(self._descriptor, view, offset)
            view, offset = view[count:], offset + count
        return SFTP_OK

    @_answers_errors
    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self._descriptor))

    def close(self) -> None:
        os.close(self._descriptor)


class Files(paramiko.SFTPServerInterface):
    """The files below the server's root. Neither `..` nor a symbolic link leads out of it."""

    handle_class: type[Handle] = Handle

    def __init__(self, login: Login, server: EmbeddedServer) -> None:
        super().__init__(login)
        self.server = server

    def session_started(self) -> None:
        self.server.sessions.add(threading.current_thread())

    def session_ended(self) -> None:
        self.server.sessions.discard(threading.current_thread())

    @_answers_errors
    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Handle:
        return self.handle_class(self, self._followed(path), flags)

    @_answers_errors
    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        listed = []
        with os.scandir(self._followed(path)) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # renamed or removed meanwhile
                    about = entry.stat(follow_symlinks=False)
                    listed.append(paramiko.SFTPAttributes.from_stat(about, entry.name))
        return listed

    @_answers_errors
    def stat(self, path: str) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(self._followed(path).lstat())

    @_answers_errors
    def lstat(self, path: str) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(self._named(path).lstat())

    @_answers_errors
    def remove(self, path: str) -> int:
        self._named(path).unlink()
        return SFTP_OK

    @_answers_errors
    def rename(self, oldpath: str, newpath: str) -> int:
        source, target = self._named(oldpath), self._named(newpath)
        if os.path.lexists(target):
            return SFTP_FAILURE  # only `posix_rename` replaces
        source.rename(target)
        return SFTP_OK

    @_answers_errors
    def posix_rename(self, oldpath: str, newpath: str) -> int:
        self._named(oldpath).replace(self._named(newpath))
        return SFTP_OK

    def _named(self, path: str) -> Path:
        """The entry of this name, a link itself if it is one."""
        folder, name = posixpath.split(posixpath.normpath("/" + path.lstrip("/")))
        return self._within(self.server.root / folder.lstrip("/")) / name

    def _followed(self, path: str) -> Path:
        """What the entry of this name is, or leads to."""
        return self._within(self._named(path))

    def _within(self, path: Path) -> Path:
        resolved = path.resolve()
        if not resolved.is_relative_to(self.server.root):
            raise PermissionError(13, "outside the served folder")
        return resolved
