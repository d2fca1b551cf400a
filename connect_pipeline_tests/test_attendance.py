"""Absence alerts on small, literal cases: who is told of what, once, and why others are not."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from connect_pipeline import keyed_hash
from connect_pipeline.attendance import hold
from connect_pipeline.attendance.batch import Batch
from connect_pipeline.attendance.day import CLERKS_LIST, AttendanceDay
from connect_pipeline.contract import CORE
from connect_pipeline.errors import EnvironmentFault, Refused, SettingsError
from connect_pipeline.home import Home
from connect_pipeline.ledger import CORE_JOB, Ledger
from connect_pipeline.ledger.tables import batches, listed
from connect_pipeline.published import ATTENDANCE_TABLES
from connect_pipeline_tests.attendance_runs import (
    ANA,
    BEN,
    CHO,
    EVA,
    LEO,
    NAME,
    NOON,
    YESTERDAY,
    Row,
    Runs,
    absence,
    at_once,
    changes,
    channels,
    cleared_lists,
    district,
    list_both,
    opt_out,
    school_of,
)
from connect_pipeline_tests.reading import reading
from connect_pipeline_tests.small_roster import Contact, Student, enroll, write_roster


def outbox_file(runs: Runs, batch: Batch) -> Path:
    return runs.home.outbox(NAME) / f"{batch.batch_id}.csv"


def outbox(runs: Runs, batch: Batch) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(outbox_file(runs, batch).read_text(encoding="utf-8"))))


def test_one_destination_gets_one_entry_with_all_its_children(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    batch = runs.file([absence("002"), absence("001", "2"), absence("001", "10"), absence("001")])
    assert batch is not None
    assert batch.recipients == {"email": 1, "sms": 1}
    assert batch.students == 2
    assert runs.published(
        "SELECT channel, destination, contact_names, language, student_ids"
        " FROM attendance.recipients ORDER BY channel"
    ) == [
        ("email", "eva@example.com", ["Eva Ruiz"], "es", ["001", "002"]),
        ("sms", "+12015550111", ["Eva Ruiz"], "es", ["001", "002"]),
    ]
    assert runs.told() == [
        ("email", "eva@example.com", "001", ("1", "2", "10")),
        ("email", "eva@example.com", "002", ("1",)),
        ("sms", "+12015550111", "001", ("1", "2", "10")),
        ("sms", "+12015550111", "002", ("1",)),
    ]


def test_what_is_said_is_there_in_the_order_of_periods(tmp_path: Path) -> None:
    classes = {("101", "1"): "Maria Lopez", ("101", "2"): "James Chen"}
    runs = Runs.at(tmp_path, [Student("001", "Ana Ruiz", contacts=(EVA,), classes=classes)])
    runs.file([absence("001", "10", "U"), absence("001", "2"), absence("001", "1", teacher="Kim")])
    assert runs.published(
        "SELECT DISTINCT student_name, site_name, site_phone, periods, codes, teacher_names"
        " FROM attendance.recipient_absences"
    ) == [
        (
            "Ana Ruiz",
            "Lincoln High School",
            "+12015550100",
            ["1", "2", "10"],
            ["A", "A", "U"],
            ["Kim", "James Chen", None],
        )
    ]
    assert runs.published("SELECT DISTINCT site_id, date FROM attendance.absences") == [
        ("101", date(2026, 10, 6))
    ]


def test_the_published_tables_are_those_that_consumers_were_promised(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001")])
    for table in ATTENDANCE_TABLES:
        found = runs.published(f"SELECT column_name, column_type FROM (DESCRIBE {table.name})")
        assert found == [(column.name, column.type) for column in table.columns], table.name


def test_both_contacts_are_told_and_the_student_never_is(tmp_path: Path) -> None:
    self = Contact("self", "Ana Ruiz", "+12015550177", "ana@example.org")
    runs = Runs.at(tmp_path, [Student("001", contacts=(EVA, LEO, self))])
    runs.file([absence("001")])
    assert channels(runs) == {
        ("sms", "+12015550111"),
        ("sms", "+12015550112"),
        ("email", "eva@example.com"),
        ("email", "leo@example.com"),
    }


def test_two_contacts_at_one_destination_are_one_entry(tmp_path: Path) -> None:
    leo = Contact("secondary", "Leo Ruiz", EVA.phone, "EVA@EXAMPLE.COM")
    runs = Runs.at(tmp_path, [Student("001", contacts=(EVA, leo))])
    runs.file([absence("001")])
    assert runs.published(
        "SELECT channel, contact_names FROM attendance.recipients ORDER BY channel"
    ) == [("email", ["Eva Ruiz", "Leo Ruiz"]), ("sms", ["Eva Ruiz", "Leo Ruiz"])]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("text", {"sms"}),
        ("phone", {"voice"}),
        ("email", {"email"}),
        ("all", {"sms", "voice", "email"}),
        (None, {"sms", "email"}),
    ],
)
def test_the_preferred_method_picks_the_channels(
    tmp_path: Path, method: str | None, expected: set[str]
) -> None:
    runs = Runs.at(tmp_path, [Student("001", method=method, contacts=(EVA,))])
    runs.file([absence("001")])
    assert {channel for channel, _destination in channels(runs)} == expected


@pytest.mark.parametrize(
    ("method", "contact", "expected"),
    [
        ("text", Contact(name="Eva", email="eva@example.com"), {"email"}),
        ("email", Contact(name="Eva", phone="+12015550111"), {"sms", "voice"}),
        (None, Contact(name="Eva", email="eva@example.com"), {"email"}),
    ],
)
def test_without_a_usable_preferred_channel_any_usable_one_is_used(
    tmp_path: Path, method: str | None, contact: Contact, expected: set[str]
) -> None:
    runs = Runs.at(tmp_path, [Student("001", method=method, contacts=(contact,))])
    runs.file([absence("001")])
    assert {channel for channel, _destination in channels(runs)} == expected


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (("es", "es"), "es"),
        (("es", "vi"), "en"),
        (("es", None), "es"),
        ((None, None), "en"),
    ],
)
def test_the_language_is_the_childrens_or_the_districts(
    tmp_path: Path, languages: tuple[str | None, ...], expected: str
) -> None:
    children = [
        Student(f"00{number}", contacts=(EVA,), language=language)
        for number, language in enumerate(languages)
    ]
    runs = Runs.at(tmp_path, children)
    batch = runs.file([absence(child.student_id) for child in children])
    assert runs.published("SELECT DISTINCT language FROM attendance.recipients") == [(expected,)]
    assert batch is not None
    manifest = json.loads(outbox_file(runs, batch).with_suffix(".json").read_text())
    assert manifest["recipients_with_mixed_languages"] == (2 if languages == ("es", "vi") else 0)


def test_everyone_is_accounted_for_with_one_reason(tmp_path: Path) -> None:
    runs = Runs.at(
        tmp_path, [ANA, CHO, Student("004", contacts=(LEO,)), Student("005", contacts=(EVA,))]
    )
    opt_out(runs, "sms,(201) 555-0112", "email,LEO@example.com")
    runs.file(
        [
            absence("001"),
            absence("003"),
            absence("004"),
            absence("005", code="T"),
            absence("006"),
            absence("007", date=YESTERDAY),
        ]
    )
    assert runs.accounting() == {
        "001": "listed",
        "003": "no_usable_contact",
        "004": "opted_out",
        "005": "code_does_not_alert",
        "006": "unknown_student",
        "007": "not_today",
    }


def test_codes_that_alert_are_the_districts_or_the_schools(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN], school_alert_codes={"102": ("T",)})
    runs.file(
        [
            absence("001", code="T"),
            absence("001", "2", code="a"),
            absence("002", code="T", school="102"),
            absence("002", "2", code="A", school="102"),
        ]
    )
    assert runs.accounting() == {"001": "code_does_not_alert", "002": "listed"}
    assert {periods for *_rest, periods in runs.told()} == {("1",)}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([absence("001", date="")], "listed"),
        ([absence("001", date=None)], "listed"),
        ([absence("001", date="2026-10-06")], "listed"),
        ([absence("001", date="10/07/26")], "not_today"),
    ],
)
def test_a_row_is_of_its_date_or_of_the_files_arrival(
    tmp_path: Path, rows: list[Row], expected: str
) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file(rows)
    assert runs.accounting() == {"001": expected}


def test_a_file_without_dates_that_arrived_yesterday_alerts_nobody(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    # 23:59 in Los Angeles, which is today already in UTC.
    yesterday = datetime(2026, 10, 6, 6, 59, tzinfo=UTC)
    assert runs.file([absence("001", date=None)], arrived_at=yesterday) is None
    assert runs.accounting() == {"001": "not_today"}


def test_today_is_the_districts_day_and_not_utcs(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.now = datetime(2026, 10, 7, 5, 0, tzinfo=UTC)
    assert runs.file([absence("001", date="10/06/26")]) is not None
    assert runs.accounting() == {"001": "listed"}


def test_a_day_without_school_alerts_nobody(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA], no_school=["2026-10-05 to 2026-10-06"])
    assert runs.file([absence("001")]) is None
    assert runs.accounting() == {"001": "no_school_day"}


def test_fewer_periods_than_the_minimum_do_not_alert(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN], min_periods=2)
    runs.file([absence("001"), absence("001", "2"), absence("002"), absence("002", "2", "T")])
    assert runs.accounting() == {"001": "listed", "002": "too_few_periods"}


@pytest.mark.parametrize("policy", ["once_per_day", "each_new_period"])
def test_who_was_told_of_enough_periods_is_listed_already_with_fewer(
    policy: str, tmp_path: Path
) -> None:
    runs = Runs.at(tmp_path, [ANA], min_periods=2, policy=policy)
    runs.file([absence("001"), absence("001", "2")])
    runs.file([absence("001")])
    assert runs.accounting() == {"001": "already_listed"}
    assert cleared_lists(runs) == []


def test_the_first_of_two_rows_about_one_absence_wins(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001", code="T"), absence("001", code="A", date="")])
    assert runs.accounting() == {"001": "code_does_not_alert"}


def test_of_two_rows_about_one_absence_the_first_is_taken_as_a_whole(tmp_path: Path) -> None:
    ana = Student("001", contacts=(EVA,), classes={("101", "1"): "Maria Lopez"})
    runs = Runs.at(tmp_path, [ana])
    runs.file([absence("001"), absence("001", code="U", teacher="Kim", date="")])
    assert runs.published("SELECT code, teacher_name FROM attendance.absences") == [
        ("A", "Maria Lopez")
    ]


def test_a_child_at_two_schools_is_told_of_with_both(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [Student("001", schools=("101", "102"), contacts=(EVA,))])
    runs.file([absence("001"), absence("001", school="102")])
    assert runs.published(
        "SELECT DISTINCT site_name, periods FROM attendance.recipient_absences"
    ) == [("Lincoln High School, Rosa Parks Elementary School", ["1", "1"])]


def test_a_school_without_a_site_gets_a_placeholder(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001", school="999")])
    assert runs.published("SELECT DISTINCT site_name FROM attendance.recipient_absences") == [
        ("School 999",)
    ]


def test_a_period_with_two_teachers_names_both(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    with duckdb.connect(str(runs.home.roster(NAME))) as connection:
        for teacher in ("Maria Lopez", "James Chen"):
            enroll(connection, "001", "101", "1", teacher)
    runs.file([absence("001"), absence("001", "2"), absence("001", "3", teacher="Kim")])
    assert runs.published("SELECT period, teacher_name FROM attendance.absences ORDER BY 1") == [
        ("1", "James Chen, Maria Lopez"),
        ("2", None),
        ("3", "Kim"),
    ]


def test_without_a_roster_the_file_is_refused(tmp_path: Path) -> None:
    runs = Runs(Home(tmp_path))
    with pytest.raises(Refused, match="no published roster"):
        runs.day([absence("001")]).build_absences()


# -- once -----------------------------------------------------------------------------------


def test_the_same_file_again_lists_nobody(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    rows = [absence("001"), absence("002"), absence("001", "2")]
    first = runs.file(rows)
    assert first is not None
    before = runs.told()
    assert runs.file(rows) is None
    assert runs.file(rows[::-1]) is None
    assert runs.told() == before
    assert runs.accounting() == {"001": "already_listed", "002": "already_listed"}
    assert runs.published("SELECT DISTINCT batch_id FROM attendance.accounting") == [
        (first.batch_id,)
    ]


def test_a_grown_file_lists_only_the_new(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    first = runs.file([absence("001")])
    second = runs.file([absence("001"), absence("001", "2"), absence("002")])
    assert first is not None
    assert second is not None
    assert second.batch_id > first.batch_id
    assert runs.accounting() == {"001": "already_listed", "002": "listed"}
    assert sorted({(student, periods) for _c, _d, student, periods in runs.told()}) == [
        ("001", ("1",)),
        ("002", ("1",)),
    ]


def test_each_new_period_tells_of_the_new_periods_only(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN], policy="each_new_period")
    runs.file([absence("001"), absence("001", "3")])
    runs.file([absence("001"), absence("001", "2", "U"), absence("001", "3"), absence("002")])
    assert runs.file([absence("001"), absence("001", "2")]) is None
    assert runs.published(
        "SELECT student_id, periods, codes FROM attendance.recipient_absences"
        " WHERE channel = 'sms' ORDER BY batch_id, student_id"
    ) == [("001", ["1", "3"], ["A", "A"]), ("001", ["2"], ["U"]), ("002", ["1"], ["A"])]


def test_each_new_period_knows_one_period_at_two_schools_apart(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA], policy="each_new_period")
    runs.file([absence("001")])
    assert runs.file([absence("001"), absence("001", school="102")]) is not None


def test_a_new_destination_is_told_on_the_same_day(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001")])
    with duckdb.connect(str(runs.home.roster(NAME))) as connection:
        connection.execute(
            "UPDATE connect.contacts SET phone = '+12015550199' WHERE student_id = '001'"
        )
    assert runs.file([absence("001")]) is not None
    assert channels(runs) == {
        ("sms", "+12015550111"),
        ("sms", "+12015550199"),
        ("email", "eva@example.com"),
    }


def test_a_vanished_row_is_cleared(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    runs.file([absence("001"), absence("002")])
    assert runs.file([absence("001")]) is None
    assert runs.accounting() == {"001": "already_listed", "002": "cleared"}
    assert runs.file([]) is None
    assert runs.accounting() == {"001": "cleared", "002": "cleared"}


def test_a_quarantined_row_is_not_a_vanished_one(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    runs.file([absence("001"), absence("002")])
    runs.file([absence("001")], quarantined=['101,"002,1,A'])
    assert runs.accounting() == {"001": "already_listed", "002": "already_listed"}


def test_a_file_of_yesterday_changes_nothing_about_today(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    runs.file([absence("001")])
    assert runs.file([absence("002", date=YESTERDAY)]) is None
    assert runs.accounting() == {"001": "listed", "002": "not_today"}
    assert not (runs.home.outbox(NAME) / "cleared").exists()
    assert runs.published("SELECT student_id FROM attendance.absences ORDER BY 1") == [
        ("001",),
        ("002",),
    ]


def test_an_absence_of_yesterday_was_listed_in_no_batch_of_today(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    batch = runs.file([absence("001")])
    assert batch is not None
    runs.file([absence("001"), absence("001", date=YESTERDAY)])
    assert runs.published("SELECT date, batch_id FROM attendance.accounting ORDER BY date") == [
        (date(2026, 10, 5), None),
        (date(2026, 10, 6), batch.batch_id),
    ]


def test_a_day_that_the_clock_left_goes_on_where_it_was(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    runs.file([absence("001")])
    told = runs.published("SELECT batch_id FROM attendance.recipients")
    runs.now -= timedelta(days=1)
    runs.file([absence("002", date=YESTERDAY)])
    runs.now += timedelta(days=1)
    runs.file([absence("001"), absence("002")])
    batches = runs.published("SELECT batch_id FROM attendance.recipients")
    assert set(told) < set(batches)


def test_an_empty_file_of_yesterday_clears_nobody(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001")])
    runs.file([], arrived_at=NOON - timedelta(days=1))
    assert runs.accounting() == {"001": "listed"}


def test_the_next_day_starts_anew_and_keeps_the_last(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    first = runs.file([absence("001")])
    runs.now += timedelta(days=1)
    assert runs.file([absence("001", date="10/07/26")]) is not None
    assert runs.published("SELECT DISTINCT date FROM attendance.recipients") == [
        (date(2026, 10, 7),)
    ]
    kept = runs.home.attendance_day(NAME, "2026-10-06")
    assert sorted(kept.parent.iterdir()) == [kept]
    with duckdb.connect(str(kept), read_only=True) as connection:
        connection.execute("USE main")
        name = f'"{kept.stem}"'
        assert first is not None
        assert connection.execute(
            f"SELECT DISTINCT batch_id FROM {name}.attendance.recipients"
        ).fetchall() == [(first.batch_id,)]


def test_each_day_keeps_the_lines_that_its_last_file_kept_out(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    query = "SELECT export, line, code, text FROM quality.quarantine"
    for text in ("101,,1", "101,,2"):
        runs.file([absence("001")], quarantined=[text])
        row = ("AttendanceExport.csv", 2, "wrong_field_count", text)
        assert runs.published(query) == [row]
    runs.now += timedelta(days=1)
    runs.file([absence("001", date="10/07/26")])
    assert runs.published(query) == []
    with reading(runs.home.attendance_day(NAME, "2026-10-06")) as kept:
        assert kept.execute(query).fetchall() == [row]


def test_two_runs_at_once_list_each_once(tmp_path: Path) -> None:
    students = [Student(f"{n:03}", contacts=(Contact(phone=f"+1201555{n:04}"),)) for n in range(40)]
    runs = Runs.at(tmp_path, students)
    days = [
        runs.day([absence(one.student_id) for one in students[start:stop]])
        for start, stop in ((0, 30), (10, 40), (0, 40))
    ]
    for day in days:
        day.build_absences()
        day.build_accounting()
    found = at_once(days)
    assert len(found) == 3
    told = runs.told()
    assert len(told) == len({(channel, destination) for channel, destination, *_ in told}) == 40
    listed_in = [batch for batch in found if batch is not None]
    assert len({batch.batch_id for batch in listed_in}) == len(listed_in)
    assert sum(batch.students for batch in listed_in) == 40


def test_batch_ids_sort_by_time_even_within_a_second_and_with_a_clock_set_back(
    tmp_path: Path,
) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN, Student("004", contacts=(LEO,))])
    ids: list[str] = []
    for student in ("001", "002", "004"):
        runs.now = NOON - timedelta(minutes=len(ids))
        batch = runs.file([absence(student)])
        assert batch is not None
        ids.append(batch.batch_id)
    assert ids == sorted(set(ids))


# -- holds, opt-outs, settings ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("absent", "students", "share", "emptied"),
    [
        *((21, 50, 0.4, 1), (20, 50, 0.4, 0), (20, 20, 0.4, 1), (19, 19, 0.4, 0)),
        *((30, 100, 0.29, 1), (29, 100, 0.29, 0)),  # the product of floats is less than 29
    ],
)
def test_a_large_share_of_a_school_or_a_few_students_absent(
    tmp_path: Path, absent: int, students: int, share: float, emptied: int
) -> None:
    roster, rows = school_of(absent=absent, students=students)
    day = Runs.at(tmp_path, roster, max_absent_share=share).day(rows)
    day.build_absences()
    assert len(hold.emptied_schools(day)) == emptied


def test_a_school_that_the_roster_does_not_have_is_emptied_by_a_few_students(
    tmp_path: Path,
) -> None:
    roster, rows = school_of(absent=20, students=20)
    day = Runs.at(tmp_path, roster).day([absence(student, school="999") for _, student, *_ in rows])
    day.build_absences()
    assert hold.emptied_schools(day) == [("999", 20, 0)]


@pytest.mark.parametrize(
    ("told", "absent", "students", "emptied"),
    [(21, 40, 50, 0), (21, 41, 50, 1), (20, 21, 50, 1), (20, 21, 45, 0), (12, 25, 25, 1)],
)
def test_who_was_told_already_is_no_mass_absence_again(
    tmp_path: Path, told: int, absent: int, students: int, emptied: int
) -> None:
    """Twenty, and more than two of five, are held; once that many are told, only as many others."""
    roster, rows = school_of(absent=absent, students=students)
    runs = Runs.at(tmp_path, roster)
    runs.file(rows[:told])
    day = runs.day(rows)
    day.build_absences()
    assert len(hold.emptied_schools(day)) == emptied


def test_an_opt_out_holds_for_its_channel_and_is_no_reason_for_another(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, Student("004", method="text", contacts=(EVA,))])
    opt_out(runs, " SMS , 201-555-0111", "", "sms,+12015550111")
    runs.file([absence("001"), absence("004")])
    assert runs.accounting() == {"001": "listed", "004": "opted_out"}
    assert channels(runs) == {("email", "eva@example.com")}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", 1),
        (b"channel;destination\n", 1),
        (b"channel,destination\nsms,555\n", 2),
        (b"channel,destination\nemail,eva@example.com\nemail,eva\n", 3),
        (b"channel,destination\nfax,+12015550111\n", 2),
        (b"channel,destination\nsms,+12015550111,x\n", 2),
        (b'channel,destination\nsms,"+12015550111\n', 2),
        (b"channel,destination\nsms,\xff\n", 2),
    ],
)
def test_opt_outs_that_cannot_be_read_stop_the_batch(
    tmp_path: Path, text: bytes, line: int
) -> None:
    runs = Runs.at(tmp_path, [ANA])
    opt_out(runs).write_bytes(text)
    with pytest.raises(SettingsError, match=rf"demo\.csv line {line}: ") as error:
        runs.file([absence("001")])
    assert "555" not in str(error.value)
    assert not runs.home.attendance(NAME).exists()


@pytest.mark.parametrize(
    "place",
    [
        "opt_outs.csv",
        "opt_outs/opt_outs.csv",
        "opt_outs/Demo.CSV",
        "opt_outs/demo.csv.txt",
        "opt_outs/demo (1).csv",
        "opt_outs/demo/opt_outs.csv",
    ],
)
def test_opt_outs_that_lie_where_nobody_reads_them_stop_the_batch(
    tmp_path: Path, place: str
) -> None:
    runs = Runs.at(tmp_path, [ANA])
    misplaced = runs.home.root / place
    stated = opt_out(runs, "sms,+12015550111")
    misplaced.parent.mkdir(exist_ok=True)
    stated.rename(misplaced)
    with pytest.raises(SettingsError, match=r"the opt-outs of demo are .*/opt_outs/demo\.csv"):
        runs.file([absence("001")])
    assert not runs.home.attendance(NAME).exists()


@pytest.mark.parametrize("copy", ["demo.csv.bak", "demo (1).csv", "other/opt_outs.csv"])
def test_a_copy_beside_the_opt_outs_stops_nothing(tmp_path: Path, copy: str) -> None:
    runs = Runs.at(tmp_path, [ANA])
    stated = opt_out(runs, "sms,+12015550111")
    beside = stated.parent / copy
    beside.parent.mkdir(exist_ok=True)
    beside.write_bytes(stated.read_bytes())
    runs.file([absence("001")])
    assert runs.home.attendance(NAME).exists()


@pytest.mark.parametrize("place", ["opt_outs", "opt_outs/demo.csv"])
def test_opt_outs_on_a_share_that_is_not_there_stop_the_batch(tmp_path: Path, place: str) -> None:
    runs = Runs.at(tmp_path, [ANA])
    link = runs.home.root / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "no-such-share")
    with pytest.raises(SettingsError, match="leads nowhere"):
        runs.file([absence("001")])
    assert not runs.home.attendance(NAME).exists()


# -- files ------------------------------------------------------------------------------------


def test_the_outbox_is_a_whole_list_with_its_manifest(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN, CHO])
    ana = [absence("001", period, teacher="Kim") for period in ("1", "2")]
    batch = runs.file([*ana, absence("002"), absence("003")])
    assert batch is not None
    rows = outbox(runs, batch)
    assert rows[0] == {
        "batch_id": batch.batch_id,
        "listed_at": "2026-10-06T19:01:00Z",
        "date": "2026-10-06",
        "channel": "email",
        "destination": "eva@example.com",
        "language": "es",
        "contact_names": "Eva Ruiz",
        "student_id": "001",
        "student_name": "Ana Ruiz",
        "site_name": "Lincoln High School",
        "site_phone": "+12015550100",
        "periods": "1, 2",
        "codes": "A",
        "teacher_names": "Kim",
    }
    assert [(row["channel"], row["student_id"]) for row in rows] == [
        ("email", "001"),
        ("email", "002"),
        ("sms", "001"),
        ("sms", "002"),
    ]
    manifest = json.loads(outbox_file(runs, batch).with_suffix(".json").read_text())
    content = outbox_file(runs, batch).read_bytes()
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert (manifest["bytes"], manifest["rows"]) == (len(content), 4)
    assert manifest["file"] == outbox_file(runs, batch).name
    assert manifest["accounting"] == {"listed": 2, "no_usable_contact": 1}
    assert manifest["warnings"] == []


def test_no_spreadsheet_runs_what_a_family_typed(tmp_path: Path) -> None:
    mallory = Contact("primary", "@SUM(A1)", "+12015550111", None)
    runs = Runs.at(
        tmp_path, [Student("001", '=HYPERLINK("http://example.com")', contacts=(mallory,))]
    )
    batch = runs.file([absence("001", "-1", teacher="+cmd")])
    assert batch is not None
    row = outbox(runs, batch)[0]
    assert row["student_name"] == '\'=HYPERLINK("http://example.com")'
    assert row["contact_names"] == "'@SUM(A1)"
    assert row["teacher_names"] == "'+cmd"
    assert row["destination"] == "+12015550111", "a number is no formula"
    assert row["periods"] == "-1"


def test_one_apostrophe_less_is_what_it_was(tmp_path: Path) -> None:
    """Else two families could have one address in a list."""
    addresses = ["'+x@example.com", "+x@example.com", "'x@example.com", "x@example.com"]
    families = [
        Student(f"00{n}", f"{'-' * n}Ana", contacts=(Contact("primary", "Eva", None, address),))
        for n, address in enumerate(addresses, start=1)
    ]
    runs = Runs.at(tmp_path, families)
    batch = runs.file([absence(one.student_id) for one in families])
    assert batch is not None
    rows = outbox(runs, batch)
    assert sorted(row["destination"].removeprefix("'") for row in rows) == sorted(addresses)
    assert {row["student_name"].removeprefix("'") for row in rows} == {one.name for one in families}


def test_every_file_is_its_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        runs = Runs.at(tmp_path / "home", [ANA])
        roster = runs.home.roster(NAME)
        runs.file([absence("001")])
    finally:
        os.umask(old)
    for path in runs.home.root.rglob("*"):
        if path != roster:
            assert path.stat().st_mode & 0o077 == 0, path
        assert not path.name.endswith((".staged", ".wal", ".partial"))


def test_the_ledger_knows_destinations_by_their_keyed_hash_only(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001")])
    ledger = runs.ledger()
    row = ledger.rows(sa.select(listed))[0]
    phone, email = (ledger.hashed(one)[:32] for one in ("+12015550111", "eva@example.com"))
    assert set(row["destination_hash"].split()) == {f"sms:{phone}", f"email:{email}"}
    for path in runs.home.root.glob("ledger.db*"):
        assert b"5550111" not in path.read_bytes()


@pytest.mark.parametrize("length", [1, 64, 65, 200])
def test_hashing_in_sql_is_hmac(length: int) -> None:
    key = bytes(range(length))
    with duckdb.connect() as connection:
        keyed_hash.prepare(connection, key)
        found = connection.execute("SELECT keyed_hash('+12015550111')").fetchall()
    expected = hmac.new(key, b"+12015550111", hashlib.sha256).hexdigest()
    assert found == [(expected,)]
    assert keyed_hash.keyed_hash(key, "+12015550111") == expected


def test_the_clerk_gets_those_who_cannot_be_told(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, CHO])
    runs.file([absence("001"), absence("003")])
    path = runs.home.reports(NAME) / "students_without_contact.csv"
    assert path.read_text() == (
        "date,site_name,student_id,student_name\n2026-10-06,Lincoln High School,003,Cho Park\n"
    )


def test_an_old_or_held_roster_is_a_warning_and_a_missed_send_time_is_said(
    tmp_path: Path,
) -> None:
    runs = Runs.at(tmp_path, [ANA], send_at=["10:00", "17:30"])
    runs.now = datetime(2026, 10, 9, 19, 0, tzinfo=UTC)  # Friday; the roster is of Monday 0:00
    runs.ledger().hold(NAME, "core", "0" * 64, {"mass_removal": 1})
    batch = runs.file([absence("001", date="10/09/26")])
    assert batch is not None
    assert batch.warnings == ("roster_is_old", "roster_is_held")
    assert batch.missed_send_time == "10:00"


def test_a_list_that_no_send_time_of_the_day_takes_is_late(tmp_path: Path) -> None:
    """The list of 10:20 waits for 17:30; the one of 17:40 would wait for tomorrow."""
    students = [replace(ANA, student_id=f"00{n}") for n in range(1, 5)]
    runs = Runs.at(tmp_path, students, send_at=["10:00", "17:30"])
    missed = []
    for number, (hour, minute) in enumerate([(16, 39), (17, 19), (24, 29), (24, 39)], start=1):
        runs.now = NOON.replace(hour=0) + timedelta(hours=hour, minutes=minute)
        batch = runs.file([absence(one.student_id) for one in students[:number]])
        assert batch is not None
        missed.append(batch.missed_send_time)
    assert missed == [None, None, None, "17:30"]


def test_a_list_is_late_by_our_clock_and_not_by_the_time_that_its_id_had_to_have(
    tmp_path: Path,
) -> None:
    """The clock was an hour ahead, so the second ID has a time that is still to come."""
    runs = Runs.at(tmp_path, [ANA, BEN], send_at=["10:00", "17:30"])
    missed = []
    for minutes, rows in ((-100, ["001"]), (-160, ["001", "002"])):
        runs.now = NOON + timedelta(minutes=minutes)
        batch = runs.file([absence(student) for student in rows])
        assert batch is not None
        missed.append(batch.missed_send_time)
    assert missed == ["10:00", None]


def test_a_list_of_cleared_absences_is_none_that_came_in_time(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN], send_at=["10:00", "12:00", "17:30"])
    ana, ben = absence("001"), absence("002")
    for hour, minute, rows in ((15, 59, [ana]), (17, 59, []), (19, 19, [ben])):
        runs.now = NOON.replace(hour=hour, minute=minute)
        batch = runs.file(rows)
    assert len(cleared_lists(runs)) == 1
    assert batch is not None
    assert batch.missed_send_time == "12:00"


@pytest.mark.parametrize(
    ("days_ago", "warnings"),
    [((1, 1, 1), ()), ((1, 9, 1), ("roster_is_old",)), ((1, 1), ("roster_is_old",))],
)
def test_a_night_that_changed_nothing_confirms_the_roster(
    tmp_path: Path, days_ago: tuple[int, ...], warnings: tuple[str, ...]
) -> None:
    """When all of its files were uploaded for it."""
    runs = Runs.at(tmp_path, [ANA])
    runs.now = datetime(2026, 10, 9, 19, 0, tzinfo=UTC)
    night_without_news(runs, days_ago)
    batch = runs.file([absence("001", date="10/09/26")])
    assert batch is not None
    assert batch.warnings == warnings


@pytest.mark.parametrize(("went_back", "warnings"), [(False, ()), (True, ("roster_is_old",))])
def test_a_roster_that_somebody_went_back_to_is_as_old_as_it_is(
    tmp_path: Path, went_back: bool, warnings: tuple[str, ...]
) -> None:
    """The files of the night that was gone back from are not what it says."""
    runs = Runs.at(tmp_path, [ANA])
    runs.now = datetime(2026, 10, 9, 19, 0, tzinfo=UTC)
    ledger = night_without_news(runs, (1, 1, 1))
    ledger.begin_snapshot(NAME, "earlier", runs.now - timedelta(days=9), "then", {}, "set")
    ledger.make_current(NAME, "earlier", rolled_back=went_back)
    batch = runs.file([absence("001", date="10/09/26")])
    assert batch is not None
    assert batch.warnings == warnings


@pytest.mark.parametrize(("days_ago", "warnings"), [(1, ()), (9, ("roster_is_old",))])
def test_a_roster_is_as_old_as_its_files_however_long_they_have_waited(
    tmp_path: Path, days_ago: int, warnings: tuple[str, ...]
) -> None:
    """An operator approved and published them today."""
    runs = Runs.at(tmp_path, [ANA])
    ledger = runs.ledger()
    ledger.start_run("night", NAME, CORE_JOB)
    exports = {spec.file_name: {"sha256": f"{n}" * 64} for n, spec in enumerate(CORE)}
    for name, about in exports.items():
        uploaded = runs.now - timedelta(days=days_ago)
        ledger.record_received(NAME, name, about["sha256"], 1, uploaded, "night")
    ledger.begin_snapshot(NAME, "tonight", runs.now, "night", exports, "set")
    ledger.make_current(NAME, "tonight")
    ledger.end_run("night", "published", {}, "")
    batch = runs.file([absence("001")])
    assert batch is not None
    assert batch.warnings == warnings


def night_without_news(runs: Runs, days_ago: tuple[int, ...]) -> Ledger:
    """The last night received these files, uploaded so many days ago, and ended unchanged."""
    ledger = runs.ledger()
    ledger.start_run("night", NAME, CORE_JOB)
    for spec, days in zip(CORE, days_ago, strict=False):
        uploaded = runs.now - timedelta(days=days)
        ledger.record_received(NAME, spec.file_name, "0" * 64, 1, uploaded, "night")
    ledger.end_run("night", "unchanged", {}, "")
    return ledger


def test_a_preview_touches_nothing(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    day = runs.day([absence("001"), absence("002")])
    before = sorted(tmp_path.rglob("*"))
    day.build_absences()
    day.build_accounting()
    assert day.preview() == {"email": 1, "sms": 1, "students": 2}
    assert sorted(tmp_path.rglob("*")) == before
    assert not day.ledger.rows(sa.select(batches))


def test_a_damaged_published_day_is_said_and_lists_nobody(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.home.attendance(NAME).write_bytes(b"no database")
    with pytest.raises(EnvironmentFault, match="Move it away"):
        runs.file([absence("001")])
    assert not runs.ledger().rows(sa.select(batches))
    assert not list(runs.home.outbox(NAME).glob("*"))
    runs.home.attendance(NAME).unlink()
    assert runs.file([absence("001")]) is not None


def test_whose_message_was_lost_with_a_damaged_day_is_cleared_in_the_accounting(
    tmp_path: Path,
) -> None:
    """Nobody knows any more what it was, so it is to be taken back by hand."""
    runs = Runs.at(tmp_path, [ANA, BEN])
    runs.file([absence("001"), absence("002")])
    runs.home.attendance(NAME).unlink()
    runs.file([absence("001")])
    assert runs.accounting() == {"001": "already_listed", "002": "cleared"}
    assert not list((runs.home.outbox(NAME) / "cleared").glob("*"))


def test_settings_for_days_without_school_are_read() -> None:
    found = district(no_school=[date(2026, 11, 26), "2026-12-21 to 2027-01-01"]).attendance
    assert found.no_school == (
        (date(2026, 11, 26), date(2026, 11, 26)),
        (date(2026, 12, 21), date(2027, 1, 1)),
    )


def test_an_id_with_a_blank_inside_is_recognised_in_a_damaged_row(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [replace(ANA, student_id="A 1"), BEN, replace(BEN, student_id="003")])
    runs.file([absence("A 1"), absence("002"), absence("003")])
    day = runs.day([absence("002")])
    day.connection.execute(
        "INSERT INTO quality.quarantine VALUES"
        " ('AttendanceExport.csv', 3, 'wrong_field_count', NULL, '101, A 1 ,1')"
    )
    day.build_absences()
    day.build_accounting()
    list_both(day)
    assert runs.accounting() == {
        "002": "already_listed",
        "003": "cleared",
        "A 1": "already_listed",
    }


@pytest.mark.parametrize("row", ['101,5"5,1,A', '101,55,1"1,A'])
def test_a_damaged_rows_period_is_nobodys_id(tmp_path: Path, row: str) -> None:
    one, many = replace(BEN, student_id="1"), replace(ANA, student_id="55")
    runs = Runs.at(tmp_path, [one, many])
    runs.file([absence("1"), absence("55")])
    runs.file([absence("1")], quarantined=[row])
    assert runs.accounting() == {"1": "already_listed", "55": "already_listed"}


def test_a_word_that_is_a_school_period_or_code_is_nobodys_id(tmp_path: Path) -> None:
    """Where all of them are numbers. Nobody else is absent from period 4 today."""
    ids = ("101", "4", "7", "55")
    classes = {("101", "4"): "Maria Lopez"}
    runs = Runs.at(tmp_path, [replace(ANA, student_id=one, classes=classes) for one in ids])
    runs.file([absence(one) for one in ids])
    runs.file([absence("999", code="7")], quarantined=["101,55,4,7,,today,x"])
    assert runs.accounting() == {
        "999": "unknown_student",
        "101": "cleared",
        "4": "cleared",
        "7": "cleared",
        "55": "already_listed",
    }


def test_the_site_is_the_one_that_the_school_was_merged_into(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    with duckdb.connect(str(runs.home.roster(NAME))) as connection:
        connection.execute("INSERT INTO connect.school_sites VALUES ('103', '102')")
    runs.file([absence("001", school="103")])
    assert runs.published("SELECT school, site_id FROM attendance.absences") == [("103", "102")]
    found = runs.published(
        "SELECT DISTINCT site_name, site_phone FROM attendance.recipient_absences"
    )
    assert found == [("Rosa Parks Elementary School", "+12015550150")]


def test_a_period_at_two_schools_is_said_once(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    batch = runs.file([absence("001"), absence("001", school="102"), absence("001", "2")])
    assert batch is not None
    assert {row["periods"] for row in outbox(runs, batch)} == {"1, 2"}


def test_of_two_schools_the_one_of_the_first_lesson_comes_first_with_its_phone(
    tmp_path: Path,
) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN], policy="each_new_period")
    ben = absence("002")
    first = [absence("001", "3"), absence("001", "2", school="102")]
    rosa_parks = ("Rosa Parks Elementary School, Lincoln High School", "+12015550150")
    lincoln = ("Lincoln High School, Rosa Parks Elementary School", "+12015550100")
    listed = (
        "SELECT DISTINCT site_name, site_phone FROM attendance.recipient_absences"
        " WHERE student_id = '001' ORDER BY len(site_name), site_phone"
    )
    runs.file([ben, *first])
    assert runs.published(listed) == [rosa_parks]
    runs.file([ben, *first, absence("001", "7", school="102"), absence("001", "6")])
    assert runs.published(listed) == [lincoln, rosa_parks]
    runs.file([ben])
    runs.file([ben, *first, absence("001")])  # this lesson is before those, and no part of them
    again = {(row["site_name"], row["site_phone"]) for row in cleared_lists(runs)[-1]}
    assert again == {rosa_parks}


# -- cleared absences -------------------------------------------------------------------------


def test_the_sender_learns_once_of_a_cleared_absence(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    folder = runs.home.outbox(NAME) / "cleared"
    first = runs.file([absence("001"), absence("002")])
    assert first is not None
    assert not folder.exists()
    runs.file([absence("001")])
    runs.file([absence("001")])
    (path,) = folder.glob("*.csv")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert [(row["channel"], row["student_id"], row["listed_in"]) for row in rows] == [
        ("email", "002", first.batch_id),
        ("sms", "002", first.batch_id),
    ]
    manifest = json.loads(path.with_suffix(".json").read_text())
    assert manifest["cleared_students"] == 1
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["students_absent_again"] == 0


def test_the_sender_learns_that_a_cleared_absence_is_there_again(tmp_path: Path) -> None:
    """It withheld or took back the message, and nobody is listed twice."""
    runs = Runs.at(tmp_path, [ANA, BEN])
    both, one = [absence("001"), absence("002")], [absence("001")]
    for rows in (both, one, both, both, one, both):
        runs.file(rows)
    assert runs.accounting() == {"001": "already_listed", "002": "already_listed"}
    cleared, again = {("cleared", "002", "1")}, {("absent_again", "002", "1")}
    assert changes(runs) == [cleared, again, cleared, again]


def test_a_row_of_yesterday_keeps_no_message_of_today(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    runs.file([absence("001"), absence("002")])
    runs.file([absence("001", date=YESTERDAY), absence("002")])
    assert changes(runs) == [{("cleared", "001", "1")}]


def test_each_new_period_takes_back_the_message_of_a_period(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA], policy="each_new_period")
    first, second = absence("001"), absence("001", "2")
    for rows in ([first], [first, second], [second], [first, second]):
        runs.file(rows)
    assert changes(runs) == [{("cleared", "001", "1")}, {("absent_again", "001", "1")}]


def test_each_new_period_restores_no_message_of_another_period(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA], policy="each_new_period")
    for rows in ([absence("001")], [], [absence("001", "2")]):
        runs.file(rows)
    assert changes(runs) == [{("cleared", "001", "1")}]
    assert runs.accounting() == {"001": "listed"}


def test_who_opted_out_meanwhile_is_told_that_it_stands_when_that_ends(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [BEN])
    rows = [absence("002")]
    runs.file(rows)
    runs.file([])
    opt_out(runs, "sms,+12015550111")
    runs.file(rows)
    opt_out(runs)
    runs.file(rows)
    runs.file(rows)
    assert [{(row["change"], row["channel"]) for row in one} for one in cleared_lists(runs)] == [
        {("cleared", "email"), ("cleared", "sms")},
        {("absent_again", "email")},
        {("absent_again", "sms")},
    ]


def test_each_destinations_message_is_taken_back_by_its_own_periods(tmp_path: Path) -> None:
    """The second guardian comes with the second file, and is told of both periods at once."""
    eva, leo = replace(EVA, phone=None), replace(LEO, phone=None)
    both = [absence("001"), absence("001", "2")]
    runs = Runs.at(tmp_path, [replace(ANA, contacts=(eva,))], policy="each_new_period")
    runs.file(both[:1])
    write_roster(runs.home.roster(NAME), [replace(ANA, contacts=(eva, leo))])
    for rows in (both, both[:1], both[:1], both[:1], [], []):
        runs.file(rows)
    assert [
        {(row["change"], row["destination"], row["periods"]) for row in one}
        for one in cleared_lists(runs)
    ] == [
        {("cleared", "eva@example.com", "2")},
        {("cleared", "eva@example.com", "1"), ("cleared", "leo@example.com", "1, 2")},
    ]


def test_each_new_period_says_again_what_is_missed_again_and_no_more(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA], policy="each_new_period")
    first, second = absence("001"), absence("001", "2")
    for rows in ([first, second], [], [first], [first], [first, second], [second], []):
        runs.file(rows)
    assert changes(runs) == [
        {("cleared", "001", "1, 2")},
        {("absent_again", "001", "1")},
        {("absent_again", "001", "2")},
        {("cleared", "001", "1, 2")},
    ]


def test_each_new_period_knows_a_period_of_one_school_from_another_schools(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [replace(ANA, schools=("101", "102"))], policy="each_new_period")
    runs.file([absence("001")])
    assert runs.file([absence("001", school="102")]) is not None
    assert changes(runs) == [{("cleared", "001", "1")}]
    runs.file([absence("001", school="102")])
    runs.file([absence("001")])
    lists = cleared_lists(runs)
    assert [
        {(row["change"], row["site_name"], row["site_phone"]) for row in one} for one in lists
    ] == [
        {("cleared", "Lincoln High School", "+12015550100")},
        {
            ("cleared", "Rosa Parks Elementary School", "+12015550150"),
            ("absent_again", "Lincoln High School", "+12015550100"),
        },
    ]


def test_each_new_period_names_the_school_of_the_new_period(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA], policy="each_new_period")
    both = [absence("001"), absence("001", "3", school="102")]
    runs.file(both[:1])
    runs.file(both)
    first, second = runs.published(
        "SELECT DISTINCT batch_id, site_name, site_phone FROM attendance.recipient_absences"
        " ORDER BY batch_id"
    )
    only_there = Runs.at(tmp_path / "other", [ANA], policy="each_new_period")
    only_there.file(both[1:])
    ((_, name, phone),) = only_there.published(
        "SELECT DISTINCT batch_id, site_name, site_phone FROM attendance.recipient_absences"
    )
    assert second[1:] == (name, phone)
    assert first[1:] != (name, phone)


@pytest.mark.parametrize(
    ("code", "record_id", "text", "cleared"),
    [
        ("id_looks_damaged", "001.0", "101,001.0,1,A,,", ["002"]),
        ("missing_key_value", "S1", ",S1,1,A,,", ["001", "002"]),
        ("missing_key_value", None, "101,,1,A,,", []),
        ("id_looks_damaged", None, "101,,1.00E+00,A,001,", []),  # 001 is who teaches
        ("invalid_date", None, "101,,1,A,001,13/45/25", []),
        ("wrong_field_count", None, "101\t001\t1\tA", ["002"]),
        ("wrong_field_count", None, "101;\u200b001;1;A", ["002"]),
        ("wrong_field_count", None, "101,01,4,A,,today,x", ["002"]),
        ("wrong_field_count", None, "101,001.0,4,A,,today,x", ["002"]),
        ("wrong_field_count", None, "101 001 1 A", ["002"]),
        ("wrong_field_count", None, "101,'001,4,A", ["002"]),
        ("wrong_field_count", None, "101,#001,4,A", ["002"]),
        ("wrong_field_count", None, "101,002,1,A,,today,x", ["001"]),
        ("wrong_field_count", None, "101,,5,A,,today,x", []),
        ("wrong_field_count", None, "101,003,4,A,,today,x", ["001", "002"]),
        ("wrong_field_count", None, "101,003,2,A,,today,x", ["001", "002"]),
        ("id_looks_damaged", "NULL", "101,NULL,1,A,,", []),
        ("missing_key_value", "Garcia", ",Garcia,1,A,,", ["001", "002"]),
        ("invalid_date", "Garcia", "101,Garcia,1,A,,x", ["001", "002"]),
        ("invalid_date", "002", "101,002,1,A,001,x", ["001"]),
        ("id_looks_damaged", "002", "101,002,1.0,A,,", ["001"]),
    ],
)
def test_whoever_a_damaged_row_may_be_about_is_not_cleared(
    code: str, record_id: str | None, text: str, cleared: list[str], tmp_path: Path
) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN, CHO])
    runs.file([absence("001"), absence("002")])
    day = runs.day([absence("999")])
    day.connection.execute(
        "INSERT INTO quality.quarantine VALUES ('AttendanceExport.csv', 2, $1, $2, $3)",
        [code, record_id, text],
    )
    day.build_absences()
    day.build_accounting()
    list_both(day)
    fates = runs.accounting()
    assert [student for student, reason in fates.items() if reason == "cleared"] == cleared


def test_who_lost_the_zeros_of_an_id_is_not_cleared(tmp_path: Path) -> None:
    """The child is absent in every file: who was told of it must not hear otherwise."""
    runs = Runs.at(tmp_path, [ANA, BEN])
    runs.file([absence("001"), absence("002")])
    runs.file([absence("1")])
    assert runs.accounting() == {
        "1": "unknown_student",
        "001": "already_listed",
        "002": "cleared",
    }
    runs.file([absence("1", date=YESTERDAY), absence("002")])
    assert runs.accounting()["001"] == "cleared"


def test_a_code_that_no_longer_alerts_is_not_cleared(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    runs.file([absence("001")])
    runs.file([absence("001", code="E")])
    assert runs.accounting() == {"001": "code_does_not_alert"}
    assert not (runs.home.outbox(NAME) / "cleared").exists()


def test_a_list_leaves_the_scratch_database_as_it_is_never_checkpointed(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    day = runs.day([absence("001")])
    threshold = "SELECT current_setting('checkpoint_threshold')"
    before = day.connection.execute(threshold).fetchall()
    day.build_absences()
    day.build_accounting()
    assert list_both(day) is not None
    assert day.connection.execute(threshold).fetchall() == before


def quarantine(day: AttendanceDay, code: str = "missing_key_value") -> None:
    """A row that was kept out, of which nobody knows whom it is about."""
    day.connection.execute(
        "INSERT INTO quality.quarantine VALUES ('AttendanceExport.csv', 9, ?, NULL, '101,,1,A')",
        [code],
    )


def test_a_doubtful_row_keeps_no_message_withheld(tmp_path: Path) -> None:
    """Whom such a row may be about is not cleared; who is absent again is said to be."""
    runs = Runs.at(tmp_path, [ANA, BEN])
    both = [absence("001"), absence("002")]
    runs.file(both)
    runs.file([absence("001")])
    day = runs.day(both)
    quarantine(day)
    day.build_absences()
    day.build_accounting()
    list_both(day)
    assert changes(runs) == [{("cleared", "002", "1")}, {("absent_again", "002", "1")}]


def test_a_message_stands_again_only_where_the_family_may_be_told_now(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA, BEN])
    both = [absence("001"), absence("002")]
    runs.file(both)
    runs.file([absence("001")])
    opt_out(runs, "sms,+12015550111")
    runs.file(both)
    runs.file([absence("001")])
    write_roster(runs.home.roster(NAME), [ANA, replace(BEN, contacts=(LEO,))])
    runs.file(both)
    said = [
        [(row["change"], row["channel"], row["destination"]) for row in one]
        for one in cleared_lists(runs)
    ]
    email, sms = ("email", "eva@example.com"), ("sms", "+12015550111")
    assert said == [
        [("cleared", *email), ("cleared", *sms)],
        [("absent_again", *email)],
        [("cleared", *email)],
    ]
    assert ("email", "leo@example.com", "002", ("1",)) in runs.told()


def test_a_message_that_stands_again_says_what_the_child_misses_now(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [replace(ANA, schools=("101", "102"))])
    runs.file([absence("001")])
    runs.file([])
    runs.file([absence("001", "5", school="102")])
    assert changes(runs)[1] == {("absent_again", "001", "5")}
    assert {row["site_name"] for row in cleared_lists(runs)[-1]} == {"Rosa Parks Elementary School"}


@pytest.mark.parametrize("policy", ["once_per_day", "each_new_period"])
def test_a_code_that_is_corrected_to_one_that_does_not_alert_takes_the_message_back(
    tmp_path: Path, policy: str
) -> None:
    """Late, not absent: it is no message any more, and not as if nothing had been."""
    runs = Runs.at(tmp_path, [ANA], policy=policy, other_codes=("T",))
    batch = runs.file([absence("001")])
    assert batch is not None
    runs.file([absence("001", code="T")])
    assert runs.accounting() == {"001": "code_does_not_alert"}
    listed_in = runs.published("SELECT batch_id FROM attendance.accounting")
    assert listed_in == [(batch.batch_id,)]
    runs.file([])
    assert runs.accounting() == {"001": "cleared"}
    runs.file([absence("001")])
    assert changes(runs) == [{("no_longer_alerts", "001", "1")}, {("absent_again", "001", "1")}]


@pytest.mark.parametrize("school", ["101", "102"])
def test_a_corrected_code_takes_a_message_back_where_it_alerts_nobody(
    tmp_path: Path, school: str
) -> None:
    settings = {"other_codes": ("T",), "school_alert_codes": {"102": ("A", "T")}}
    runs = Runs.at(tmp_path, [ANA], **settings)
    runs.file([absence("001", school=school)])
    runs.file([absence("001", code="T", school=school)])
    taken_back = [] if school == "102" else [{("no_longer_alerts", "001", "1")}]
    assert changes(runs) == taken_back


@pytest.mark.parametrize("before", ["once_per_day", "each_new_period"])
def test_what_stands_is_taken_back_when_the_policy_is_another_one_by_then(
    tmp_path: Path, before: str
) -> None:
    now = "each_new_period" if before == "once_per_day" else "once_per_day"
    runs = Runs.at(tmp_path, [ANA, BEN], policy=before)
    ben = absence("002")
    runs.file([ben, absence("001")])
    runs.file([ben, absence("001"), absence("001", "2")])
    runs.file([ben])
    runs.file([ben, absence("001"), absence("001", "2")])
    attendance = runs.district.attendance.model_copy(update={"policy": now})
    runs.district = runs.district.model_copy(update={"attendance": attendance})
    runs.file([ben])
    assert runs.accounting()["001"] == "cleared"
    *_, again, last = cleared_lists(runs)
    messages = {(row["channel"], row["listed_in"]) for row in again}
    assert {row["change"] for row in again} == {"absent_again"}
    assert {row["change"] for row in last} == {"cleared"}
    assert {(row["channel"], row["listed_in"]) for row in last} == messages
    assert len({batch for _channel, batch in messages}) == (1 if before == "once_per_day" else 2)


def test_a_code_that_nobody_explains_takes_no_message_back(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA], other_codes=("T",))
    runs.file([absence("001")])
    runs.file([absence("001", code="X")])
    assert changes(runs) == []


def test_whose_message_was_taken_back_for_good_is_not_already_listed(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [CHO, replace(BEN, contacts=(LEO,))])
    runs.file([absence("002")])
    runs.file([])
    opt_out(runs, "email,leo@example.com", "sms,+12015550112")
    runs.file([absence("002")])
    assert runs.accounting() == {"002": "opted_out"}
    write_roster(runs.home.roster(NAME), [replace(BEN, contacts=())])
    runs.file([absence("002")])
    assert runs.accounting() == {"002": "no_usable_contact"}


def test_of_one_message_first_comes_what_is_taken_back(tmp_path: Path) -> None:
    """Who reads the rows in their order ends with what stands."""
    runs = Runs.at(tmp_path, [ANA], policy="each_new_period")
    for periods in ("12", "", "1", "2", "2", ""):
        runs.file([absence("001", period) for period in periods])
    *_, both, last = (
        [(row["change"], row["periods"]) for row in one] for one in cleared_lists(runs)
    )
    assert both == [("cleared", "1"), ("absent_again", "2")] * 2, "by e-mail, and by text"
    assert last == [("cleared", "2")] * 2, "it stood, and nothing was said of it in between"


def test_a_clerks_list_that_cannot_be_written_keeps_nobody_from_being_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = Runs.at(tmp_path, [ANA, CHO])
    (runs.home.reports(NAME) / CLERKS_LIST / "in the way").mkdir(parents=True)
    assert runs.file([absence("001"), absence("003")]) is not None
    assert channels(runs) == {("email", "eva@example.com"), ("sms", "+12015550111")}
    assert f"there is no new {CLERKS_LIST}" in caplog.text


@pytest.mark.parametrize(("left", "too_many"), [(3, 2), (4, 0), (0, 5)])
def test_a_part_of_a_file_clears_nobody_unasked(tmp_path: Path, left: int, too_many: int) -> None:
    everybody = [replace(ANA, student_id=f"00{n}") for n in range(1, 6)]
    runs = Runs.at(tmp_path, everybody, absent_floor=2, max_cleared_share=0.2)
    rows = [absence(one.student_id) for one in everybody]
    runs.file(rows)
    day = runs.day(rows[:left])
    day.build_absences()
    assert hold.cleared_beyond_measure(day) == too_many


def test_a_lost_period_clears_nobody_unasked(tmp_path: Path) -> None:
    everybody = [replace(ANA, student_id=f"00{n}") for n in range(1, 6)]
    runs = Runs.at(tmp_path, everybody, absent_floor=2, policy="each_new_period")
    first = [absence(one.student_id) for one in everybody]
    second = [absence(one.student_id, "2") for one in everybody]
    runs.file(first)
    runs.file(first + second)
    day = runs.day(second)
    day.build_absences()
    assert hold.cleared_beyond_measure(day) == 5


def test_who_was_cleared_before_is_not_cleared_by_this_file(tmp_path: Path) -> None:
    """What an operator let go, or what comes bit by bit, does not hold the files after it."""
    everybody = [replace(ANA, student_id=f"00{n}") for n in range(1, 6)]
    runs = Runs.at(tmp_path, everybody, absent_floor=3, max_cleared_share=0.2)
    rows = [absence(one.student_id) for one in everybody]
    for left in (5, 3, 1):
        day = runs.day(rows[:left])
        day.build_absences()
        assert hold.cleared_beyond_measure(day) == 0
        runs.file(rows[:left])


def test_without_dates_the_absences_of_the_day_before_are_another_days(tmp_path: Path) -> None:
    """Also when the file is another one: the column of dates is gone, say."""
    everybody = [replace(ANA, student_id=f"00{n}") for n in range(1, 6)]
    runs = Runs.at(tmp_path, everybody)
    dated = [absence(one.student_id, date="10/06/26") for one in everybody]
    undated = [absence(one.student_id, date="") for one in everybody]
    runs.file(dated)
    for rows, days, found in (
        (undated, 0, 0),
        (undated, 1, 5),
        (undated[:4], 0, 0),
        ([*undated[:4], absence("005", "2")], 0, 0),
    ):
        runs.now += timedelta(days=days)
        day = runs.day(rows)
        day.build_absences()
        assert hold.absent_by_another_days_file(day) == found
    runs.home.attendance(NAME).write_bytes(b"damaged")
    assert hold.absent_by_another_days_file(day) == 0


@pytest.mark.parametrize(
    ("again", "others", "found"), [(11, 0, 11), (9, 1, 10), (9, 2, 0), (8, 1, 0)]
)
def test_nearly_all_of_the_absences_of_the_day_before_are_another_days(
    tmp_path: Path, again: int, others: int, found: int
) -> None:
    """One correction came late: of the twelve of yesterday, some are left, and others are new."""
    everybody = [replace(ANA, student_id=f"{n:03}") for n in range(20)]
    runs = Runs.at(tmp_path, everybody)
    runs.file([absence(one.student_id, date="10/06/26") for one in everybody[:12]])
    runs.now += timedelta(days=1)
    rows = [absence(one.student_id, date="") for one in everybody[12 - again : 12 + others]]
    day = runs.day(rows)
    day.build_absences()
    assert hold.absent_by_another_days_file(day) == found


@pytest.mark.parametrize(
    ("again", "others", "found"), [(12, 0, 12), (11, 11, 22), (11, 12, 0), (10, 0, 0)]
)
def test_a_day_that_has_gone_on_after_midnight_is_another_days(
    tmp_path: Path, again: int, others: int, found: int
) -> None:
    """Its last export has what came since the one before: later periods, and children."""
    everybody = [replace(ANA, student_id=f"{n:03}") for n in range(24)]
    runs = Runs.at(tmp_path, everybody)
    runs.file([absence(one.student_id, date="") for one in everybody[:12]])
    runs.now += timedelta(days=1)
    late = everybody[12 - again : 12 + others]
    day = runs.day([absence(one.student_id, period, date="") for one in late for period in "15"])
    day.build_absences()
    assert hold.absent_by_another_days_file(day) == found


def test_the_day_before_is_the_last_one_that_was_kept(tmp_path: Path) -> None:
    everybody = [replace(ANA, student_id=f"{n:03}") for n in range(10)]
    runs = Runs.at(tmp_path, everybody)
    undated = [absence(one.student_id, date="") for one in everybody]
    first, second = undated[:5], undated[5:]
    for rows in (first, second, undated[:1]):
        runs.file(rows)
        runs.now += timedelta(days=1)
    runs.now -= timedelta(days=1)  # today has a file of its own
    for rows, found in ((first, 0), (second, 5)):
        day = runs.day(rows)
        day.build_absences()
        assert hold.absent_by_another_days_file(day) == found


@pytest.mark.parametrize("between", [[], [absence("001", date="")]])
def test_a_file_of_hardly_a_row_between_hides_no_lost_dates(
    tmp_path: Path, between: list[str]
) -> None:
    runs = Runs.at(tmp_path, [ANA])
    for rows in ([absence("001")], between):
        runs.file(rows)
    day = runs.day([absence("001", date="")])
    day.build_absences()
    assert hold.has_lost_its_dates(day)


def test_a_file_that_never_has_dates_has_lost_none(tmp_path: Path) -> None:
    runs = Runs.at(tmp_path, [ANA])
    for _ in range(2):
        day = runs.day([absence("001", date="")])
        day.build_absences()
        assert not hold.has_lost_its_dates(day)
        day.build_accounting()
        list_both(day)
        runs.now += timedelta(days=1)
