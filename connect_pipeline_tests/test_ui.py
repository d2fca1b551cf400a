"""The Dagster UI on the demo district, in a real browser: what a data engineer sees."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from rich.console import Console

from connect_pipeline.home import Home
from connect_pipeline.sample.demo import run_demo
from connect_pipeline_tests.dagster_ui import PATIENCE_MS, served, tab
from connect_pipeline_tests.system_parts import require


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
    with served(environment) as address:
        yield address


@pytest.fixture
def page() -> Iterator[Page]:
    with tab() as opened:
        yield opened


def test_the_groups_read_from_left_to_right(ui: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{ui}/asset-groups")
    groups = ["1_received", "2_checked", "3_published", "4_attendance", "4_lunch"]
    expect(page.get_by_text("5 assets").first).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=tmp_path / "groups.png")
    places = []
    for group in groups:
        named = page.get_by_text(group, exact=True).all()  # in the list, and right of it, the graph
        places.append(max(box["x"] for one in named if (box := one.bounding_box())))
    received, checked, published, attendance, lunch = places
    assert received < checked < published < attendance == lunch


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
    row = page.get_by_role("row").filter(has_text="ContactPhonePrimary")
    expect(row.get_by_text("privacy: personal")).to_be_visible(timeout=PATIENCE_MS)
