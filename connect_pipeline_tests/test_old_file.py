"""A core file of an earlier day that is uploaded again: its upload is new, its content is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connect_pipeline.contract import STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.decisions import Decision, decide
from connect_pipeline.ledger import CORE_JOB
from connect_pipeline.rules.rule import with_header
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import NAME, SmallHome

STUDENT_FILE, CLASS_FILE = STUDENTS.file_name, STAFF_TO_STUDENT.file_name
REFUSED = (with_header(STUDENTS), with_header(STUDENTS, "x"))
"""Student files that are blocked: one without a row, and one whose row is broken."""
SAID = "SELECT severity FROM quality.findings WHERE code = 'old_file_again'"


@pytest.fixture
def district(larger: SmallHome, tmp_path: Path) -> SmallHome:
    """A published district of 60 students, to be changed."""
    return larger.copy(tmp_path)


def contents(home: SmallHome, file: str) -> Iterator[str]:
    """What is in a file, and then other contents, each of which may be published."""
    text = home.read(file)
    yield text
    for number, line in enumerate(text.splitlines(keepends=True)[-3:]):
        yield text.replace(line, "", 1) if number else text.replace(line, line * 2, 1)


def night(home: SmallHome, file: str, text: str) -> str:
    home.upload({file: text})
    return home.nightly().outcome


@pytest.mark.parametrize("file", [STUDENT_FILE, CLASS_FILE])
def test_an_older_file_is_held_until_an_operator_approves(district: SmallHome, file: str) -> None:
    first, second, third, fourth = contents(district, file)
    assert [night(district, file, text) for text in (second, third)] == ["published"] * 2
    before = district.roster_bytes()
    assert night(district, file, first) == "held"
    assert district.roster_bytes() == before
    hold = district.ledger.open_hold(NAME, CORE_JOB)
    assert hold is not None
    assert list(hold["codes"]) == ["old_file_again"]

    with district.here():
        decide(district.home, NAME, Decision.APPROVED, "ops")
    district.publish()
    other = CLASS_FILE if file == STUDENT_FILE else STUDENT_FILE
    _, changed, *_ = contents(district, other)
    assert night(district, other, changed) == "published", "the approved file is no news"
    assert night(district, file, fourth) == "published", "nor is a new one old"


def test_the_file_before_is_published_and_it_is_said(district: SmallHome) -> None:
    """Whoever sees that the last upload was wrong puts the one before it back."""
    first, second, *_ = contents(district, STUDENT_FILE)
    assert [night(district, STUDENT_FILE, text) for text in (second, first)] == ["published"] * 2
    assert district.query(SAID) == [("warning",)]
    assert night(district, STUDENT_FILE, second) == "published", "two that take turns are not older"


def test_an_older_file_is_held_when_snapshots_of_then_are_gone(district: SmallHome) -> None:
    district.write_settings(keep={"snapshots": 2})
    first, second, third, _ = contents(district, STUDENT_FILE)
    _, one, another, _ = contents(district, CLASS_FILE)
    nights = ((STUDENT_FILE, second), (STUDENT_FILE, third), (CLASS_FILE, one))
    for file, text in (*nights, (CLASS_FILE, another)):
        assert night(district, file, text) == "published"
    assert night(district, STUDENT_FILE, first) == "held"


def test_what_was_refused_makes_no_file_older(district: SmallHome) -> None:
    """Whoever tries to mend a wrong upload in vain, and puts the file before it back."""
    first, second, *_ = contents(district, STUDENT_FILE)
    assert night(district, STUDENT_FILE, second) == "published"
    for refused in REFUSED:
        assert night(district, STUDENT_FILE, refused) == "blocked"
    assert night(district, STUDENT_FILE, first) == "published"
    assert district.query(SAID) == [("warning",)]


def test_an_older_file_stays_held_whatever_comes_between(district: SmallHome) -> None:
    """Whoever puts the right file back must not thereby make the old one the one before."""
    first, second, third, _ = contents(district, STUDENT_FILE)
    assert [night(district, STUDENT_FILE, text) for text in (second, third)] == ["published"] * 2
    between = {third: "unchanged", REFUSED[1]: "blocked"}
    for text, outcome in between.items():
        assert night(district, STUDENT_FILE, first) == "held"
        assert night(district, STUDENT_FILE, text) == outcome
    assert night(district, STUDENT_FILE, first) == "held"


def test_a_night_that_failed_after_it_was_published_counts(district: SmallHome) -> None:
    first, second, third, _ = contents(district, STUDENT_FILE)
    district.write_settings(low_lunch_balance=2, lunch_list={"enabled": True})
    opt_outs = district.home.root / "opt_outs" / f"{NAME}.csv"
    opt_outs.parent.mkdir()
    opt_outs.write_text("a\n")
    assert [night(district, STUDENT_FILE, text) for text in (second, third)] == ["failed:2"] * 2
    opt_outs.unlink()
    assert night(district, STUDENT_FILE, first) == "held"


def test_a_rebuilt_snapshot_is_no_old_file(district: SmallHome) -> None:
    """It is built from what was received before, whatever has been uploaded since."""
    _, second, *_ = contents(district, STUDENT_FILE)
    assert night(district, STUDENT_FILE, second) == "published"
    for refused in REFUSED:
        assert night(district, STUDENT_FILE, refused) == "blocked"
    damaged = district.current()
    district.home.snapshot(NAME, damaged).write_bytes(b"damaged")
    assert night(district, STUDENT_FILE, REFUSED[0]) == "blocked"
    assert district.current() != damaged
    assert district.query(SAID) == []


def test_what_is_published_is_no_old_file(district: SmallHome) -> None:
    """Whatever was uploaded since, and not published."""
    first, second, *_ = contents(district, STUDENT_FILE)
    for refused in REFUSED:
        assert night(district, STUDENT_FILE, refused) == "blocked"
    assert night(district, STUDENT_FILE, first) == "unchanged"
    assert night(district, STUDENT_FILE, second) == "published"
    assert district.query(SAID) == []


def test_a_file_of_a_few_rows_may_well_be_what_it_was(home: SmallHome) -> None:
    languages = ("Spanish", "Polish", "English")
    texts = [FILES[STUDENT_FILE].replace("English", one) for one in languages]
    assert [night(home, STUDENT_FILE, text) for text in texts] == ["published"] * 3
    assert home.query(SAID) == [("warning",)]
