"""The one place where errors of paramiko and the socket become ours.

Belongs here: what each of them means, as a sentence. Does not belong here: what is done about it.
"""

from __future__ import annotations

import errno
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import paramiko
from paramiko.sftp import SFTPError
from paramiko.ssh_exception import IncompatiblePeer

from connect_pipeline.errors import (
    AccessFault,
    ConnectError,
    EnvironmentFault,
    LoginBroken,
    TransientFault,
    Unreachable,
)
from connect_pipeline.sftp.algorithms import CIPHERS, KEY_EXCHANGES, MACS

# UnicodeError: paramiko reads a server's words as UTF-8.
_FAULTS = (OSError, EOFError, UnicodeError, paramiko.SSHException, SFTPError)


class MoreThanPassword(paramiko.SSHException):
    """The server asks a question that is not for the password, or asks for that again."""


@dataclass(frozen=True)
class Stage:
    """How far we have come with a server: what it is when it is silent then, or breaks off."""

    silent: type[TransientFault]
    broken: type[TransientFault]
    says: str


_ASK = "Run again; if that happens each time,"
HANDSHAKE = Stage(
    Unreachable, TransientFault, f"broke the connection off. {_ASK} ask the server's owner."
)
LOGIN = Stage(
    LoginBroken,
    LoginBroken,
    f"broke the connection off during the login. {_ASK} check the username, and the password or "
    "the private key, that the settings name, and ask the server's owner.",
)
SESSION = Stage(
    LoginBroken,
    LoginBroken,
    f"accepted the login but opens no SFTP session. {_ASK} ask the server's owner.",
)
TALK = Stage(TransientFault, TransientFault, "broke the connection off. Run again.")


@contextmanager
def our_faults(
    place: str,
    subject: str = "",
    missing: type[EnvironmentFault] = AccessFault,
    stage: Stage = TALK,
) -> Iterator[None]:
    """The one place where errors of paramiko and the socket become ours.

    `missing` is what a `subject` that is not there is.
    """
    try:
        yield
    except ConnectError:
        raise
    except Exception as error:
        if not (isinstance(error, _FAULTS) or _is_of_the_line(error)):
            raise
        raise _fault(error, f"The SFTP server {place}", subject, missing, stage) from None


def _is_of_the_line(error: Exception) -> bool:
    """Whether paramiko's own thread met it, which reads what came, and not code of ours there.

    One flipped bit may be anything to it (5.1): cryptography's InvalidTag, or a ValueError.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    is_ours = str(frames[-1].f_globals.get("__name__")).startswith("connect_pipeline.")
    return not is_ours and any(one.f_code is paramiko.Transport.run.__code__ for one in frames)


def _fault(
    error: Exception,
    server: str,
    subject: str,
    missing: type[EnvironmentFault],
    stage: Stage,
) -> EnvironmentFault:
    """What `error` means, as one sentence and whether it may pass by itself.

    The server's own words are left out: they may hold anything.
    """
    match error:
        case ConnectionRefusedError():
            return stage.silent(
                f"{server} refused the connection. "
                "Check that it is running, and host and port in the settings; then run again."
            )
        case TimeoutError():
            return stage.silent(
                f"{server} did not answer in time. Check it and the network, then run again."
            )
        case socket.gaierror():
            kind = stage.silent if error.errno == socket.EAI_AGAIN else AccessFault
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
        case MoreThanPassword():
            return AccessFault(
                f"{server} refused the password, or asks for more than that, such as a new one or "
                "a code. Check the password; its owner must let this login in with it alone."
            )
        case IncompatiblePeer():
            return AccessFault(
                f"{server} does not speak SSH 2, or has no algorithm in common with us. Its owner "
                "must enable one each of these: host key (ssh-ed25519, ECDSA, or RSA with SHA-2), "
                f"key exchange ({', '.join(KEY_EXCHANGES)}), cipher ({', '.join(CIPHERS)}) "
                f"and MAC ({', '.join(MACS)})."
            )
        case paramiko.ChannelException(code=2 | 4):  # connect failed, resource shortage (RFC 4254)
            return TransientFault(f"{server} has no room for a session now. Run again.")
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
        case OSError(errno=errno.EOVERFLOW) if subject:
            return AccessFault(
                f"{server} lists more names in the {subject} than a drop has. "
                "Give the exports a folder of their own, and name it in the settings."
            )
        case OSError(errno=None) if subject:
            return TransientFault(f"{server} reported a failure with the {subject}. Run again.")
        case OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH):
            return stage.silent(f"{server} cannot be reached. Check the network, then run again.")
    return stage.broken(f"{server} {stage.says}")
