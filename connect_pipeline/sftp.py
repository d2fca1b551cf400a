"""A district's drop: looked at, and fetched from, over SFTP.

For: one connection to one drop, whose host key is proven before anything is said to it; a listing
of the folder; files fetched whole or not at all; reports put back.
Belongs here: paramiko, and the one place where its errors become ours. Does not belong here: when
to look or fetch, what a file means, and the landing folder's life (`landing.py`).

Files are read with many requests in flight, for paramiko's own `get` waits too much: over loopback
it takes about three times as long as this, and more where the network has latency.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import hmac
import itertools
import logging
import os
import posixpath
import secrets
import socket
import stat
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Container, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeVar, cast

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.buffered_pipe import PipeTimeout
from paramiko.sftp import (
    CMD_CLOSE,
    CMD_DATA,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_STATUS,
    SFTP_EOF,
    SFTP_NO_SUCH_FILE,
    SFTP_PERMISSION_DENIED,
    SFTPError,
)
from paramiko.ssh_exception import IncompatiblePeer
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from connect_pipeline import settings
from connect_pipeline.bytes_pass import LINE_BYTES, BytesPass, FileFacts
from connect_pipeline.errors import (
    AccessFault,
    ConnectError,
    EnvironmentFault,
    FileChanged,
    Refused,
    SettingsError,
    TransientFault,
)
from connect_pipeline.home import (
    PARTIAL_SUFFIX,
    disk_fault,
    private_folder,
    rename_durably,
)

CONNECT_SECONDS = 15
"""For the TCP connection, the banner, the handshake and the login: each."""

SILENCE_SECONDS = 30
"""A server that says nothing for so long is given up."""

SLOWEST_BYTES_PER_SECOND = 16 * 1024
"""A transfer that is slower than this, after the first minute, is given up: time is bounded."""

TRIES = 3

# Measured on loopback against OpenSSH: 255 KiB is the most that its sftp-server returns, and
# 64 of these in flight (16 MB) fill a line of 30 ms round trip faster than we can decrypt.
_BLOCK_BYTES = 255 * 1024
_BLOCKS_IN_FLIGHT = 64
_SMALLEST_BLOCK_BYTES = 4 * 1024
_LARGEST_ANSWER_BYTES = 1024 * 1024
_WINDOW_BYTES = 32 * 1024 * 1024
_PACKET_BYTES = 255 * 1024

# AES-GCM first: paramiko decrypts and verifies it in one call, twice as fast as CTR with a MAC.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)

# What uploading programs leave while they write.
_UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".temp", ".filepart", ".uploading")

# paramiko logs a wrong password with a traceback. We raise what matters, so its log goes nowhere.
_paramiko_log = logging.getLogger("paramiko")
_paramiko_log.addHandler(logging.NullHandler())
_paramiko_log.propagate = False

Result = TypeVar("Result")


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
    size: int


def with_retries(work: Callable[[], Result]) -> Result:
    """`work()`, tried again a little later while its faults may pass by themselves.

    `work` opens its own connection. Raises what the last try raised; permanent faults at once.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(TransientFault),
        stop=stop_after_attempt(TRIES),
        wait=wait_exponential(multiplier=0.5, max=5),
        reraise=True,
    )
    return retrying(work)


