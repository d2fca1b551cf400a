"""Two districts in one ledger: what one does changes no answer about the other, nor do two jobs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connect_pipeline.attendance import told
from connect_pipeline.attendance.new_batch import new_batch
from connect_pipeline.checks import prepare
from connect_pipeline.databases import open_scratch
from connect_pipeline.home import Home
from connect_pipeline.ledger import (
    ATTENDANCE_JOB,
    CORE_JOB,
    Ledger,
    compact,
    now,
    open_ledger,
    tables,
)

LINCOLN, OAK = "lincoln", "oak"
EXPORT = "StaffExport.csv"
DAY, NOON = date(2026, 10, 6), datetime(2026, 10, 6, 19, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
AHEAD = "2999-01-01T00:00:00Z"

Answers = dict[str, object]
Act = Callable[[Ledger], object]


def lives(ledger: Ledger, district: str, at: datetime) -> None:
    """Give a district something of each kind, with the names that the other one uses, too."""
    for job in (CORE_JOB, ATTENDANCE_JOB):
        runs(ledger, district, job, f"{district} {job}")
    ledger.start_run(f"{district} under way", district, CORE_JOB)
    ledger.record_received(district, EXPORT, "a", 1, at, "run")
    for snapshot in ("1", "2"):
        ledger.begin_snapshot(district, snapshot, at, "run", {}, "approved")
    ledger.make_current(district, "1")
    for job in (CORE_JOB, ATTENDANCE_JOB):
        decided(ledger, district, job, "discarded")
        decided(ledger, district, job, "approved")
        ledger.hold(district, job, "held", {"mass_change": 1})


def runs(ledger: Ledger, district: str, job: str, run_id: str) -> None:
    ledger.start_run(run_id, district, job)
    ledger.end_run(run_id, "published", {})


def decided(ledger: Ledger, district: str, job: str, state: str) -> None:
    """Hold files that are called as they end."""
    ledger.hold(district, job, state, {"mass_change": 1})
    hold = ledger.open_hold(district, job)
    assert hold is not None
    ledger.decide(hold, state, "Pat Operator")


def lists(ledger: Ledger, district: str, student: str, channel: str, at: datetime) -> None:
    batch = {
        "batch_id": f"{compact(at)}-{district}-{channel}-{student}",
        "district": district,
        "date": DAY.isoformat(),
    }
    about = {"listed_at": at.isoformat(), "run_id": "run", "file_sha256": "a"}
    who = {"student_id": student, "period": "101 1", "destination_hash": "sms:1"}
    with ledger.transaction() as connection:
        connection.execute(sa.insert(tables.batches).values(**batch, **about, counts={channel: 1}))
        connection.execute(sa.insert(tables.listed).values(**batch, **who, channel=channel))


def asked(ledger: Ledger, district: str) -> Answers:
    """All that the ledger's methods answer about a district."""
    return {
        **asked_of_job(ledger, district, CORE_JOB),
        **asked_of_job(ledger, district, ATTENDANCE_JOB),
        "runs": ledger.runs_of(district, 9),
        "last receipt": ledger.last_received(district, EXPORT),
        "received since": ledger.received_since(district, EXPORT, "a"),
        "uploads": ledger.uploads_of(district, EXPORT, "a"),
        "current": ledger.current_snapshot(district),
        "publications": ledger.publications_of(district),
        "snapshots": ledger.snapshots_of(district),
        "holds": ledger.rows(sa.select(tables.holds).where(tables.holds.c.district == district)),
    }


def asked_of_job(ledger: Ledger, district: str, job: str) -> Answers:
    """What they answer about one of its jobs."""
    return {
        f"{job}: held": ledger.open_hold(district, job),
        f"{job}: approved": ledger.usable_approval(district, job),
        f"{job}: discarded": ledger.last_discarded(district, job),
        f"{job}: held once": ledger.last_hold(district, job, "held"),
        f"{job}: approved once": ledger.last_hold(district, job, "approved"),
        f"{job}: last run": ledger.last_ended_run(district, job),
    }


def asked_of_lists(ledger: Ledger, district: str) -> Answers:
    """All that is asked of the ledger before somebody is listed."""
    with ledger.reading() as connection, open_scratch() as scratch:
        scratch.execute("CREATE SCHEMA IF NOT EXISTS attendance")
        prepare(scratch, None)
        told.load_told(scratch, connection, district, DAY, "once_per_day")
        return {
            "told": scratch.execute("FROM attendance.told").fetchall(),
            "told of a balance": told.told_of_balance(connection, district, DAY),
            "batches": told.batches_of(connection, district, DAY),
            "next batch": new_batch(connection, district, NOON.date(), NOON).listed_at,
        }


@pytest.fixture(scope="module")
def two_districts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answers]:
    """A ledger of both, and what it answered about lincoln before it heard of oak."""
    root = tmp_path_factory.mktemp("two") / "home"
    ledger = open_ledger(Home(root))
    lives(ledger, LINCOLN, NOON)
    answers = asked(ledger, LINCOLN)
    lives(ledger, OAK, LATER)
    ledger.close()
    return root, answers


