"""The settings: what `districts.yaml` may say.

For: the settings of each district as typed, frozen objects.
Belongs here: the shape of the settings and their defaults. Does not belong here: reading the file
(`settings_file/`), what a setting does, and secrets: those are named here (`password_env`) and
read by `sftp/login.py`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from string import whitespace
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connect_pipeline.errors import SettingsError
from connect_pipeline.limits import Limits, Share, Thresholds
from connect_pipeline.line_law import BLANKS

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
DUE_BEFORE_SENDING = timedelta(minutes=30)
LONGEST_LABEL = 63
DISTRICT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _district_name(value: str) -> str:
    if not DISTRICT_NAME.fullmatch(value):
        raise ValueError(
            "a district's name of small letters, digits, - and _, a letter or a digit first, 63"
            " characters at most (it names folders)"
        )
    return value


def trimmed(value: str) -> str:
    """A name or a code as the cells of an export are trimmed, or neither is ever the other."""
    return value.strip(BLANKS + whitespace)


def _not_blank(value: str) -> str:
    text = trimmed(value)
    if not text:
        raise ValueError("text that is not blank")
    return text


def _clock(value: object) -> object:
    """`"23:30"` as a time of day. YAML reads an unquoted 23:30 as a number: said so."""
    if isinstance(value, int | float):
        raise ValueError('a time of day in quotes, such as "23:30"')
    if isinstance(value, str):
        if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
            raise ValueError('a time of day such as "23:30"')
        hours, minutes = value.split(":")
        return time(int(hours), int(minutes))
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("a time zone of the IANA list, such as America/Los_Angeles")
    return value


def _variable_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("the name of an environment variable (the secret itself is never here)")
    return value


def _language(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", value):
        raise ValueError("the tag of a language, such as en or es (BCP 47)")
    return value


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) < len(value):
        raise ValueError("each of them once")
    return value


def _host_key(value: str) -> str:
    if len(value.split()) < 2 or not value.startswith(("ssh-", "ecdsa-")):
        raise ValueError('the server\'s public key, such as "ssh-ed25519 AAAA..."')
    return value


def _host(value: str) -> str:
    if re.search(r"[@/\s]", value):
        raise ValueError("a server's name or address alone, without a user, a path or blanks")
    labels = value.removesuffix(".").split(".")
    if not all(0 < len(label) <= LONGEST_LABEL for label in labels):  # RFC 1035, 2.3.4
        raise ValueError("a server's name or address, with something between its dots")
    return value


def _path_of_key(value: Path) -> Path:
    if "\n" in str(value) or "-----" in str(value):
        raise ValueError("the path of a key's file, and not the key itself")
    return value


def _absolute_folder(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a folder on the server, starting with /")
    return value


def _webhook_url(value: str) -> str:
    expected = "a URL that starts with https:// (http:// on this machine only)"
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname or "", parts.port
    except ValueError:  # such as a port that is none
        raise ValueError(expected) from None
    is_private = parts.scheme == "https" or host in ("localhost", "127.0.0.1", "::1")
    if parts.scheme not in ("https", "http") or not is_private or not host or " " in value:
        raise ValueError(expected)
    return value


def _mail_address(value: str) -> str:
    if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", value):
        raise ValueError("a mail address, such as operators@example.org")
    return value


def _day(value: object) -> object:
    """A day as YAML reads it, or as text. Of a number, pydantic would make a day of 1970."""
    if isinstance(value, date) or (isinstance(value, str) and DAY.fullmatch(value)):
        return value
    raise ValueError("a day such as 2026-08-01")


def _send_time(value: time) -> time:
    if timedelta(hours=value.hour, minutes=value.minute) < DUE_BEFORE_SENDING:
        raise ValueError('"00:30" or later: the file is due 30 minutes before, on the same day')
    return value


def _day_range(value: object) -> object:
    """A day, or `"2026-12-21 to 2027-01-01"`, as its first and last day, both included."""
    expected = 'a day such as 2026-11-26, or "2026-12-21 to 2027-01-01"'
    if isinstance(value, date):
        return value, value
    if not isinstance(value, str):
        raise ValueError(expected)
    days_of_text = [day.strip() for day in value.split(" to ")]
    if not all(DAY.fullmatch(day) for day in days_of_text):  # Python reads weeks, too
        raise ValueError(expected)
    try:
        days = [date.fromisoformat(day) for day in days_of_text]
    except ValueError:
        raise ValueError(expected) from None
    if len(days) > 2 or days[-1] < days[0]:
        raise ValueError(expected)
    return days[0], days[-1]


DistrictName = Annotated[str, AfterValidator(_district_name)]
ClockTime = Annotated[time, BeforeValidator(_clock)]
SendTime = Annotated[ClockTime, AfterValidator(_send_time)]
Day = Annotated[date, BeforeValidator(_day)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
WebhookUrl = Annotated[str, AfterValidator(_webhook_url)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
Host = Annotated[str, AfterValidator(_host)]
KeyFile = Annotated[Path, AfterValidator(_path_of_key)]
RemoteFolder = Annotated[str, AfterValidator(_absolute_folder)]
DayRange = Annotated[tuple[date, date], BeforeValidator(_day_range)]
Channel = Literal["sms", "voice", "email"]
Name = Annotated[str, AfterValidator(_not_blank)]
Code = Name
"""As it is in an export, whose cells are trimmed, too."""
Days = Annotated[int, Field(ge=1, le=36_500)]
Rest = Annotated[int, Field(ge=0, le=900)]


class Section(BaseModel):
    """A part of the settings: frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: object, about: ValidationInfo) -> object:
        """YAML's yes and no would be 1 and 0, and `removed: yes` would allow everything."""
        annotation = cls.model_fields[about.field_name or ""].annotation
        if annotation in (int, float) and isinstance(value, bool):
            raise ValueError("a number, and not yes or no")
        if annotation in (Limits, Thresholds) and isinstance(value, dict):
            for name, number in value.items():
                if isinstance(number, bool):
                    raise ValueError(f"a number for {name}, and not yes or no")
        return value


