"""A run killed between any two steps of listing, then run again: each once, nobody left out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import sqlalchemy as sa

from connect_pipeline import attendance
from connect_pipeline.attendance.staging import settle_batches
from connect_pipeline.home import Home
from connect_pipeline.ledger.tables import batches
from connect_pipeline.published import open_published
from connect_pipeline_tests.attendance_runs import NAME, NOON, Row, Runs, absence, list_both
from connect_pipeline_tests.forks import forked
from connect_pipeline_tests.small_roster import Contact, Student

KILLED = 77
KILLS = int(os.environ.get("CONNECT_TESTS_KILLS", "4"))
PACKAGE = str(Path(attendance.__file__).parent)

STUDENTS = [
    Student(f"00{number}", contacts=(Contact(name="Eva", phone=f"+1201555010{number}"),))
    for number in (1, 2, 3)
]
BEFORE = [absence("001"), absence("002")]
AFTER = [absence("001"), absence("003")]
NEXT_DAY = [absence("002", date="10/07/26"), absence("003", date="10/07/26")]


def list_in_a_process(root: Path, rows: list[Row], hours: int, kill_at: int | None) -> None:
    """One run; with `kill_at` it dies at that line of this package's code, while listing."""
    runs = Runs(Home(root), now=NOON + timedelta(hours=hours))
    day = runs.day(rows)
    settle_batches(runs.home, day.ledger, NAME)
    day.build_absences()
    day.build_accounting()
    lines = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Callable[..., Any] | None:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            lines += 1
            if lines == kill_at:
                os._exit(KILLED)
        return trace

    if kill_at is not None:
        sys.settrace(trace)
    list_both(day)
    sys.settrace(None)
    (root / "lines").write_text(str(lines))


def in_a_process(
    root: Path,
    rows: list[Row],
    hours: int,
    kill_at: int | None = None,
    seconds: float = 60,
) -> int:
    """Run it in a process of its own, killed from outside after `seconds`; its exit code."""
    work = partial(list_in_a_process, root, rows, hours, kill_at)
    return forked(work, os.environ, seconds=seconds).returncode


@pytest.fixture(scope="module", params=["same_day", "next_day"])
def scene(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home where 001 and 002 are listed."""
    root = tmp_path_factory.mktemp("home")
    runs = Runs.at(root / "home", STUDENTS)
    assert runs.file(BEFORE) is not None
    return root / "home", request.param


def everything(runs: Runs) -> list[tuple[str, str]]:
    """Date and student of every message that a sender finds, in files and in tables alike."""
    found = []
    for manifest in runs.home.outbox(NAME).glob("*.json"):
        about = json.loads(manifest.read_text())
        content = (manifest.parent / about["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == about["sha256"]
        rows = csv.DictReader(io.StringIO(content.decode()))
        found += [(row["date"], row["student_id"]) for row in rows]
    days = [runs.home.attendance(NAME), *runs.home.attendance_day(NAME, "x").parent.glob("*")]
    published: list[tuple[str, str]] = []
    for path in days:
        with open_published(path) as day:
            published += day.execute(
                "SELECT strftime(date, '%Y-%m-%d'), unnest(student_ids) FROM attendance.recipients"
            ).fetchall()
    assert sorted(found) == sorted(published)
    return sorted(found)


def check_recovery(root: Path, rows: list[Row], hours: int) -> None:
    """After a kill: readers find a whole day, and one more run makes everything right."""
    runs = Runs(Home(root))
    assert runs.accounting(), "a reader found no whole file"
    assert in_a_process(root, rows, hours) == 0
    listed = [("2026-10-06", "001"), ("2026-10-06", "002")]
    if rows is NEXT_DAY:
        listed += [("2026-10-07", "002"), ("2026-10-07", "003")]
    else:
        listed += [("2026-10-06", "003")]
        assert len(list((runs.home.outbox(NAME) / "cleared").glob("*.json"))) == 1
    assert everything(runs) == listed
    found = {row["batch_id"] for row in runs.ledger().rows(sa.select(batches.c.batch_id))}
    assert found == {path.stem for path in runs.home.outbox(NAME).rglob("*.csv")}
    leftovers = [path for path in root.rglob("*") if path.name.endswith((".staged", ".partial"))]
    assert not leftovers


def home_of(scene: tuple[Path, str], tmp_path: Path) -> tuple[Path, list[Row], int]:
    template, name = scene
    root = tmp_path / "copy"
    shutil.copytree(template, root)
    return (root, NEXT_DAY, 24) if name == "next_day" else (root, AFTER, 1)


def test_a_kill_between_any_two_lines_changes_nothing_in_the_end(
    scene: tuple[Path, str], tmp_path: Path
) -> None:
    root, rows, hours = home_of(scene, tmp_path)
    assert in_a_process(root, rows, hours, kill_at=-1) == 0
    lines = int((root / "lines").read_text())
    assert lines > 100
    chosen = range(1, lines + 1)
    for kill_at in sorted(random.Random(KILLS).sample(chosen, min(KILLS, lines))):  # noqa: S311
        shutil.rmtree(root)
        shutil.copytree(scene[0], root)
        assert in_a_process(root, rows, hours, kill_at) == KILLED
        check_recovery(root, rows, hours)


def test_a_kill_at_any_instant_changes_nothing_in_the_end(
    scene: tuple[Path, str], tmp_path: Path
) -> None:
    chance = random.Random(KILLS)  # noqa: S311
    for _kill in range(max(1, KILLS // 4)):
        root, rows, hours = home_of(scene, tmp_path)
        in_a_process(root, rows, hours, seconds=chance.uniform(0.1, 0.5))
        check_recovery(root, rows, hours)
        shutil.rmtree(root)
