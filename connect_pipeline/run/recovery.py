"""Recovery: what is settled before a run of a district begins, so that it starts from whole files.

For: what a killed run left, what the disk has damaged, and a ledger that is not the one that the
published files belong to. All of it converges without a human, or refuses loudly.
Belongs here: the order, and who is told. Does not belong here: what a killed run was publishing
(`interrupted.py`), how a snapshot is set aside (`snapshots/`), a night published
(`nightly_steps.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from connect_pipeline import alarms, snapshots
from connect_pipeline.alarms.words import Cause
from connect_pipeline.disk import remove_log, remove_partials
from connect_pipeline.erased import records as erasure_records
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.interrupted import settle
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, Ledger
from connect_pipeline.run.lost_lists import refuse_lost_ledger, tell_of_lost_lists
from connect_pipeline.settings import Settings
from connect_pipeline.snapshots.damage import Damaged, is_there, refuse_damaged

log = logging.getLogger(__name__)


def recover(
    home: Home,
    ledger: Ledger,
    settings: Settings,
    name: str,
    rebuild: Callable[[snapshots.Lost], bool],
) -> None:
    """Settle everything for a run that holds the district's lock and has not begun.

    `rebuild` publishes a damaged snapshot once more; it says whether it could.
    Raises `EnvironmentFault` when only an operator can say what to go on with.
    """
    erasure_records.refuse_lost(home, ledger, name)
    _remove_logs(home, name)
    settle(home, ledger, name)
    for cut_off in ledger.end_interrupted(name, f"{name}: the run was cut off."):
        log.warning("%s: run %s was cut off", name, cut_off)
    for folder in (home.landing(name), home.published(name), home.reports(name)):
        remove_partials(folder)
    _remove_damaged_day(home, ledger, settings, name)
    tell_of_lost_lists(home, ledger, settings, name)
    # An older snapshot may have a student whose erasure was cut short.
    fall_back = not erasure_records.is_under_way(ledger, name)
    lost = snapshots.set_aside_damaged(home, ledger, name, fall_back=fall_back)
    if lost is None:
        return
    log.error(
        "%s: snapshot %s, the current one, is damaged: check the disk", name, lost.snapshot_id
    )
    alarms.raise_alarm(ledger, settings, name, CORE_JOB, Cause.DAMAGED, {"snapshots": 1})
    if rebuild(lost):
        alarms.clear(ledger, name, CORE_JOB, [Cause.DAMAGED])
        return
    settle(home, ledger, name)  # what failed may have come as far as readers
    current = ledger.current_snapshot(name)
    if current is None or current["snapshot_id"] != lost.snapshot_id:
        return
    if lost.instead is None and lost.row["rolled_back"]:
        # What was rolled back must not come back by itself.
        raise EnvironmentFault(
            f"{name}: the snapshot that an operator went back to is damaged, and could not"
            f" be rebuilt. Choose another one: `rollback {name} SNAPSHOT` (`status` lists"
            " them)."
        )
    snapshots.give_up(ledger, name, lost)


def refuse_unsettled(home: Home, ledger: Ledger, name: str) -> None:
    """Raise `EnvironmentFault` where a run of absences would refuse to begin, or mend first.

    For who changes nothing: a preview, whose counts would not be those of a run, and `doctor`.
    """
    erasure_records.refuse_lost(home, ledger, name)
    erasure_records.refuse_cut_short(ledger, name, erasure_records.WHOLE_DISTRICT)
    snapshots.refuse_shown_instead(home, ledger, name)
    _refuse_damaged_files(home, ledger, name)
    refuse_lost_ledger(home, ledger, name)


def _refuse_damaged_files(home: Home, ledger: Ledger, name: str) -> None:
    """Raise `Damaged` when what readers have is, other `EnvironmentFault` when nobody can tell."""
    current = ledger.current_snapshot(name)
    if current is not None:
        path = home.snapshot(name, str(current["snapshot_id"]))
        if not snapshots.is_undamaged(path, current):
            raise Damaged(
                f"{path} is damaged or gone. Run `sync {name}`, which mends that; check the disk."
            )
    day = home.attendance(name)
    if is_there(day):
        refuse_damaged(day, f"Run `alerts {name}`, which begins the day anew; check the disk.")


def _remove_logs(home: Home, name: str) -> None:
    """Remove what others left beside published files that they opened to write."""
    for path in home.published(name).rglob("*.wal"):
        database = path.with_suffix("")
        if remove_log(database):
            log.warning("%s: somebody opened %s to write: removed %s", name, database, path.name)


def _remove_damaged_day(home: Home, ledger: Ledger, settings: Settings, name: str) -> None:
    """Remove today's absences when they are damaged: who was listed is in the ledger.

    The lists that were made from them are in the outbox. Reading all of it costs little, for it is
    one day. Raises `EnvironmentFault` when the file cannot be read, which says nothing about what
    is in it.
    """
    path = home.attendance(name)
    if not is_there(path):
        return
    try:
        refuse_damaged(path, "It is removed.")
    except Damaged as damaged:
        path.unlink()
        log.error("%s: %s", name, damaged)
        alarms.raise_alarm(ledger, settings, name, ATTENDANCE_JOB, Cause.DAMAGED, {"days": 1})