class Sftp(Section):
    """How the drop is reached. There is no way to accept any host key."""

    host: Host = Field(min_length=1, description="the server's name or address")
    port: int = Field(default=22, ge=1, le=65535, description="its SSH port")
    username: Name = Field(description="who logs in")
    password_env: VariableName | None = Field(
        default=None, description="the environment variable that holds the password"
    )
    private_key: KeyFile | None = Field(
        default=None,
        description="or the path of a private key: exactly one of the two",
    )
    host_key: Annotated[str, AfterValidator(_host_key)] = Field(
        description='the server\'s public key, pinned, such as "ssh-ed25519 AAAA..."'
    )
    folder: RemoteFolder = Field(description="where the exports are on the server, from /")
    report_folder: RemoteFolder | None = Field(
        default=None, description="where each run's report goes back to the district, from /"
    )

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Sftp:
        if (self.password_env is None) == (self.private_key is None):
            raise ValueError("exactly one of password_env and private_key")
        return self


class Attendance(Section):
    """Absence alerts: who is told, when, and what is held instead."""

    enabled: bool = Field(default=False, description="whether absences are fetched and listed")
    alert_codes: tuple[Code, ...] = Field(
        default=("A", "U"),
        description="absence codes that families are told of, exactly as exported",
    )
    school_alert_codes: dict[Code, tuple[Code, ...]] = Field(
        default={},
        description="by school code: the codes that alert there, in place of alert_codes",
    )
    other_codes: tuple[Code, ...] = Field(
        default=(),
        description="codes that alert nobody, unless school_alert_codes has them for a school; a"
        " code of alert_codes must not be among them, and one in neither is an"
        " `unknown_absence_code`",
    )
    min_periods: int = Field(
        default=1,
        ge=1,
        description="periods with an alerting code before anybody is told of the child; a message"
        " that was listed stands while at least one of them is in the file",
    )
    no_school: tuple[DayRange, ...] = Field(
        default=(),
        description="days on which nobody is told, as 2026-11-26 or as the text"
        ' "2026-12-21 to 2027-01-01"',
    )
    send_at: tuple[SendTime, ...] = Field(
        default=(),
        description='when the sender sends, "00:30" or later; the file is due 30 minutes before'
        " each, and a missing one alarms: without times none does",
    )
    policy: Literal["once_per_day", "each_new_period"] = Field(
        default="once_per_day",
        description="whether a phone or e-mail is told of a child once a day by a channel, or of"
        " each new period as well",
    )
    default_channels: Annotated[tuple[Channel, ...], AfterValidator(_each_once)] = Field(
        default=("sms", "email"),
        min_length=1,
        description="sms, voice, email: for children without a PreferredContactMethod",
    )
    default_language: Annotated[str, AfterValidator(_language)] = Field(
        default="en",
        description="the tag of an entry whose children have several languages, or of whom none"
        " has one",
    )
    max_absent_share: Share = Field(
        default=0.4, description="more of a school's students absent: held"
    )
    max_cleared_share: Share = Field(
        default=0.25,
        description="a later file lacks more of the students who are listed (with"
        " `each_new_period`: of their messages): held",
    )
    absent_floor: int = Field(
        default=20, ge=1, description="fewer students than these are never held for their share"
    )

    @model_validator(mode="after")
    def _some_code_alerts(self) -> Self:
        if self.enabled and not any((self.alert_codes, *self.school_alert_codes.values())):
            raise ValueError("at least one of alert_codes: without one, nobody is ever told")
        return self

    @model_validator(mode="after")
    def _each_code_has_one_meaning(self) -> Self:
        if not {*self.alert_codes}.isdisjoint(self.other_codes):
            raise ValueError("each code in alert_codes or in other_codes, and not in both")
        return self


