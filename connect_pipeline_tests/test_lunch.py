"""Low lunch balances: whose family is told, at most every so many days, and why others are not."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from connect_pipeline.alarms import open_alarms
from connect_pipeline.attendance.lunch import CLERKS_LIST, LunchBatch, LunchList
from connect_pipeline.attendance.staging import settle_batches
from connect_pipeline.checks import prepare
from connect_pipeline.contract import CORE, STAFF, STUDENTS, ExportSpec
from connect_pipeline.databases import open_scratch
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.ledger import open_ledger
from connect_pipeline.ledger.tables import batches, listed
from connect_pipeline.published import LUNCH_LIST
from connect_pipeline.run.lost_lists import refuse_lost_balances
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.settings import LunchList as Wanted
from connect_pipeline.snapshots import roll_back
from connect_pipeline_tests.attendance_oracle import Oracle
from connect_pipeline_tests.attendance_runs import NAME, NOON, Runs, absence, district
from connect_pipeline_tests.dying import KILLED, dies_before
from connect_pipeline_tests.our_clock import set_clock
from connect_pipeline_tests.small_home import NAME as SPRINGFIELD
from connect_pipeline_tests.small_home import SmallHome, main, small_home, without_rows
from connect_pipeline_tests.small_roster import Contact, Student, write_roster

EXAMPLES = int(os.environ.get("CONNECT_TESTS_EXAMPLES", "10"))

EVA = Contact("primary", "Eva Ruiz", "+12015550111", "Eva@example.com")
ANA = Student("001", "Ana Ruiz", contacts=(EVA,), language="es", lunch_balance="-3.00")
BEN = Student("002", "=Ben Ruiz", ("101", "102"), contacts=(EVA,), lunch_balance="-0.01")
CHO = Student("003", "Cho Park", contacts=(EVA,), lunch_balance="0.00")
DIA = Student("004", "Dia Roy", lunch_balance="-1.00")
ELI = Student("005", "Eli Roy", contacts=(EVA,))


@dataclass
class Nights:
    """A home with a published roster, and the lists of its nights."""

    runs: Runs
    every_days: int = 7

    @classmethod
    def at(cls, root: Path, *students: Student, every_days: int = 7) -> Nights:
        nights = cls(Runs.at(root, students))
        nights.runs.district = nights.runs.district.model_copy(
            update={"lunch_list": Wanted(enabled=True, every_days=every_days)}
        )
        return nights

    @property
    def folder(self) -> Path:
        return self.runs.home.outbox(NAME) / "low_lunch_balance"

    def night(self, day: float = 0, *students: Student) -> LunchBatch | None:
        """The list of a night so many days after the first; with another roster, if given."""
        if students:
            write_roster(self.runs.home.roster(NAME), students)
        ledger = open_ledger(self.runs.home)
        settle_batches(self.runs.home, ledger, NAME)
        with open_scratch() as connection:
            prepare(connection, self.runs.district)
            return LunchList(
                connection=connection,
                home=self.runs.home,
                name=NAME,
                district=self.runs.district,
                ledger=ledger,
                run_id="run-1",
                set_sha256="0" * 64,
                now=NOON + timedelta(days=day),
            ).write()

    def list_of(self, batch: LunchBatch) -> Path:
        """Where the sender finds it."""
        return self.folder / f"{batch.batch_id}.csv"

    def rows(self, batch: LunchBatch | None) -> list[dict[str, str]]:
        assert batch is not None
        return list(csv.DictReader(self.list_of(batch).read_text(encoding="utf-8").splitlines()))

    def fates(self) -> dict[str, str]:
        """Student to `listed` or the reason, as the clerk reads it."""
        path = self.runs.home.reports(NAME) / CLERKS_LIST
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        return {row["student_id"]: row["reason"] or row["status"] for row in rows}


def test_a_clerks_list_that_cannot_be_written_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, ANA)
    (nights.runs.home.reports(NAME) / CLERKS_LIST / "in the way").mkdir(parents=True)
    assert nights.rows(nights.night())


def test_siblings_are_one_recipient_and_the_list_has_what_a_message_needs(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, ANA, BEN, CHO, DIA, ELI)
    batch = nights.night()
    assert batch is not None
    assert batch.recipients == {"email": 1, "sms": 1}
    assert list(nights.rows(batch)[0]) == [column.name for column in LUNCH_LIST.columns]
    assert [row | {"batch_id": "", "listed_at": ""} for row in nights.rows(batch)[:2]] == [
        {
            "batch_id": "",
            "listed_at": "",
            "date": "2026-10-06",
            "channel": "email",
            "destination": "eva@example.com",
            "language": "es",
            "contact_names": "Eva Ruiz",
            "student_id": "001",
            "student_name": "Ana Ruiz",
            "lunch_balance": "-3.00",
            "site_name": "Lincoln High School",
            "site_phone": "+12015550100",
        },
        {
            "batch_id": "",
            "listed_at": "",
            "date": "2026-10-06",
            "channel": "email",
            "destination": "eva@example.com",
            "language": "es",
            "contact_names": "Eva Ruiz",
            "student_id": "002",
            "student_name": "'=Ben Ruiz",
            "lunch_balance": "-0.01",
            "site_name": "Lincoln High School, Rosa Parks Elementary School",
            "site_phone": "+12015550100",
        },
    ]
    assert len(nights.rows(batch)) == 4


def test_two_schools_that_are_one_site_are_named_once(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, BEN)
    with duckdb.connect(str(nights.runs.home.roster(NAME))) as connection:
        connection.execute("UPDATE connect.student_sites SET site_id = '101'")
    assert {row["site_name"] for row in nights.rows(nights.night())} == {"Lincoln High School"}


def test_the_manifest_proves_the_list_and_holds_no_balance(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, ANA, DIA)
    batch = nights.night()
    assert batch is not None
    content = nights.list_of(batch).read_bytes()
    text = nights.list_of(batch).with_suffix(".json").read_text()
    manifest = json.loads(text)
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert (manifest["rows"], manifest["students"]) == (2, 1)
    assert manifest["accounting"] == {"listed": 1, "no_usable_contact": 1}
    assert manifest["roster"]["snapshot_id"] == "snapshot-1"
    assert "3.00" not in text


def test_everyone_below_the_threshold_is_accounted_for(tmp_path: Path) -> None:
    leo = Contact("primary", "Leo Ruiz", "+12015550112")
    out = Student("006", contacts=(leo,), lunch_balance="-2.00")
    nights = Nights.at(tmp_path, ANA, CHO, DIA, ELI, out)
    path = tmp_path / "opt_outs" / f"{NAME}.csv"
    path.parent.mkdir()
    path.write_text("channel,destination\nsms,+12015550112\nvoice,+12015550112\n")
    assert nights.night() is not None
    assert nights.fates() == {"001": "listed", "004": "no_usable_contact", "006": "opted_out"}
    assert nights.night(1) is None
    assert nights.fates()["001"] == "listed_recently"


def test_a_balance_of_an_earlier_night_tells_nobody(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, ANA, replace(BEN, schools=("101",)))
    with duckdb.connect(str(nights.runs.home.roster(NAME))) as connection:
        connection.execute(
            "INSERT INTO connect.kept (entity, key, reason) VALUES"
            " ('student', '001', 'row_quarantined'), ('staff', '002', 'row_quarantined'),"
            " ('student_site', '002', 'add_only')"
        )
    assert {row["student_id"] for row in nights.rows(nights.night())} == {"002"}
    assert nights.fates() == {"001": "balance_is_old", "002": "listed"}


def test_the_threshold_is_the_setting_and_money_is_exact(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, replace(ANA, lunch_balance="0.10"), CHO)
    nights.runs.district = nights.runs.district.model_copy(update={"low_lunch_balance": 0.1})
    assert {row["student_id"] for row in nights.rows(nights.night())} == {"003"}


def test_a_student_is_listed_again_on_the_day_that_it_is_due(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, ANA, every_days=3)
    assert [day for day in range(10) if nights.night(day)] == [0, 3, 6, 9]


def test_nights_are_counted_in_the_districts_days_also_when_clocks_change(tmp_path: Path) -> None:
    """A list at 23:30, when the next day has begun in UTC; the next one is after midnight."""
    nights = Nights.at(tmp_path, ANA, every_days=7)
    zone = nights.runs.district.zone
    listed_on = []
    for day in ("2026-10-26 23:30", "2026-11-01 23:59", "2026-11-02 00:01", "2026-11-08 23:59"):
        moment = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
        batch = nights.night((moment - NOON) / timedelta(days=1))
        if batch is not None:
            manifest = json.loads(nights.list_of(batch).with_suffix(".json").read_text())
            listed_on.append(manifest["date"])
    assert listed_on == ["2026-10-26", "2026-11-02"]


def test_another_phone_is_no_reason_to_tell_the_family_again(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, ANA)
    assert nights.night() is not None
    moved = replace(ANA, contacts=(replace(EVA, phone="+12015550119"),))
    assert nights.night(1, moved) is None
    assert {row["destination"] for row in nights.rows(nights.night(7, moved))} == {
        "eva@example.com",
        "+12015550119",
    }


def test_absences_and_balances_of_a_day_know_nothing_of_each_other(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, ANA, BEN)
    nights.runs.district = district(send_at=["11:00", "12:00", "17:30"])
    assert nights.night() is not None
    absences = nights.runs.file([absence("001")])
    assert absences is not None
    assert absences.students == 1
    assert absences.missed_send_time == "12:00", "the list of 12:00 is not of absences"
    assert nights.runs.file([absence("001")]) is None
    nights.runs.file([])
    assert nights.runs.accounting() == {"001": "cleared"}
    assert nights.night() is None
    assert len(list(nights.folder.glob("*.csv"))) == 1


def test_the_ledger_has_keyed_hashes_and_no_balance(tmp_path: Path) -> None:
    nights = Nights.at(tmp_path, ANA)
    batch = nights.night()
    assert batch is not None
    ledger = nights.runs.ledger()
    (row,) = ledger.rows(sa.select(listed))
    assert (row["student_id"], row["date"], row["batch_id"], row["period"]) == (
        *("001", "2026-10-06", batch.batch_id),
        "",
    )
    assert set(row["destination_hash"].split()) == {
        f"email:{ledger.hashed('eva@example.com')[:32]}",
        f"sms:{ledger.hashed('+12015550111')[:32]}",
    }
    (made,) = ledger.rows(sa.select(batches))
    assert made["counts"] == {"email": 1, "sms": 1, "low_lunch_balance": 1}


def test_without_its_ledger_nobody_is_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = Nights.at(tmp_path, ANA)
    assert nights.night() is not None
    set_clock(monkeypatch, NOON + timedelta(days=7))
    home, district = nights.runs.home, nights.runs.district
    refuse_lost_balances(home, nights.runs.ledger(), NAME, district)
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(EnvironmentFault, match="of the last 8 days that the ledger does not"):
        refuse_lost_balances(home, nights.runs.ledger(), NAME, district)
    set_clock(monkeypatch, NOON + timedelta(days=9))
    refuse_lost_balances(home, nights.runs.ledger(), NAME, district)
    set_clock(monkeypatch, NOON)
    off = district.model_copy(update={"lunch_list": Wanted()})
    refuse_lost_balances(home, nights.runs.ledger(), NAME, off)


# -- at most every so many days, against a plain oracle --------------------------------------------

IDS = ["001", "002", "003", "004"]
pupils = st.lists(
    st.builds(
        Student,
        student_id=st.just(""),
        method=st.sampled_from([None, "text", "phone", "email", "all"]),
        lunch_balance=st.sampled_from([None, "-5.00", "-0.01", "0.00", "4.99", "5.00"]),
        contacts=st.lists(
            st.builds(
                Contact,
                relation=st.just("primary"),
                phone=st.sampled_from([None, "+12015550111", "+12015550112"]),
                email=st.sampled_from([None, "eva@example.com"]),
            ),
            max_size=1,
        ).map(tuple),
    ),
    min_size=len(IDS),
    max_size=len(IDS),
).map(lambda found: [replace(one, student_id=IDS[place]) for place, one in enumerate(found)])
gaps = st.lists(st.integers(0, 4), min_size=1, max_size=6)


@dataclass
class PlainOracle:
    """Whom a night lists, with a dictionary of the last time."""

    every_days: int
    threshold: float
    last: dict[str, date] = field(default_factory=dict)

    def night(self, day: date, roster: list[Student]) -> dict[tuple[str, str, str], str]:
        expected: dict[tuple[str, str, str], str] = {}
        for one in roster:
            if one.lunch_balance is None or float(one.lunch_balance) >= self.threshold:
                continue
            last = self.last.get(one.student_id)
            if last is not None and (day - last).days < self.every_days:
                continue
            oracle = Oracle({}, day)
            for channel, destination in oracle._destinations(one):
                expected[channel, destination, one.student_id] = one.lunch_balance
                self.last[one.student_id] = day
        return expected


@contextmanager
def folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="connect-"))
    try:
        yield root
    finally:
        shutil.rmtree(root)


@settings(max_examples=EXAMPLES)
@given(st.integers(1, 5), st.sampled_from([0.0, 5.0]), gaps, st.data())
def test_random_nights_list_whom_the_oracle_lists(
    every_days: int, threshold: float, between: list[int], data: st.DataObject
) -> None:
    with folder() as root:
        nights = Nights.at(root, ANA, every_days=every_days)
        nights.runs.district = nights.runs.district.model_copy(
            update={"low_lunch_balance": threshold}
        )
        oracle, day = PlainOracle(every_days, threshold), 0
        for days in between:
            day += days
            roster = data.draw(pupils)
            batch = nights.night(day, *roster)
            expected = oracle.night(datetime(2026, 10, 6).date() + timedelta(days=day), roster)  # noqa: DTZ001
            found = {
                (row["channel"], row["destination"], row["student_id"]): row["lunch_balance"]
                for row in (nights.rows(batch) if batch else ())
            }
            assert found == expected
            rows = nights.rows(batch) if batch else []
            assert len(rows) == len(expected), "an entry is there twice"
            below = {
                one.student_id
                for one in roster
                if one.lunch_balance is not None and float(one.lunch_balance) < threshold
            }
            fates = nights.fates()
            assert set(fates) == below
            assert {who for who, fate in fates.items() if fate == "listed"} == {
                student for _channel, _destination, student in expected
            }


# -- the nightly job -------------------------------------------------------------------------------

LIST = {"lunch_list": {"enabled": True}, "low_lunch_balance": 2, "timezone": "UTC"}


def told(home: SmallHome) -> list[tuple[str, str, str]]:
    """Every line of every list, as a sender finds them; each list is whole."""
    found = []
    for path in sorted((home.home.outbox(SPRINGFIELD) / "low_lunch_balance").glob("*.json")):
        content = path.with_suffix(".csv").read_bytes()
        assert json.loads(path.read_text())["sha256"] == hashlib.sha256(content).hexdigest()
        found += [
            (row["channel"], row["destination"], row["student_id"])
            for row in csv.DictReader(content.decode().splitlines())
        ]
    return sorted(found)


EXPECTED = [
    ("email", "mei@example.com", "002"),
    ("sms", "+12015550116", "006"),
    ("voice", "+12015550114", "004"),
    ("voice", "+12015550114", "005"),
]


def test_the_nightly_job_lists_once_and_not_when_it_is_held(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    home = small_home(server, tmp_path, **LIST)
    assert home.run().outcome == "published"
    assert told(home) == EXPECTED
    ((published_at,),) = home.query("SELECT published_at FROM connect.snapshot")
    (made,) = home.ledger.rows(sa.select(batches.c.listed_at))
    assert datetime.fromisoformat(made["listed_at"]) >= published_at.replace(microsecond=0)
    assert home.run().outcome == "unchanged"
    assert told(home) == EXPECTED

    students = home.read(STUDENTS.file_name)
    home.upload({STUDENTS.file_name: students.replace("R1,4.50", "R1,-4.50")})
    assert home.run().outcome == "published"
    with_ana = sorted([*EXPECTED, ("sms", "+12015550111", "001")])
    assert told(home) == with_ana

    others = students.replace(",,2.00,", ",,-2.00,")
    home.upload({STUDENTS.file_name: without_rows(others, "004,", "005,", "006,")})
    assert home.run().outcome == "held"
    assert told(home) == with_ana


def test_a_night_without_news_lists_who_is_due(server: EmbeddedServer, tmp_path: Path) -> None:
    home = small_home(server, tmp_path, **LIST)
    assert home.run().outcome == "published"
    with home.here(), home.ledger.transaction() as transaction:
        week_ago = (datetime.now(UTC) - timedelta(days=7)).date().isoformat()
        transaction.execute(sa.update(listed).values(date=week_ago))
    again = home.run()
    assert again.outcome == "unchanged"
    assert told(home) == sorted(EXPECTED * 2)
    made = home.materialized(again.run_id)
    assert made.keys() == {"rosters", "lunch_recipients"}
    assert all(one["seconds"] > 0 for one in made.values())


def test_a_ledger_that_was_lost_since_a_list_of_days_ago_tells_nobody_again(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = small_home(server, tmp_path, **LIST)
    today = datetime.now(UTC)
    set_clock(monkeypatch, today - timedelta(days=6))
    for spec in CORE:
        os.utime(home.drop / spec.file_name, ((today - timedelta(days=6)).timestamp(),) * 2)
    assert home.nightly().outcome == "published"
    assert told(home) == sorted(EXPECTED)
    home.home.ledger_file.unlink()
    set_clock(monkeypatch, today)
    for spec in CORE:
        os.utime(home.drop / spec.file_name, (today.timestamp(),) * 2)
    run = home.nightly()
    assert (run.outcome, "does not know" in run.message) == ("failed:3", True)
    assert told(home) == sorted(EXPECTED)
    doctor = home.command_here("doctor", SPRINGFIELD).stdout
    assert f"BAD {SPRINGFIELD}: what is published: {SPRINGFIELD}: " in doctor


def test_nobody_is_told_of_balances_that_an_operator_went_back_to(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """Also when the district uploads that file once more: who has paid since is in no file."""
    home = small_home(server, tmp_path, **{**LIST, "lunch_list": {"enabled": False}})
    first = home.read(STUDENTS.file_name)
    before = home.publish()
    home.upload({STUDENTS.file_name: first.replace("English", "Polish")})
    home.publish()
    with home.here():
        roll_back(home.home, home.ledger, SPRINGFIELD, before, "Pat Operator")
    home.write_settings(**LIST)
    home.upload({STUDENTS.file_name: first})
    assert home.nightly().outcome == "unchanged"
    assert told(home) == []


@pytest.mark.parametrize(("old", "expected"), [(STUDENTS, []), (STAFF, EXPECTED)])
def test_a_student_file_of_before_the_last_deadline_lists_nobody(
    server: EmbeddedServer, tmp_path: Path, old: ExportSpec, expected: list[str]
) -> None:
    """Also when it is published: who has paid since must not be told. Others have no balances."""
    home = small_home(server, tmp_path, mixed_nights_hours=1000, **LIST)
    days_ago = time.time() - 5 * 24 * 3600
    os.utime(home.drop / old.file_name, (days_ago, days_ago))
    home.publish()
    assert told(home) == expected


@pytest.mark.parametrize(("hours_ago", "expected"), [(23.8, []), (2, EXPECTED)])
def test_a_student_file_of_the_night_before_lists_nobody_at_the_deadline(
    server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hours_ago: float,
    expected: list[str],
) -> None:
    """It came ten minutes after the deadline before, and who paid at noon is not in it."""
    home = small_home(server, tmp_path, deadline="23:30", **LIST)
    due = datetime(2026, 10, 12, 23, 30, 1, tzinfo=ZoneInfo("America/Los_Angeles"))
    set_clock(monkeypatch, due)
    uploaded = due.timestamp() - hours_ago * 3600
    for spec in CORE:
        os.utime(home.drop / spec.file_name, (uploaded, uploaded))
    assert home.nightly().outcome == "published"
    assert told(home) == expected


def test_a_student_file_of_before_that_is_uploaded_again_lists_nobody(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    """Its balances are as old as it is, also in a later run that finds it there, until another."""
    home = small_home(server, tmp_path, **{**LIST, "lunch_list": {"enabled": False}})
    first = home.read(STUDENTS.file_name)
    news = [first.replace("English", one) for one in ("Spanish", "Polish")]
    for text in (first, news[0]):
        home.upload({STUDENTS.file_name: text})
        home.publish()
    home.write_settings(**LIST)
    home.upload({STUDENTS.file_name: first})
    assert [home.nightly().outcome for _ in range(2)] == ["published", "unchanged"]
    assert told(home) == []
    home.upload({STUDENTS.file_name: news[1]})
    home.publish()
    assert told(home) == EXPECTED


def test_no_list_is_made_unless_the_settings_say_so(server: EmbeddedServer, tmp_path: Path) -> None:
    home = small_home(server, tmp_path, low_lunch_balance=2)
    published = home.run()
    assert published.outcome == "published"
    made = home.materialized(published.run_id)["lunch_recipients"]
    assert (made["dagster/row_count"], made["list"]) == (0, "off")
    assert not home.home.outbox(SPRINGFIELD).exists()
    assert not (home.home.reports(SPRINGFIELD) / CLERKS_LIST).exists()


# -- killed ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evening(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """Files in the drop of which nothing is published."""
    return small_home(server, tmp_path_factory.mktemp("evening"), **LIST)


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_night_killed_before_the_steps_of_listing_lists_once(
    evening: SmallHome, tmp_path: Path, every: int
) -> None:
    """From the first staged file on, and the two steps before it, which publish the night."""
    assert dies_before(evening.copy(tmp_path / "0"), main, 0, tmp_path / "log") == 0
    steps = (tmp_path / "log").read_text().splitlines()
    first = next(n for n, step in enumerate(steps, 1) if "low_lunch_balance" in step)
    for step in range(first - 2, len(steps) + 1, every):
        home = evening.copy(tmp_path / str(step))
        assert dies_before(home, main, step, tmp_path / "log") == KILLED
        assert told(home) in ([], EXPECTED)
        assert home.nightly().outcome in ("published", "unchanged")
        assert told(home) == EXPECTED
        left = [path.name for path in home.home.root.rglob("*") if path.name.endswith(".staged")]
        assert left == []


def test_a_night_whose_list_fails_says_that_it_is_published(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    home, file = small_home(server, tmp_path, **LIST), STUDENTS.file_name
    text = home.read(file)
    home.upload({file: "ID\n"})
    assert home.nightly().outcome == "blocked"
    home.upload({file: text})
    opt_outs = home.home.root / "opt_outs"
    opt_outs.mkdir()
    (opt_outs / f"{SPRINGFIELD}.csv").write_text("a\n")
    run = home.nightly()
    assert {one["cause"] for one in open_alarms(home.ledger)} == {"failed"}
    assert (run.outcome, run.done) == ("failed:2", "published")
    assert "<p>These files are published. What failed came after" in run.report_page.read_text()
