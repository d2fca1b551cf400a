"""The Dagster UI for tests: its processes on a home, and a tab in a real browser.

Belongs here: starting and stopping both. Does not belong here: what is seen there.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright

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
PATIENCE_MS = 120_000
GRAPH = ("-m", "connect_pipeline.definitions")


@contextmanager
def served(environment: Mapping[str, str], *, with_daemon: bool = False) -> Iterator[str]:
    """The address of a web server in this environment; the daemon starts what is queued there."""
    port = _free_port()
    commands = [["dagster_webserver", "-h", "127.0.0.1", "-p", str(port), *GRAPH]]
    if with_daemon:
        commands.append(["dagster._daemon", "run", *GRAPH])
    with ExitStack() as stack:
        for command in commands:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", *command],
                    env={**os.environ, **environment},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            stack.callback(process.terminate)
        _wait_for(f"http://127.0.0.1:{port}/server_info")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def tab() -> Iterator[Page]:
    """A tab of a browser that is wide enough for the UI."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=require("chromium"), args=CHROMIUM_OPTIONS
        )
        opened = browser.new_page(viewport={"width": 1600, "height": 1000})
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        browser.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=2).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.25)
        else:
            return
    pytest.fail("the web server did not start")
