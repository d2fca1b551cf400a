"""A batch's files on their way from staged to placed, whatever kills the run in between.

For: the order that makes a batch happen once. Its files are written and synced under staged
names, the ledger commits the batch, the files are renamed. What a kill leaves is settled at the
next start: files of a committed batch are renamed, others are removed.
Belongs here: names and renames. Does not belong here: what is in the files (`day_file.py`,
`files.py`).

Staged files come and go only while the district's ledger lock is held, so that another run's
files are never taken for a dead one's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import Connection

from connect_pipeline.attendance import told
from connect_pipeline.disk import (
    disk_fault,
    link_durably,
    private_folder,
    remove_log,
    rename_durably,
)
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger

STAGED = ".staged"
BATCH_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")


class BatchFiles(NamedTuple):
    """Where the files of one batch are in the end, in the order in which they get their names.

    A batch has the first three; a list of cleared absences, or of low lunch balances, has its own
    two instead. A manifest comes after what it is about: when it is there, all is.
    """

    day: Path
    outbox: Path
    manifest: Path
    cleared: Path
    cleared_manifest: Path
    lunch: Path
    lunch_manifest: Path


def batch_files(home: Home, district: str, batch_id: str) -> BatchFiles:
    """The files of a batch."""
    outbox = home.outbox(district)
    cleared, lunch = outbox / told.CLEARED, outbox / told.LOW_LUNCH_BALANCE
    return BatchFiles(
        day=home.attendance(district),
        outbox=outbox / f"{batch_id}.csv",
        manifest=outbox / f"{batch_id}.json",
        cleared=cleared / f"{batch_id}.csv",
        cleared_manifest=cleared / f"{batch_id}.json",
        lunch=lunch / f"{batch_id}.csv",
        lunch_manifest=lunch / f"{batch_id}.json",
    )


def staged(target: Path, batch_id: str) -> Path:
    """The staged name of one of a batch's files."""
    own = "" if batch_id in target.name else f".{batch_id}"
    return target.with_name(f"{target.name}{own}{STAGED}")


def place(home: Home, district: str, batch_id: str) -> None:
    """Rename the staged files of a committed batch, those that there still are."""
    try:
        for target in batch_files(home, district, batch_id):
            with suppress(FileNotFoundError, NotADirectoryError):
                rename_durably(staged(target, batch_id), target)
                remove_log(target)
    except OSError as error:
        raise disk_fault(error, f"rename the files of batch {batch_id}") from None


def replace(source: Path, target: Path) -> None:
    """Rename a staged file that belongs to no batch, such as a refreshed day."""
    try:
        rename_durably(source, target)
        remove_log(target)
    except OSError as error:
        raise disk_fault(error, f"write {target.name}") from None


@contextmanager
def discarding(home: Home, district: str, batch_id: str) -> Iterator[None]:
    """Stage a batch's files and record it inside: when that fails, its staged files are removed."""
    try:
        yield
    except BaseException:
        for leftover in _leftovers(home, district):
            if batch_id in leftover.name:
                with suppress(OSError):
                    leftover.unlink()
        raise


def settle_batches(home: Home, ledger: Ledger, name: str) -> list[str]:
    """Settle what a killed run left: finish what the ledger has, remove the rest.

    Returns one sentence per repair. Nothing is done on a clean home.
    """
    if not any(_leftovers(home, name)):
        return []
    with _alone(ledger, name) as transaction:
        return _settle(transaction, home, name)


@contextmanager
def deciding(home: Home, ledger: Ledger, name: str) -> Iterator[Connection]:
    """The one transaction in which it is decided who is listed: nobody else decides meanwhile.

    What a killed run left is settled first.
    """
    with _alone(ledger, name) as transaction:
        _settle(transaction, home, name)
        yield transaction


@contextmanager
def _alone(ledger: Ledger, name: str) -> Iterator[Connection]:
    with ledger.transaction() as transaction:
        told.lock_district(transaction, name)
        yield transaction


def _settle(transaction: Connection, home: Home, name: str) -> list[str]:
    found = {path: BATCH_ID.search(path.name) for path in _leftovers(home, name)}
    batch_ids = {match.group() for match in found.values() if match}
    committed = told.known_batches(transaction, batch_ids) if batch_ids else set()
    done = []
    for batch_id in sorted(committed):
        place(home, name, batch_id)
        done.append(f"finished batch {batch_id}")
    for path in _leftovers(home, name):
        path.unlink(missing_ok=True)
    done += [
        f"removed the files of batch {batch_id}, which was not committed"
        for batch_id in sorted(batch_ids - committed)
    ]
    return done


def keep_earlier_day(home: Home, name: str, date: str) -> None:
    """Give `attendance.duckdb`, which is of an earlier day, its lasting name as well.

    A link, not a rename: readers find the file until the new day's is there.
    """
    current, kept = home.attendance(name), home.attendance_day(name, date)
    private_folder(kept.parent)
    try:
        link_durably(current, kept, STAGED)
    except OSError as error:
        raise disk_fault(error, f"keep the attendance of {date}") from None


def _leftovers(home: Home, name: str) -> Iterator[Path]:
    folders = {path.parent for path in batch_files(home, name, "")}
    folders |= {home.attendance_days(name), home.reports(name)}
    for folder in sorted(folders):
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                # Not only at the end: what is being written has a further suffix of its own, such
                # as the write-ahead log of DuckDB.
                if STAGED in path.name:
                    yield path
