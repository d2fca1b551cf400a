"""Looks at many drops: bounded, shared, and one district's fault is nobody else's."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL

from connect_pipeline import settings
from connect_pipeline.drop import looks
from connect_pipeline.drop.looks import look_at_all
from connect_pipeline.errors import (
    AccessFault,
    ConnectError,
    EnvironmentFault,
    SettingsError,
    TransientFault,
)
from connect_pipeline.sample.server import EmbeddedServer, Files, Login

PASSWORD = "of-all-districts"
VARIABLE = "ALL_DISTRICTS_PASSWORD"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


def login(server: EmbeddedServer, folder: str, **changes: Any) -> settings.Sftp:
    return settings.Sftp(
        **{
            "host": "127.0.0.1",
            "port": server.port,
            "username": "all",
            "password_env": VARIABLE,
            "host_key": server.host_key_line,
            "folder": folder,
            **changes,
        }
    )


@contextmanager
def serving(root: Path, count: int, **options: Any) -> Iterator[tuple[EmbeddedServer, Any]]:
    """A server, and the settings of so many districts with a folder each."""
    for number in range(count):
        (root / f"d{number:04}").mkdir(parents=True)
        (root / f"d{number:04}" / "StaffExport.csv").write_bytes(b"x" * number)
    with EmbeddedServer(root, "all", PASSWORD, **options) as server:
        yield server, {f"d{n:04}": login(server, f"/d{n:04}") for n in range(count)}


@contextmanager
def silent_servers(count: int) -> Iterator[list[int]]:
    """Ports that take connections and never say a word."""
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
            for _ in range(count)
        ]
        yield [int(listener.getsockname()[1]) for listener in listeners]


def test_districts_behind_one_login_share_connections(tmp_path: Path) -> None:
    with serving(tmp_path, 200) as (server, drops):
        found = look_at_all(drops)
        assert server.connection_count == 200 / looks.FOLDERS_PER_CONNECTION
    assert list(drops) == sorted(found)
    for number, name in enumerate(drops):
        seen = found[name]
        assert isinstance(seen, dict)
        assert seen["StaffExport.csv"].size == number


def test_a_missing_folder_is_one_districts_own_fault(tmp_path: Path) -> None:
    with serving(tmp_path, 5) as (server, drops):
        drops["d0002"] = login(server, "/nowhere")
        found = look_at_all(drops)
        assert server.connection_count == 1
    faults = {name: look for name, look in found.items() if isinstance(look, ConnectError)}
    assert list(faults) == ["d0002"]
    assert type(faults["d0002"]) is AccessFault
    assert "has no folder /nowhere" in str(faults["d0002"])


def test_a_refused_login_is_tried_once_for_all_its_districts(tmp_path: Path) -> None:
    with serving(tmp_path, 6) as (server, drops):
        for name in ("d0001", "d0003", "d0005"):
            drops[name] = login(server, f"/{name}", username="nobody")
        found = look_at_all(drops)
        refused = [user for _, user in server.auth_attempts if user == "nobody"]
    assert len(refused) == 1, "another try might lock the login"
    bad = {name for name, look in found.items() if isinstance(look, EnvironmentFault)}
    assert bad == {"d0001", "d0003", "d0005"}


def test_a_password_that_is_not_set_is_said(tmp_path: Path) -> None:
    with serving(tmp_path, 2) as (server, drops):
        drops["d0001"] = login(server, "/d0001", password_env="NOT_SET_ANYWHERE")
        found = look_at_all(drops)
    assert isinstance(found["d0001"], SettingsError)
    assert isinstance(found["d0000"], dict)


class BreaksOff(Files):
    """Cuts the connection when one of these folders is listed."""

    folders: tuple[str, ...] = ("d0003",)

    def list_folder(self, path: str) -> Any:
        if path.endswith(self.folders):
            for transport in list(self.server._transports):
                transport.close()
            return paramiko.SFTP_FAILURE
        return super().list_folder(path)


def test_a_folder_that_breaks_the_connection_breaks_no_other_look(tmp_path: Path) -> None:
    with serving(tmp_path, 9, files=BreaksOff) as (server, drops):
        found = look_at_all(drops)
        assert server.connection_count == 2
        bad = [name for name, look in found.items() if isinstance(look, ConnectError)]
        assert bad == ["d0003"]
        assert isinstance(found["d0003"], TransientFault)
        found = look_at_all(drops, doubtful=bad)
        assert list(found) == [*(name for name in drops if name not in bad), *bad]
    assert set(found) == set(drops)


@pytest.mark.parametrize(
    ("broken", "unseen"),
    [
        pytest.param((1, 3, 5, 7), (1, 3, 5, 7), id="now and then"),
        pytest.param((1, 2), (1, 2), id="two in a row"),
        pytest.param((1, 2, 3), range(1, 9), id="three in a row"),
    ],
)
def test_a_login_is_given_up_after_the_third_break_in_a_row(
    tmp_path: Path, broken: Iterable[int], unseen: Iterable[int]
) -> None:
    class Breaks(BreaksOff):
        folders = tuple(f"d{number:04}" for number in broken)

    with serving(tmp_path, 9, files=Breaks) as (_, drops):
        found = look_at_all(drops)
    faults = [name for name, look in found.items() if isinstance(look, TransientFault)]
    assert sorted(faults) == [f"d{number:04}" for number in unseen]
    assert set(found) == set(drops)


def test_silent_servers_delay_nobody(tmp_path: Path) -> None:
    """Forty districts behind twenty servers that say nothing, and ten behind one that works."""
    with serving(tmp_path, 10) as (server, drops), silent_servers(20) as ports:
        silent = {
            f"silent-{n}": login(server, "/", port=ports[n % 20], username=f"u{n}")
            for n in range(40)
        }
        # As listed: the silent ones first, when nobody knows yet that they are.
        begun = time.monotonic()
        found = look_at_all({**silent, **drops}, patience=0.5, seconds=10)
        assert time.monotonic() - begun < 8
        assert all(isinstance(found[name], dict) for name in drops)
        assert all(isinstance(found[name], TransientFault) for name in silent)
        begun = time.monotonic()
        found = look_at_all({**silent, **drops}, doubtful=silent, patience=60, seconds=1)
        assert time.monotonic() - begun < 3, "the time is up, whoever is still silent"
        assert set(found) == set(drops), "the doubtful wait for the others"


def test_a_server_that_is_down_is_asked_once_for_all_its_districts(tmp_path: Path) -> None:
    with serving(tmp_path, 1) as (server, drops):
        port = server.port
        down = {f"down-{n}": login(server, "/", port=1, username=f"u{n}") for n in range(300)}
        begun = time.monotonic()
        found = look_at_all({**down, **drops})
        assert time.monotonic() - begun < 5
    assert port != 1
    assert all(isinstance(found[name], TransientFault) for name in down)
    assert isinstance(found["d0000"], dict)


def test_who_is_not_reached_in_time_is_not_in_the_result(tmp_path: Path) -> None:
    with serving(tmp_path, 3) as (_, drops):
        assert look_at_all(drops, seconds=0) == {}
        assert look_at_all({}) == {}


def test_an_account_that_is_broken_off_costs_no_other_one_its_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server may do to one that is locked."""

    def check(_: Login, username: str, password: str) -> int:
        if username == "locked":
            raise EOFError  # which ends the connection
        return AUTH_SUCCESSFUL

    monkeypatch.setattr(Login, "check_auth_password", check)
    with serving(tmp_path, 12) as (server, drops):
        locked = {"locked": login(server, "/", username="locked")}
        others = {
            name: one.model_copy(update={"username": name})  # a login each
            for name, one in drops.items()
        }
        found = look_at_all({**locked, **others})
    assert isinstance(found["locked"], TransientFault)
    assert [name for name in others if not isinstance(found[name], dict)] == []
