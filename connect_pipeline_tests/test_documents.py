"""The generated documents: each is current, complete, and its examples are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connect_pipeline.cells import normalise
from connect_pipeline.contract import EXPORTS, Kind
from connect_pipeline.databases import in_memory
from connect_pipeline.documents import PAGES
from connect_pipeline.documents.contract import FORMS
from connect_pipeline.documents.settings import keys_of, settings_page
from connect_pipeline.limits import Limits, Thresholds
from connect_pipeline.reader import BAD_ROWS_FLOOR
from connect_pipeline.roster.hold import ENTITIES, FEW, is_too_many
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.rule import TableRule
from connect_pipeline.settings import District, QuietSeconds

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_would_be_written_now(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


@pytest.mark.parametrize("name", PAGES)
def test_links_within_a_page_and_to_others_lead_somewhere(name: str) -> None:
    text = PAGES[name]()
    headings = re.findall(r"^##+ (.+)$", text, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
    for link in set(re.findall(r"\]\(([^)]+)\)", text)):
        assert link[1:] in anchors if link.startswith("#") else (DOCS / link).exists(), link


def test_each_kind_of_the_contract_is_described_and_each_example_is_read_so() -> None:
    assert {column.kind for spec in EXPORTS for column in spec.columns} == FORMS.keys() == {*Kind}
    with in_memory() as connection:
        normalise.prepare(connection)
        for kind, form in FORMS.items():
            for written, read in form.examples:
                found = connection.execute(
                    f"SELECT ({normalise.expression(kind, '$cell')})::VARCHAR", {"cell": written}
                ).fetchall()
                assert found == [(read,)], kind


@pytest.mark.parametrize("section", [District, Limits, Thresholds])
def test_each_setting_says_what_it_is(section: type) -> None:
    page = settings_page()
    for key in keys_of(section):
        assert key.description or key.section is not None, key.name
        assert f"`{key.name}`" in page


@pytest.mark.parametrize("section", [District, QuietSeconds, Limits, Thresholds])
def test_each_number_has_its_bounds(section: type) -> None:
    for key in keys_of(section):
        if key.default[:1].isdigit() or key.name == "threads":
            assert re.search(r" \((above |at least )?-?\d[^()]*\)$", key.description), key.name


def test_what_passes_under_every_share_is_said_where_shares_are() -> None:
    said = settings_page().partition("## `districts.<name>.thresholds`\n")[2].partition("|")[0]
    for entity in ("student", "staff", "class", "enrollment"):
        assert f"{ENTITIES[entity].floor} {ENTITIES[entity].nouns}" in said
    assert f"unless {FEW} people or more" in said
    assert f"up to {BAD_ROWS_FLOOR} rows" in said
    with_floor = {rule.hold.over for rule in rules_of(TableRule) if rule.hold}
    assert with_floor == {"unknown_references", "unmatched_periods"}
    assert all(f"`{name}`" in said for name in (*with_floor, "bad_rows"))
    assert not is_too_many(ENTITIES["student"].floor, 1000, 0)