class LunchList(Section):
    """The list of families to be told of a lunch balance below `low_lunch_balance`, each night."""

    enabled: bool = Field(default=False, description="whether there is such a list")
    every_days: int = Field(
        default=7, ge=1, le=30, description="a student is on it at most once in so many days"
    )


class Window(Section):
    """Days in the district's zone."""

    first_day: Day = Field(description="the first day, such as 2026-08-01")
    last_day: Day = Field(description="the last day, which is in it, too")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError("last_day on or after first_day")
        return self

    def covers(self, day: date) -> bool:
        """Whether `day` is in the window."""
        return self.first_day <= day <= self.last_day


class Rollover(Window):
    """The summer's new school year: classes and changes are not judged. It ends by itself."""

    removed: Share = Field(
        default=0.5, description="the share of all students or staff that may leave in one night"
    )


class AddOnly(Window):
    """While a new school year is entered: nobody is removed yet. It ends by itself."""


class StaffAccess(Section):
    """Job titles that reach more than their holder's classes (`connect.staff_access`)."""

    site_titles: tuple[Name, ...] = Field(
        default=(), description="titles that reach the site at which they are held"
    )
    district_titles: tuple[Name, ...] = Field(
        default=(), description="titles that reach the whole district; case does not matter"
    )


class QuietSeconds(Section):
    """How long a file must rest, unchanged, before it counts as whole; in seconds.

    A run at a deadline waits as long, and the district's other runs wait for it.
    """

    core: Rest = Field(default=60, description="the nightly files")
    attendance: Rest = Field(default=15, description="absences")


class Webhook(Section):
    """Where alarms are posted as JSON, signed."""

    url: WebhookUrl = Field(description="https; http on this machine only")
    secret_env: VariableName = Field(
        description="the environment variable that holds the secret to sign with"
    )


class Mail(Section):
    """To whom alarms are mailed, over which server. A password is never sent unencrypted."""

    host: str = Field(min_length=1, description="the mail server")
    port: int = Field(default=587, ge=1, le=65535, description="its port")
    encryption: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls from the start, or none"
    )
    username: str | None = Field(default=None, description="who logs in; nobody does without")
    password_env: VariableName | None = Field(
        default=None, description="the environment variable that holds the password"
    )
    sender: MailAddress = Field(description="the address that mails come from")
    to: tuple[MailAddress, ...] = Field(min_length=1, description="the addresses that they go to")

    @model_validator(mode="after")
    def _login_is_whole_and_safe(self) -> Mail:
        if (self.username is None) != (self.password_env is None):
            raise ValueError("username and password_env together, or neither")
        if self.username is not None and self.encryption == "none":
            raise ValueError("encryption starttls or tls when there is a username")
        return self


