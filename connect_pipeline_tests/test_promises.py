"""The README's promises: all ten are there, and each names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent


def test_each_promise_names_its_tests() -> None:
    text = (TESTS.parent / "README.md").read_text()
    rows = re.findall(r"^\| (P\d+) \| \*\*.+?\*\*.* \| (.+?) \|$", text, re.MULTILINE)
    assert [number for number, _ in rows] == [f"P{number}" for number in range(1, 11)]
    for number, tests in rows:
        named = re.findall(r"`([\w/]+\.py)`", tests)
        assert named, number
        assert [name for name in named if not (TESTS / name).is_file()] == []
