"""The embedded SFTP server: one folder and no way out of it, and it ends when told to."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko
import pytest

from connect_pipeline.sample.server import EmbeddedServer

PASSWORD = "open-sesame"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("not served")
    path = tmp_path / "root"
    path.mkdir()
    return path


@contextmanager
def client(server: EmbeddedServer) -> Iterator[paramiko.SFTPClient]:
    transport = paramiko.Transport(("127.0.0.1", server.port))
    try:
        transport.connect(username="demo", password=PASSWORD, hostkey=server.host_key)
        found = paramiko.SFTPClient.from_transport(transport)
        assert found is not None
        yield found
    finally:
        transport.close()


def test_files_are_listed_read_written_renamed_and_removed(root: Path) -> None:
    with EmbeddedServer(root, "demo", PASSWORD) as server, client(server) as sftp:
        (root / "exports").mkdir()
        with sftp.open("/exports/a.csv", "w") as file:
            file.write("ID\n1\n")
        sftp.posix_rename("/exports/a.csv", "/exports/b.csv")
        with pytest.raises(OSError, match="Failure"):  # only posix_rename replaces
            sftp.rename("/exports/b.csv", "/exports/b.csv")
        sftp.rename("/exports/b.csv", "/exports/c.csv")
        os.utime(root / "exports" / "c.csv", (1, 1_700_000_000))
        (entry,) = sftp.listdir_attr("/exports")
        assert (entry.filename, entry.st_size, entry.st_mtime) == ("c.csv", 5, 1_700_000_000)
        with sftp.open("/exports/c.csv") as file:
            assert file.read() == b"ID\n1\n"
        sftp.remove("/exports/c.csv")
        assert sftp.listdir("/exports") == []
        with pytest.raises(FileNotFoundError):
            sftp.stat("/exports/c.csv")


@pytest.mark.parametrize(
    "path", ["../secret.txt", "/../secret.txt", "/link", "/up/secret.txt", "//../secret.txt"]
)
def test_nothing_leads_out_of_the_served_folder(root: Path, path: str) -> None:
    (root / "link").symlink_to(root.parent / "secret.txt")
    (root / "up").symlink_to(root.parent)
    with EmbeddedServer(root, "demo", PASSWORD) as server, client(server) as sftp:
        for attempt in (sftp.open, sftp.stat):
            with pytest.raises(OSError, match=r"No such file|Permission denied"):
                attempt(path)
        with suppress(OSError):
            sftp.open(path + ".new", "w").close()
    assert [entry.name for entry in root.parent.glob("*.new")] == []


def test_every_thread_ends_and_the_port_is_free_again(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(threading.enumerate())
    server = EmbeddedServer(root, "demo", PASSWORD)
    server.start()
    with client(server) as sftp:
        sftp.listdir("/")
        server.stop()
        server.stop()
        with pytest.raises((OSError, EOFError, paramiko.SSHException)):
            sftp.listdir("/")
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(threading.enumerate()) - before == set()
    with socket.create_server(("127.0.0.1", server.port)):
        pass
    assert capfd.readouterr() == ("", "")


def test_a_client_that_goes_away_is_no_news(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with EmbeddedServer(root, "demo", PASSWORD) as server:
        socket.create_connection(("127.0.0.1", server.port)).close()
        with client(server) as sftp:
            sftp.get_channel().get_transport().sock.close()  # type: ignore[union-attr]
        with client(server) as sftp:
            assert sftp.listdir("/") == []
    assert capfd.readouterr() == ("", "")
