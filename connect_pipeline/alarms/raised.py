"""Alarms: the one place that decides who is told what is failed, blocked, held, missing or stale.

For: a person learns of each cause once per night and district, and learns when it is gone. What is
said are counts and codes, never what a file holds.
Belongs here: which cause there is, and the alarms' rows in the ledger. Does not belong here: what
a message says (`words.py`), whom it goes to (`channels.py`) and how (`delivery.py`), what a person
reads about a file (`report/`), and when a file is due (`drop/deadlines.py`).

An alarm is a row of the ledger before anybody is told of it, with one notice per channel; a notice
that cannot be delivered is tried again. Nothing here ever fails a run.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from connect_pipeline.alarms.channels import channels
from connect_pipeline.alarms.words import LATENESS, Cause, sentence
from connect_pipeline.ledger import Ledger, adds_reason, now, stamp
from connect_pipeline.ledger.tables import alarm_notices, alarms
from connect_pipeline.outcomes import OF_THE_FILES, without_code
from connect_pipeline.settings import Settings

log = logging.getLogger(__name__)

# Who keeps flapping has been told enough: the ledger and the UI have the rest.
MOST_PER_NIGHT = 3


def after_run(
    ledger: Ledger,
    settings: Settings,
    name: str,
    job: str,
    outcome: str,
    codes: Mapping[str, int],
    *,
    run_id: str,
    done: str,
    fault: str,
    is_fresh: bool,
    is_in_time: bool,
    is_held: bool,
) -> None:
    """Note what a run came to, and that other causes are gone.

    `codes` are those that stopped it, `fault` is the kind of error that did, `done` what it had
    come to by then; `is_fresh` says that its files are not of before the last deadline, or may be,
    `is_in_time` that it has listed absences in time for their sending,
    `is_held` that some still wait for a decision, which may be others.
    """
    causes = causes_at_end(outcome, codes, fault)
    if not is_held:  # somebody decided while the run was ending
        causes.pop(Cause.HELD, None)
    gone = judged_at_end(outcome, is_fresh=is_fresh)
    if done:
        gone |= judged_at_end(done, is_fresh=is_fresh)
    if is_in_time:
        gone.add(Cause.LATE)
    gone -= set(causes)
    if is_held:
        gone.discard(Cause.HELD)
    for cause, counts in causes.items():
        raise_alarm(ledger, settings, name, job, cause, counts, run_id=run_id)
    clear(ledger, name, job, gone)


def causes_at_end(
    outcome: str, codes: Mapping[str, int], fault: str
) -> dict[Cause, dict[str, int]]:
    """Why somebody must be told of a run that ended so."""
    kind = without_code(outcome)
    others = dict(codes)
    late = {code: others.pop(code) for code in LATENESS if code in others}
    causes = {Cause.LATE: late} if late else {}
    if kind == "failed":
        return {Cause.FAILED: {fault: 1}, **causes}
    missing, stale = others.pop("missing_file", 0), others.pop("stale_file", 0)
    if missing:
        causes[Cause.MISSING] = {"missing_file": missing}
    if stale and kind != "published":  # an operator approved them
        causes[Cause.STALE] = {"stale_file": stale}
    if kind == "blocked" and (others or not (missing or stale or late)):
        causes[Cause.BLOCKED] = others
    if kind == "held" and (others or not stale):
        causes[Cause.HELD] = others
    return causes


def judged_at_end(outcome: str, *, is_fresh: bool) -> set[Cause]:
    """The causes of which a run that ended so knows whether they are gone."""
    if without_code(outcome) == "failed":
        return {Cause.FAILED}
    judged = {Cause.FAILED, Cause.BLOCKED, Cause.HELD, Cause.MISSING}
    if is_fresh or outcome == "published":
        judged.add(Cause.STALE)
    if outcome not in OF_THE_FILES:
        judged.add(Cause.DAMAGED)
    return judged


def raise_alarm(
    ledger: Ledger,
    settings: Settings,
    name: str,
    job: str,
    cause: Cause,
    codes: Mapping[str, int],
    *,
    run_id: str | None = None,
) -> None:
    """Note an alarm, and a notice for each channel of the district.

    A further reason to hold files is: whoever has read the first ones would approve it unseen.
    """
    moment = now()
    night = settings.district(name).night_of(moment).isoformat()
    same = sa.and_(alarms.c.district == name, alarms.c.job == job, alarms.c.cause == cause.value)
    with ledger.transaction() as connection:
        tonight = connection.execute(
            sa.select(alarms.c.id, alarms.c.cleared_at, alarms.c.codes).where(
                same, alarms.c.night == night
            )
        ).all()
        for alarm_id, cleared_at, known in tonight:
            is_another = cause is Cause.HELD and adds_reason(codes, known)
            if cleared_at is None and not is_another:
                connection.execute(
                    sa.update(alarms).where(alarms.c.id == alarm_id).values(codes=dict(codes))
                )
                return
        # It goes on from an earlier night, or for other reasons: this alarm takes its place.
        connection.execute(
            sa.update(alarms)
            .where(same, alarms.c.cleared_at.is_(None))
            .values(cleared_at=stamp(moment))
        )
        alarm_id = connection.execute(
            sa.insert(alarms)
            .values(
                district=name,
                job=job,
                cause=cause.value,
                night=night,
                codes=dict(codes),
                run_id=run_id,
                raised_at=stamp(moment),
            )
            .returning(alarms.c.id)
        ).scalar_one()
        if len(tonight) < MOST_PER_NIGHT:
            _add_notices(connection, alarm_id, "alarm", channels(settings, name), moment)
    log.warning("%s: alarm. %s", name, sentence(cause, job, codes))


def clear(ledger: Ledger, name: str, job: str, causes: Collection[Cause]) -> None:
    """End the open alarms of these causes; who was told of one is told that it has passed."""
    with ledger.transaction() as connection:
        clear_within(connection, name, job, causes)


def clear_within(connection: Connection, name: str, job: str, causes: Collection[Cause]) -> None:
    """End open alarms in the ledger's transaction at hand: with what has ended them, or not."""
    moment = now()
    over = connection.execute(
        sa.select(alarms.c.id, alarms.c.cause, alarms.c.night).where(
            alarms.c.district == name,
            alarms.c.job == job,
            alarms.c.cleared_at.is_(None),
            alarms.c.cause.in_([cause.value for cause in causes]),
        )
    ).all()
    for alarm_id, cause, night in over:
        # Of the last ones of a night nobody is told, who was of the first ones.
        said = connection.execute(
            sa.select(alarm_notices.c.channel, alarm_notices.c.event)
            .join(alarms, alarms.c.id == alarm_notices.c.alarm_id)
            .where(
                alarms.c.district == name,
                alarms.c.job == job,
                alarms.c.cause == cause,
                alarms.c.night == night,
            )
            .order_by(alarm_notices.c.id)
        ).all()
        last = {row.channel: row.event for row in said}
        told = [channel for channel, event in last.items() if event == "alarm"]
        _add_notices(connection, alarm_id, "all_clear", told, moment)
        connection.execute(
            sa.update(alarms).where(alarms.c.id == alarm_id).values(cleared_at=stamp(moment))
        )
        log.info("%s: all clear, %s %s", name, job, cause)


