"""The Dagster UI on the demo district, in a real browser: what a data engineer sees."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console

from connect_pipeline.home import Home
from connect_pipeline.sample.demo import run_demo
from connect_pipeline_tests.system_parts import require

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a web server on a home in which the demo has run."""
    require("chromium")
    home = Home(tmp_path_factory.mktemp("ui") / "home")
    environment = {"CONNECT_HOME": str(home.root), "DAGSTER_HOME": str(home.dagster)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        assert run_demo(home, 60, Console(file=StringIO()), with_ui=False) == 0
    port = free_port()
    command = [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        [*command, "-m", "connect_pipeline.definitions"],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/server_info")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def wait_for(address: str) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=2).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.25)
        else:
            return
    pytest.fail("the web server did not start")


@pytest.fixture
def page(ui: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=require("chromium"), args=CHROMIUM_OPTIONS
        )
        tab = browser.new_page(viewport={"width": 1600, "height": 1000})
        tab.set_default_timeout(PATIENCE_MS)
        yield tab
        browser.close()


def test_the_groups_read_from_left_to_right(ui: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{ui}/asset-groups")
    groups = ["1_received", "2_checked", "3_published", "4_attendance"]
    for group in groups:
        expect(page.get_by_text(group).first).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=tmp_path / "groups.png")


def test_both_runs_are_there_and_succeeded(ui: str, page: Page) -> None:
    page.goto(f"{ui}/runs")
    for text in ("nightly_sync", "attendance_alerts"):
        expect(page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Success").first).to_be_visible()
    expect(page.get_by_text("Failure")).to_have_count(0)


def test_an_assets_checks_are_sentences(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/student_records?view=checks")
    for check in ("header_matches_contract", "no_row_is_lost", "ids_are_unique"):
        expect(page.get_by_text(check).first).to_be_visible(timeout=PATIENCE_MS)


def test_a_column_schema_has_its_privacy_tags(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/student_records?view=overview")
    expect(page.get_by_text("ContactPhonePrimary").first).to_be_visible(timeout=PATIENCE_MS)
