"""Lists and a ledger that do not belong together: one of them was lost, or is from a backup.

For: refusing to tell families a second time, and saying who may never be told.
Belongs here: what is compared, and what is said of it. Does not belong here: rows and files of a
run that was cut off (`attendance/staging.py`), the order in which a run settles things
(`recovery.py`).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from connect_pipeline import alarms
from connect_pipeline.alarms.words import Cause
from connect_pipeline.attendance.day_file import published_day
from connect_pipeline.attendance.staging import BATCH_ID
from connect_pipeline.attendance.told import CLEARED, LOW_LUNCH_BALANCE, batches_of
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, Ledger, compact, now
from connect_pipeline.ledger.tables import batches
from connect_pipeline.published import open_published
from connect_pipeline.settings import District, Settings

log = logging.getLogger(__name__)

ALERT_DAY = timedelta(hours=36)


def tell_of_lost_lists(home: Home, ledger: Ledger, settings: Settings, name: str) -> None:
    """Say which lists of today are nowhere, as after a home was restored beside its ledger.

    Whom they name counts as told. A sender that takes lists away leaves the published day.
    """
    today = settings.districts[name].day_of(now())
    with ledger.reading() as connection:
        lists = [
            one.batch_id for one in batches_of(connection, name, today) if not one.is_cleared_list
        ]
    outbox = home.outbox(name)
    lost = [batch_id for batch_id in lists if not (outbox / f"{batch_id}.json").exists()]
    if not lost or published_day(home, name) == today.isoformat():
        return
    log.error(
        "%s: the ledger has lists of today that are neither in the outbox nor in what is published:"
        " %s. Ask the sender whether it has them, for whom they name is listed no more",
        name,
        ", ".join(lost),
    )
    alarms.raise_alarm(ledger, settings, name, ATTENDANCE_JOB, Cause.DAMAGED, {"days": 1})


def refuse_lost_ledger(home: Home, ledger: Ledger, name: str) -> None:
    """Raise `EnvironmentFault` when there are new lists of absences that the ledger never heard of.

    In the outbox, where lists of who is to be told no more count as well and other files of a
    sender do not; and in the published day, which stays when a sender takes the lists away.

    Then the ledger is another one than the one that knows who was told, and all would be told
    again. Older lists than `ALERT_DAY` do not matter: retention may keep them longer than their
    rows.
    """
    outbox, day = home.outbox(name), home.attendance(name)
    in_outbox = {batch_id: batch_id for batch_id in _lists_in(outbox)}
    in_outbox |= {batch_id: f"{CLEARED}/{batch_id}" for batch_id in _lists_in(outbox / CLEARED)}
    published = _published_batches(day)
    unknown = _unknown(ledger, {*in_outbox, *published}, ALERT_DAY)
    if unknown:
        places = {"their files from the outbox": in_outbox, day.name: published}
        move = " and ".join(what for what, there in places.items() if unknown.intersection(there))
        lists = ", ".join(in_outbox.get(batch_id, batch_id) for batch_id in sorted(unknown))
        raise EnvironmentFault(
            f"{name}: the outbox and what is published hold {len(unknown)} lists that the ledger"
            f" does not know ({lists}), so the ledger was lost or replaced. Nobody is listed, so"
            " that nobody is told twice. Restore the ledger from a backup. Where there is none,"
            f" stop the sender and move {move} away, but no other list: whom a list names that the"
            " ledger knows is never listed again. Whoever the lists above name is listed once more"
            " then, so take out of the new list whom the sender has told."
        )


def refuse_lost_balances(home: Home, ledger: Ledger, name: str, district: District) -> None:
    """The same of lists of low lunch balances, of as many days as nobody is told once more."""
    if not district.lunch_list.enabled:
        return
    folder = home.outbox(name) / LOW_LUNCH_BALANCE
    telling = timedelta(days=district.lunch_list.every_days + 1)
    unknown = _unknown(ledger, set(_lists_in(folder)), telling)
    if unknown:
        raise EnvironmentFault(
            f"{name}: {folder} holds {len(unknown)} lists of the last {telling.days} days that the"
            f" ledger does not know ({', '.join(sorted(unknown))}), so the ledger was lost or"
            " replaced. Nobody is told of a low balance, so that nobody is told twice. Restore the"
            " ledger from a backup; or move these lists away, and no other: whoever they name is"
            " listed once more then, so stop the sender first."
        )


def _lists_in(folder: Path) -> list[str]:
    names = (path.stem for path in folder.glob("*.json"))
    return list(filter(BATCH_ID.fullmatch, names))


def _unknown(ledger: Ledger, listed: set[str], telling: timedelta) -> set[str]:
    """Those of these batches, if not of before `telling`, that the ledger does not know."""
    since = compact(now() - telling)  # a batch's ID begins with its time
    listed = {batch_id for batch_id in listed if batch_id >= since}
    if not listed:
        return set()
    known = ledger.rows(sa.select(batches.c.batch_id).where(batches.c.batch_id.in_(listed)))
    return listed - {str(row["batch_id"]) for row in known}


def _published_batches(day: Path) -> set[str]:
    if not day.exists():
        return set()
    with open_published(day) as connection:
        rows = connection.execute("SELECT DISTINCT batch_id FROM attendance.recipients").fetchall()
    return {str(batch_id) for (batch_id,) in rows}
