"""Received files: named by content, proven again, kept some days."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connect_pipeline import landing, settings, sftp
from connect_pipeline.disk import PARTIAL_SUFFIX
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.limits import Limits
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.sftp import Drop, Fetched

NAME = "StudentExport.csv"
LIMITS = Limits()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def drop(tmp_path: Path) -> Iterator[Drop]:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / NAME).write_bytes(b"ID\n1\n")
    with EmbeddedServer(tmp_path / "root", "demo", "open-sesame") as server:
        reached = settings.Sftp(
            host="127.0.0.1",
            port=server.port,
            username="demo",
            password_env="DROP_PASSWORD",
            host_key=server.host_key_line,
            folder="/",
        )
        with sftp.connect(reached, environment={"DROP_PASSWORD": "open-sesame"}) as connected:
            yield connected


@pytest.fixture
def received(drop: Drop, home: Home) -> Fetched:
    return drop.fetch(NAME, home.landing("demo"), LIMITS.file_bytes)


def test_a_received_file_is_found_by_its_content(received: Fetched, home: Home) -> None:
    assert received.path.parent == home.landing("demo")
    found = landing.verify(home, "demo", received.facts.sha256, LIMITS)
    assert found == (received.path, received.facts)


def test_a_flipped_bit_is_found_and_the_next_fetch_mends_it(
    received: Fetched, drop: Drop, home: Home
) -> None:
    sha256 = received.facts.sha256
    received.path.write_bytes(b"ID\n2\n")
    with pytest.raises(EnvironmentFault, match="is damaged"):
        landing.verify(home, "demo", sha256, LIMITS)
    with pytest.raises(EnvironmentFault, match="not there any more"):
        landing.verify(home, "demo", sha256, LIMITS)
    drop.fetch(NAME, home.landing("demo"), LIMITS.file_bytes)
    assert landing.verify(home, "demo", sha256, LIMITS) == (received.path, received.facts)


def test_old_files_go_but_for_those_that_are_kept(home: Home) -> None:
    folder = home.landing("demo")
    folder.mkdir(parents=True)
    week_ago = time.time() - 8 * 24 * 3600
    for name in ("old", "old-but-kept", "new"):
        (folder / name).write_bytes(b"x")
        if name.startswith("old"):
            os.utime(folder / name, (week_ago, week_ago))
    assert landing.prune(home, "demo", {"old-but-kept"}, older_than_days=7) == 1
    assert {path.name for path in folder.iterdir()} == {"old-but-kept", "new"}


def test_what_a_killed_run_left_goes_at_once(home: Home) -> None:
    assert landing.prune(home, "demo", set(), older_than_days=7) == 0
    folder = home.landing("demo")
    folder.mkdir(parents=True)
    (folder / f"half{PARTIAL_SUFFIX}").write_bytes(b"x")
    landing.prune(home, "demo", set(), older_than_days=7)
    assert list(folder.iterdir()) == []