class Alarms(Section):
    """Who is told when something is wrong: every cause of an alarm (docs/operations.md)."""

    webhook: Webhook | None = None
    mail: Mail | None = None


class UnreadAlarms(Alarms):
    """Of a district whose section is wrong: it may name somebody, and nobody can read whom."""


class Keep(Section):
    """How long things stay; what the current state was made from stays in any case."""

    landing_days: Days = Field(default=7, description="days, files as received")
    snapshots: int = Field(default=30, ge=2, description="number of publications, most a night")
    hold_days: Days = Field(default=7, description="days that a hold waits for a decision")
    report_days: Days = Field(default=90, description="days, reports")
    outbox_days: Days = Field(default=30, description="days, lists for the sender")
    attendance_days: Days = Field(default=365, description="days, absences of each day")
    ledger_days: int = Field(
        default=365,
        ge=30,
        le=36_500,
        description="days that the ledger remembers runs, receipts, holds and who was listed",
    )


class District(Section):
    """One school district: a partition of the pipeline. Its key is its name in commands."""

    name: Name = Field(description="as people write it")
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="America/Los_Angeles", description="of the IANA list; all times are its wall clock"
    )
    deadline: ClockTime = Field(
        default=time(23, 30), description="the nightly run starts then with what is there"
    )
    sftp: Sftp
    sites: dict[Code, Name] = Field(
        default={},
        description="school code (in quotes) to the site's name in SchoolExport.csv",
    )
    attendance: Attendance = Attendance()
    thresholds: Thresholds = Thresholds()
    rollover: Rollover | None = None
    add_only: AddOnly | None = None
    staff_access: StaffAccess = StaffAccess()
    quiet_seconds: QuietSeconds = QuietSeconds()
    limits: Limits = Limits()
    keep: Keep = Keep()
    mixed_nights_hours: float = Field(
        default=12,
        gt=0,
        le=8760,
        description="core files further apart than this are of several nights",
    )
    hold_stale_files: bool = Field(
        default=True,
        description="whether, at the deadline, a core file that nobody has uploaded since the one"
        " before is held, or told of where it is published already (alarm `stale`)",
    )
    low_lunch_balance: float = Field(
        default=0.0,
        ge=-10_000_000,
        le=10_000_000,
        description="dollars; a balance below it is low (groups, and the list)",
    )
    lunch_list: LunchList = LunchList()
    alarms: Alarms = Alarms()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def day_of(self, moment: datetime) -> date:
        """The day that `moment` is of, in the district's zone."""
        return moment.astimezone(self.zone).date()

    def night_of(self, moment: datetime) -> date:
        """The day on which the night began that `moment` is of: from noon to noon in the zone."""
        return (moment.astimezone(self.zone) - timedelta(hours=12)).date()


class Settings(Section):
    """All of `districts.yaml`. The top `alarms` are told of every district."""

    alarms: Alarms = Alarms()
    districts: dict[DistrictName, District] = Field(
        min_length=1, description="by name: small letters, digits, - and _"
    )

    @field_validator("districts")
    @classmethod
    def _no_two_are_one_in_dagster(cls, value: dict[str, District]) -> dict[str, District]:
        first: dict[str, str] = {}
        for name in value:
            other = first.setdefault(name.replace("-", "_"), name)
            if other != name:
                raise ValueError(
                    f"names that differ in more than - and _, unlike {other} and {name} (Dagster"
                    " has no -)"
                )
        return value

    def district(self, name: str) -> District:
        """One district's settings. Raises `SettingsError` with the names that there are."""
        try:
            return self.districts[name]
        except KeyError:
            known = ", ".join(sorted(self.districts))
            raise SettingsError(f"No district '{name}' in the settings. Known: {known}.") from None
