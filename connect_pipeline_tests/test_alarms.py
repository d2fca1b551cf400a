"""Alarms: once per cause, district and night; an all-clear; and whatever a receiver does."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from connect_pipeline import alarms
from connect_pipeline.alarms import delivery, raised, sending
from connect_pipeline.alarms.raised import MOST_PER_NIGHT
from connect_pipeline.alarms.words import FAULTS, Cause, sentence
from connect_pipeline.contract import STUDENTS
from connect_pipeline.errors import (
    AccessFault,
    ConnectError,
    DiskFault,
    FileChanged,
    SettingsError,
    TransientFault,
)
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger, now, open_ledger, stamp
from connect_pipeline.ledger.tables import alarm_notices
from connect_pipeline.ledger.tables import alarms as alarms_table
from connect_pipeline.run.lifecycle import district_run
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.settings import Settings
from connect_pipeline.settings_file import load_settings
from connect_pipeline.status.state import district_status, overview
from connect_pipeline_tests.our_clock import clock_at
from connect_pipeline_tests.postgres import empty, wait_for_waiting
from connect_pipeline_tests.receivers import Mailbox, Webhook, certificate, mailbox, webhook
from connect_pipeline_tests.small_district import DISTRICT
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home

SECRET_VARIABLE, SECRET = "ALARM_SECRET", "a secret of a test"
EVENING = datetime(2026, 10, 7, 5, 0, tzinfo=UTC)
"""22:00 on 6 October in Los Angeles."""


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as kept:
        yield kept


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    with mailbox() as kept:
        yield kept


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.delenv("CONNECT_LEDGER_URL", raising=False)
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    return open_ledger(Home(tmp_path / "home"))


def by_webhook(hook: Webhook) -> dict[str, Any]:
    return {"webhook": {"url": hook.url, "secret_env": SECRET_VARIABLE}}


def by_mail(mail: Mailbox, *to: str) -> dict[str, Any]:
    about = {"host": "127.0.0.1", "port": mail.port, "encryption": "none"}
    return {"mail": {**about, "sender": "connect@example.org", "to": to or ("ops@example.org",)}}


def settings(
    everybody: Any = None, own: Any = None, names: tuple[str, ...] = ("a", "b")
) -> Settings:
    district = {**DISTRICT.model_dump(exclude={"attendance", "alarms"}), "alarms": own or {}}
    return Settings.model_validate(
        {"alarms": everybody or {}, "districts": dict.fromkeys(names, district)}
    )


def blocked(
    ledger: Ledger, chosen: Settings, at: datetime = EVENING, name: str = "a", **codes: int
) -> None:
    counts = codes or {"missing_required_column": 1}
    with clock_at(at):
        alarms.raise_alarm(ledger, chosen, name, "core", Cause.BLOCKED, counts)


def deliver(ledger: Ledger, chosen: Settings, **options: float) -> int:
    """Deliver what is due; how many notices were tried in vain."""
    before = {row["id"]: row["tries"] for row in ledger.rows(sa.select(alarm_notices))}
    delivery.deliver(ledger, chosen, **options)
    after = ledger.rows(sa.select(alarm_notices).where(alarm_notices.c.delivered_at.is_(None)))
    return sum(row["tries"] > before[row["id"]] for row in after)


def test_a_webhook_gets_counts_and_codes_and_a_signature(ledger: Ledger, hook: Webhook) -> None:
    chosen = settings(by_webhook(hook))
    blocked(ledger, chosen, missing_required_column=1, truncated_file=2)
    assert deliver(ledger, chosen) == 0
    assert hook.messages == [
        {
            "id": "1-20261007T050000Z-alarm",
            "event": "alarm",
            "district": "a",
            "job": "core",
            "cause": "blocked",
            "codes": {"missing_required_column": 1, "truncated_file": 2},
            "night": "2026-10-06",
            "run_id": None,
            "at": "2026-10-07T05:00:00Z",
            "says": "Nightly run: files were refused. What is published stays until corrected files"
            " come; the report says what to correct.",
        }
    ]
    digest = hmac.new(SECRET.encode(), hook.bodies[0], hashlib.sha256).hexdigest()
    assert hook.headers[0]["X-Connect-Signature"] == f"sha256={digest}"
    assert hook.headers[0]["Content-Type"] == "application/json"


def test_mail_says_the_same(ledger: Ledger, mail: Mailbox) -> None:
    chosen = settings(by_mail(mail, "ops@example.org", "night@example.org"))
    blocked(ledger, chosen, missing_required_column=3)
    assert deliver(ledger, chosen) == 0
    assert mail.recipients == [["ops@example.org"], ["night@example.org"]]
    assert mail.subjects == ["[connect] a: alarm, blocked"] * 2
    text = str(mail.messages[0].get_payload())
    assert "missing_required_column: 3" in text
    assert "night: 2026-10-06" in text


def test_a_further_reason_to_hold_is_told_of(ledger: Ledger, hook: Webhook) -> None:
    """Whoever was told of the first ones would approve it unseen."""
    chosen = settings(by_webhook(hook))

    def held(*codes: str) -> int:
        counts = dict.fromkeys(codes, 1)
        with clock_at(EVENING):
            alarms.raise_alarm(ledger, chosen, "a", "core", Cause.HELD, counts)
        return len(ledger.rows(sa.select(alarms_table)))

    assert held("column_vanished") == 1
    assert held("column_vanished") == 1
    assert held("column_vanished", "reachability_drop") == 2
    assert held("reachability_drop") == 2
    assert len(alarms.open_alarms(ledger)) == 1
    deliver(ledger, chosen)
    assert [message["event"] for message in hook.messages] == ["alarm", "alarm"]


def test_each_cause_is_told_once_per_night_and_district(ledger: Ledger, hook: Webhook) -> None:
    chosen = settings(by_webhook(hook))
    for minutes in (0, 1, 60, 400):
        for name in ("a", "b"):
            blocked(ledger, chosen, EVENING + timedelta(minutes=minutes), name)
    with clock_at(EVENING):
        alarms.raise_alarm(ledger, chosen, "a", "core", Cause.HELD, {"mass_removal": 1})
    deliver(ledger, chosen)
    assert sorted(hook.said) == [
        ("alarm", "a", "blocked"),
        ("alarm", "a", "held"),
        ("alarm", "b", "blocked"),
    ]
    blocked(ledger, chosen, EVENING + timedelta(hours=24))
    deliver(ledger, chosen)
    assert hook.messages[-1]["night"] == "2026-10-07", "what goes on is told again the next night"
    assert len(hook.messages) == 4
    open_now = [(row["district"], row["cause"]) for row in alarms.open_alarms(ledger)]
    assert open_now == [("b", "blocked"), ("a", "held"), ("a", "blocked")]


def test_an_all_clear_follows_and_only_to_who_was_told(
    ledger: Ledger, hook: Webhook, mail: Mailbox
) -> None:
    chosen = settings(by_webhook(hook))
    blocked(ledger, chosen)
    deliver(ledger, chosen)
    both = settings({**by_webhook(hook), **by_mail(mail)})
    alarms.clear(ledger, "a", "core", [Cause.HELD])
    alarms.clear(ledger, "a", "attendance", [Cause.BLOCKED])
    assert len(alarms.open_alarms(ledger)) == 1
    for _ in range(2):
        alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    deliver(ledger, both)
    assert hook.said == [("alarm", "a", "blocked"), ("all_clear", "a", "blocked")]
    assert mail.messages == []
    assert alarms.open_alarms(ledger) == []


def test_an_all_clear_says_which_alarm_has_passed_and_when(
    ledger: Ledger, hook: Webhook, mail: Mailbox
) -> None:
    chosen = settings({**by_webhook(hook), **by_mail(mail)})
    blocked(ledger, chosen)
    with clock_at(EVENING + timedelta(hours=1)):
        alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    assert deliver(ledger, chosen) == 0
    alarm, all_clear = hook.messages
    assert all_clear == {
        **alarm,
        "id": "1-20261007T050000Z-all_clear",
        "event": "all_clear",
        "at": "2026-10-07T06:00:00Z",
        "says": "Nightly run: this has passed.",
    }
    assert mail.subjects == ["[connect] a: alarm, blocked", "[connect] a: all clear, blocked"]


def test_an_all_clear_ends_the_silence_but_not_without_end(ledger: Ledger, hook: Webhook) -> None:
    chosen = settings(by_webhook(hook))
    for _ in range(20):
        blocked(ledger, chosen)
        with clock_at(EVENING):
            alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    deliver(ledger, chosen)
    assert len(hook.said) == 2 * MOST_PER_NIGHT


def test_who_was_told_of_the_first_reasons_is_told_that_the_last_one_has_passed(
    ledger: Ledger, hook: Webhook
) -> None:
    """Each further reason to hold is an alarm, of which nobody is told when they are many."""
    chosen = settings(by_webhook(hook))
    codes = {}
    for code in ("mass_removal", "mass_change", "column_emptied", "column_vanished"):
        codes[code] = 1
        with clock_at(EVENING):
            alarms.raise_alarm(ledger, chosen, "a", "core", Cause.HELD, codes)
    for _ in range(2):
        with clock_at(EVENING):
            alarms.clear(ledger, "a", "core", [Cause.HELD])
    deliver(ledger, chosen)
    told = [("alarm", "a", "held")] * MOST_PER_NIGHT
    assert hook.said == [*told, ("all_clear", "a", "held")]


def test_the_same_cause_of_the_other_job_is_another_alarm(ledger: Ledger, hook: Webhook) -> None:
    """What the absences come to neither hides what the night came to nor takes its place."""
    chosen = settings(by_webhook(hook))
    for job in ("core", "attendance"):
        codes = {"truncated_file": 1}
        with clock_at(EVENING):
            alarms.raise_alarm(ledger, chosen, "a", job, Cause.BLOCKED, codes)
    assert [row["job"] for row in alarms.open_alarms(ledger)] == ["core", "attendance"]
    deliver(ledger, chosen)
    assert [message["job"] for message in hook.messages] == ["core", "attendance"]


@pytest.mark.parametrize(("name", "job"), [("a", "attendance"), ("b", "core")])
def test_what_has_passed_elsewhere_keeps_no_all_clear_back(
    ledger: Ledger, hook: Webhook, name: str, job: str
) -> None:
    chosen = settings(by_webhook(hook))
    both = [("a", "core"), (name, job)]
    for one, its_job in both:
        codes = {"truncated_file": 1}
        with clock_at(EVENING):
            alarms.raise_alarm(ledger, chosen, one, its_job, Cause.BLOCKED, codes)
    for one, its_job in reversed(both):
        with clock_at(EVENING):
            alarms.clear(ledger, one, its_job, [Cause.BLOCKED])
    deliver(ledger, chosen)
    cleared = [(m["district"], m["job"]) for m in hook.messages if m["event"] == "all_clear"]
    assert cleared == [(name, job), ("a", "core")]


def test_an_open_alarm_has_the_counts_of_the_last_run(ledger: Ledger) -> None:
    chosen = settings()
    blocked(ledger, chosen, missing_required_column=1)
    blocked(ledger, chosen, truncated_file=2)  # nobody approves what is blocked
    assert [row["codes"] for row in alarms.open_alarms(ledger)] == [{"truncated_file": 2}]


def test_the_state_of_a_district_has_no_alarm_of_another(
    ledger: Ledger, hook: Webhook, tmp_path: Path
) -> None:
    chosen = settings(by_webhook(hook))
    hook.status = 500
    blocked(ledger, chosen, name="b")
    assert alarms.undelivered(ledger) == [], "nothing was tried yet"
    assert deliver(ledger, chosen) == 1
    of_a, of_b = (district_status(Home(tmp_path / "home"), ledger, name) for name in ("a", "b"))
    assert (of_a["alarms"], of_a["undelivered"]) == ([], [])
    assert [one["cause"] for one in of_b["alarms"]] == ["blocked"]
    assert [one["messages"] for one in of_b["undelivered"]] == [1]


def test_a_district_has_channels_of_its_own(ledger: Ledger, hook: Webhook, mail: Mailbox) -> None:
    chosen = settings(by_webhook(hook), by_mail(mail), names=("a",))
    blocked(ledger, chosen)
    deliver(ledger, chosen)
    assert (len(hook.messages), len(mail.messages)) == (1, 1)


def test_who_is_told_no_more_gets_nothing_of_before_when_that_is_taken_back(
    ledger: Ledger, hook: Webhook
) -> None:
    blocked(ledger, settings(by_webhook(hook)))
    assert deliver(ledger, settings()) == 0
    deliver(ledger, settings(by_webhook(hook)))
    assert hook.messages == []


def make_due(ledger: Ledger) -> None:
    """As if the pause before the next try were over."""
    with ledger.transaction() as connection:
        connection.execute(sa.update(alarm_notices).values(next_try_at=stamp(now())))


@pytest.mark.parametrize("status", [404, 500, 302, 307])
def test_a_webhook_that_refuses_is_tried_again(
    ledger: Ledger, hook: Webhook, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(by_webhook(hook))
    hook.status = status
    blocked(ledger, chosen)
    alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    assert deliver(ledger, chosen) == 1
    assert f"the webhook answered {status}" in caplog.text
    assert hook.url not in caplog.text, "the address may be a secret"
    assert deliver(ledger, chosen) == 0, "not at once"
    hook.status = 200
    for _ in range(3):
        make_due(ledger)
        deliver(ledger, chosen)
    assert hook.said == [("alarm", "a", "blocked"), ("all_clear", "a", "blocked")], "in order, once"


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The times at which something is delivered; the last of them is now."""
    moments = [EVENING]
    monkeypatch.setattr(delivery, "now", lambda: moments[-1])
    return moments