@pytest.fixture
def ledger(two_districts: tuple[Path, Answers], tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(Home(shutil.copytree(two_districts[0], tmp_path / "home")))
    yield opened
    opened.close()


ACTS_OF_OAK: dict[str, Act] = {
    "publishes": lambda ledger: ledger.make_current(OAK, "2"),
    "goes back": lambda ledger: ledger.make_current(OAK, "1", rolled_back=True),
    "notes a file": lambda ledger: ledger.note_file(OAK, "1", "hash"),
    "forgets a snapshot": lambda ledger: ledger.forget_snapshot(OAK, "1"),
    "runs": lambda ledger: runs(ledger, OAK, CORE_JOB, "a run"),
    "was cut off": lambda ledger: ledger.end_interrupted(OAK, "cut off"),
    "gets the same file": lambda ledger: ledger.record_received(OAK, EXPORT, "a", 1, LATER, "run"),
    "gets another file": lambda ledger: ledger.record_received(OAK, EXPORT, "b", 1, LATER, "run"),
    "holds the same": lambda ledger: ledger.hold(OAK, CORE_JOB, "held", {"mass_removal": 2}),
    "holds others": lambda ledger: ledger.hold(OAK, CORE_JOB, "others", {"mass_removal": 2}),
    "holds what was approved": lambda ledger: decided(ledger, OAK, CORE_JOB, "approved"),
    "discards what was held": lambda ledger: decided(ledger, OAK, CORE_JOB, "discarded"),
    "holds nothing": lambda ledger: ledger.supersede_holds(OAK, CORE_JOB),
    "lists what was approved": lambda ledger: ledger.use_approval(OAK, ATTENDANCE_JOB, "approved"),
    "waited too long": lambda ledger: ledger.expire_holds(OAK, now() + timedelta(days=1)),
}


@pytest.mark.parametrize("act", ACTS_OF_OAK.values(), ids=ACTS_OF_OAK)
def test_what_one_district_does_changes_nothing_for_another(
    ledger: Ledger, two_districts: tuple[Path, Answers], act: Act
) -> None:
    before = asked(ledger, OAK)
    act(ledger)
    assert asked(ledger, OAK) != before
    assert asked(ledger, LINCOLN) == two_districts[1]


def test_whom_one_district_told_nobody_has_told_in_another(ledger: Ledger) -> None:
    for channel in ("sms", told.LOW_LUNCH_BALANCE):
        lists(ledger, LINCOLN, "001", channel, NOON)
        for student in ("001", "002"):
            lists(ledger, OAK, student, channel, LATER)
    assert asked_of_lists(ledger, LINCOLN) == {
        "told": [("001", "sms", "1", "101 1", f"{compact(NOON)}-lincoln-sms-001")],
        "told of a balance": ["001"],
        "batches": [told.EarlierBatch(f"{compact(NOON)}-lincoln-sms-001", NOON, False)],
        "next batch": NOON + timedelta(seconds=1),
    }


def test_a_clock_that_is_ahead_in_one_district_is_so_in_no_other(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        of_oak = tables.runs.c.district == OAK
        connection.execute(sa.update(tables.runs).where(of_oak).values(started_at=AHEAD))
    for district in (LINCOLN, OAK):
        ledger.start_run(f"next of {district}", district, CORE_JOB)
    (lincoln,), (oak,) = ledger.runs_of(LINCOLN, 1), ledger.runs_of(OAK, 1)
    assert lincoln["started_at"] < AHEAD < oak["started_at"]


ACTS_OF_A_NIGHT: dict[str, Act] = {
    "publishes": lambda ledger: ledger.make_current(LINCOLN, "2"),
    "goes back": lambda ledger: ledger.make_current(LINCOLN, "1", rolled_back=True),
    "runs": lambda ledger: runs(ledger, LINCOLN, CORE_JOB, "a run"),
    "holds the same": lambda ledger: ledger.hold(LINCOLN, CORE_JOB, "held", {"mass_removal": 2}),
    "holds others": lambda ledger: ledger.hold(LINCOLN, CORE_JOB, "others", {"mass_removal": 2}),
    "holds what was approved": lambda ledger: decided(ledger, LINCOLN, CORE_JOB, "approved"),
    "discards what was held": lambda ledger: decided(ledger, LINCOLN, CORE_JOB, "discarded"),
    "holds nothing": lambda ledger: ledger.supersede_holds(LINCOLN, CORE_JOB),
    "uses what was approved": lambda ledger: ledger.use_approval(LINCOLN, CORE_JOB, "approved"),
    "waited too long": lambda ledger: ledger.expire_holds(
        LINCOLN, now() + timedelta(days=1), job=CORE_JOB
    ),
}


@pytest.mark.parametrize("act", ACTS_OF_A_NIGHT.values(), ids=ACTS_OF_A_NIGHT)
def test_what_a_night_does_changes_nothing_for_the_absences(ledger: Ledger, act: Act) -> None:
    of_night = asked(ledger, LINCOLN)
    of_absences = asked_of_job(ledger, LINCOLN, ATTENDANCE_JOB)
    act(ledger)
    assert asked(ledger, LINCOLN) != of_night
    assert asked_of_job(ledger, LINCOLN, ATTENDANCE_JOB) == of_absences


def test_where_files_were_approved_is_said_by_job(ledger: Ledger) -> None:
    ledger.make_current(LINCOLN, "2")
    assert ledger.approved_districts(CORE_JOB) == {OAK}
    assert ledger.approved_districts(ATTENDANCE_JOB) == {LINCOLN, OAK}
