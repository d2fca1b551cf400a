"""What stays whatever its age, and what goes on which day; whole homes are in `test_erase.py`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connect_pipeline import snapshots
from connect_pipeline.contract import SCHOOLS
from connect_pipeline.decisions import expire_undecided
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, Ledger, now, open_ledger, stamp
from connect_pipeline.ledger.tables import batches, holds, listed, received, runs
from connect_pipeline.run.retention import files_of_current, purge
from connect_pipeline.settings import Keep
from connect_pipeline_tests.attendance_runs import NOON, district

LINCOLN, OAK = "lincoln", "oak"
NOTHING = dict.fromkeys(
    ("holds", "landing", "snapshots", "reports", "outbox", "attendance", "ledger"), 0
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("CONNECT_LEDGER_URL", raising=False)
    return Home(tmp_path / "home")


@pytest.fixture
def ledger(home: Home) -> Iterator[Ledger]:
    opened = open_ledger(home)
    yield opened
    opened.close()


def lives(ledger: Ledger, name: str) -> None:
    """A run, a receipt that a later one follows, a hold that a later one follows, two batches."""
    ledger.start_run(f"{name} run", name, CORE_JOB)
    for export, sha256 in (("Staff", "old"), ("Staff", "last"), ("Student", "only")):
        ledger.record_received(name, export, sha256, 1, now(), "run")
    for files in ("old", "open"):
        ledger.hold(name, CORE_JOB, files, {"mass_change": 1})
    for batch in ("gone", "there"):
        row = {
            "batch_id": f"{name} {batch}",
            "district": name,
            "date": now().date().isoformat(),
        }
        about = {"listed_at": "", "run_id": "", "file_sha256": "", "counts": {}}
        who = {"student_id": batch, "period": "", "channel": "sms", "destination_hash": ""}
        with ledger.transaction() as connection:
            connection.execute(sa.insert(batches).values(**row, **about))
            connection.execute(sa.insert(listed).values(**row, **who))


def left(ledger: Ledger, name: str) -> list[str]:
    """What the ledger still has of a district."""
    columns = (
        (runs, runs.c.run_id),
        (received, received.c.sha256),
        (holds, holds.c.set_sha256),
        (batches, batches.c.batch_id),
        (listed, listed.c.student_id),
    )
    return [
        f"{table.name}: {row['what']}"
        for table, column in columns
        for row in ledger.rows(sa.select(column.label("what")).where(table.c.district == name))
    ]


def test_held_absences_can_be_approved_until_their_day_is_over_there(ledger: Ledger) -> None:
    """Midnight in UTC is in the afternoon of that day."""
    ledger.hold(LINCOLN, ATTENDANCE_JOB, "files", {"mass_absence": 1})
    with ledger.transaction() as connection:
        connection.execute(sa.update(holds).values(held_at=stamp(NOON)))
    eleven_hours, twelve_hours = NOON + timedelta(hours=11), NOON + timedelta(hours=12)
    assert expire_undecided(ledger, LINCOLN, district(), eleven_hours) == 0
    assert expire_undecided(ledger, LINCOLN, district(), twelve_hours) == 1


def test_what_still_matters_stays_whatever_its_age(home: Home, ledger: Ledger) -> None:
    for name in (LINCOLN, OAK):
        lives(ledger, name)
    of_oak = left(ledger, OAK)
    home.outbox(LINCOLN).mkdir(parents=True)
    for suffix in (".json", ".csv"):
        (home.outbox(LINCOLN) / f"lincoln there{suffix}").touch()
    (home.outbox(LINCOLN) / "lincoln gone.csv").touch()
    keep = Keep(ledger_days=30, hold_days=60, outbox_days=60)
    school = district().model_copy(update={"keep": keep})
    assert purge(home, ledger, LINCOLN, school, now() + timedelta(days=20)) == NOTHING
    gone = purge(home, ledger, LINCOLN, school, now() + timedelta(days=40))
    assert gone == {**NOTHING, "ledger": 5}
    assert left(ledger, LINCOLN) == [
        "received: last",
        "received: only",
        "holds: open",
        "batches: lincoln there",
        "listed: there",
    ]
    assert left(ledger, OAK) == of_oak


def test_what_was_discarded_is_not_forgotten_while_nothing_came_after_it(
    home: Home, ledger: Ledger
) -> None:
    """It may lie in the drop still, and would be published."""
    for files in ("old", "discarded"):
        ledger.hold(LINCOLN, CORE_JOB, files, {"old_file_again": 1})
        hold = ledger.open_hold(LINCOLN, CORE_JOB)
        assert hold is not None
        ledger.decide(hold, "discarded", "Pat Operator")
    purge(home, ledger, LINCOLN, district(), now() + timedelta(days=400))
    assert left(ledger, LINCOLN) == ["holds: discarded"]


def test_the_last_school_file_stays_though_no_snapshot_was_made_from_it(ledger: Ledger) -> None:
    """A night on which it is not sent takes it from the landing."""
    exports = {"StaffExport.csv": {"sha256": "staff"}, "StudentExport.csv": None}
    ledger.begin_snapshot(LINCOLN, "1", now(), "run", exports, "set")
    ledger.make_current(LINCOLN, "1")
    for name, sha256 in ((LINCOLN, "old"), (LINCOLN, "school"), (OAK, "another's")):
        ledger.record_received(name, SCHOOLS.file_name, sha256, 1, now(), "run")
    assert files_of_current(ledger, LINCOLN) == {"staff", "school"}


def test_absences_stay_for_so_many_days(home: Home, ledger: Ledger) -> None:
    days = home.attendance_days(LINCOLN)
    days.mkdir(parents=True)
    for name in ("2026-10-03.duckdb", "2026-10-04.duckdb", "2026-10-05.duckdb", "2026.txt"):
        (days / name).touch()
    school = district().model_copy(update={"keep": Keep(attendance_days=2)})
    assert purge(home, ledger, LINCOLN, school, NOON) == {**NOTHING, "attendance": 1}
    kept = sorted(path.name for path in days.iterdir())
    assert kept == ["2026-10-04.duckdb", "2026-10-05.duckdb", "2026.txt"]


def test_absences_go_by_the_districts_day(home: Home, ledger: Ledger) -> None:
    """At 23:30 there, when the next day has begun in UTC."""
    days = home.attendance_days(LINCOLN)
    days.mkdir(parents=True)
    (days / "2026-10-04.duckdb").touch()
    school = district().model_copy(update={"keep": Keep(attendance_days=2)})
    evening = NOON + timedelta(hours=11, minutes=30)
    assert purge(home, ledger, LINCOLN, school, evening) == NOTHING
    later = evening + timedelta(hours=1)
    assert purge(home, ledger, LINCOLN, school, later) == {**NOTHING, "attendance": 1}


def test_who_was_told_is_known_for_the_whole_last_day(home: Home, ledger: Ledger) -> None:
    """A list of balances may ask for as long as the ledger must remember."""
    lives(ledger, LINCOLN)
    school = district().model_copy(update={"keep": Keep(ledger_days=30)})
    with ledger.transaction() as connection:
        for table in (batches, listed):
            connection.execute(sa.update(table).values(date="2026-10-06"))
    limit = NOON + timedelta(days=30)
    found = []
    for moment in (limit, limit + timedelta(days=1)):
        purge(home, ledger, LINCOLN, school, moment)
        found.append(
            [one for one in left(ledger, LINCOLN) if one.startswith(("listed", "batches"))]
        )
    assert found == [
        ["batches: lincoln gone", "batches: lincoln there", "listed: gone", "listed: there"],
        [],
    ]


def test_what_was_set_aside_as_damaged_goes_with_the_next_purge(home: Home, ledger: Ledger) -> None:
    home.snapshots(LINCOLN).mkdir(parents=True)
    for name in ("1.duckdb", "2.damaged"):
        (home.snapshots(LINCOLN) / name).touch()
    ledger.begin_snapshot(LINCOLN, "1", now(), "run", {}, "set")
    ledger.make_current(LINCOLN, "1")
    assert snapshots.prune(home, ledger, LINCOLN, keep=2) == 0
    assert [path.name for path in home.snapshots(LINCOLN).iterdir()] == ["1.duckdb"]


def test_what_somebody_went_back_to_stays_however_old_it_is(home: Home, ledger: Ledger) -> None:
    home.snapshots(LINCOLN).mkdir(parents=True)
    for snapshot_id in "1234":
        (home.snapshots(LINCOLN) / f"{snapshot_id}.duckdb").touch()
        ledger.begin_snapshot(LINCOLN, snapshot_id, now(), "run", {}, "set")
        ledger.make_current(LINCOLN, snapshot_id)
    ledger.make_current(LINCOLN, "1", rolled_back=True)
    assert snapshots.prune(home, ledger, LINCOLN, keep=2) == 1
    kept = sorted(path.stem for path in home.snapshots(LINCOLN).iterdir())
    assert kept == ["1", "3", "4"]