def test_the_pauses_before_another_try_grow_to_half_an_hour(
    ledger: Ledger, hook: Webhook, moments: list[datetime]
) -> None:
    chosen = settings(by_webhook(hook))
    hook.status = 500
    blocked(ledger, chosen)
    for _ in range(6):
        assert deliver(ledger, chosen) == 1
        (notice,) = ledger.rows(sa.select(alarm_notices))
        moments.append(datetime.fromisoformat(notice["next_try_at"]))
    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert pauses == [timedelta(minutes=minutes) for minutes in (2, 4, 8, 16, 30, 30)]


def test_a_clock_that_is_set_back_delays_no_other_try_by_so_much(
    ledger: Ledger, hook: Webhook, moments: list[datetime]
) -> None:
    chosen = settings(by_webhook(hook))
    hook.status = 500
    blocked(ledger, chosen)
    assert deliver(ledger, chosen) == 1
    hook.status = 200
    moments.append(EVENING + timedelta(minutes=1))
    deliver(ledger, chosen)
    assert hook.said == [], "the pause is not over"
    moments.append(EVENING - timedelta(hours=20))
    deliver(ledger, chosen)
    assert hook.said == [("alarm", "a", "blocked")]


def test_what_does_not_go_out_in_time_goes_out_later(ledger: Ledger, hook: Webhook) -> None:
    """A run that ends must not wait for many receivers that are slow."""
    chosen = settings(by_webhook(hook))
    blocked(ledger, chosen)
    assert deliver(ledger, chosen, seconds=-1) == 0
    assert hook.messages == []
    deliver(ledger, chosen)
    assert hook.said == [("alarm", "a", "blocked")]


