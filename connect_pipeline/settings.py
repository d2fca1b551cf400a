"""The settings: what `districts.yaml` may say.

For: the settings of each district as typed, frozen objects.
Belongs here: the shape of the settings and their defaults. Does not belong here: reading the file
(`settings_file.py`), what a setting does, and secrets: those are named here (`password_env`) and
read by `sftp/login.py`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from connect_pipeline.errors import SettingsError
from connect_pipeline.limits import Limits, Share, Thresholds

DISTRICT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _clock(value: object) -> object:
    """`"23:30"` as a time of day. YAML reads an unquoted 23:30 as a number: said so."""
    if isinstance(value, int) and not isinstance(value, bool):
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


def _host_key(value: str) -> str:
    if len(value.split()) < 2 or not value.startswith(("ssh-", "ecdsa-")):
        raise ValueError('the server\'s public key, such as "ssh-ed25519 AAAA..."')
    return value


def _absolute_folder(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a folder on the server, starting with /")
    return value


def _webhook_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "https" and parts.hostname:
        return value
    if parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return value
    raise ValueError("a URL that starts with https:// (http:// on this machine only)")


def _mail_address(value: str) -> str:
    if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", value):
        raise ValueError("a mail address, such as operators@example.org")
    return value


def _day_range(value: object) -> object:
    """A day, or `"2026-12-21 to 2027-01-01"`, as its first and last day, both included."""
    expected = 'a day such as 2026-11-26, or "2026-12-21 to 2027-01-01"'
    if isinstance(value, date):
        return value, value
    if not isinstance(value, str):
        raise ValueError(expected)
    try:
        days = [date.fromisoformat(day.strip()) for day in value.split(" to ")]
    except ValueError:
        raise ValueError(expected) from None
    if len(days) > 2 or days[-1] < days[0]:
        raise ValueError(expected)
    return days[0], days[-1]


ClockTime = Annotated[time, BeforeValidator(_clock)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
WebhookUrl = Annotated[str, AfterValidator(_webhook_url)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
RemoteFolder = Annotated[str, AfterValidator(_absolute_folder)]
DayRange = Annotated[tuple[date, date], BeforeValidator(_day_range)]
Channel = Literal["sms", "voice", "email"]


class Section(BaseModel):
    """A part of the settings: frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Sftp(Section):
    """How the drop is reached. The host key is pinned; there is no "accept any"."""

    host: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    username: str = Field(min_length=1)
    password_env: VariableName | None = None
    private_key: Path | None = None
    host_key: Annotated[str, AfterValidator(_host_key)]
    folder: RemoteFolder
    report_folder: RemoteFolder | None = None

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Sftp:
        if (self.password_env is None) == (self.private_key is None):
            raise ValueError("exactly one of password_env and private_key")
        return self


class Attendance(Section):
    """Absence alerts (design, section 7).

    `school_alert_codes` replaces `alert_codes` for the schools it names. `max_absent_share` is of a
    school's students, `max_cleared_share` of those of whom somebody was told today. Fewer than
    `absent_floor` students never hold a batch, whatever their share is.
    """

    enabled: bool = False
    alert_codes: tuple[str, ...] = ("A", "U")
    school_alert_codes: dict[str, tuple[str, ...]] = {}
    other_codes: tuple[str, ...] = ()
    min_periods: int = Field(default=1, ge=1)
    no_school: tuple[DayRange, ...] = ()
    send_at: tuple[ClockTime, ...] = ()
    policy: Literal["once_per_day", "each_new_period"] = "once_per_day"
    default_channels: tuple[Channel, ...] = Field(default=("sms", "email"), min_length=1)
    default_language: str = "en"
    max_absent_share: Share = 0.4
    max_cleared_share: Share = 0.25
    absent_floor: int = Field(default=20, ge=1)


class LunchList(Section):
    """The list of families to be told of a lunch balance below `low_lunch_balance`.

    It is made of each published night. A student is on it at most every `every_days` days, which
    the ledger remembers (`keep.ledger_days`, 30 or more).
    """

    enabled: bool = False
    every_days: int = Field(default=7, ge=1, le=30)


