"""Readers while nights are published: each sees a whole one, and who has a file open keeps it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from connect_pipeline import snapshots
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger, now, open_ledger
from connect_pipeline.published import open_published
from connect_pipeline_tests.small_roster import Contact, Student, write_roster

NAME = "springfield"
NIGHTS = 50
# A reader of another process: it looks again and again, and says what each look saw.
READER = """
import json, sys, time
from pathlib import Path
from connect_pipeline.published import open_published
roster, stop = Path(sys.argv[1]), Path(sys.argv[2])
last = False
while not last:
    last = stop.exists()  # one more look after the last night
    time.sleep(0.01)
    with open_published(roster) as connection:
        seen = connection.execute(
            "SELECT snapshot_id, (SELECT count(*) FROM connect.students),"
            " (SELECT count(*) FROM connect.contacts), (SELECT count(*) FROM connect.student_sites)"
            " FROM connect.snapshot"
        ).fetchone()
        (again,) = connection.execute("SELECT count(*) FROM connect.students").fetchone()
    print(json.dumps([*seen, again]), flush=True)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("CONNECT_LEDGER_URL", raising=False)
    return Home(tmp_path / "home")


def people_of(night: int) -> int:
    return 1 + night % 4


def publish_night(home: Home, ledger: Ledger, night: int) -> str:
    """Publish a roster with as many students as contacts and places: `people_of` says how many."""
    published_at = now() + timedelta(seconds=night)
    snapshot_id = snapshots.new_snapshot_id(published_at, f"{night:08}")
    candidate = home.scratch(NAME) / "candidate.duckdb"
    contact = Contact(name="Pat", phone="+12015550100")
    students = [Student(f"{number:03}", contacts=(contact,)) for number in range(people_of(night))]
    write_roster(candidate, students, published_at=published_at, snapshot_id=snapshot_id)
    snapshots.publish(
        home,
        ledger,
        NAME,
        candidate,
        snapshot_id,
        published_at=published_at,
        run_id=f"{night:08}",
        exports={},
        set_hash=str(night),
    )
    return snapshot_id


def test_readers_see_whole_nights_and_the_pipeline_waits_for_nobody(home: Home) -> None:
    ledger = open_ledger(home)
    first = publish_night(home, ledger, 1)
    stop = home.root / "stop"
    command = [sys.executable, "-c", READER, str(home.roster(NAME)), str(stop)]
    with open_published(home.roster(NAME)) as held_open:
        readers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        looked = [reader.stdout.readline() for reader in readers if reader.stdout]
        assert all(looked), "both are reading"
        for night in range(2, NIGHTS + 1):
            publish_night(home, ledger, night)
            snapshots.prune(home, ledger, NAME, keep=3)
        stop.touch()
        outputs = [reader.communicate(timeout=60) for reader in readers]
        query = "SELECT (FROM (SELECT snapshot_id FROM connect.snapshot)), count(*)"
        assert held_open.execute(f"{query} FROM connect.students").fetchall() == [(first, 2)], (
            "who keeps the old file open keeps reading it, though 49 nights have come"
        )
    for reader, before, (printed, errors) in zip(readers, looked, outputs, strict=True):
        assert (reader.returncode, errors) == (0, "")
        looks = [json.loads(line) for line in (before + printed).splitlines()]
        for snapshot_id, *counts in looks:
            night = int(snapshot_id.rpartition("-")[2])
            assert set(counts) == {people_of(night)}, "never a mix of nights"
        nights = [int(snapshot_id.rpartition("-")[2]) for snapshot_id, *_ in looks]
        assert nights == sorted(nights), "time goes one way"
        assert nights[-1] == NIGHTS, "and the newest is found"
        assert len(set(nights)) > 5, "they did read between publications"


def test_a_rollback_is_seen_whole_too(home: Home) -> None:
    ledger = open_ledger(home)
    ids = [publish_night(home, ledger, night) for night in (1, 2)]
    with open_published(home.roster(NAME)) as reader:
        snapshots.roll_back(home, ledger, NAME, ids[0], "Pat Operator")
        assert reader.execute("SELECT count(*) FROM connect.students").fetchall() == [(3,)]
    with open_published(home.roster(NAME)) as reader:
        assert reader.execute("SELECT count(*) FROM connect.students").fetchall() == [(2,)]
