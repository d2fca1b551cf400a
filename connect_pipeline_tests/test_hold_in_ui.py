"""A held night, decided in the Dagster UI as an operator does it: read why, approve, go on."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from connect_pipeline.contract import STUDENTS
from connect_pipeline.orchestration.names import DECIDE_HOLD
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.dagster_ui import PATIENCE_MS, served, tab
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home, without_rows
from connect_pipeline_tests.system_parts import require

LAUNCHPAD = f"locations/connect_pipeline.definitions/jobs/{DECIDE_HOLD}/playground"
CONFIG = """\
ops:
  decide_held_files:
    config:
      decision: APPROVED
      by: Pat Operator
"""


def held_night(server: EmbeddedServer, folder: Path) -> SmallHome:
    """A home whose last night is held. The daemon's sensors leave its drop alone."""
    home = small_home(server, folder, quiet_seconds={"core": 900, "attendance": 900})
    assert home.run().outcome == "published"
    students = home.read(STUDENTS.file_name)
    home.upload({STUDENTS.file_name: without_rows(students, "001", "002", "003", "004", "005")})
    assert home.run().outcome == "held"
    return home


def test_an_operator_approves_a_held_night_in_the_ui(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    require("chromium")
    home = held_night(server, tmp_path)
    environment = home.process_environment(DAGSTER_HOME=str(home.home.dagster))
    with served(environment, with_daemon=True) as address, tab() as page:
        see_why(page, address)
        launch(page, address)
        expect(page.get_by_text("approved the core files held since")).to_be_visible(
            timeout=PATIENCE_MS
        )
    (row,) = home.holds()
    assert (row["state"], row["decided_by"]) == ("approved", "Pat Operator")
    assert home.run().outcome == "published"
    assert home.query("SELECT count(*) FROM connect.students") == [(1,)]


def see_why(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/roster_changes?view=checks")
    page.get_by_text("change_is_plausible").first.click()
    expect(page.get_by_text("would be removed").first).to_be_visible(timeout=PATIENCE_MS)


def launch(page: Page, address: str) -> None:
    """Choose the partition, write the config, and launch; ends on the page of the run.

    Each is waited for: until the UI has the partitions it forgets what is typed, what it has of
    one it writes into the editor, and without one it asks back instead of launching.
    """
    page.goto(f"{address}/{LAUNCHPAD}")
    expect(page.get_by_role("button", name="sort_by_alpha")).to_be_visible(timeout=PATIENCE_MS)
    partition = page.get_by_placeholder("Partition")
    partition.fill(NAME)
    partition.press("Enter")
    expect(page.get_by_text(f"partition: {NAME}")).to_be_visible(timeout=PATIENCE_MS)
    page.locator(".CodeMirror").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(CONFIG)
    button = page.get_by_role("button", name="Launch Run")
    expect(button).to_be_enabled(timeout=PATIENCE_MS)
    button.click()
    page.wait_for_url("**/runs/*")
