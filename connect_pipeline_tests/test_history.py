"""History and rollback: which snapshot a day had, and what each of them says."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from connect_pipeline import snapshots
from connect_pipeline.contract import STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.decisions import Decision, decide
from connect_pipeline.errors import UsageError
from connect_pipeline.ledger.tables import publications
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.snapshots import history
from connect_pipeline.status.state import overview
from connect_pipeline_tests.our_clock import set_clock
from connect_pipeline_tests.recomputed_roster import recompute
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import (
    NAME,
    SmallHome,
    small_home,
    tables_of,
    with_rows,
)

STUDENT_FILE, CLASS_FILE = STUDENTS.file_name, STAFF_TO_STUDENT.file_name
STAFF_FILE = STAFF.file_name
ZONE = ZoneInfo("America/Los_Angeles")


@pytest.fixture(scope="module")
def three_nights(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """Three nights: on the second Ana takes another bus, on the third she changes schools."""
    files = {**FILES, STUDENT_FILE: FILES[STUDENT_FILE].replace(",SMS", ",Text")}
    home = small_home(server, tmp_path_factory.mktemp("three-nights"), files)
    home.publish()
    home.upload(
        {STUDENT_FILE: home.read(STUDENT_FILE).replace("12345,9,R1,4.50", "12345,9,R2,4.50")}
    )
    home.publish()
    home.upload(
        {
            STUDENT_FILE: home.read(STUDENT_FILE).replace("001,101,Ana", "001,102,Ana"),
            CLASS_FILE: home.read(CLASS_FILE).replace("101,T1,001,1,Algebra I", "102,T3,001,1,Art"),
        }
    )
    home.publish()
    return home


@pytest.fixture
def home(three_nights: SmallHome, tmp_path: Path) -> SmallHome:
    return three_nights.copy(tmp_path)


def let_it_be(home: SmallHome, moments: list[datetime]) -> None:
    """Let the publications have happened at these times, the oldest first."""
    with home.ledger.transaction() as connection:
        ids = connection.execute(sa.select(publications.c.id).order_by(publications.c.id)).scalars()
        for number, moment in zip(list(ids), moments, strict=True):
            connection.execute(
                sa.update(publications)
                .where(publications.c.id == number)
                .values(current_from=moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
            )


NIGHTS = [
    datetime(2026, 10, 1, 23, 59, 59, tzinfo=ZONE),
    datetime(2026, 10, 2, 23, 31, tzinfo=ZONE),
    datetime(2026, 10, 4, 0, 0, tzinfo=ZONE),
]


# -- who was in what -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "night"),
    [
        pytest.param(date(2026, 10, 1), 0, id="a second before midnight, in the district's zone"),
        pytest.param(date(2026, 10, 2), 1, id="that night"),
        pytest.param(date(2026, 10, 3), 1, id="no publication: the one before holds"),
        pytest.param(date(2026, 10, 4), 2, id="at midnight a day begins"),
        pytest.param(date(2026, 12, 1), 2, id="later"),
    ],
)
def test_a_day_has_the_snapshot_that_was_current_at_its_end(
    home: SmallHome, day: date, night: int
) -> None:
    let_it_be(home, NIGHTS)
    found = history.night_on(home.home, home.ledger, NAME, day, ZONE)
    assert found.snapshot_id == home.snapshots()[night]


def test_where_clocks_go_back_at_midnight_a_day_has_its_last_hour_twice(home: SmallHome) -> None:
    chile = ZoneInfo("America/Santiago")
    before = [datetime(2026, 4, day, 23, 30, tzinfo=chile) for day in (2, 3)]
    let_it_be(home, [*before, datetime(2026, 4, 4, 23, 30, fold=1, tzinfo=chile)])
    found = history.night_on(home.home, home.ledger, NAME, date(2026, 4, 4), chile)
    assert found.snapshot_id == home.snapshots()[2]


def test_a_day_that_has_begun_there_and_not_in_utc_is_none_to_come(
    home: SmallHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    guam = ZoneInfo("Pacific/Guam")
    morning = datetime(2026, 10, 7, 5, 0, tzinfo=guam)
    let_it_be(home, [morning - timedelta(days=2), morning - timedelta(days=1), morning])
    set_clock(monkeypatch, morning + timedelta(hours=1))
    found = history.night_on(home.home, home.ledger, NAME, date(2026, 10, 7), guam)
    assert found.snapshot_id == home.snapshots()[2]


def test_before_the_first_night_there_is_nothing(home: SmallHome) -> None:
    let_it_be(home, NIGHTS)
    with pytest.raises(UsageError, match=r"by the end of 2026-09-30"):
        history.night_on(home.home, home.ledger, NAME, date(2026, 9, 30), ZONE)


def test_a_student_and_a_group_are_as_they_were(home: SmallHome) -> None:
    let_it_be(home, NIGHTS)

    def ask(*arguments: str) -> dict[str, object]:
        done = home.command_here("history", NAME, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    first = ask("--student", "001", "--on", "2026-10-01")
    assert first["snapshot_id"] == home.snapshots()[0]
    groups = {one["group_id"] for one in first["groups"]}  # type: ignore[attr-defined]
    assert {"bus_route:101:R1", "site:101"} <= groups
    last = ask("--student", "001")
    groups = {one["group_id"] for one in last["groups"]}  # type: ignore[attr-defined]
    assert {"bus_route:102:R2", "site:102"} <= groups
    assert not {"bus_route:101:R1", "site:101"} & groups
    before = ask("--group", "site:101", "--on", "2026-10-03")
    after = ask("--group", "site:101", "--on", "2026-10-04")
    assert before["member_count"] == 3
    assert [one["id"] for one in after["members"]] == ["002", "003"]  # type: ignore[attr-defined]
    assert ask("--on", "2026-10-02")["changes"] == {"student changed": 1}


def test_a_student_is_nobody_of_the_staff_with_the_same_id(home: SmallHome) -> None:
    staff = home.read(STAFF_FILE)
    home.upload({STAFF_FILE: with_rows(staff, "001,101,Pat,Kim,pat.kim@example.org,Nurse,")})
    home.publish()
    night = history.night_on(home.home, home.ledger, NAME, datetime.now(UTC).date(), ZONE)
    kinds = [group["kind"] for group in history.student_on(night, "001")["groups"]]
    assert [kind for kind in kinds if kind.startswith("staff") or kind == "title"] == []
    assert "bus_route" in kinds
    nurses = history.group_on(night, "staff_title:Nurse")
    assert nurses["members"] == [{"id": "001", "first_name": "Pat", "last_name": "Kim"}]


def test_questions_without_an_answer_are_refused(home: SmallHome) -> None:
    for arguments, says in (
        (("--student", "Zoe-404"), "No student had this ID"),
        (("--student", ""), "No student had this ID"),
        (("--group", ""), "There was no such group"),
        (("--group", "site:Zoe-404"), "There was no such group"),
        (("--on", "yesterday"), "--on is a day such as"),
        (("--student", "001", "--group", "site:101"), "not for both"),
    ):
        done = home.command_here("history", NAME, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
        assert "Zoe" not in done.stderr  # no part of a snapshot's ID looks like this


@pytest.mark.parametrize(
    ("on", "says"),
    [
        (f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}", "has not been yet"),
        ("9999-12-31", "has not been yet"),
        ("2026-W48", "a day such as 2026-10-02"),
        ("20261002", "a day such as 2026-10-02"),
        ("2026-11-31", "a day such as 2026-10-02"),
    ],
)
def test_a_day_that_has_not_been_has_no_answer(home: SmallHome, on: str, says: str) -> None:
    done = home.command_here("history", NAME, "--on", on)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_damaged_snapshot_is_said(home: SmallHome) -> None:
    home.home.snapshot(NAME, home.current()).write_bytes(b"no database")
    damaged = home.command_here("history", NAME)
    assert damaged.returncode == 3
    assert "cannot be read" in damaged.stdout + damaged.stderr
    assert "bug" not in damaged.stdout + damaged.stderr


def test_people_read_it_as_tables(home: SmallHome) -> None:
    done = home.command_here("history", NAME, "--student", "001")
    assert done.returncode == 0, done.stderr
    assert "first name: Ana" in done.stdout
    assert "site:102" in done.stdout


# -- retention -----------------------------------------------------------------------------------


def test_a_day_whose_snapshot_is_gone_says_so(home: SmallHome) -> None:
    let_it_be(home, NIGHTS)
    gone, kept, _ = home.snapshots()
    snapshots.prune(home.home, home.ledger, NAME, keep=2)
    with pytest.raises(UsageError, match=rf"{gone} was published .* oldest that is kept is {kept}"):
        history.night_on(home.home, home.ledger, NAME, date(2026, 10, 1), ZONE)
    done = home.command_here("rollback", NAME, gone)
    assert done.returncode == 2
    assert "is no longer kept" in done.stderr
    assert kept in done.stderr


def test_the_setting_says_how_many_nights_stay(home: SmallHome) -> None:
    home.write_settings(keep={"snapshots": 2})
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace("Korean", "Russian")})
    newest = home.publish()
    assert home.snapshots()[-1] == newest
    assert len(home.snapshots()) == 2


# -- rollback ------------------------------------------------------------------------------------


def test_tables_after_each_night_and_a_rollback_are_as_recomputed(home: SmallHome) -> None:
    """N, N+1, back to N, N+2: what people read is what the files of that night say."""
    nights = [home.read(STUDENT_FILE), home.read(STUDENT_FILE).replace("Ben,Ito", "Ben,Sato")]
    assert_as_recomputed(home)
    first, first_bytes = home.current(), home.roster_bytes()
    home.upload({STUDENT_FILE: nights[1]})
    home.publish()
    assert_as_recomputed(home)

    with home.here():
        snapshots.roll_back(home.home, home.ledger, NAME, first, "Pat Operator")
    home.upload({STUDENT_FILE: nights[0]})
    assert home.roster_bytes() == first_bytes
    assert_as_recomputed(home)

    home.upload({STUDENT_FILE: nights[1].replace("Sato", "Kato")})
    held = home.nightly()
    assert (held.outcome, list(held.report.holding_codes())) == ("held", ["rolled_back"])
    (reason,) = held.hold_preview["reasons"]
    assert reason["message"].startswith("An operator rolled back to an earlier snapshot. Approve")
    assert home.roster_bytes() == first_bytes, "the next sync does not silently undo it"
    with home.here():
        decide(home.home, NAME, Decision.APPROVED, "Pat Operator")
    home.publish()
    assert_as_recomputed(home)
    assert home.ledger.current_snapshot(NAME)["rolled_back"] is False  # type: ignore[index]
    log = [(row["rolled_back"], row["by"]) for row in home.ledger.publications_of(NAME)]
    assert log[:3] == [(False, None), (True, "Pat Operator"), (False, None)]


def assert_as_recomputed(home: SmallHome) -> None:
    files = {**FILES, **{name: home.read(name) for name in (STUDENT_FILE, CLASS_FILE)}}
    expected = recompute(files, home.sites, Decimal(0))
    tables = tables_of(home.roster)
    for name in ("staff", "students", "student_sites", "contacts", "sites"):
        assert set(tables[f"connect.{name}"]) == getattr(expected, name), name
    rosters = {(row[7], row[3], row[5], row[6]) for row in tables["connect.rosters"]}
    assert rosters == {(row[7], row[3], row[5], row[6]) for row in expected.rosters}
    sizes = sorted((row[1], row[2], row[5]) for row in tables["connect.groups"])
    assert sizes == sorted((key[0], key[1], len(key[3])) for key in expected.groups)


def test_who_went_back_is_reminded_of_it(home: SmallHome) -> None:
    """Until another night is published, families are written to from an old one."""
    said = "(an operator went back to it)"
    (line,) = overview(home.home, home.ledger, [NAME])
    assert line.attention == []
    assert said not in home.command_here("status", NAME).stdout
    with home.here():
        snapshots.roll_back(home.home, home.ledger, NAME, home.snapshots()[0], "Pat Operator")
    (line,) = overview(home.home, home.ledger, [NAME])
    assert line.attention == ["rolled back"]
    assert said in home.command_here("status", NAME).stdout


def test_going_back_to_a_day_is_history_too(home: SmallHome) -> None:
    first, _, last = home.snapshots()
    with home.here():
        snapshots.roll_back(home.home, home.ledger, NAME, first, "Pat Operator")
    let_it_be(home, [*NIGHTS, NIGHTS[2] + timedelta(days=2)])
    found = [
        history.night_on(home.home, home.ledger, NAME, date(2026, 10, day), ZONE).snapshot_id
        for day in (5, 6)
    ]
    assert found == [last, first]
