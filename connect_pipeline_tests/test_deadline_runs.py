"""What a run does because files were due: it hashes again, and says what is missing or stale."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import sqlalchemy as sa

from connect_pipeline import alarms
from connect_pipeline.contract import ATTENDANCE, CORE, SCHOOLS, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.decisions import Decision, decide
from connect_pipeline.drop.deadlines import deadline_before
from connect_pipeline.ledger import stamp
from connect_pipeline.ledger.tables import received, runs
from connect_pipeline.orchestration import sensors
from connect_pipeline.orchestration.names import (
    ATTENDANCE_ALERTS,
    DEADLINE_TAG,
    NIGHTLY_SYNC,
)
from connect_pipeline.published import open_published
from connect_pipeline.settings_file import load_settings
from connect_pipeline_tests.fleet import ATTENDANCE_SENSOR, Fleet, fleet
from connect_pipeline_tests.small_district import FILES

STUDENT_FILE, CLASS_FILE = STUDENTS.file_name, STAFF_TO_STUDENT.file_name
ZONE = ZoneInfo("America/Los_Angeles")


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One district that has published its first night; its files are an hour old."""
    root = tmp_path_factory.mktemp("first-night")
    with pytest.MonkeyPatch.context() as patch, fleet(root, patch) as made:
        made.add("a")
        age_all(made, 1)
        assert run(made) == "published"
    return root


