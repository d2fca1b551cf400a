"""The report goes back to the district's server, and never makes a run fail."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import paramiko
import pytest
import yaml
from paramiko.sftp import CMD_STATUS, SFTP_EOF, SFTP_OK, SFTP_OP_UNSUPPORTED

from connect_pipeline import sftp
from connect_pipeline.alarms import open_alarms
from connect_pipeline.contract import CORE, EXPORTS, STAFF
from connect_pipeline.errors import EnvironmentFault, Refused
from connect_pipeline.home import Home
from connect_pipeline.ledger import open_ledger
from connect_pipeline.report.hand_back import hand_back, is_old, remove_old
from connect_pipeline.run.lifecycle import district_run
from connect_pipeline.sample.server import EmbeddedServer, Files
from connect_pipeline.settings import Sftp
from connect_pipeline_tests.small_district import write

NOW = datetime(2025, 10, 9, 6, 30, tzinfo=UTC)
PAGE = "2025-10-09T063000Z-core.html"
PASSWORD = "of-a-server-that-lives-for-one-test"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    write(tmp_path / "root" / "exports")
    with EmbeddedServer(tmp_path / "root", "springfield", PASSWORD) as running:
        yield running


@pytest.fixture
def logs(tmp_path: Path, server: EmbeddedServer) -> Path:
    """The `report_folder` on the server."""
    folder = tmp_path / "root" / "exports" / "Logs"
    folder.mkdir()
    return folder


def settings_of(server: EmbeddedServer, **more: object) -> dict[str, object]:
    return {
        "host": "127.0.0.1",
        "port": server.port,
        "username": "springfield",
        "password_env": "SPRINGFIELD_PASSWORD",
        "host_key": server.host_key_line,
        "folder": "/exports",
        **more,
    }


# --- The names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("connect-report-2025-10-01T063000Z-core.html", True),
        ("connect-report-2025-10-01T063000Z-attendance.html", True),
        (".connect-report-2025-10-01T063000Z-core.html.0a1b2c3d.part", True),
        ("connect-report-2025-10-02T063000Z-core.html", False),  # a week, not more
        ("connect-report-2025-10-02T062959Z-core.html", True),
        (f"connect-report-{PAGE}", False),
        ("connect-report-2025-13-41T063000Z-core.html", False),
        ("connect-report-2025-10-01T063000Z-core.html.bak", False),
        ("2025-10-01T063000Z-core.html", False),
        ("StudentExport.csv", False),
    ],
)
def test_old_are_only_reports_of_ours_of_more_than_a_week_ago(name: str, expected: bool) -> None:
    assert is_old(name, NOW) is expected


def test_a_page_is_put_whole_and_old_ones_go(
    tmp_path: Path, server: EmbeddedServer, logs: Path
) -> None:
    kept = {"connect-report-2025-10-03T063000Z-core.html", "theirs-2020-01-01.html"}
    for name in (*kept, "connect-report-2025-09-01T063000Z-core.html"):
        (logs / name).write_text("old")
    page = tmp_path / PAGE
    page.write_bytes(b"x" * 300_000)
    reached = Sftp.model_validate(settings_of(server))
    with sftp.connect(reached, environment={"SPRINGFIELD_PASSWORD": PASSWORD}) as drop:
        assert hand_back(drop, "/exports/Logs", page) == f"connect-report-{PAGE}"
        with pytest.raises(EnvironmentFault, match="has no folder /exports/Nowhere"):
            hand_back(drop, "/exports/Nowhere", page)
        remove_old(drop, "/exports/Logs", NOW)
        with pytest.raises(EnvironmentFault, match="has no folder /exports/Nowhere"):
            drop.remove("/exports/Nowhere", lambda name: True)
    assert {path.name for path in logs.iterdir()} == {*kept, f"connect-report-{PAGE}"}
    assert (logs / f"connect-report-{PAGE}").read_bytes() == page.read_bytes()


def test_a_server_that_knows_no_posix_rename_gets_the_page_too(
    tmp_path: Path, server: EmbeddedServer, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Files, "posix_rename", lambda *_: SFTP_OP_UNSUPPORTED)
    page = tmp_path / PAGE
    page.write_bytes(b"first")
    reached = Sftp.model_validate(settings_of(server))
    with sftp.connect(reached, environment={"SPRINGFIELD_PASSWORD": PASSWORD}) as drop:
        hand_back(drop, "/exports/Logs", page)
        page.write_bytes(b"second")
        with pytest.raises(EnvironmentFault, match="reported a failure with the folder"):
            hand_back(drop, "/exports/Logs", page)
    assert {path.name: path.read_bytes() for path in logs.iterdir()} == {
        f"connect-report-{PAGE}": b"first"
    }


# --- The end of a run -------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SPRINGFIELD_PASSWORD", PASSWORD)
    home = Home(tmp_path / "home")
    home.root.mkdir()
    drop = settings_of(server, report_folder="/exports/Logs")
    district = {"name": "Springfield Unified", "sftp": drop, "thresholds": {"bad_rows": 0.1}}
    home.settings_file.write_text(yaml.safe_dump({"districts": {"springfield": district}}))
    return home


def run_checks(home: Home) -> None:
    """A nightly run as far as its checks."""
    with district_run(home, "springfield", "run-1", "core") as run:
        for spec in EXPORTS:
            run.visit.receive(spec)
        for spec in CORE:
            run.check(spec)
        run.refuse_missing(CORE)


def reports_of(home: Home) -> dict[str, Path]:
    return {path.suffix: path for path in home.reports("springfield").iterdir()}


def test_a_run_hands_its_page_back(home: Home, logs: Path) -> None:
    run_checks(home)
    written = reports_of(home)
    assert written.keys() == {".html", ".json", ".csv"}
    page = written[".html"]
    assert [path.name for path in logs.iterdir()] == [f"connect-report-{page.name}"]
    assert next(logs.iterdir()).read_bytes() == page.read_bytes()
    text = page.read_text(encoding="utf-8")
    assert "Springfield Unified" in text
    assert "10 % of a file&#39;s rows to be kept out before it is refused" in text


def test_an_old_page_that_cannot_be_removed_is_another_matter(
    home: Home, logs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = "connect-report-2025-09-01T063000Z-core.html"
    (logs / old).mkdir()
    with caplog.at_level("INFO"):
        run_checks(home)
    page = f"connect-report-{reports_of(home)['.html'].name}"
    assert {path.name for path in logs.iterdir()} == {old, page}
    assert f"the report is on the server as /exports/Logs/{page}" in caplog.text
    assert "old reports stay on the server" in caplog.text
    assert "not handed back" not in caplog.text


def test_alarms_do_not_wait_for_a_slow_server(
    tmp_path: Path, home: Home, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    rename = Files.posix_rename

    def posix_rename(files: Files, old: str, new: str) -> int:
        with closing(open_ledger(home)) as ledger:
            seen.extend(row["cause"] for row in open_alarms(ledger))
        return rename(files, old, new)

    monkeypatch.setattr(Files, "posix_rename", posix_rename)
    (tmp_path / "root" / "exports" / STAFF.file_name).unlink()
    with pytest.raises(Refused):
        run_checks(home)
    assert seen == ["missing"]


def test_a_blocked_run_hands_its_page_back(tmp_path: Path, home: Home, logs: Path) -> None:
    (tmp_path / "root" / "exports" / STAFF.file_name).unlink()
    with pytest.raises(Refused):
        run_checks(home)
    assert "Refused: StaffExport.csv cannot be used" in next(logs.iterdir()).read_text()
    data = json.loads(reports_of(home)[".json"].read_text())
    assert data["outcome"] == "blocked"


def test_without_its_folder_a_warning_is_logged_and_the_run_goes_on(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "connect_pipeline"):
        run_checks(home)
    (warning,) = [text for text in caplog.messages if "handed back" in text]
    assert warning.startswith("springfield: the report was not handed back: ")
    assert "has no folder /exports/Logs" in warning
    assert reports_of(home).keys() == {".html", ".json", ".csv"}


def test_a_server_that_never_answered_is_not_asked_again(
    home: Home,
    server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SPRINGFIELD_PASSWORD", "another")
    with caplog.at_level(logging.WARNING, "connect_pipeline"), pytest.raises(EnvironmentFault):
        run_checks(home)
    assert [text for text in caplog.messages if "handed back" in text] == []
    assert "The run could not be finished" in reports_of(home)[".html"].read_text()
    assert server.connection_count == 1


def test_what_no_server_should_say_keeps_nobody_from_being_told(
    tmp_path: Path,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its words in another encoding than SFTP's, which paramiko cannot read."""

    def in_latin_1(server: paramiko.SFTPServer, request: int, code: int, text: str = "") -> None:
        words = "ok" if code in (SFTP_OK, SFTP_EOF) else "nicht für Sie"
        server._response(request, CMD_STATUS, code, words.encode("latin-1"), "")

    monkeypatch.setattr(paramiko.SFTPServer, "_send_status", in_latin_1)
    (tmp_path / "root" / "exports" / STAFF.file_name).unlink()
    with caplog.at_level(logging.WARNING, "connect_pipeline"), pytest.raises(Refused):
        run_checks(home)
    assert [text for text in caplog.messages if "was not handed back" in text] != []
    with closing(open_ledger(home)) as ledger:
        assert [row["cause"] for row in open_alarms(ledger)] == ["missing"]
