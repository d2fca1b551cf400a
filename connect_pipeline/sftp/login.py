"""A connection to a drop: the host key is proven first, then comes the login.

Belongs here: keys, credentials, and what the transport may agree to. Does not belong here: what is
done over it (`drop.py`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import paramiko

from connect_pipeline import settings
from connect_pipeline.errors import AccessFault, SettingsError
from connect_pipeline.sftp import patience
from connect_pipeline.sftp.algorithms import CIPHERS, KEY_EXCHANGES, MACS
from connect_pipeline.sftp.drop import Drop
from connect_pipeline.sftp.faults import HANDSHAKE, LOGIN, SESSION, MoreThanPassword, our_faults
from connect_pipeline.sftp.line import Line
from connect_pipeline.sftp.patience import within
from connect_pipeline.sftp.wire import Pieces, string

# Enough for all requests in flight (`wire.py`).
_WINDOW_BYTES = 32 * 1024 * 1024
_PACKET_BYTES = 255 * 1024


@contextmanager
def connect(
    sftp: settings.Sftp,
    *,
    environment: Mapping[str, str] = os.environ,
    seconds: float | None = None,
) -> Iterator[Drop]:
    """A connection to the drop: host key proven first, then the login.

    `seconds` is how long the TCP connection, the handshake, the login and the session may each
    take, by default `CONNECT_SECONDS`.
    Raises `SettingsError` (password variable, private key or pinned key not usable),
    `EnvironmentFault` (another host key, login refused), `Unreachable` (no answer before the
    login), `LoginBroken` (none from then on, or broken off) and `TransientFault` (broken off
    before).
    """
    seconds = patience.CONNECT_SECONDS if seconds is None else seconds
    place = f"{sftp.host}:{sftp.port}"
    pinned = _PinnedKey.parse(sftp.host_key, place)
    credential = _credential(sftp, environment)
    with our_faults(place, stage=HANDSHAKE):
        line = Line.to(sftp.host, sftp.port, seconds)
        transport = _open_transport(line, sftp, pinned, seconds)
    try:
        with our_faults(place, stage=HANDSHAKE), within(transport, seconds):
            transport.start_client()
            pinned.compare(transport.get_remote_server_key(), place)
        with our_faults(place, stage=LOGIN), within(transport, seconds):
            _log_in(transport, sftp.username, credential)
        line.lift_limit()
        with our_faults(place, stage=SESSION), within(transport, seconds):
            channel = transport.open_session()
            channel.settimeout(patience.SILENCE_SECONDS)
            channel.in_buffer = Pieces(_WINDOW_BYTES)  # type: ignore[assignment]
            channel.in_stderr_buffer = Pieces(_WINDOW_BYTES)  # type: ignore[assignment]
            channel.invoke_subsystem("sftp")
            client = paramiko.SFTPClient(channel)
        yield Drop(client, channel, sftp.folder, place)
    finally:
        transport.close()


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
        if not blob.startswith(string(kind.encode())):
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
    except Exception:  # paramiko raises what it comes upon: AttributeError for an X25519 key
        reason = "not a private key that can be used without a passphrase"
    raise SettingsError(
        f"The private key {sftp.private_key} cannot be read: {reason}. "
        "Correct `private_key` or the file."
    )


def _open_transport(
    line: Line, sftp: settings.Sftp, pinned: _PinnedKey, seconds: float
) -> paramiko.Transport:
    """A transport over a fresh TCP connection, told what it may agree to; nothing said yet."""
    transport = paramiko.Transport(
        line,
        default_window_size=_WINDOW_BYTES,
        default_max_packet_size=_PACKET_BYTES,
    )
    options = transport.get_security_options()
    options.ciphers = CIPHERS
    options.digests = MACS
    # paramiko has some only where OpenSSL does.
    options.kex = tuple(name for name in KEY_EXCHANGES if name in options.kex)
    # The pinned kind first, so that a server with several keys shows that one. The others stay,
    # so that a server that has none of that kind can be told apart by its fingerprint.
    others = tuple(name for name in options.key_types if name not in pinned.algorithms)
    try:
        options.key_types = pinned.algorithms + others
    except ValueError:
        line.close()
        raise SettingsError(
            f"`host_key` for the SFTP server {sftp.host}:{sftp.port} is of a kind that is not "
            "supported. Pin the server's ssh-ed25519, ecdsa or ssh-rsa key."
        ) from None
    transport.banner_timeout = transport.handshake_timeout = seconds
    transport.channel_timeout = seconds
    # paramiko reports its own time-out as a refused login; `within` tells them apart.
    transport.auth_timeout = 10 * seconds
    transport.set_keepalive(patience.SILENCE_SECONDS // 2)
    return transport


def _log_in(transport: paramiko.Transport, username: str, credential: str | paramiko.PKey) -> None:
    """One login with what the settings name: no agent, no keys from the home directory."""
    try:
        if isinstance(credential, str):
            wanted_too = _give_password(transport, username, credential)
        else:
            wanted_too = transport.auth_publickey(username, credential)
    except paramiko.AuthenticationException:
        if not transport.is_active():
            raise EOFError from None  # it broke off; that is not a refusal
        raise
    if wanted_too:
        raise paramiko.AuthenticationException


def _give_password(transport: paramiko.Transport, username: str, password: str) -> list[str]:
    """Log in with a password, also where the server asks for it as a question; what it wants too.

    Not by paramiko's own fallback (5.1): it answers any question with the password, and what comes
    of that is lost.
    """
    try:
        return transport.auth_password(username, password, fallback=False)
    except paramiko.BadAuthenticationType as error:
        if "keyboard-interactive" not in error.allowed_types:
            raise
    except paramiko.SSHException as error:
        # As paramiko (5.1) says that the server wants a new password, for this one has expired.
        if str(error) == "Illegal info request from server":
            raise MoreThanPassword from None
        raise
    answers = [password]

    def answer(_title: str, _instructions: str, questions: list[tuple[str, bool]]) -> list[str]:
        if not questions:  # some servers ask nothing, before or after
            return []
        if len(questions) > 1 or questions[0][1] or not answers:  # [1]: what is typed may be seen
            raise MoreThanPassword
        return [answers.pop()]

    try:
        return transport.auth_interactive(username, answer)
    except paramiko.BadAuthenticationType:  # the server lets nobody try once more
        raise paramiko.AuthenticationException from None
