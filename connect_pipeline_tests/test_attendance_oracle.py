"""Random small districts and random days of files: the SQL lists whom the plain oracle lists."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connect_pipeline_tests.attendance_oracle import Change, Oracle
from connect_pipeline_tests.attendance_runs import NAME, TODAY, YESTERDAY, Row, Runs
from connect_pipeline_tests.small_roster import Contact, Student, write_roster

EXAMPLES = int(os.environ.get("CONNECT_TESTS_EXAMPLES", "10"))
DAY = date(2026, 10, 6)

IDS = [f"{number:03}" for number in range(1, 9)]
UNKNOWN_IDS = ["1", "999"]
SCHOOLS = ["101", "102", "9/9"]
PHONES = [f"+1201555010{digit}" for digit in range(4)]
EMAILS = ["eva@example.com", "EVA@example.com", "leo@example.com", "o'neil+x@example.com"]
CHANNELS = ["sms", "voice", "email"]
RELATIONS = [("primary", "secondary"), ("primary", "self"), ("self", "secondary"), ("self",), ()]

maybe = st.none
contacts = st.builds(
    Contact,
    relation=st.just("primary"),
    name=maybe() | st.sampled_from(["Eva Ruiz", "Leo Ruiz"]),
    phone=st.sampled_from([None, *PHONES]),
    email=st.sampled_from([None, *EMAILS]),
)


@st.composite
def students(draw: st.DrawFn) -> list[Student]:
    """Eight students who share few phones and e-mails."""
    found = []
    for student_id in IDS:
        relations = draw(st.sampled_from(RELATIONS))
        found.append(
            Student(
                student_id,
                method=draw(maybe() | st.sampled_from(["text", "phone", "email", "all"])),
                language=draw(maybe() | st.sampled_from(["es", "vi"])),
                contacts=tuple(
                    Contact(relation, one.name, one.phone, one.email)
                    for relation, one in ((each, draw(contacts)) for each in relations)
                ),
            )
        )
    return found


rows: st.SearchStrategy[Row] = st.tuples(
    st.sampled_from(SCHOOLS),
    st.sampled_from(IDS * 3 + UNKNOWN_IDS),
    st.sampled_from(["0", "1", "2", "10", "2B", "Lunch"]),
    st.sampled_from(["A", "A", "U", "T", "a"]),
    maybe() | st.sampled_from(["", "Lopez, Maria"]),
    st.sampled_from([TODAY, TODAY, TODAY, "2026-10-06", "", None, YESTERDAY, "10/07/26"]),
)
# Long files first: short ones rarely have siblings or two contacts at one phone.
files = st.lists(rows, min_size=15, max_size=40) | st.lists(rows, max_size=3)
opt_outs = st.sets(
    st.sampled_from(
        [
            (channel, destination)
            for channel in CHANNELS
            for destination in (EMAILS[2:] if channel == "email" else PHONES)
        ]
    ),
    max_size=4,
)
attendance = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["once_per_day", "each_new_period"]),
        "alert_codes": st.sampled_from([("A", "U"), ("A",), ("T", "a")]),
        "other_codes": st.sampled_from([(), ("T",), ("T", "a", "U")]),
        "school_alert_codes": st.sampled_from([{}, {"102": ("T",)}, {"101": ()}]),
        "default_channels": st.sampled_from([("sms", "email"), ("voice",), ("email",)]),
        "min_periods": st.sampled_from([1, 1, 2]),
    }
).map(lambda drawn: drawn | {"other_codes": _of_no_alert(drawn)})


def _of_no_alert(drawn: dict[str, Any]) -> tuple[str, ...]:
    """Drawn other codes that the settings may have beside these alert codes."""
    return tuple(code for code in drawn["other_codes"] if code not in drawn["alert_codes"])


class District:
    """The runs and the oracle of one example."""

    def __init__(
        self, roster: list[Student], out: set[tuple[str, str]], about: dict[str, Any]
    ) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="connect-"))
        self.runs = Runs.at(self.root, roster, **about)
        self.oracle = Oracle({}, DAY, **about)
        self.batch_ids: list[str] = []
        self.publish(roster)
        self.opt_out(out)

    def publish(self, roster: list[Student]) -> None:
        """Another roster, for the files to come."""
        write_roster(self.runs.home.roster(NAME), roster)
        self.oracle.students = {one.student_id: one for one in roster}

    def opt_out(self, out: set[tuple[str, str]]) -> None:
        """Other opt-outs, for the files to come."""
        path = self.root / "opt_outs" / f"{NAME}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            "channel,destination\n" + "".join(f"{one},{two}\n" for one, two in sorted(out))
        )
        self.oracle.opt_outs = out

    def take(self, rows: list[Row]) -> None:
        """One file for both, compared in all that is published of the day."""
        told_before, lists_before = self.everything_told(), self.cleared_lists()
        batch = self.runs.file(rows)
        expected = self.oracle.file(rows, DAY)
        told = self.everything_told()
        assert told[: len(told_before)] == told_before, "an earlier batch changed"
        new = told[len(told_before) :]
        assert {
            (channel, destination, student): periods
            for _batch, channel, destination, student, periods in new
        } == expected
        assert len(new) == len(expected), "an entry is there twice"
        assert (batch is not None) == bool(expected)
        assert self.accounting() == self.oracle.accounting
        self.compare_recipients(expected, batch.batch_id if batch else None)
        self.batch_ids += [batch.batch_id] if batch else []
        new_lists = self.cleared_lists()[len(lists_before) :]
        changes = [change for path in new_lists for change in self.changes_of(path)]
        assert {*changes} == self.oracle.changes
        assert len(changes) == len(self.oracle.changes), "a change is said twice"

    def cleared_lists(self) -> list[Path]:
        return sorted((self.runs.home.outbox(NAME) / "cleared").glob("*.csv"))

    def changes_of(self, path: Path) -> list[Change]:
        """What a list of cleared absences says."""
        rows = csv.DictReader(io.StringIO(path.read_text("utf-8")))
        return [
            (
                row["change"],
                (
                    self.batch_ids.index(row["listed_in"]) + 1,
                    row["channel"],
                    row["destination"],
                    row["student_id"],
                ),
                tuple(row["periods"].split(", ")),
            )
            for row in rows
        ]

    def everything_told(self) -> list[tuple[Any, ...]]:
        if not self.runs.home.attendance(NAME).exists():
            return []
        return self.runs.published(
            "SELECT batch_id, channel, destination, student_id, periods"
            " FROM attendance.recipient_absences ORDER BY ALL"
        )

    def accounting(self) -> dict[tuple[date, str], str]:
        found = self.runs.published(
            "SELECT date, student_id, coalesce(reason, status) FROM attendance.accounting"
        )
        accounted = {(day, student): reason for day, student, reason in found}
        assert len(accounted) == len(found), "a student is accounted for twice"
        return accounted

    def compare_recipients(self, expected: dict[Any, Any], batch_id: str | None) -> None:
        children: dict[tuple[str, str], list[str]] = {}
        for channel, destination, student in sorted(expected):
            children.setdefault((channel, destination), []).append(student)
        found = self.runs.published(
            "SELECT channel, destination, student_ids, language, contact_names"
            f" FROM attendance.recipients WHERE batch_id IS NOT DISTINCT FROM '{batch_id or ''}'"
        )
        assert {(one[0], one[1]): one[2] for one in found} == children
        assert len(found) == len(children), "a destination is there twice"
        for channel, destination, student_ids, language, names in found:
            told = [self.oracle.students[student] for student in student_ids]
            languages = {one.language for one in told} - {None}
            assert language == (languages.pop() if len(languages) == 1 else "en")
            assert names == sorted(
                {
                    contact.name
                    for one in told
                    for contact in one.contacts
                    if contact.relation != "self" and contact.name
                    if destination
                    == ((contact.email or "").lower() if channel == "email" else contact.phone)
                }
            )

    def close(self) -> None:
        shutil.rmtree(self.root)


@settings(max_examples=EXAMPLES)
@given(students(), opt_outs, attendance, files)
def test_a_random_file_lists_whom_the_oracle_lists(
    roster: list[Student],
    out: set[tuple[str, str]],
    about: dict[str, Any],
    file: list[Row],
) -> None:
    district = District(roster, out, about)
    try:
        district.take(file)
    finally:
        district.close()


@settings(max_examples=EXAMPLES)
@given(students(), opt_outs, attendance, files, st.data())
def test_a_random_day_of_files_lists_each_once_and_leaves_nobody_out(
    roster: list[Student],
    out: set[tuple[str, str]],
    about: dict[str, Any],
    first: list[Row],
    data: st.DataObject,
) -> None:
    district = District(roster, out, about)
    file = first
    try:
        district.take(file)
        for change in data.draw(
            st.lists(
                st.sampled_from(
                    [
                        *("grown", "shuffled", "again", "corrected", "cut", "yesterday"),
                        *("first", "roster", "opt_outs"),
                    ]
                ),
                max_size=6,
            )
        ):
            if change == "roster":
                district.publish(data.draw(students()))
            if change == "opt_outs":
                district.opt_out(data.draw(opt_outs))
            file = first if change == "first" else changed(data, file, change)
            district.take(file)
    finally:
        district.close()


def changed(data: st.DataObject, file: list[Row], change: str) -> list[Row]:
    """The next file of the day."""
    if change == "grown":
        return [*file, *data.draw(files)]
    if change == "shuffled":
        return data.draw(st.permutations(file))
    if change == "corrected":
        return [
            (school, student, period, data.draw(st.sampled_from(["A", "T"])), teacher, day)
            for school, student, period, _code, teacher, day in file
        ]
    if change == "cut":
        return file[: data.draw(st.integers(0, len(file)))]
    if change == "yesterday":
        return [(*row[:5], YESTERDAY) for row in file]
    return file
