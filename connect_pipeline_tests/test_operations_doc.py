"""The operator's handbook: its links lead somewhere, its pictures are there, its commands exist."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
import typer.main

from connect_pipeline.cli import app

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "operations.md").read_text(encoding="utf-8")
IMAGES = sorted(set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", PAGE)))
MOST_BYTES = 150_000


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_each_link_leads_somewhere() -> None:
    anchors = {anchor(one) for one in re.findall(r"^##+ (.+)$", PAGE, flags=re.MULTILINE)}
    links = re.findall(r"(?<!!)\[[^]]+\]\(([^)]+)\)", PAGE)
    assert links
    for link in links:
        assert link[1:] in anchors if link.startswith("#") else (DOCS / link).exists(), link


@pytest.mark.parametrize("image", IMAGES)
def test_each_picture_is_small_and_of_one_size(image: str) -> None:
    content = (DOCS / image).read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (1280, 800)
    assert len(content) < MOST_BYTES


def test_no_picture_is_left_over() -> None:
    assert {f"images/{path.name}" for path in (DOCS / "images").iterdir()} == set(IMAGES)


def test_each_command_exists() -> None:
    named = set(re.findall(r"connect-pipeline ([a-z]+)", PAGE))
    assert len(named) > 8
    assert named <= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
