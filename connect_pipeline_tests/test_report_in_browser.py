"""The page in a real Chromium: on a desk and on a phone, by keyboard, in print, without scripts.

Accessibility is judged by axe-core; no finding of it is let pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from connect_pipeline import validate
from connect_pipeline.contract import STAFF, STUDENTS
from connect_pipeline.report.as_html import About, as_html
from connect_pipeline.rules.rule import with_header
from connect_pipeline.sample.defects import add_defects
from connect_pipeline.sample.district import generate
from connect_pipeline_tests.small_district import FILES, write
from connect_pipeline_tests.system_parts import require

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
ABOUT = About(
    when=datetime(2025, 10, 3, 6, 30, tzinfo=UTC),
    district="Springfield Unified School District",
    job="core",
    outcome="blocked",
    message="springfield: blocked. What is published stays. The report says what to change.",
    allows=("8 % of a file's rows to be kept out before it is refused (standard: 5 %)",),
)
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = require("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pages of a clean, a damaged and a refused district."""
    folder = tmp_path_factory.mktemp("pages")
    write(folder / "clean")
    generate(folder / "damaged", 300, 1, today=ABOUT.when.date())
    add_defects(folder / "damaged", 1)
    rows = [f"{number},101,Ana,Ruiz{',x' * (number % 2)}" for number in range(60)]
    students = with_header(STUDENTS, *rows, columns=STUDENTS.required_names)
    staff = FILES[STAFF.file_name].replace("Name.First", "First name, as in the SIS", 1)
    write(folder / "refused", {STAFF.file_name: staff, STUDENTS.file_name: students})
    for name in ("clean", "damaged", "refused"):
        about = ABOUT if name == "refused" else About(when=ABOUT.when)
        text = as_html(validate(folder / name), about)
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def show(browser: Browser, pages: Path) -> Iterator[Open]:
    """`show("damaged", ...)` opens a page; what it asks the network for fails the test."""
    contexts = []
    asked: list[str] = []

    def open_page(name: str, **options: object) -> Page:
        context = browser.new_context(**{"viewport": DESK, **options})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(message.text))
        page.goto((pages / f"{name}.html").as_uri())
        asked.remove((pages / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert asked == []


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESK, "dark"), (PHONE, "light")], ids=["desk-dark", "phone-light"]
)
@pytest.mark.parametrize("name", ["clean", "damaged", "refused"])
def test_axe_finds_nothing(show: Open, name: str, viewport: dict[str, int], scheme: str) -> None:
    page = show(name, viewport=viewport, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document)")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 20


@pytest.mark.parametrize("name", ["clean", "damaged", "refused"])
def test_nothing_is_wider_than_the_screen(show: Open, name: str) -> None:
    page = show(name)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for width in (320, 390, 640, 641, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width


def test_the_verdict_is_seen_at_once(show: Open) -> None:
    page = show("refused", viewport=PHONE)
    verdict = page.get_by_role("heading", level=1)
    expect(verdict).to_have_text("Refused: StaffExport.csv and StudentExport.csv cannot be used")
    expect(verdict).to_be_in_viewport()


def test_on_a_phone_the_table_is_still_a_table(show: Open) -> None:
    for viewport in (DESK, PHONE):
        table = show("refused", viewport=viewport).get_by_role("table")
        expect(table.get_by_role("columnheader")).to_have_text(
            ["File", "Lines", "Rows accepted", "Rows kept out", "Verdict"]
        )
        row = table.get_by_role("row").filter(has_text="StudentExport.csv").first
        expect(row.get_by_role("rowheader")).to_have_text("StudentExport.csv")
        expect(row.get_by_role("cell")).to_have_text(["61", "30", "30", "refused"])


def test_by_keyboard_alone(show: Open) -> None:
    page = show("damaged")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the findings")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    assert skip.evaluate("(one) => getComputedStyle(one).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox", name="Search the findings")).to_be_focused()
    page.keyboard.press("Tab")
    details = page.locator("details").first
    expect(details.locator("summary")).to_be_focused()
    expect(details.locator("p")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(details.locator("p")).to_be_visible()
    page.keyboard.press("Space")
    expect(details.locator("p")).to_be_hidden()


def test_a_step_leads_to_its_finding(show: Open) -> None:
    page = show("damaged")
    step = page.get_by_role("link", name="SchoolExport.csv, line 5")
    step.press("Enter")
    expect(page.locator("#SchoolExport-wrong_field_count")).to_be_in_viewport()


def test_search_finds_words_codes_files_and_lines(show: Open) -> None:
    page = show("damaged")
    problems, status = page.locator(".problem"), page.get_by_role("status")
    total = problems.count()
    box = page.get_by_role("searchbox")

    def seen() -> list[str]:
        return [one.get_attribute("id") or "" for one in problems.all() if one.is_visible()]

    box.fill("INVALID_phone")
    assert set(seen()) == {
        f"{name}-invalid_phone" for name in ("SchoolExport", "StaffExport", "StudentExport")
    }
    expect(status).to_have_text(f"3 of {total} findings")
    expect(page.get_by_role("heading", name="AttendanceExport.csv")).to_be_hidden()
    box.fill("phone studentexport.csv not used")
    assert "StudentExport-invalid_phone" in seen()
    assert not any(name.startswith("SchoolExport") for name in seen())
    for word in ("line", "lines"):
        box.fill(f"schoolexport {word} 5")
        assert seen() == ["SchoolExport-wrong_field_count"]
    box.fill("xylophone")
    assert seen() == []
    expect(status).to_have_text(f"0 of {total} findings")
    box.fill("")
    assert len(seen()) == total
    expect(status).to_have_text("")


def test_search_finds_a_line_within_a_run(show: Open) -> None:
    page = show("refused")
    page.get_by_role("searchbox").fill("studentexport 31")
    expect(page.locator("#StudentExport-wrong_field_count")).to_be_visible()
    page.get_by_role("searchbox").fill("studentexport 4711")
    expect(page.locator("#StudentExport-wrong_field_count")).to_be_hidden()


def test_many_lines_are_folded_until_they_are_wanted(show: Open) -> None:
    page = show("refused", viewport=PHONE)
    fold = page.locator("#StudentExport-wrong_field_count details.fold")
    expect(fold.locator("p")).to_be_hidden()
    fold.get_by_text("All 30 lines").click()
    expect(fold.locator("p")).to_contain_text("3, 5, 7")
    expect(fold.locator("p")).to_contain_text("61")


def test_print_shows_everything_on_white(show: Open) -> None:
    page = show("refused", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.get_by_role("search")).to_be_hidden()
    for hidden_text in page.locator("details p").all():
        expect(hidden_text).to_be_visible()
    expect(page.get_by_text("What the words mean")).to_be_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("details.fold p").first).to_be_hidden()
    assert page.pdf(format="Letter").startswith(b"%PDF")


def test_without_scripts_nothing_is_missing_but_the_search(show: Open) -> None:
    page = show("damaged", java_script_enabled=False)
    assert page.locator(".problem").count() > 30
    expect(page.locator("#filter")).to_be_hidden()
    details = page.locator("details").first
    details.locator("summary").click()
    expect(details.locator("p")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("details p").last).to_be_visible()
