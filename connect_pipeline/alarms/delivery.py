"""Delivery of alarms: a signed webhook and mail, tried again until they are taken.

For: the messages that `raised.py` noted. Belongs here: what a message looks like, how it travels,
and how a failed delivery is repeated. Does not belong here: why there is an alarm.

A notice is claimed in the ledger before it is sent, so that two processes do not both send it.
After a crash between sending and noting it may arrive twice, with the same `id`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import smtplib
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from connect_pipeline.alarms.raised import channel_named
from connect_pipeline.alarms.words import JOBS, Cause, sentence
from connect_pipeline.errors import ConnectError, SettingsError
from connect_pipeline.ledger import Ledger, compact, now, stamp
from connect_pipeline.ledger.tables import alarm_notices, alarms
from connect_pipeline.settings import Mail, Settings, UnreadAlarms, Webhook

log = logging.getLogger(__name__)

SIGNATURE_HEADER = "X-Connect-Signature"
CHANNEL_SECONDS = 10
"""For one delivery: a dead receiver must not hold anybody up."""
MAIL_SECONDS = 30
"""For a mail that was handed over: servers look into it before they answer (RFC 5321, 4.5.3.2.6),
and whoever does not wait sends it again."""

ALL_CLEAR = "this has passed."

_ADDRESS_REFUSED = smtplib.SMTPRecipientsRefused.__name__
_LEASE = timedelta(minutes=2)
_LONGEST_RETRY = timedelta(minutes=30)
_MOST_TRIES = 150  # three days
_KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True)
class Notice:
    """One message to one channel."""

    notice_id: int
    channel: str
    event: str
    tries: int
    alarm: RowMapping

    def payload(self) -> dict[str, Any]:
        """What is sent: the alarm as JSON."""
        cause = Cause(self.alarm["cause"])
        cleared = self.event == "all_clear"
        job, codes = str(self.alarm["job"]), self.alarm["codes"]
        raised = datetime.fromisoformat(self.alarm["raised_at"])
        says = f"{JOBS[job]}: {ALL_CLEAR}" if cleared else sentence(cause, job, codes)
        return {
            # SQLite may give a number anew when the newest alarm was forgotten.
            "id": f"{self.alarm['id']}-{compact(raised)}-{self.event}",
            "event": self.event,
            "district": self.alarm["district"],
            "job": job,
            "cause": cause.value,
            "codes": codes,
            "night": self.alarm["night"],
            "run_id": self.alarm["run_id"],
            "at": self.alarm["cleared_at"] if cleared else self.alarm["raised_at"],
            "says": says,
        }


def deliver(ledger: Ledger, settings: Settings, *, seconds: float = 20) -> None:
    """Deliver what is due, within `seconds`.

    Never raises for a receiver that is down: that notice is tried again later.
    """
    deadline = time.monotonic() + seconds
    stuck: set[tuple[int, str]] = set()  # an all-clear never comes before its alarm
    silent: set[str] = set()
    try:
        _forget_old(ledger)
        for notice in _waiting(ledger):
            name, key = str(notice.alarm["district"]), (notice.alarm["id"], notice.channel)
            channel = channel_named(settings, name, notice.channel)
            if channel is None:
                district = settings.districts.get(name)
                if district is None or not isinstance(district.alarms, UnreadAlarms):
                    _delivered(ledger, notice)  # nobody wants to be told there any more
                continue
            receiver = (
                channel.url if isinstance(channel, Webhook) else f"{channel.host}:{channel.port}"
            )
            if key in stuck or receiver in silent or time.monotonic() > deadline:
                continue
            if not _claim(ledger, notice):
                stuck.add(key)
                continue
            problem = _send(channel, notice)
            if problem is None:
                _delivered(ledger, notice)
                continue
            stuck.add(key)
            if problem != _ADDRESS_REFUSED:
                silent.add(receiver)
            log.warning("%s: an alarm was not delivered (%s): %s", name, notice.channel, problem)
    except ConnectError as error:
        log.warning("Alarms could not be delivered: %s", error)


def _waiting(ledger: Ledger) -> list[Notice]:
    """The notices that are not delivered, in the order in which they must be."""
    rows = ledger.rows(
        sa.select(
            alarm_notices.c.id.label("notice_id"),
            alarm_notices.c.channel,
            alarm_notices.c.event,
            alarm_notices.c.tries,
            alarms,
        )
        .join(alarms, alarms.c.id == alarm_notices.c.alarm_id)
        .where(alarm_notices.c.delivered_at.is_(None))
        .order_by(alarm_notices.c.id)
    )
    return [
        Notice(row["notice_id"], row["channel"], row["event"], row["tries"], row) for row in rows
    ]


def _claim(ledger: Ledger, notice: Notice) -> bool:
    """Take a notice that is due; only one of several processes can.

    One that would wait for longer than any two pauses is due, too: the clock was set back.
    """
    moment = now()
    wait = min(_LEASE * 2 ** min(notice.tries, 10), _LONGEST_RETRY)
    with ledger.transaction() as connection:
        claimed = connection.execute(
            sa.update(alarm_notices)
            .where(
                alarm_notices.c.id == notice.notice_id,
                alarm_notices.c.tries == notice.tries,
                alarm_notices.c.delivered_at.is_(None),
                sa.or_(
                    alarm_notices.c.next_try_at <= stamp(moment),
                    alarm_notices.c.next_try_at > stamp(moment + 2 * _LONGEST_RETRY),
                ),
            )
            .values(tries=notice.tries + 1, next_try_at=stamp(moment + wait))
        )
    return claimed.rowcount == 1


def _delivered(ledger: Ledger, notice: Notice) -> None:
    with ledger.transaction() as connection:
        connection.execute(
            sa.update(alarm_notices)
            .where(alarm_notices.c.id == notice.notice_id)
            .values(delivered_at=stamp(now()))
        )


def _forget_old(ledger: Ledger) -> None:
    """What could not be delivered for days is given up, and what is long over is removed."""
    over = stamp(now() - _KEPT_FOR)
    old = sa.select(alarms.c.id).where(alarms.c.cleared_at < over)
    with ledger.transaction() as connection:
        connection.execute(
            sa.delete(alarm_notices).where(
                sa.or_(
                    sa.and_(
                        alarm_notices.c.delivered_at.is_(None),
                        alarm_notices.c.tries >= _MOST_TRIES,
                    ),
                    alarm_notices.c.alarm_id.in_(old),
                )
            )
        )
        connection.execute(sa.delete(alarms).where(alarms.c.cleared_at < over))


def _send(channel: Webhook | Mail, notice: Notice) -> str | None:
    """Send one notice; None when it was taken, else why not (never an address or a secret)."""
    try:
        if isinstance(channel, Webhook):
            _within(CHANNEL_SECONDS, _post, channel, notice)
        else:
            _within(CHANNEL_SECONDS + MAIL_SECONDS, _mail, channel, notice)
    except urllib.error.HTTPError as error:
        return f"the webhook answered {error.code}"
    except SettingsError as error:
        return str(error)
    except Exception as error:  # whatever a receiver does, it fails no run
        reason = getattr(error, "reason", error)
        return type(reason if isinstance(reason, Exception) else error).__name__
    return None


def _within(seconds: float, send: Callable[..., None], *arguments: Any) -> None:
    """Call `send`, and wait no longer: a receiver that answers byte by byte meets every timeout.

    Raises what it raises, and `TimeoutError` when it takes longer; then it is left to itself.
    """
    faults: list[Exception] = []

    def call() -> None:
        try:
            send(*arguments)
        except Exception as error:  # told by who waits
            faults.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
    if faults:
        raise faults[0]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed message goes to the address in the settings and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _post(webhook: Webhook, notice: Notice) -> None:
    body = json.dumps(notice.payload(), sort_keys=True).encode()
    request = urllib.request.Request(  # noqa: S310 - the settings allow https and loopback only
        webhook.url,
        data=body,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "connect-pipeline",
            SIGNATURE_HEADER: signature(_secret(webhook.secret_env), body),
        },
    )
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=CHANNEL_SECONDS) as answer:
        answer.read(1024)


def signature(secret: str, body: bytes) -> str:
    """What a receiver compares with `X-Connect-Signature`: HMAC-SHA-256 over the body, in hex."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _mail(mail: Mail, notice: Notice) -> None:
    payload = notice.payload()
    word = "all clear" if notice.event == "all_clear" else "alarm"
    message = EmailMessage()
    message["Subject"] = f"[connect] {payload['district']}: {word}, {payload['cause']}"
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    codes = "\n".join(f"  {code}: {count}" for code, count in payload["codes"].items())
    message.set_content(
        f"{payload['says']}\n\n"
        f"district: {payload['district']}\njob: {payload['job']}\ncause: {payload['cause']}\n"
        f"night: {payload['night']}\nrun: {payload['run_id'] or 'none'}\nat: {payload['at']}\n"
        f"codes:\n{codes or '  none'}\n"
    )
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if mail.encryption == "tls":
        server = smtplib.SMTP_SSL(mail.host, mail.port, timeout=CHANNEL_SECONDS, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=CHANNEL_SECONDS)
    try:
        if mail.encryption == "starttls":
            server.starttls(context=context)
        if mail.username is not None and mail.password_env is not None:
            server.login(mail.username, _secret(mail.password_env))
        if server.sock is not None:
            server.sock.settimeout(MAIL_SECONDS)
        server.send_message(message)
        with suppress(smtplib.SMTPException, OSError):  # whatever becomes of that, it has the mail
            server.putcmd("quit")
    finally:
        server.close()


def _secret(variable: str) -> str:
    secret = os.environ.get(variable)
    if not secret:
        raise SettingsError(
            f"The environment variable {variable}, which an alarm needs, is not set. Set it."
        )
    return secret
