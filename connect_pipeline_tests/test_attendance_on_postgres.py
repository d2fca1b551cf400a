"""Listing with a ledger on PostgreSQL: killed, re-sent and at once, each is told once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from connect_pipeline_tests.attendance_runs import Runs, absence, at_once
from connect_pipeline_tests.postgres import empty
from connect_pipeline_tests.small_roster import Contact, Student
from connect_pipeline_tests.test_attendance_kill import (
    AFTER,
    BEFORE,
    KILLED,
    KILLS,
    STUDENTS,
    everything,
    in_a_process,
)


@pytest.fixture
def url(postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database, as this process's ledger."""
    monkeypatch.setenv("CONNECT_LEDGER_URL", postgres)
    empty(postgres)
    return postgres


def test_a_kill_between_two_lines_lists_nobody_twice_and_leaves_nobody_out(
    url: str, tmp_path: Path
) -> None:
    measured = Runs.at(tmp_path / "measured", STUDENTS)
    assert measured.file(BEFORE) is not None
    assert in_a_process(measured.home.root, AFTER, 1, kill_at=-1) == 0
    lines = int((measured.home.root / "lines").read_text())
    assert lines > 100
    for kill_at in random.Random(KILLS).sample(range(1, lines + 1), KILLS):  # noqa: S311
        empty(url)
        runs = Runs.at(tmp_path / str(kill_at), STUDENTS)
        assert runs.file(BEFORE) is not None
        assert in_a_process(runs.home.root, AFTER, 1, kill_at) == KILLED
        for _again in range(2):
            assert in_a_process(runs.home.root, AFTER, 1) == 0
        assert everything(runs) == [("2026-10-06", one) for one in ("001", "002", "003")]
        assert list(runs.home.root.rglob("*.staged")) == []


@pytest.mark.usefixtures("url")
def test_runs_at_once_list_each_once(tmp_path: Path) -> None:
    """The district's lock in the database makes one wait for the other."""
    students = [
        Student(f"{n:03}", contacts=(Contact(name="Eva", phone=f"+1201555{n:04}"),))
        for n in range(40)
    ]
    runs = Runs.at(tmp_path, students)
    rows = [absence(one.student_id) for one in students]
    days = [runs.day(rows[:25]), runs.day(rows[10:]), runs.day(rows)]
    for day in days:
        day.build_absences()
        day.build_accounting()
    found = at_once(days)
    assert len(found) == len(days)
    assert sum(batch.students for batch in found if batch is not None) == len(students)
    assert everything(runs) == [("2026-10-06", one.student_id) for one in students]
