"""Who is told of what, in plain Python: DESIGN section 7 written a second time.

For: the property tests, which compare it with the SQL. Belongs here: loops and dictionaries,
slow and plain, that share nothing with `connect_pipeline.attendance`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from connect_pipeline_tests.attendance_runs import Row
from connect_pipeline_tests.small_roster import Student

Entry = tuple[str, str, str]
"""channel, destination, student."""
Lesson = tuple[str, str]
"""school, period."""
THE_DAY: Lesson = ("", "")
"""What a message is of under `once_per_day`."""
Message = tuple[int, str, str, str]
"""number of the batch, channel, destination, student."""
Change = tuple[str, Message, tuple[str, ...]]
"""`cleared`, `no_longer_alerts` or `absent_again`, the message, periods."""

CHANNELS_OF_METHOD = {
    "text": ["sms"],
    "phone": ["voice"],
    "email": ["email"],
    "all": ["sms", "voice", "email"],
}


@dataclass
class Oracle:
    """A district's day. `told` is what each destination was told of each child so far."""

    students: dict[str, Student]
    today: date
    policy: str = "once_per_day"
    alert_codes: tuple[str, ...] = ("A", "U")
    other_codes: tuple[str, ...] = ()
    school_alert_codes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    default_channels: tuple[str, ...] = ("sms", "email")
    min_periods: int = 1
    opt_outs: set[tuple[str, str]] = field(default_factory=set)
    told: dict[Entry, set[Lesson]] = field(default_factory=dict)
    accounting: dict[tuple[date, str], str] = field(default_factory=dict)
    batches: int = 0
    said: dict[Message, set[Lesson]] = field(default_factory=dict)
    stands: dict[Message, set[Lesson]] = field(default_factory=dict)
    periods: dict[Message, list[str]] = field(default_factory=dict)
    changes: set[Change] = field(default_factory=set)
    """What the list of cleared absences says after the last file."""

    def file(self, rows: Iterable[Row], arrival: date) -> dict[Entry, list[str]]:
        """Take a file; returns the new entries with their periods in order."""
        absences: dict[tuple[date, str], dict[Lesson, str]] = {}
        for school, student, period, code, _teacher, text in rows:
            day = parse_date(text) if text else arrival
            absences.setdefault((day, student), {}).setdefault((school, period), code)
        spoken = {day for day, _student in absences} or {arrival}
        self.accounting = {
            key: reason for key, reason in self.accounting.items() if key[0] not in spoken
        }
        listed_before = {student for _channel, _destination, student in self.told}
        unknown = {student for day, student in absences if day == self.today}
        unknown = {student.lstrip("0") for student in unknown - {*self.students}}
        doubtful = {student for student in listed_before if student.lstrip("0") in unknown}
        batch: dict[Entry, list[str]] = {}
        for (day, student), lessons in absences.items():
            reason, entries = self._judge(day, student, lessons, doubtful)
            self.accounting[day, student] = reason
            for entry, news in entries.items():
                batch[entry] = [period for _school, period in sorted(news, key=place)]
                self.told.setdefault(entry, set()).update(self._alerting(lessons))
        self._note(batch, absences)
        self.changes = set()
        if self.today in spoken:
            for student in listed_before:
                fate = "already_listed" if student in doubtful else "cleared"
                self.accounting.setdefault((self.today, student), fate)
            self._change(absences, doubtful)
        return batch

    def _note(
        self,
        batch: dict[Entry, list[str]],
        absences: dict[tuple[date, str], dict[Lesson, str]],
    ) -> None:
        """What the batch says."""
        self.batches += bool(batch)
        for entry, periods in batch.items():
            message = (self.batches, *entry)
            lessons = {THE_DAY}
            if self.policy == "each_new_period":
                said = [self.said[one] for one in self.said if one[1:] == entry]
                lessons = self._alerting(absences[self.today, entry[2]]) - set().union(*said)
            self.said[message] = self.stands[message] = lessons
            self.periods[message] = periods

    def _change(
        self, absences: dict[tuple[date, str], dict[Lesson, str]], doubtful: set[str]
    ) -> None:
        """What of it the file takes back, and what it says again."""
        for message, said in self.said.items():
            _batch, channel, destination, student = message
            lessons = absences.get((self.today, student), {})
            alerting = self._alerting(lessons) if student in self.students else set()
            if len({period for _school, period in alerting}) < self.min_periods:
                alerting = set()
            there, told = self._of_a_message(lessons), self._of_a_message(alerting)
            stood = self.stands[message]
            if stood and not stood & self._missed(lessons) and student not in doubtful:
                self.stands[message] = set()
                change = "no_longer_alerts" if stood & there else "cleared"
                self._say(change, message, stood, self.periods[message])
            again = (said - stood) & told
            reached = student in self.students and (
                (channel, destination) in self._destinations(self.students[student]) - self.opt_outs
            )
            if again and reached:
                self.stands[message] = self.stands[message] | again
                now = [period for _school, period in sorted(alerting, key=place)]
                self._say("absent_again", message, again, now)

    def _of_a_message(self, lessons: Iterable[Lesson]) -> set[Lesson]:
        """The lessons as a message has them."""
        found = {*lessons}
        return {THE_DAY} if found and self.policy == "once_per_day" else found

    def _missed(self, lessons: dict[Lesson, str]) -> set[Lesson]:
        """Those that may be reason to tell: all but the ones whose code is known to be none."""
        alerting = self._alerting(lessons)
        return self._of_a_message(
            one for one, code in lessons.items() if one in alerting or code not in self.other_codes
        )

    def _say(
        self, change: str, message: Message, lessons: set[Lesson], of_the_day: list[str]
    ) -> None:
        periods = [period for _school, period in sorted(lessons, key=place)]
        self.changes.add((change, message, tuple(of_the_day if THE_DAY in lessons else periods)))

    def _judge(
        self, day: date, student: str, lessons: dict[Lesson, str], doubtful: set[str]
    ) -> tuple[str, dict[Entry, set[Lesson]]]:
        if day != self.today:
            return "not_today", {}
        if student not in self.students:
            return "unknown_student", {}
        alerting = self._alerting(lessons)
        if not alerting:
            return "code_does_not_alert", {}
        has_enough = len({period for _school, period in alerting}) >= self.min_periods
        destinations = self._destinations(self.students[student]) if has_enough else set()
        entries = {}
        for channel, destination in destinations - self.opt_outs:
            told = self.told.get((channel, destination, student))
            news = alerting if told is None else alerting - told
            if told is not None and self.policy == "once_per_day":
                news = set()
            if news:
                entries[channel, destination, student] = news
        if entries:
            return "listed", entries
        for message in self.said:
            if message[3] == student and (
                (message[1], message[2]) in destinations - self.opt_outs
                or (self.stands[message] and student in doubtful)
                or self.stands[message] & self._missed(lessons)
            ):
                return "already_listed", {}
        if not has_enough:
            return "too_few_periods", {}
        return ("opted_out" if destinations else "no_usable_contact"), {}

    def _alerting(self, lessons: dict[Lesson, str]) -> set[Lesson]:
        return {
            (school, period)
            for (school, period), code in lessons.items()
            if code in self.school_alert_codes.get(school, self.alert_codes)
        }

    def _destinations(self, student: Student) -> set[tuple[str, str]]:
        usable: set[tuple[str, str]] = set()
        for contact in student.contacts:
            if contact.relation == "self":
                continue
            if contact.phone:
                usable |= {("sms", contact.phone), ("voice", contact.phone)}
            if contact.email:
                usable.add(("email", contact.email.lower()))
        wanted = CHANNELS_OF_METHOD.get(student.method or "", list(self.default_channels))
        chosen = {(channel, destination) for channel, destination in usable if channel in wanted}
        return chosen or usable


def parse_date(text: str) -> date:
    """MM/DD/YY or ISO."""
    return datetime.strptime(text, "%m/%d/%y" if "/" in text else "%Y-%m-%d").date()  # noqa: DTZ007


def place(lesson: Lesson) -> tuple[float, str, str]:
    """Where a lesson stands in the day: 2 before 10, 10 before "Lunch"."""
    school, period = lesson
    digits = ""
    for character in period:
        if not character.isdigit():
            break
        digits += character
    return (float(digits) if digits else float("inf")), period, school