def test_a_receiver_that_is_down_delays_no_other(
    ledger: Ledger, mail: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    down = {"webhook": {"url": "http://127.0.0.1:1/x", "secret_env": SECRET_VARIABLE}}
    chosen = settings({**down, **by_mail(mail)}, names=tuple("abcdefgh"))
    for name in chosen.districts:
        blocked(ledger, chosen, name=name)
    assert deliver(ledger, chosen) == 1, "the others of that receiver are not even tried"
    assert len(mail.messages) == 8
    assert "ConnectionRefusedError" in caplog.text


def test_a_districts_own_receiver_that_is_down_silences_no_other_districts(
    ledger: Ledger, hook: Webhook
) -> None:
    down = {"webhook": {"url": "http://127.0.0.1:1/x", "secret_env": SECRET_VARIABLE}}
    districts = {
        name: settings(own=own, names=(name,)).district(name)
        for name, own in (("a", down), ("b", by_webhook(hook)))
    }
    chosen = settings().model_copy(update={"districts": districts})
    for name in districts:
        blocked(ledger, chosen, name=name)
    assert deliver(ledger, chosen) == 1
    assert hook.said == [("alarm", "b", "blocked")]


def test_a_receiver_that_answers_byte_by_byte_holds_nobody_up(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time; the whole never does."""
    monkeypatch.setattr(sending, "CHANNEL_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.send(b"HTTP/1.1 200 OK\r\n")
                for _ in range(100):
                    connection.send(b"x")
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        chosen = settings({"webhook": {"url": url, "secret_env": SECRET_VARIABLE}})
        blocked(ledger, chosen)
        begun = time.monotonic()
        assert deliver(ledger, chosen) == 1
        assert time.monotonic() - begun < 5


def test_an_id_names_one_alarm_for_ever(ledger: Ledger, hook: Webhook) -> None:
    """SQLite gives the number of a row that is gone to the next one."""
    chosen = settings(by_webhook(hook))
    blocked(ledger, chosen)
    with clock_at(EVENING):
        alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    deliver(ledger, chosen)
    with ledger.transaction() as connection:
        connection.execute(sa.delete(alarm_notices))
        connection.execute(sa.delete(alarms_table))
    alarms.raise_alarm(ledger, chosen, "a", "core", Cause.HELD, {"mass_removal": 1})
    deliver(ledger, chosen)
    ids = [message["id"] for message in hook.messages]
    assert len(ids) == 3
    assert len({*ids}) == 3


def test_an_address_that_is_refused_is_tried_again_and_no_other(
    ledger: Ledger, mail: Mailbox
) -> None:
    chosen = settings(by_mail(mail, "ops@example.org", "night@example.org", "boss@example.org"))
    mail.refuses = ("night@example.org",)
    blocked(ledger, chosen)
    assert deliver(ledger, chosen) == 1
    assert mail.recipients == [["ops@example.org"], ["boss@example.org"]]
    mail.refuses = ()
    make_due(ledger)
    assert deliver(ledger, chosen) == 0
    assert mail.recipients[2:] == [["night@example.org"]]


def test_an_address_is_told_once_wherever_it_stands_in_the_settings(
    ledger: Ledger, mail: Mailbox
) -> None:
    addresses = ["ops@example.org", "night@example.org"]
    mail.refuses = ("night@example.org",)
    blocked(ledger, settings(by_mail(mail, *addresses)))
    deliver(ledger, settings(by_mail(mail, *addresses)))
    mail.refuses = ()
    make_due(ledger)
    deliver(ledger, settings(by_mail(mail, *reversed(addresses), "boss@example.org")))
    assert mail.recipients == [["ops@example.org"], ["night@example.org"]]


def test_an_address_that_is_alone_now_is_told_what_was_noted_for_it(
    ledger: Ledger, mail: Mailbox
) -> None:
    """The other one was mistaken, and is taken out: nothing of what waits is lost by that."""
    both = settings(by_mail(mail, "ops@example.org", "opps@example.org"))
    mail.refuses = ("ops@example.org", "opps@example.org")
    blocked(ledger, both)
    assert deliver(ledger, both) == 2
    mail.refuses = ()
    make_due(ledger)
    one = settings(by_mail(mail, "ops@example.org"))
    assert deliver(ledger, one) == 0
    alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    assert deliver(ledger, one) == 0
    assert mail.recipients == [["ops@example.org"]] * 2
    assert mail.subjects == ["[connect] a: alarm, blocked", "[connect] a: all clear, blocked"]


def test_what_was_noted_for_one_address_goes_to_all_that_there_are_now(
    ledger: Ledger, mail: Mailbox
) -> None:
    """There was one alone then, and it may have been mistaken."""
    blocked(ledger, settings(by_mail(mail)))
    chosen = settings(by_mail(mail, "ops@example.org", "night@example.org"))
    assert deliver(ledger, chosen) == 0
    assert mail.recipients == [["ops@example.org", "night@example.org"]]


@pytest.mark.parametrize(
    ("seconds", "at_quit"), [(1.5, "221 bye"), (0, "421 closing"), (0, "250 well")]
)
def test_a_mail_that_was_taken_is_sent_once(
    ledger: Ledger, mail: Mailbox, monkeypatch: pytest.MonkeyPatch, seconds: float, at_quit: str
) -> None:
    """However long the server looks into it, and whatever it says to the farewell."""
    monkeypatch.setattr(sending, "CHANNEL_SECONDS", 1)
    mail.seconds, mail.at_quit = seconds, at_quit
    chosen = settings(by_mail(mail))
    blocked(ledger, chosen)
    assert deliver(ledger, chosen) == 0
    make_due(ledger)
    assert deliver(ledger, chosen) == 0
    assert len(mail.messages) == 1


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_password_goes_to_no_mail_server_but_the_one_that_is_meant(
    ledger: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encryption: str,
    is_trusted: bool,
) -> None:
    """Its certificate says which it is, when somebody has signed that whom this machine trusts."""
    pem = certificate(tmp_path)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with mailbox(encryption, pem) as kept:
        about = by_mail(kept)["mail"] | {"host": "localhost", "encryption": encryption}
        chosen = settings({"mail": about})
        blocked(ledger, chosen)
        assert deliver(ledger, chosen) == (0 if is_trusted else 1)
        assert len(kept.messages) == is_trusted


def test_nothing_is_mailed_as_it_is_unless_the_settings_say_so(
    ledger: Ledger, mail: Mailbox
) -> None:
    """This server speaks no STARTTLS."""
    about = by_mail(mail)["mail"]
    del about["encryption"]
    chosen = settings({"mail": about})
    blocked(ledger, chosen)
    assert deliver(ledger, chosen) == 1
    assert mail.messages == []


def test_a_secret_that_is_not_set_is_said_by_its_name(
    ledger: Ledger, hook: Webhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE)
    chosen = settings(by_webhook(hook))
    blocked(ledger, chosen)
    assert deliver(ledger, chosen) == 1
    assert SECRET_VARIABLE in caplog.text
    assert hook.messages == []


def test_two_processes_deliver_once(ledger: Ledger, hook: Webhook) -> None:
    chosen = settings(by_webhook(hook), names=tuple("abcdefgh"))
    for name in chosen.districts:
        blocked(ledger, chosen, name=name)
    threads = [threading.Thread(target=deliver, args=(ledger, chosen)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(hook.said) == [("alarm", name, "blocked") for name in "abcdefgh"]


def test_two_machines_deliver_once(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: Webhook
) -> None:
    """Both see the same notice before either takes it: PostgreSQL has many writers."""
    monkeypatch.setenv("CONNECT_LEDGER_URL", postgres)
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    empty(postgres)
    ledger, chosen = open_ledger(Home(tmp_path / "home")), settings(by_webhook(hook))
    blocked(ledger, chosen)
    threads = [threading.Thread(target=deliver, args=(ledger, chosen)) for _ in range(2)]
    with ledger.transaction() as connection:
        connection.execute(sa.select(alarm_notices).with_for_update()).all()
        for thread in threads:
            thread.start()
        wait_for_waiting(postgres, 2)
    for thread in threads:
        thread.join()
    assert hook.said == [("alarm", "a", "blocked")]
    ledger.engine.dispose()


def test_what_nobody_takes_is_given_up_and_what_is_over_is_forgotten(
    ledger: Ledger, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_MOST_TRIES", 3)
    chosen = settings(by_webhook(hook))
    hook.status = 500
    blocked(ledger, chosen)
    tried = 0
    for _ in range(6):
        make_due(ledger)
        tried += deliver(ledger, chosen)
    assert tried == 3
    with clock_at(EVENING):
        alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    monkeypatch.setattr(delivery, "_KEPT_FOR", timedelta(0))
    deliver(ledger, chosen)
    assert ledger.rows(sa.select(alarm_notices)) == []


def test_what_was_told_and_is_long_over_is_forgotten(
    ledger: Ledger, hook: Webhook, moments: list[datetime]
) -> None:
    chosen = settings(by_webhook(hook))
    blocked(ledger, chosen)
    with clock_at(EVENING):
        alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    for days, left in ((90, (1, 2)), (91, (0, 0))):
        moments.append(EVENING + timedelta(days=days))
        deliver(ledger, chosen)
        rows = [len(ledger.rows(sa.select(table))) for table in (alarms_table, alarm_notices)]
        assert tuple(rows) == left
    assert len(hook.said) == 2


def test_who_took_it_at_the_last_try_is_told_that_it_has_passed(
    ledger: Ledger, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_MOST_TRIES", 2)
    chosen = settings(by_webhook(hook))
    blocked(ledger, chosen)
    for hook.status in (500, 200, 200):
        make_due(ledger)
        deliver(ledger, chosen)
    alarms.clear(ledger, "a", "core", [Cause.BLOCKED])
    deliver(ledger, chosen)
    assert hook.said == [("alarm", "a", "blocked"), ("all_clear", "a", "blocked")]


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        ("2026-10-06T18:59:59+00:00", "2026-10-05"),  # 11:59 there
        ("2026-10-06T19:00:00+00:00", "2026-10-06"),
        ("2026-10-07T08:00:00+00:00", "2026-10-06"),  # 01:00
        ("2026-11-01T20:00:00+00:00", "2026-11-01"),  # noon, an hour more after the change
        ("2026-11-01T19:59:00+00:00", "2026-10-31"),
    ],
)
def test_a_night_is_from_noon_to_noon(moment: str, night: str) -> None:
    assert DISTRICT.night_of(datetime.fromisoformat(moment)).isoformat() == night


@pytest.mark.parametrize(
    ("outcome", "codes", "causes"),
    [
        ("published", {}, {}),
        ("published", {"mass_removal": 1, "stale_file": 1}, {}),  # an operator approved it
        ("unchanged", {}, {}),
        ("unchanged", {"stale_file": 3}, {"stale": {"stale_file": 3}}),
        ("failed:3", {"truncated_file": 1}, {"failed": {"network": 1}}),
        ("failed", {}, {"failed": {"network": 1}}),
        ("blocked", {"missing_file": 2}, {"missing": {"missing_file": 2}}),
        (
            "blocked",
            {"missing_file": 1, "column_order": 1},
            {"missing": {"missing_file": 1}, "blocked": {"column_order": 1}},
        ),
        ("blocked", {}, {"blocked": {}}),
        ("held", {"mass_removal": 1}, {"held": {"mass_removal": 1}}),
        ("held", {}, {"held": {}}),
        ("held", {"stale_file": 1}, {"stale": {"stale_file": 1}}),
        ("blocked", {"stale_file": 1}, {"stale": {"stale_file": 1}}),
        ("discarded", {"mass_removal": 1}, {}),
        ("listed", {"minutes_late": 60}, {"late": {"minutes_late": 60}}),
        ("blocked", {"never_listed": 1}, {"late": {"never_listed": 1}}),
        (
            "failed:3",
            {"minutes_late": 60},
            {"late": {"minutes_late": 60}, "failed": {"network": 1}},
        ),
    ],
)
def test_what_a_runs_end_means(
    outcome: str, codes: dict[str, int], causes: dict[str, dict[str, int]]
) -> None:
    assert raised.causes_at_end(outcome, codes, "network") == causes


OF_EVERY_RUN = {Cause.FAILED, Cause.BLOCKED, Cause.HELD, Cause.MISSING}


@pytest.mark.parametrize(
    ("outcome", "is_fresh", "judged"),
    [
        ("published", False, {*OF_EVERY_RUN, Cause.STALE, Cause.DAMAGED}),
        ("unchanged", True, {*OF_EVERY_RUN, Cause.STALE, Cause.DAMAGED}),
        ("unchanged", False, {*OF_EVERY_RUN, Cause.DAMAGED}),
        ("blocked", True, {*OF_EVERY_RUN, Cause.STALE}),
        ("held", False, OF_EVERY_RUN),
        ("discarded", False, OF_EVERY_RUN),
        ("failed:3", True, {Cause.FAILED}),
    ],
)
def test_a_run_ends_only_alarms_of_what_it_has_looked_at(
    outcome: str, is_fresh: bool, judged: set[Cause]
) -> None:
    assert raised.judged_at_end(outcome, is_fresh=is_fresh) == judged


def kinds_of(fault: type[ConnectError]) -> set[str]:
    return {fault.kind}.union(*(kinds_of(one) for one in fault.__subclasses__()))


def test_each_kind_of_fault_has_words() -> None:
    assert kinds_of(ConnectError) <= set(FAULTS)
    assert "the line that its run in Dagster shows" in sentence(Cause.FAILED, "retention", ["bug"])
    assert "the line that `status` shows" in sentence(Cause.FAILED, "core", ["bug"])
    for job in ("core", "attendance"):
        for cause in Cause:
            assert sentence(cause, job, {}).count(":") >= 1


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (TransientFault("x"), "network", "did not answer or broke off"),
        (AccessFault("x"), "access", "`doctor` says which"),
        (FileChanged("x"), "upload", "still being uploaded"),
        (SettingsError("x"), "settings", "A setting is missing or wrong"),
        (OSError(28, "x"), "disk", "free space"),
        (KeyError("x"), "bug", "a bug of connect_pipeline"),
    ],
)
def test_a_failed_run_says_which_job_which_kind_of_fault_and_what_to_do(
    home: SmallHome, hook: Webhook, fault: Exception, kind: str, says: str
) -> None:
    with (
        home.here(),
        pytest.raises(ConnectError),
        district_run(home.home, NAME, "r1", "attendance"),
    ):
        raise fault
    (message,) = hook.messages
    assert (message["cause"], message["codes"]) == ("failed", {kind: 1})
    assert message["says"].startswith("Attendance run: it could not do its work. ")
    assert says in message["says"]
    assert message["says"].endswith(" What is published stays.")
    shown = home.command_here("status", NAME).stdout
    assert message["says"] in shown


# -- settings ------------------------------------------------------------------------------------

MAIL = {"host": "h", "sender": "a@example.org", "to": ["b@example.org"]}
WRONG = [
    *(
        ({"webhook": {"url": url, "secret_env": "X"}}, "https://")
        for url in ("http://example.org/x", "https://h:abc/", "https://h:99999/", "https://h h/")
    ),
    ({"webhook": {"url": "https://example.org/x"}}, "`alarms.webhook.secret_env` is missing"),
    ({"webhook": {"url": "https://example.org", "secret_env": "not a name"}}, "environment"),
    ({"mail": {"host": "h", "sender": "a@example.org", "to": []}}, "alarms.mail.to"),
    ({"mail": {"host": "h", "sender": "a\nb@example.org", "to": ["b@example.org"]}}, "address"),
    (
        {
            "mail": {
                "host": "h",
                "sender": "a@example.org",
                "to": ["b@example.org"],
                "username": "u",
                "password_env": "P",
                "encryption": "none",
            }
        },
        "encryption starttls or tls",
    ),
    (
        {"mail": {**MAIL, "username": "u"}},
        "username and password_env together, or neither",
    ),
    ({"pager": {}}, "unknown key `alarms.pager`; allowed here: webhook, mail"),
]


@pytest.mark.parametrize(("section", "says"), WRONG)
@pytest.mark.parametrize("place", ["all", "own"])
def test_wrong_settings_are_refused_with_their_line(
    tmp_path: Path, section: dict[str, Any], says: str, place: str
) -> None:
    district: dict[str, Any] = {
        "name": "Springfield",
        "sftp": {
            "host": "127.0.0.1",
            "username": "u",
            "password_env": "P",
            "host_key": "ssh-ed25519 AAAA",
            "folder": "/exports",
        },
    }
    data: dict[str, Any] = {"districts": {"a": district}}
    (data if place == "all" else district)["alarms"] = section
    path = tmp_path / "districts.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(SettingsError) as refused:
        load_settings(path)
    assert "line " in str(refused.value)
    assert says.replace("`alarms", "`alarms" if place == "all" else "`districts.a.alarms") in str(
        refused.value
    )


# -- whole runs ----------------------------------------------------------------------------------


@pytest.fixture
def home(server: EmbeddedServer, tmp_path: Path, hook: Webhook) -> SmallHome:
    made = small_home(server, tmp_path, alarms=by_webhook(hook))
    made.environment[SECRET_VARIABLE] = SECRET
    return made


def test_a_run_without_its_scratch_database_ends_as_failed_and_tells_it(
    home: SmallHome, hook: Webhook
) -> None:
    in_its_place = home.home.scratch(NAME)
    in_its_place.parent.mkdir(parents=True)
    in_its_place.write_text("a file where the scratch folder has to be")
    with (
        home.here(),
        pytest.raises(DiskFault, match="Could not make the folder"),
        district_run(home.home, NAME, "r1", "core"),
    ):
        pytest.fail("it has nothing to work in")
    row = home.ledger.run("r1")
    assert row is not None
    assert (row["outcome"], row["ended_at"] is None) == ("failed:3", False)
    assert "Could not make the folder" in row["message"]
    assert [(one["cause"], one["codes"]) for one in hook.messages] == [("failed", {"disk": 1})]


def test_a_bug_in_telling_is_told_of(
    home: SmallHome, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run of which nobody knows what it came to would be a silent one."""

    def bug(*_: object, **__: object) -> None:
        raise TypeError

    monkeypatch.setattr(alarms, "after_run", bug)
    assert home.publish()
    assert [(one["cause"], one["codes"]) for one in hook.messages] == [("failed", {"bug": 1})]


def test_a_run_tells_what_it_came_to_and_when_it_is_over(home: SmallHome, hook: Webhook) -> None:
    good = home.read(STUDENTS.file_name)
    assert home.publish()
    assert hook.messages == []
    for _ in range(2):
        home.upload({STUDENTS.file_name: good.replace("ID,School", "School,ID")})
        assert home.nightly().outcome == "blocked"
    home.upload({STUDENTS.file_name: None})
    assert home.nightly().outcome == "blocked"
    home.upload({STUDENTS.file_name: good.replace("Korean", "Spanish")})
    home.publish()
    assert hook.said == [
        ("alarm", NAME, "blocked"),
        ("alarm", NAME, "missing"),
        ("all_clear", NAME, "blocked"),
        ("all_clear", NAME, "missing"),
    ]
    assert "Spanish" not in json.dumps(hook.messages)
    assert hook.messages[0]["codes"] == {"column_order": 1}
    assert hook.messages[0]["run_id"] is not None


def test_a_failed_run_tells_and_the_next_good_one_ends_it(home: SmallHome, hook: Webhook) -> None:
    home.environment[SECRET_VARIABLE] = SECRET
    right = home.sftp["folder"]
    home.write_settings(sftp={"folder": "/nowhere"})
    assert home.nightly().outcome == "failed:3"
    home.write_settings(sftp={"folder": right})
    home.publish()
    assert hook.said == [("alarm", NAME, "failed"), ("all_clear", NAME, "failed")]
    assert hook.messages[0]["codes"] == {"access": 1}


def test_a_receiver_that_is_down_fails_no_run(
    home: SmallHome, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    hook.status = 503
    home.upload({STUDENTS.file_name: None})
    assert home.nightly().outcome == "blocked"
    assert "an alarm was not delivered" in caplog.text
    assert "(own webhook) does not take: 1" in home.command_here("status", NAME).stdout
    (line,) = overview(home.home, home.ledger, [NAME])
    assert "alarms not delivered (own webhook)" in line.attention
    hook.status = 200
    with home.here():
        make_due(home.ledger)
        deliver(home.ledger, load_settings(home.home.settings_file))
    assert hook.said == [("alarm", NAME, "missing")]
    assert district_status(home.home, home.ledger, NAME)["undelivered"] == []