def open_alarms(
    ledger: Ledger, name: str | None = None, *, cause: Cause | None = None
) -> Sequence[RowMapping]:
    """Alarms that nobody and nothing has ended, oldest first: of a district, of a cause, or all."""
    query = sa.select(alarms).where(alarms.c.cleared_at.is_(None)).order_by(alarms.c.id)
    if name is not None:
        query = query.where(alarms.c.district == name)
    if cause is not None:
        query = query.where(alarms.c.cause == cause.value)
    return ledger.rows(query)


def about_settings(ledger: Ledger, since: datetime) -> Sequence[RowMapping]:
    """The alarms of wrong settings that were open at some time since then, oldest first."""
    was_open = sa.or_(alarms.c.cleared_at.is_(None), alarms.c.cleared_at >= stamp(since))
    return ledger.rows(
        sa.select(alarms)
        .where(alarms.c.cause == Cause.SETTINGS.value, was_open)
        .order_by(alarms.c.id)
    )


def undelivered(ledger: Ledger) -> Sequence[RowMapping]:
    """Who does not take what is sent: one row is a district and a channel.

    With the number of messages that were tried in vain, and the time of the first one's alarm.
    """
    return ledger.rows(
        sa.select(
            alarms.c.district,
            alarm_notices.c.channel,
            sa.func.count().label("messages"),
            sa.func.min(alarms.c.raised_at).label("since"),
        )
        .join(alarm_notices, alarm_notices.c.alarm_id == alarms.c.id)
        .where(alarm_notices.c.delivered_at.is_(None), alarm_notices.c.tries > 0)
        .group_by(alarms.c.district, alarm_notices.c.channel)
        .order_by(alarms.c.district, alarm_notices.c.channel)
    )


def _add_notices(
    connection: Connection, alarm_id: int, event: str, told: Collection[str], moment: datetime
) -> None:
    for channel in told:
        connection.execute(
            sa.insert(alarm_notices).values(
                alarm_id=alarm_id,
                event=event,
                channel=channel,
                tries=0,
                next_try_at=stamp(moment),
            )
        )