@contextmanager
def connect(
    sftp: settings.Sftp,
    *,
    environment: Mapping[str, str] = os.environ,
    patience: float | None = None,
) -> Iterator[Drop]:
    """A connection to the drop: host key proven first, then the login.

    `patience` is how many seconds the TCP connection, the handshake and the login may each take,
    by default `CONNECT_SECONDS`.
    Raises `SettingsError` (password variable, private key or pinned key not usable),
    `EnvironmentFault` (another host key, login refused) and `TransientFault` (not reachable).
    """
    patience = CONNECT_SECONDS if patience is None else patience
    place = f"{sftp.host}:{sftp.port}"
    pinned = _PinnedKey.parse(sftp.host_key, place)
    credential = _credential(sftp, environment)
    with _our_faults(place):
        transport = _open_transport(sftp, pinned, patience)
    try:
        with _our_faults(place), _within(transport, patience):
            transport.start_client()
            pinned.compare(transport.get_remote_server_key(), place)
        with _our_faults(place), _within(transport, patience):
            _log_in(transport, sftp.username, credential)
            channel = transport.open_session()
            channel.settimeout(SILENCE_SECONDS)
            channel.in_buffer = _Pieces()  # type: ignore[assignment]
            channel.invoke_subsystem("sftp")
            client = paramiko.SFTPClient(channel)
        yield Drop(client, channel, sftp.folder, place)
    finally:
        transport.close()


class Drop:
    """The drop's folder over an open connection. Made by `connect`; for one thread at a time."""

    def __init__(
        self, client: paramiko.SFTPClient, channel: paramiko.Channel, folder: str, place: str
    ) -> None:
        self.folder = folder
        self.place = place
        self._client = client
        self._transport = channel.get_transport()
        self._wire = _Wire(channel)

    def look(
        self, folder: str | None = None, seconds: float | None = None
    ) -> dict[str, RemoteFile]:
        """Every name in the folder, by one listing; unfinished uploads and folders are left out.

        `folder` is another than the drop's own, for a login that several districts share.
        Raises `EnvironmentFault` when the folder is missing or may not be read.
        """
        folder = folder or self.folder
        with self._talking(seconds or 2 * SILENCE_SECONDS, f"folder {folder}"):
            entries = self._wire.list_folder(folder)
        return {
            name: _remote_file(name, attributes)
            for name, attributes in entries
            if not _is_left_out(name, attributes)
        }

    def fetch(
        self, name: str, into: Path, limit_bytes: int, line_bytes: int = LINE_BYTES
    ) -> Fetched:
        """Fetch the file of exactly this name to `<into>/<sha256>`, whole and verified.

        Raises `FileMissing`, `NotAFile`, `FileTooLarge`; `FileChanged` when the file moved while
        it was read; `EnvironmentFault` when it may not be read or our disk is full. Then nothing
        of it is left in `into`.
        """
        before = self._stat(name)
        if not before.is_regular:
            raise NotAFile(
                f"{name} in {self.folder} on {self.place} is a link or another thing that is not "
                "a regular file, and is not read. Upload the file itself."
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
        return Fetched(name, into / facts.sha256, facts, before.mtime, before.size)

    def put(self, local_bytes: bytes, folder: str, name: str) -> None:
        """Write a file to the server so that it appears whole under its name, or not at all.

        Raises `EnvironmentFault` when the folder is missing or may not be written.
        """
        partial = posixpath.join(folder, f".{name}.{secrets.token_hex(4)}.part")
        with self._talking(_patience(len(local_bytes)), f"folder {folder}"):
            try:
                self._client.putfo(BytesIO(local_bytes), partial, len(local_bytes))
                self._client.posix_rename(partial, posixpath.join(folder, name))
            except OSError:
                with suppress(OSError, EOFError, paramiko.SSHException):
                    self._client.remove(partial)
                raise

    def remove(self, folder: str, is_unwanted: Callable[[str], bool]) -> list[str]:
        """Remove the files in `folder` whose names are unwanted; returns these names.

        Raises `EnvironmentFault` when the folder is missing or the server does not let us.
        """
        with self._talking(2 * SILENCE_SECONDS, f"folder {folder}"):
            unwanted = [name for name, _ in self._wire.list_folder(folder) if is_unwanted(name)]
            for name in unwanted:
                self._client.remove(posixpath.join(folder, name))
        return unwanted

    def _stat(self, name: str) -> RemoteFile:
        with self._talking(SILENCE_SECONDS, f"file {name} in {self.folder}", FileMissing):
            return self._lstat(name)

    def _lstat(self, name: str) -> RemoteFile:
        return _remote_file(name, self._client.lstat(posixpath.join(self.folder, name)))

    def _read(self, before: RemoteFile) -> Generator[bytes, None, None]:
        """The file's bytes. Who comes to the end of them knows that the file stood still.

        Raises `FileChanged` as soon as it shows that it did not.
        """
        name = before.name
        received = 0
        with (
            self._talking(_patience(before.size), f"file {name} in {self.folder}", FileChanged),
            self._client.open(posixpath.join(self.folder, name), "r") as file,
        ):
            # types-paramiko 5.1 says SFTPHandle, the server's side; it is the wire's bytes.
            handle = cast(bytes, file.handle)
            for chunk in self._wire.read_ahead(handle, before.size):
                received += len(chunk)
                if received > before.size:  # so the limit holds during the read as well
                    break
                yield chunk
            opened = _remote_file(name, file.stat())
            if not (received == before.size and opened == before == self._lstat(name)):
                raise FileChanged(
                    f"{name} in {self.folder} on {self.place} changed while it was read, so what "
                    "was read is not used. Run again when the upload is complete."
                )

    @contextmanager
    def _talking(
        self, seconds: float, subject: str, missing: type[EnvironmentFault] = AccessFault
    ) -> Iterator[None]:
        """Talk with the server about `subject` for so long at most; its errors become ours."""
        try:
            with _our_faults(self.place, subject, missing), _within(self._transport, seconds):
                yield
        except FileChanged:
            raise
        except TransientFault:
            self._transport.close()  # question and answer may be out of step: nobody talks on
            raise


class _Pieces:
    """What a channel has received and nobody has read, kept in the pieces in which it came.

    Stands in for paramiko's `BufferedPipe`. That (5.1) keeps it in one growing bytearray, and
    copies all of it again and again: with 16 MB in flight, a fetch took three times as long.
    """

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._taken = 0  # bytes of the first piece that were read
        self._changed = threading.Condition()
        self._closed = False

    def feed(self, data: bytes) -> None:
        if not data:  # an empty piece would read as the end
            return
        with self._changed:
            self._pieces.append(data)
            self._changed.notify_all()

    def read(self, nbytes: int, timeout: float | None = None) -> bytes:
        with self._changed:
            if not self._changed.wait_for(lambda: self._pieces or self._closed, timeout):
                raise PipeTimeout
            if not self._pieces:
                return b""
            piece, start = self._pieces[0], self._taken
            end = start + nbytes
            if end < len(piece):
                self._taken = end
            else:
                self._pieces.popleft()
                self._taken = 0
        return piece[start:end]

    def read_ready(self) -> bool:
        return bool(self._pieces)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._pieces)) - self._taken