@pytest.fixture
def ships(first_night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """A copy of it. Its last deadline was half a day ago, whatever time of day it is."""
    subprocess.run(["cp", "-a", str(first_night / "home"), str(tmp_path)], check=True)
    with fleet(tmp_path, monkeypatch) as made:
        shutil.copytree(first_night / "drops", made.server.root, dirs_exist_ok=True)
        deadline = (datetime.now(ZONE) + timedelta(hours=12)).strftime("%H:%M")
        made.add("a", {}, deadline=deadline, attendance={"enabled": True, "send_at": ["10:00"]})
        made.load()
        yield made


def age_all(ships: Fleet, hours: float) -> None:
    """All files of the drop were uploaded so long ago."""
    moment = time.time() - hours * 3600
    for path in (ships.server.root / "a").iterdir():
        os.utime(path, (moment, moment))


def upload(ships: Fleet, **changes: str) -> None:
    """Other contents, an hour ago."""
    ships.upload("a", changes)
    age_all(ships, 1)


def run(ships: Fleet, due: datetime | None = None, job: str = NIGHTLY_SYNC) -> str:
    """A run, by default one that nothing but an arrival started."""
    tags = {} if due is None else {DEADLINE_TAG: due.isoformat()}
    return ships.run(dg.RunRequest(partition_key="a", tags=tags), job)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def last(ships: Fleet) -> Any:
    return ships.ledger.runs_of("a", 1)[0]


def causes(ships: Fleet) -> dict[str, dict[str, int]]:
    return {row["cause"]: row["codes"] for row in alarms.open_alarms(ships.ledger)}


def languages(ships: Fleet) -> set[str]:
    with open_published(ships.home.roster("a")) as connection:
        return {
            row[0]
            for row in connection.execute(
                "SELECT DISTINCT language FROM connect.students"
            ).fetchall()
        }


def test_other_bytes_of_the_same_size_and_time_are_published(ships: Fleet) -> None:
    """No look can see them."""
    path = ships.server.root / "a" / STUDENT_FILE
    before = path.stat()
    ships.tick()
    ships.tick()
    path.write_text(FILES[STUDENT_FILE].replace("Korean", "Polish"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert ships.tick(after=4000)[:1] == ships.tick(after=4000)[:1], "nothing but the same request"
    assert "pl" not in languages(ships)
    assert run(ships, now()) == "published"
    assert "pl" in languages(ships)


def test_what_is_missing_at_the_deadline_is_said_and_cleared_when_it_comes(ships: Fleet) -> None:
    (ships.server.root / "a" / CLASS_FILE).unlink()
    assert ships.tick() == [], "an incomplete set starts nothing"
    assert run(ships, now()) == "blocked"
    assert causes(ships) == {"missing": {"missing_file": 1}}
    assert stale_in_ui(ships) == {"staff_to_student_export"}, "what is not there is not fresh"
    ships.upload("a", {CLASS_FILE: FILES[CLASS_FILE]})
    age_all(ships, 1)
    assert run(ships) == "unchanged"
    assert causes(ships) == {}


def test_a_drop_that_fell_silent_is_stale_at_the_deadline(ships: Fleet) -> None:
    age_all(ships, 30)
    due = now()
    assert run(ships, due) == "unchanged", "it is published already"
    assert last(ships)["codes"] == {"stale_file": 3}
    assert causes(ships) == {"stale": {"stale_file": 3}}
    assert confirmed(ships) == 1, "so the rosters turn red in the UI"
    assert stale_in_ui(ships) == {"staff_export", "student_export", "staff_to_student_export"}

    assert run(ships) == "unchanged", "nobody asked for tonight's files yet"
    assert stale_in_ui(ships) == set()
    assert causes(ships) == {"stale": {"stale_file": 3}}, "and nothing was uploaded since"

    age_all(ships, 0.001)
    assert run(ships) == "unchanged"
    assert causes(ships) == {}
    assert confirmed(ships) == 2


def test_an_old_file_that_is_published_already_waits_for_nobody(ships: Fleet) -> None:
    """Whoever read that it is held would find nothing to approve."""
    age_all(ships, 30)
    assert run(ships, now()) == "unchanged"
    assert ships.ledger.open_hold("a", "core") is None
    told = json.loads(max(ships.home.reports("a").glob("*-core.json")).read_text())
    assert told["verdict"] == "accepted_with_findings"
    (found,) = told["exports"][STUDENT_FILE]["findings"]
    assert (found["code"], found["severity"]) == ("stale_file", "warning")
    district = load_settings(ships.home.settings_file).district("a")
    moment = (ships.server.root / "a" / STUDENT_FILE).stat().st_mtime
    uploaded = district.day_of(datetime.fromtimestamp(moment, UTC))
    assert found["message"].startswith(f"This file was last uploaded on {uploaded}, and a newer")
    assert "there is nothing to approve" in found["message"]


def stale_in_ui(ships: Fleet) -> set[str]:
    """The received files of the last run that its check `file_is_fresh` warns of."""
    records = ships.instance.get_records_for_run(
        last(ships)["run_id"], of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ).records
    found = [one.event_log_entry.asset_check_evaluation for one in records]
    fresh = [one for one in found if one is not None and one.check_name == "file_is_fresh"]
    assert len(fresh) == len(CORE)
    assert {one.severity for one in fresh} == {dg.AssetCheckSeverity.WARN}
    return {one.asset_key.to_user_string() for one in fresh if not one.passed}


def confirmed(ships: Fleet) -> int:
    """How often Dagster heard that the rosters are tonight's."""
    found = ships.instance.fetch_materializations(dg.AssetKey("rosters"), limit=10)
    assert {record.partition_key for record in found.records} == {"a"}
    versions = {
        record.asset_materialization.tags["dagster/data_version"]
        for record in found.records
        if record.asset_materialization and record.asset_materialization.tags
    }
    assert len(versions) == 1
    return len(found.records)


def test_one_stale_file_holds_the_others_until_an_operator_decides(ships: Fleet) -> None:
    ships.districts["a"] |= {"mixed_nights_hours": 100, "quiet_seconds": {"core": 0}}
    ships.load()
    age_all(ships, 30)
    ships.upload("a", {STUDENT_FILE: FILES[STUDENT_FILE].replace("Korean", "Polish")})
    assert run(ships, now() + timedelta(minutes=10)) == "held"
    assert last(ships)["codes"]["stale_file"] == 2
    assert causes(ships) == {"stale": {"stale_file": 2}}
    assert stale_in_ui(ships) == {"staff_export", "staff_to_student_export"}
    assert run(ships) == "held", "an ordinary run does not decide"
    assert causes(ships) == {"stale": {"stale_file": 2}}
    assert ships.ledger.expire_holds("a", now() + timedelta(days=1)) == 1
    assert run(ships) == "held", "nor does the time that went by"
    assert "pl" not in languages(ships)
    held = ships.ledger.open_hold("a", "core")
    assert held is not None
    ships.ledger.decide(held, "approved", "an operator")
    assert run(ships) == "published"
    assert "pl" in languages(ships)
    assert causes(ships) == {}


@pytest.mark.parametrize("decision", [None, Decision.DISCARDED])
def test_another_school_export_does_not_bring_what_was_held_for_its_age(
    ships: Fleet, decision: Decision | None
) -> None:
    """It says nothing of the age of the others, and nobody has approved them."""
    ships.districts["a"]["quiet_seconds"] = {"core": 0}
    ships.load()
    ships.upload("a", {STUDENT_FILE: FILES[STUDENT_FILE].replace("Korean", "Polish")})
    age_all(ships, 30)
    assert run(ships, now() + timedelta(minutes=10)) == "held"
    if decision is not None:
        decide(ships.home, "a", decision, "Pat Operator")
    name = SCHOOLS.file_name
    ships.upload("a", {name: FILES[name].replace("1 Main Street", "2 Main Street")})
    assert run(ships) == "held"
    assert "pl" not in languages(ships)


def test_a_refused_file_is_no_materialization_and_its_step_says_why(ships: Fleet) -> None:
    """Checks are of an asset: which district's file it was, and what is wrong, the step tells."""
    assert ships.instance is not None

    def materialized() -> int:
        key = dg.AssetKey("student_records")
        return len(ships.instance.fetch_materializations(key, limit=10).records)

    before = materialized()
    ships.upload("a", {STUDENT_FILE: "no header\n"})
    assert run(ships) == "blocked"
    assert materialized() == before
    (failed,) = ships.instance.all_logs(
        last(ships)["run_id"], of_type=dg.DagsterEventType.STEP_FAILURE
    )
    data = failed.get_dagster_event().step_failure_data
    assert data.user_failure_data is not None
    assert data.user_failure_data.description == last(ships)["message"]
    assert STUDENT_FILE in last(ships)["message"]


def test_a_district_that_uploads_now_and_then_can_say_so(ships: Fleet) -> None:
    ships.districts["a"]["hold_stale_files"] = False
    ships.load()
    age_all(ships, 30)
    assert run(ships, now()) == "unchanged"
    assert (last(ships)["codes"], causes(ships)) == ({}, {})


def test_who_says_so_later_ends_the_alarm(ships: Fleet) -> None:
    age_all(ships, 30)
    assert run(ships, now()) == "unchanged"
    assert causes(ships) == {"stale": {"stale_file": 3}}
    ships.districts["a"]["hold_stale_files"] = False
    ships.load()
    assert run(ships) == "unchanged"
    assert causes(ships) == {}


def test_stale_is_measured_from_the_deadline_before(ships: Fleet) -> None:
    """An upload of last night, after its deadline, is in time for tonight's."""
    district = load_settings(ships.home.settings_file).district("a")
    due = now()
    before = deadline_before(due, district)
    for minutes, expected in ((-5, 3), (5, 0)):
        moment = (before + timedelta(minutes=minutes)).timestamp()
        for path in (ships.server.root / "a").iterdir():
            os.utime(path, (moment, moment))
        assert run(ships, due) == "unchanged"
        assert last(ships)["codes"].get("stale_file", 0) == expected


@pytest.mark.parametrize("behind", [0, 120], ids=["by our clock", "by one that is behind"])
def test_at_the_deadline_an_upload_under_way_is_waited_for(ships: Fleet, behind: int) -> None:
    ships.districts["a"]["quiet_seconds"] = {"core": 2}
    ships.load()
    path = ships.server.root / "a" / STUDENT_FILE
    rows = FILES[STUDENT_FILE].replace("Korean", "Polish").splitlines(keepends=True)

    def write(rows: list[str]) -> None:
        path.write_text("".join(rows))
        os.utime(path, (time.time() - behind,) * 2)

    def go_on() -> None:
        time.sleep(1)
        write(rows)

    write(rows[:3])

    uploader = threading.Thread(target=go_on)
    uploader.start()
    begun = time.monotonic()
    assert run(ships, now()) == "published"
    uploader.join()
    assert time.monotonic() - begun >= 2
    assert "pl" in languages(ships)


def test_an_upload_that_never_rests_is_not_read(ships: Fleet) -> None:
    ships.districts["a"]["quiet_seconds"] = {"core": 1}
    ships.load()
    path = ships.server.root / "a" / STUDENT_FILE
    path.write_text(FILES[STUDENT_FILE])
    stop = threading.Event()

    def upload_for_ever() -> None:
        while not stop.wait(0.1):
            with path.open("a") as file:
                file.write("007,102,Gus,Hall,,,Ivy Hall,,,,,,12346,3,,,English,\n")

    uploader = threading.Thread(target=upload_for_ever)
    uploader.start()
    assert run(ships, now()) == "failed:3"
    stop.set()
    uploader.join()
    assert last(ships)["codes"] == {"file_still_changing": 1}
    assert causes(ships) == {"failed": {"upload": 1}}


# -- attendance ----------------------------------------------------------------------------------


def due_schedule(ships: Fleet, at: datetime) -> Any:
    assert ships.defs is not None
    schedule = ships.defs.resolve_schedule_def("attendance_due_a")
    assert schedule.cron_schedule == ["30 9 * * *"]
    return schedule(dg.build_schedule_context(scheduled_execution_time=at))


def test_an_attendance_file_that_does_not_come_is_missed(ships: Fleet) -> None:
    (ships.server.root / "a" / ATTENDANCE.file_name).unlink()
    monday = datetime(2027, 3, 15, 9, 30, tzinfo=ZONE)
    request = due_schedule(ships, monday)
    assert request.tags[DEADLINE_TAG] == "2027-03-15T16:30:00+00:00"
    assert ships.run(request, ATTENDANCE_ALERTS) == "blocked"
    assert causes(ships) == {"missing": {"missing_file": 1}}
    ships.upload("a", {ATTENDANCE.file_name: of_today()})
    assert run(ships, job=ATTENDANCE_ALERTS) == "listed"
    assert causes(ships) == {}


def of_today(zone: ZoneInfo = ZONE) -> str:
    return FILES[ATTENDANCE.file_name].replace("10/02/25", f"{datetime.now(zone):%m/%d/%y}")


def where_it_is_noon(ships: Fleet) -> ZoneInfo:
    """The district's zone from now on: the hours before and behind are of the same day there."""
    ahead = 12 - datetime.now(UTC).hour
    name = f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"  # their signs are the other way round
    ships.districts["a"]["timezone"] = name
    ships.load()
    return ZoneInfo(name)


def test_an_attendance_file_is_due_before_each_time_of_sending(ships: Fleet) -> None:
    """The morning's file says nothing of the afternoon."""
    zone = where_it_is_noon(ships)
    ships.upload("a", {ATTENDANCE.file_name: of_today(zone)})
    ships.districts["a"]["quiet_seconds"] = {"attendance": 1}  # a run at a deadline waits so long
    assert run(ships, job=ATTENDANCE_ALERTS) == "listed"
    later = now() + timedelta(minutes=10)
    clock = (later - timedelta(minutes=1)).astimezone(zone)
    ships.districts["a"]["attendance"]["send_at"] = [f"{clock:%H:%M}"]
    ships.load()
    assert run(ships, later, ATTENDANCE_ALERTS) == "nothing_new"
    assert causes(ships) == {"stale": {"stale_file": 1}}
    path = ships.server.root / "a" / ATTENDANCE.file_name
    ships.districts["a"]["attendance"]["send_at"] = []
    ships.load()
    path.write_text(path.read_text() + "\n")
    assert run(ships, later, ATTENDANCE_ALERTS) == "nothing_new"
    assert causes(ships) == {}


def test_a_run_by_hand_makes_no_old_file_fresh(ships: Fleet) -> None:
    """Nor does one whose deadline was an earlier one, executed again: nobody has uploaded."""
    zone = where_it_is_noon(ships)
    here = datetime.now(zone)
    sent, due = here - timedelta(hours=2), here - timedelta(minutes=10)
    sending = due + timedelta(minutes=30)
    ships.upload("a", {ATTENDANCE.file_name: of_today(zone)})
    assert run(ships, job=ATTENDANCE_ALERTS) == "listed"
    ships.districts["a"]["attendance"]["send_at"] = [f"{sent:%H:%M}", f"{sending:%H:%M}"]
    ships.load()
    age_all(ships, 3)
    assert run(ships, due, ATTENDANCE_ALERTS) == "nothing_new"
    stale = {"stale": {"stale_file": 1}}
    assert causes(ships) == stale
    for earlier in (None, sent - timedelta(minutes=30)):
        assert run(ships, earlier, ATTENDANCE_ALERTS) == "nothing_new"
        assert causes(ships) == stale
    age_all(ships, 0)
    assert run(ships, job=ATTENDANCE_ALERTS) == "nothing_new"
    assert causes(ships) == {}


def test_a_deadline_that_is_executed_again_days_later_makes_no_old_file_fresh(ships: Fleet) -> None:
    age_all(ships, 60)
    assert run(ships, due=now()) == "unchanged"
    assert set(causes(ships)) == {"stale"}
    assert run(ships, due=now() - timedelta(days=3)) == "unchanged"
    assert set(causes(ships)) == {"stale"}


def test_an_attendance_file_of_another_day_is_late(ships: Fleet) -> None:
    """The small district's is of a year ago."""
    assert run(ships, now(), ATTENDANCE_ALERTS) == "blocked"
    assert causes(ships) == {"stale": {"stale_file": 1}}
    ships.upload("a", {ATTENDANCE.file_name: of_today()})
    assert run(ships, job=ATTENDANCE_ALERTS) == "listed"
    assert causes(ships) == {}


def test_approved_absences_are_listed_by_themselves(ships: Fleet) -> None:
    """No operator starts the run, and the schedule does not take held absences for listed."""
    ships.districts["a"]["attendance"] |= {"absent_floor": 1, "max_absent_share": 0.1}
    ships.load()
    ships.upload("a", {ATTENDANCE.file_name: of_today()})
    (request,) = [one for _ in range(3) for one in ships.tick(ATTENDANCE_SENSOR, after=20)]
    assert ships.run(request, ATTENDANCE_ALERTS) == "held"
    assert causes(ships) == {"held": {"mass_absence": 1}}
    monday = datetime(2027, 3, 15, 9, 30, tzinfo=ZONE)
    assert isinstance(due_schedule(ships, monday), dg.RunRequest)
    assert [ships.tick(ATTENDANCE_SENSOR, after=600) for _ in range(3)] == [[]] * 3
    time.sleep(1.1)  # the ledger's times are to the second
    decide(ships.home, "a", Decision.APPROVED, "Pat Operator")
    assert causes(ships) == {}
    (again,) = ships.tick(ATTENDANCE_SENSOR, after=600)
    assert ships.run(again, ATTENDANCE_ALERTS) == "listed"
    assert [ships.tick(ATTENDANCE_SENSOR, after=600) for _ in range(3)] == [[]] * 3


def test_what_is_approved_after_the_clock_was_set_back_goes_on_by_itself(ships: Fleet) -> None:
    ships.districts["a"]["attendance"] |= {"absent_floor": 1, "max_absent_share": 0.1}
    ships.load()
    ships.upload("a", {ATTENDANCE.file_name: of_today()})
    with ships.ledger.transaction() as connection:  # a run while the clock was ahead
        connection.execute(sa.update(runs).values(started_at=stamp(now() + timedelta(hours=3))))
    (request,) = [one for _ in range(3) for one in ships.tick(ATTENDANCE_SENSOR, after=20)]
    assert ships.run(request, ATTENDANCE_ALERTS) == "held"
    decide(ships.home, "a", Decision.APPROVED, "Pat Operator")
    (again,) = ships.tick(ATTENDANCE_SENSOR, after=600)
    assert ships.run(again, ATTENDANCE_ALERTS) == "listed"
    assert [ships.tick(ATTENDANCE_SENSOR, after=600) for _ in range(3)] == [[]] * 3


def test_discarded_absences_are_missed_when_they_are_due(ships: Fleet) -> None:
    ships.districts["a"]["attendance"] |= {"absent_floor": 1, "max_absent_share": 0.1}
    ships.districts["a"]["quiet_seconds"] = {"attendance": 0}  # or a due run waits for it to rest
    ships.load()
    ships.upload("a", {ATTENDANCE.file_name: of_today()})
    assert run(ships, job=ATTENDANCE_ALERTS) == "held"
    decide(ships.home, "a", Decision.DISCARDED, "Pat Operator")
    assert run(ships, job=ATTENDANCE_ALERTS) == "discarded"
    assert causes(ships) == {}
    request = due_schedule(ships, datetime(2027, 3, 15, 9, 30, tzinfo=ZONE))
    assert ships.run(request, ATTENDANCE_ALERTS) == "discarded"
    assert causes(ships)["missing"] == {"missing_file": 1}


def test_a_discarded_night_is_missed_at_each_deadline(ships: Fleet) -> None:
    """The same bytes anew each night are not stale, and nobody would hear that nothing comes."""
    text = "\n".join(line.rpartition(",")[0] for line in FILES[STUDENT_FILE].splitlines()) + "\n"
    upload(ships, **{STUDENT_FILE: text})  # a column is gone
    assert run(ships) == "held"
    decide(ships.home, "a", Decision.DISCARDED, "Pat Operator")
    assert run(ships) == "discarded"
    assert causes(ships) == {}
    assert run(ships, now()) == "discarded"
    assert causes(ships) == {"missing": {"missing_file": 1}}


def test_an_approved_night_goes_on_by_itself(ships: Fleet) -> None:
    text = "\n".join(line.rpartition(",")[0] for line in FILES[STUDENT_FILE].splitlines()) + "\n"
    upload(ships, **{STUDENT_FILE: text})  # a column is gone
    assert ships.tick() == []
    (request,) = ships.tick()
    assert ships.run(request) == "held"
    assert ships.tick() == []
    time.sleep(1.1)
    decide(ships.home, "a", Decision.APPROVED, "Pat Operator")
    (again,) = ships.tick(after=600)
    assert ships.run(again) == "published"
    assert [ships.tick(after=600) for _ in range(3)] == [[]] * 3


def made_up_for(ships: Fleet) -> dg.RunRequest:
    """The run that follows when a deadline's run has failed for the network."""
    ships.server.stop()
    assert run(ships, due=now()) == "failed:3"
    assert causes(ships) == {"failed": {"network": 1}}
    ships.server.start()
    (again,) = ships.tick(after=600)
    assert again.tags[DEADLINE_TAG]
    return again


def test_a_deadline_that_the_network_missed_is_made_up_for(ships: Fleet) -> None:
    """What is stale is said then, as it would have been at the deadline."""
    age_all(ships, 30)
    for _ in range(3):
        for request in ships.tick():
            ships.run(request)
    assert ships.run(made_up_for(ships)) == "unchanged"
    assert set(causes(ships)) == {"stale"}
    assert [ships.tick(after=600) for _ in range(3)] == [[]] * 3


def test_a_list_of_absences_that_failed_is_not_made_up_for_on_another_day(ships: Fleet) -> None:
    """The file of yesterday tells nobody anything today, and is not stale because nobody reads it.

    Its alarm stays until a run comes to something.
    """
    ships.upload("a", {ATTENDANCE.file_name: of_today()})
    assert ships.tick(ATTENDANCE_SENSOR, after=20) == []
    (arrived,) = ships.tick(ATTENDANCE_SENSOR, after=20)
    ships.server.stop()
    assert ships.run(arrived, ATTENDANCE_ALERTS) == "failed:3"
    assert run(ships, now(), ATTENDANCE_ALERTS) == "failed:3"
    ships.server.start()
    started = sa.update(runs).where(runs.c.outcome == "failed:3")
    with ships.ledger.transaction() as connection:
        connection.execute(started.values(started_at=stamp(now() - timedelta(days=1))))
    assert [ships.tick(ATTENDANCE_SENSOR, after=4000) for _ in range(3)] == [[]] * 3
    assert set(causes(ships)) == {"failed"}
    ships.upload("a", {ATTENDANCE.file_name: f"{of_today()}\n"})
    assert ships.tick(ATTENDANCE_SENSOR, after=20) == []
    (today,) = ships.tick(ATTENDANCE_SENSOR, after=20)
    assert DEADLINE_TAG not in today.tags
    assert ships.run(today, ATTENDANCE_ALERTS) == "listed"
    assert causes(ships) == {}


def test_what_is_missing_at_a_deadline_that_the_network_missed_is_said(ships: Fleet) -> None:
    (ships.server.root / "a" / STUDENT_FILE).unlink()
    assert ships.run(made_up_for(ships)) == "blocked"
    assert set(causes(ships)) == {"missing"}
    assert [ships.tick(after=600) for _ in range(3)] == [[]] * 3


def test_a_deadline_that_failed_is_made_up_for_after_many_runs(
    ships: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a summer without an upload, say. Dagster starts no second run of one key."""
    monkeypatch.setattr(sensors, "RUNS_CONSIDERED", 2)
    upload(ships, **{STUDENT_FILE: FILES[STUDENT_FILE].replace("Korean", "Polish")})
    ships.tick()
    (first,) = ships.tick()
    assert ships.run(first) == "published"
    for _ in range(3):
        assert run(ships) == "unchanged"
    assert made_up_for(ships).run_key != first.run_key


def test_a_clock_that_is_a_little_ahead_makes_no_file_old(ships: Fleet) -> None:
    """All are uploaded anew, one of them with the bytes of a week ago."""
    with ships.ledger.transaction() as connection:
        week_ago = stamp(datetime.now(UTC) - timedelta(days=7))
        connection.execute(sa.update(received).values(received_at=week_ago, uploaded_at=week_ago))
    ships.upload("a", {STUDENT_FILE: FILES[STUDENT_FILE].replace("Korean", "Polish")})
    age_all(ships, -5 / 60)
    assert run(ships) == "published"
    rows = ships.ledger.rows(sa.select(received.c.uploaded_at))
    assert max(row["uploaded_at"] for row in rows) <= stamp(now()), "nor one of later than now"


def test_a_time_in_the_future_keeps_no_file_fresh(ships: Fleet) -> None:
    """It counts as uploaded when it was first received, here a day and a half ago."""
    ships.districts["a"]["quiet_seconds"] = {"core": 1}  # a run at a deadline waits so long
    ships.load()
    age_all(ships, -300 * 24)
    assert run(ships) == "unchanged"
    with ships.ledger.transaction() as connection:
        long_ago = stamp(datetime.now(UTC) - timedelta(hours=36))
        connection.execute(sa.update(received).values(received_at=long_ago))
    assert run(ships, due=now()) == "unchanged"
    assert set(causes(ships)) == {"stale"}


@pytest.mark.parametrize(
    ("moment", "is_school"),
    [
        pytest.param(datetime(2027, 3, 13, 9, 30, tzinfo=ZONE), False, id="Saturday"),
        pytest.param(datetime(2027, 1, 16, 1, 0, tzinfo=UTC), True, id="Friday afternoon there"),
        pytest.param(datetime(2027, 1, 18, 1, 0, tzinfo=UTC), False, id="Sunday afternoon there"),
    ],
)
def test_a_day_without_school_asks_for_nothing(
    ships: Fleet, moment: datetime, is_school: bool
) -> None:
    asked = due_schedule(ships, moment)
    assert isinstance(asked, dg.RunRequest) is is_school
    assert is_school or asked.skip_message == "No school today."


def test_a_newer_file_that_no_look_could_find_is_asked_for_when_it_is_due(ships: Fleet) -> None:
    """The morning's file is listed, and since then the network is broken: nobody knows better."""
    ships.upload("a", {ATTENDANCE.file_name: of_today()})
    assert run(ships, job=ATTENDANCE_ALERTS) == "listed"
    monday = datetime(2027, 3, 15, 9, 30, tzinfo=ZONE)
    ships.server.stop()
    assert ships.run(due_schedule(ships, monday), ATTENDANCE_ALERTS) == "failed:3"
    assert causes(ships) == {"failed": {"network": 1}}
    ships.server.start()


def test_whom_the_roster_of_the_morning_did_not_know_is_told_before_the_sending(
    ships: Fleet,
) -> None:
    students = FILES[STUDENTS.file_name]
    lines = students.splitlines(keepends=True)
    ships.upload("a", {STUDENTS.file_name: "".join(lines[:-1])})
    assert run(ships) == "published"
    newcomer = lines[-1].split(",")[0]
    absent = FILES[ATTENDANCE.file_name].splitlines()[0] + f"\n102,{newcomer},0,A,,\n"
    ships.upload("a", {ATTENDANCE.file_name: absent})
    ships.districts["a"]["quiet_seconds"] = {"attendance": 1}  # a run at a deadline waits so long
    ships.load()
    assert run(ships, job=ATTENDANCE_ALERTS) == "nothing_new"
    ships.upload("a", {STUDENTS.file_name: students})
    assert run(ships) == "published"
    request = due_schedule(ships, datetime(2027, 3, 15, 9, 30, tzinfo=ZONE))
    assert ships.run(request, ATTENDANCE_ALERTS) == "listed"


def test_the_published_rosters_alone_have_a_freshness_policy() -> None:
    from connect_pipeline.orchestration.nightly import nightly_assets

    policies = {
        spec.key.to_user_string(): spec.freshness_policy
        for asset in nightly_assets(dg.StaticPartitionsDefinition(["a"]))
        for spec in asset.specs
    }
    a_night = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26))
    assert policies.pop("rosters") == a_night
    assert set(policies.values()) == {None}
