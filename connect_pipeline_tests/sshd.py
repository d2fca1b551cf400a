"""A real OpenSSH server on loopback, for tests: internal-sftp, its own keys, key login only.

(A password login would need PAM and an account.) `OpenSshd` skips the test where there is no sshd.
"""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from pathlib import Path

import paramiko

from connect_pipeline import settings
from connect_pipeline.sample.server import generate_private_key
from connect_pipeline_tests.system_parts import require

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
LogLevel ERROR
{extra}
"""
_START_SECONDS = 10


class OpenSshd:
    """An sshd for the current user. `folder` takes its keys and configuration."""

    def __init__(self, folder: Path, extra_config: str = "") -> None:
        self.program = require("sshd")
        self.folder = folder
        self.extra_config = extra_config
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> OpenSshd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def private_key(self) -> Path:
        """The key that the server lets in."""
        return self.folder / "client_key"

    @property
    def host_key_line(self) -> str:
        return (self.folder / "host_key.pub").read_text().strip()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_keys()
        self.port = self.port or _free_port()
        config = self.folder / "sshd_config"
        config.write_text(
            _CONFIG.format(port=self.port, folder=self.folder, extra=self.extra_config)
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where root's sshd drops privileges
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=log
            )
        self._wait_until_it_answers(self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_START_SECONDS)
            self._process = None

    def settings(self, folder: Path) -> settings.Sftp:
        """The settings of a district whose drop is `folder` on this machine."""
        return settings.Sftp(
            host="127.0.0.1",
            port=self.port,
            username=getpass.getuser(),
            private_key=self.private_key,
            host_key=self.host_key_line,
            folder=str(folder),
        )

    def _write_keys(self) -> None:
        if self.private_key.exists():
            return
        _write_private(self.folder / "host_key", generate_private_key())
        client = generate_private_key()
        _write_private(self.private_key, client)
        (self.folder / "host_key.pub").write_text(_public_line(self.folder / "host_key"))
        (self.folder / "authorized_keys").write_text(_public_line(self.private_key))

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    if connection.recv(4) == b"SSH-":
                        return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"sshd did not start: {(self.folder / 'log').read_text()}")


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _public_line(private_key: Path) -> str:
    key = paramiko.PKey.from_path(private_key)
    return f"{key.get_name()} {key.get_base64()}\n"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