class _Wire:
    """SFTP requests that paramiko's client cannot send as we need them, on its own channel.

    Reads and listings have several requests in flight, and a listing survives a name that is not
    UTF-8 (paramiko 5.1 raises `UnicodeDecodeError` for the whole folder).
    """

    # paramiko numbers its own requests from 1; it passes over answers to numbers that it does
    # not know, and so do we.
    _FIRST_NUMBER = 0x8000_0000

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count(self._FIRST_NUMBER)
        self._block_bytes = _BLOCK_BYTES

    def list_folder(self, folder: str) -> list[tuple[str, paramiko.SFTPAttributes]]:
        """All entries but `.` and `..`. A name that is not UTF-8 is shown with U+FFFD."""
        opening = {self._ask(CMD_OPENDIR, _string(folder.encode()))}
        kind, body = self._answer(opening)[1:]
        if kind != CMD_HANDLE:
            raise _status_error(body)
        handle = body  # an SFTP string already
        entries: list[tuple[str, paramiko.SFTPAttributes]] = []
        # The second request finds the end in most folders, which saves a round trip.
        asked = {self._ask(CMD_READDIR, handle), self._ask(CMD_READDIR, handle)}
        while asked:
            number, kind, body = self._answer(asked)
            asked.remove(number)
            if kind == CMD_NAME:
                entries += _names(body)
                asked.add(self._ask(CMD_READDIR, handle))
            elif not _is_end(kind, body):
                raise _status_error(body)
        self._ask(CMD_CLOSE, handle)
        return entries

    def read_ahead(self, handle: bytes, size: int) -> Iterator[bytes]:
        """A file's bytes in order, from many requests in flight; memory is bounded by their number.

        Reads on behind `size` until the server says that the file ends, so that a file that grew
        shows. Ends early where the file does.
        """
        file = _string(handle)
        asked: dict[int, tuple[int, int]] = {}
        arrived: dict[int, bytes] = {}
        next_offset = delivered = 0
        while asked or next_offset <= size:
            while next_offset <= size and len(asked) + len(arrived) < _BLOCKS_IN_FLIGHT:
                length = min(self._block_bytes, size - next_offset) or 1  # the last finds the end
                asked[self._ask_read(file, next_offset, length)] = (next_offset, length)
                next_offset += length
            number, kind, body = self._answer(asked)
            offset, length = asked.pop(number)
            if _is_end(kind, body):
                if offset < size:
                    return
                continue
            if kind != CMD_DATA:
                raise _status_error(body)
            if not 0 < len(body) <= length:
                raise paramiko.SSHException("an answer of another length than asked for")
            arrived[offset] = body
            if len(body) < length:  # a server may return less: ask for the rest, and for less
                self._block_bytes = max(len(body), _SMALLEST_BLOCK_BYTES)
                rest = (offset + len(body), length - len(body))
                asked[self._ask_read(file, *rest)] = rest
            while data := arrived.pop(delivered, None):
                delivered += len(data)
                yield data

    def _ask_read(self, file: bytes, offset: int, length: int) -> int:
        return self._ask(CMD_READ, file + struct.pack(">QI", offset, length))

    def _ask(self, kind: int, payload: bytes) -> int:
        number = next(self._numbers)
        head = struct.pack(">IBI", 5 + len(payload), kind, number)
        self._channel.sendall(head + payload)
        return number

    def _answer(self, expected: Container[int]) -> tuple[int, int, bytes]:
        """The next answer to one of the expected requests: number, kind, body."""
        while True:
            length, kind, number = struct.unpack(">IBI", self._receive(9))
            if not 5 <= length <= _LARGEST_ANSWER_BYTES:
                raise paramiko.SSHException("an answer that is not SFTP")
            if kind == CMD_DATA:
                self._receive(4)  # the data's own length, which follows from the answer's
                length -= 4
            body = self._receive(length - 5)
            if number in expected:
                return number, kind, body

    def _receive(self, count: int) -> bytes:
        parts = []
        while count > 0:
            part = self._channel.recv(count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(frozen=True)
class _PinnedKey:
    """The host key that the settings name."""

    kind: str
    blob: bytes

    @classmethod
    def parse(cls, text: str, place: str) -> _PinnedKey:
        kind, encoded = text.split()[:2]
        try:
            blob = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            blob = b""
        if not blob.startswith(_string(kind.encode())):
            raise SettingsError(
                f"`host_key` for the SFTP server {place} is not a whole public key. Expected one "
                'line such as "ssh-ed25519 AAAA...", as its owner or ssh-keyscan gives it.'
            )
        return cls(kind, blob)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The signature algorithms of a key of this kind (never SHA-1 for RSA)."""
        return ("rsa-sha2-512", "rsa-sha2-256") if self.kind == "ssh-rsa" else (self.kind,)

    def compare(self, shown: paramiko.PKey, place: str) -> None:
        """Raise `EnvironmentFault` unless the server has proven to hold this very key."""
        if hmac.compare_digest(shown.asbytes(), self.blob):
            return
        raise AccessFault(
            f"The SFTP server {place} shows another host key than the pinned one: it shows "
            f"{shown.get_name()} {_fingerprint(shown.asbytes())}, the settings pin "
            f"{self.kind} {_fingerprint(self.blob)}. No login was attempted. Ask the server's "
            "owner; only if the key was changed on purpose, put the new one into `host_key`."
        )


def _fingerprint(blob: bytes) -> str:
    """As OpenSSH writes it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def _credential(sftp: settings.Sftp, environment: Mapping[str, str]) -> str | paramiko.PKey:
    """The password or the key, from nowhere but where the settings say."""
    if sftp.private_key is None:
        password = environment.get(sftp.password_env or "")
        if not password:
            raise SettingsError(
                f"The environment variable {sftp.password_env}, which holds the password for the "
                f"SFTP server {sftp.host}:{sftp.port}, is not set. Set it and run again."
            )
        return password
    try:
        return paramiko.PKey.from_path(sftp.private_key.expanduser())
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except (ValueError, TypeError, UnsupportedAlgorithm, paramiko.SSHException):
        reason = "not a private key that can be used without a passphrase"
    raise SettingsError(
        f"The private key {sftp.private_key} cannot be read: {reason}. "
        "Correct `private_key` or the file."
    )


def _open_transport(sftp: settings.Sftp, pinned: _PinnedKey, patience: float) -> paramiko.Transport:
    """A transport over a fresh TCP connection, told what it may agree to; nothing said yet."""
    connection = socket.create_connection((sftp.host, sftp.port), timeout=patience)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(
        connection,
        default_window_size=_WINDOW_BYTES,
        default_max_packet_size=_PACKET_BYTES,
    )
    options = transport.get_security_options()
    options.ciphers = _CIPHERS
    options.digests = _MACS
    options.kex = tuple(name for name in options.kex if not name.endswith("sha1"))
    # The pinned kind first, so that a server with several keys shows that one. The others stay,
    # so that a server that has none of that kind can be told apart by its fingerprint.
    others = tuple(name for name in options.key_types if name not in pinned.algorithms)
    try:
        options.key_types = pinned.algorithms + others
    except ValueError:
        connection.close()
        raise SettingsError(
            f"`host_key` for the SFTP server {sftp.host}:{sftp.port} is of a kind that is not "
            "supported. Pin the server's ssh-ed25519, ecdsa or ssh-rsa key."
        ) from None
    transport.banner_timeout = transport.handshake_timeout = patience
    transport.channel_timeout = patience
    # paramiko reports its own time-out as a refused login; `_within` tells them apart.
    transport.auth_timeout = 10 * patience
    transport.set_keepalive(SILENCE_SECONDS // 2)
    return transport


def _log_in(transport: paramiko.Transport, username: str, credential: str | paramiko.PKey) -> None:
    """One login with what the settings name: no agent, no keys from the home directory."""
    try:
        if isinstance(credential, str):
            wanted_too = transport.auth_password(username, credential)
        else:
            wanted_too = transport.auth_publickey(username, credential)
    except paramiko.AuthenticationException:
        if not transport.is_active():
            raise EOFError from None  # it broke off; that is not a refusal
        raise
    if wanted_too:
        raise paramiko.AuthenticationException


@contextmanager
def _within(transport: paramiko.Transport, seconds: float) -> Iterator[None]:
    """Close the transport when the block takes longer, and say `TimeoutError`.

    paramiko 5.1 waits for some answers (a subsystem, a slot to send) without any limit.
    """
    expired = threading.Event()

    def give_up() -> None:
        expired.set()
        transport.close()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if expired.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


@contextmanager
def _our_faults(
    place: str, subject: str = "", missing: type[EnvironmentFault] = AccessFault
) -> Iterator[None]:
    """The one place where errors of paramiko and the socket become ours."""
    try:
        yield
    except ConnectError:
        raise
    except (OSError, EOFError, paramiko.SSHException, SFTPError) as error:
        raise _fault(error, f"The SFTP server {place}", subject, missing) from None


def _fault(
    error: Exception, server: str, subject: str, missing: type[EnvironmentFault]
) -> EnvironmentFault:
    """What `error` means, as one sentence and whether it may pass by itself.

    The server's own words are left out: they may hold anything.
    """
    match error:
        case ConnectionRefusedError():
            return TransientFault(
                f"{server} refused the connection. "
                "Check that it is running, and host and port in the settings; then run again."
            )
        case TimeoutError():
            return TransientFault(
                f"{server} did not answer in time. Check it and the network, then run again."
            )
        case socket.gaierror():
            kind = TransientFault if error.errno == socket.EAI_AGAIN else AccessFault
            return kind(
                f"{server} was not found: its name cannot be resolved. Check `host` and the DNS."
            )
        case paramiko.BadAuthenticationType():
            return AccessFault(
                f"{server} does not allow this way to log in (password or key). "
                "Set the other one in the settings, or ask the server's owner."
            )
        case paramiko.AuthenticationException():
            return AccessFault(
                f"{server} refused the login. Check the username, and the password or the "
                "private key, that the settings name."
            )
        case IncompatiblePeer():
            return AccessFault(
                f"{server} offers only algorithms that are too weak to be used. "
                "Its owner must enable current ones (AES-GCM or AES-CTR, SHA-2)."
            )
        case paramiko.ChannelException():
            return AccessFault(
                f"{server} accepted the login but opens no SFTP session. Ask the server's owner."
            )
        case OSError(errno=errno.ENOENT) if subject:
            return missing(f"{server} has no {subject}. Check the name, there and in the settings.")
        case OSError(errno=errno.EACCES) if subject:
            return AccessFault(
                f"{server} does not let this login use the {subject}. "
                "Its permissions must allow it."
            )
        case OSError(errno=None) if subject:
            return TransientFault(f"{server} reported a failure with the {subject}. Run again.")
        case OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH):
            return TransientFault(f"{server} cannot be reached. Check the network, then run again.")
    return TransientFault(
        f"{server} broke the connection off. Run again; if it happens each time during the login, "
        "check username and password, and ask the server's owner."
    )


def _remote_file(name: str, attributes: paramiko.SFTPAttributes) -> RemoteFile:
    # What a server does not tell is not taken for granted: no mode, not a regular file.
    return RemoteFile(
        name=name,
        size=attributes.st_size or 0,
        mtime=attributes.st_mtime or 0,
        is_regular=stat.S_ISREG(attributes.st_mode or 0),
    )


def _is_left_out(name: str, attributes: paramiko.SFTPAttributes) -> bool:
    unfinished = name.startswith(".") or name.lower().endswith(_UNFINISHED_SUFFIXES)
    return unfinished or stat.S_ISDIR(attributes.st_mode or 0)


def _patience(size: int) -> float:
    """How long a transfer of `size` bytes may take."""
    return 2 * SILENCE_SECONDS + size / SLOWEST_BYTES_PER_SECOND


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _names(body: bytes) -> Iterator[tuple[str, paramiko.SFTPAttributes]]:
    message = paramiko.Message(body)
    for _ in range(min(message.get_int(), len(body))):
        name = message.get_string().decode("utf-8", "replace")
        message.get_string()  # the line that `ls -l` would show
        attributes = paramiko.SFTPAttributes._from_msg(message)  # type: ignore[attr-defined]
        if name not in (".", ".."):
            yield name, attributes


def _is_end(kind: int, body: bytes) -> bool:
    return kind == CMD_STATUS and paramiko.Message(body).get_int() == SFTP_EOF


def _status_error(body: bytes) -> OSError:
    code = paramiko.Message(body).get_int()
    numbers = {SFTP_NO_SUCH_FILE: errno.ENOENT, SFTP_PERMISSION_DENIED: errno.EACCES}
    return OSError(numbers[code], "") if code in numbers else OSError()