class Window(Section):
    """Days, both included, in the district's zone. It ends by itself."""

    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError("last_day on or after first_day")
        return self

    def covers(self, day: date) -> bool:
        """Whether `day` is in the window."""
        return self.first_day <= day <= self.last_day


class Rollover(Window):
    """The summer's new school year: classes and changes are not judged.

    `removed` is the share of all students or staff that may leave.
    """

    removed: Share = 0.5


class StaffAccess(Section):
    """Titles whose holders reach more than their own classes (`connect.staff_access`)."""

    site_titles: tuple[str, ...] = ()
    district_titles: tuple[str, ...] = ()


class QuietSeconds(Section):
    """How long a file must rest, unchanged, before it counts as whole."""

    core: int = Field(default=60, ge=0)
    attendance: int = Field(default=15, ge=0)


class Webhook(Section):
    """Where alarms are posted as JSON, signed with the secret that `secret_env` holds."""

    url: WebhookUrl
    secret_env: VariableName


class Mail(Section):
    """To whom alarms are mailed, over which server. A password is never sent unencrypted."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_env: VariableName | None = None
    sender: MailAddress
    to: tuple[MailAddress, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _login_is_whole_and_safe(self) -> Mail:
        if (self.username is None) != (self.password_env is None):
            raise ValueError("username and password_env together, or neither")
        if self.username is not None and self.encryption == "none":
            raise ValueError("encryption starttls or tls when there is a username")
        return self


class Alarms(Section):
    """Who is told when something is failed, blocked, held, missing or stale (`alarms.py`)."""

    webhook: Webhook | None = None
    mail: Mail | None = None


class Keep(Section):
    """How long things stay: snapshots by their number, all else in days.

    `hold_days` is how long a hold waits for a decision, `ledger_days` how long the ledger remembers
    runs, receipts, holds and who was listed.
    """

    landing_days: int = Field(default=7, ge=1)
    snapshots: int = Field(default=30, ge=2)
    hold_days: int = Field(default=7, ge=1)
    report_days: int = Field(default=90, ge=1)
    outbox_days: int = Field(default=30, ge=1)
    attendance_days: int = Field(default=365, ge=1)
    ledger_days: int = Field(default=365, ge=30)


class District(Section):
    """One school district: a partition of the pipeline."""

    name: str = Field(min_length=1)
    timezone: Annotated[str, AfterValidator(_zone)] = "America/Los_Angeles"
    deadline: ClockTime = time(23, 30)
    sftp: Sftp
    sites: dict[str, str] = {}
    attendance: Attendance = Attendance()
    thresholds: Thresholds = Thresholds()
    rollover: Rollover | None = None
    add_only: Window | None = None
    staff_access: StaffAccess = StaffAccess()
    quiet_seconds: QuietSeconds = QuietSeconds()
    limits: Limits = Limits()
    keep: Keep = Keep()
    mixed_nights_hours: float = Field(default=12, gt=0)
    hold_stale_files: bool = True
    low_lunch_balance: float = 0.0
    lunch_list: LunchList = LunchList()
    alarms: Alarms = Alarms()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def day_of(self, moment: datetime) -> date:
        """The day that `moment` is of, in the district's zone."""
        return moment.astimezone(self.zone).date()


class Settings(Section):
    """All of `districts.yaml`. The top `alarms` are told of every district."""

    alarms: Alarms = Alarms()
    districts: dict[str, District] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_safe(self) -> Settings:
        if len({name.replace("-", "_") for name in self.districts}) < len(self.districts):
            raise ValueError("district names that differ in more than - and _ (Dagster has no -)")
        for name in self.districts:
            if not DISTRICT_NAME.fullmatch(name):
                raise ValueError(
                    "district names of small letters, digits, - and _ (they name folders)"
                )
        return self

    def district(self, name: str) -> District:
        """One district's settings. Raises `SettingsError` with the names that there are."""
        try:
            return self.districts[name]
        except KeyError:
            known = ", ".join(sorted(self.districts))
            raise SettingsError(f"No district '{name}' in the settings. Known: {known}.") from None
