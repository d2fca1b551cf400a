"""Delivery of alarms: what is noted in the ledger is sent, and tried again until it is taken.

For: the messages that `raised.py` noted. Belongs here: whose turn it is, and how a failed delivery
is repeated. Does not belong here: why there is an alarm, one attempt (`sending.py`).

A notice is claimed in the ledger before it is sent, so that two processes do not both send it.
After a crash between sending and noting it may arrive twice, with the same `id`.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import sqlalchemy as sa

from connect_pipeline.alarms.channels import channel_named
from connect_pipeline.alarms.notice import Notice
from connect_pipeline.alarms.sending import ADDRESS_REFUSED, send
from connect_pipeline.errors import ConnectError
from connect_pipeline.ledger import Ledger, now, stamp
from connect_pipeline.ledger.tables import alarm_notices, alarms
from connect_pipeline.settings import Settings, UnreadAlarms, Webhook

log = logging.getLogger(__name__)

_LEASE = timedelta(minutes=2)
_LONGEST_RETRY = timedelta(minutes=30)
_MOST_TRIES = 150  # three days
_KEPT_FOR = timedelta(days=90)


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
            problem = send(channel, notice)
            if problem is None:
                _delivered(ledger, notice)
                continue
            stuck.add(key)
            if problem != ADDRESS_REFUSED:
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
