"""What the ledger knows of erasures: who is erased and until when, by keyed hash.

Belongs here: the table's statements. Does not belong here: what an erasure removes from the ledger
(`erasure/ledger_rows.py`), files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from connect_pipeline.erased.certificate import certified
from connect_pipeline.erased.keep_out import subject_text
from connect_pipeline.errors import EnvironmentFault, UsageError
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger, now, stamp
from connect_pipeline.ledger.tables import erasures

WHOLE_DISTRICT = ""


def subject_hash(ledger: Ledger, district: str, student_id: str | None) -> str:
    """How the ledger names who is erased: a keyed hash, or '' for the whole district."""
    if student_id is None:
        return WHOLE_DISTRICT
    return ledger.hashed(subject_text(district, student_id))


def _key_check(ledger: Ledger) -> str:
    return ledger.hashed("erasures of students")


def begin(ledger: Ledger, district: str, subject: str, by: str) -> int:
    """From now on the subject is kept out; returns the erasure's number.

    An erasure that was cut short goes on under its own number.
    """
    with ledger.transaction() as connection:
        open_one = connection.execute(
            sa.select(erasures.c.id).where(
                erasures.c.district == district,
                erasures.c.subject_hash == subject,
                erasures.c.lifted_at.is_(None),
            )
        ).first()
        if open_one is not None:
            connection.execute(
                sa.update(erasures).where(erasures.c.id == open_one.id).values(completed_at=None)
            )
            return int(open_one.id)
        number = connection.execute(
            sa.insert(erasures)
            .values(
                district=district,
                subject_hash=subject,
                key_check=_key_check(ledger),
                erased_at=stamp(now()),
                erased_by=by,
            )
            .returning(erasures.c.id)
        ).scalar_one()
        return int(number)


def complete(ledger: Ledger, number: int) -> None:
    """Nothing of the subject is left below the home."""
    with ledger.transaction() as connection:
        connection.execute(
            sa.update(erasures).where(erasures.c.id == number).values(completed_at=stamp(now()))
        )


def is_under_way(ledger: Ledger, district: str) -> bool:
    """Whether an erasure of the district, or of a student of it, was begun and not completed."""
    return any(row["completed_at"] is None for row in standing(ledger, district))


def refuse_unknown(ledger: Ledger, district: str, subject: str) -> None:
    """Raises `UsageError` when no erasure of the subject stands."""
    if not any(row["subject_hash"] == subject for row in standing(ledger, district)):
        raise UsageError(f"No such erasure stands for {district}: there is nothing to lift.")


def refuse_incomplete(ledger: Ledger, district: str, subject: str) -> None:
    """Raises `UsageError` when the subject's erasure was cut short."""
    for row in standing(ledger, district):
        if row["subject_hash"] == subject and row["completed_at"] is None:
            raise UsageError(
                f"That erasure of {district} was cut short: run the same `erase` again first,"
                " without --lift."
            )


def refuse_cut_short(ledger: Ledger, district: str, subject: str | None = None) -> None:
    """Raise `EnvironmentFault` while an erasure (of the subject, if given) is to be run again."""
    for row in standing(ledger, district):
        if row["completed_at"] is None and subject in (None, row["subject_hash"]):
            is_whole = row["subject_hash"] == WHOLE_DISTRICT
            command = f"erase {district}" if is_whole else f"erase {district} --student ID"
            raise EnvironmentFault(
                f"{district}: an erasure of {row['erased_at']} was cut short: run"
                f" `connect-pipeline {command}` again, which goes on with it."
            )


def lift(ledger: Ledger, district: str, subject: str, by: str) -> None:
    """Let the subject be published again. Raises `UsageError` when it is not erased."""
    refuse_unknown(ledger, district, subject)
    with ledger.transaction() as connection:
        connection.execute(
            sa.update(erasures)
            .where(
                erasures.c.district == district,
                erasures.c.subject_hash == subject,
                erasures.c.lifted_at.is_(None),
            )
            .values(lifted_at=stamp(now()), lifted_by=by)
        )


def standing(ledger: Ledger, district: str) -> Sequence[RowMapping]:
    """The erasures that hold, oldest first."""
    return ledger.rows(
        sa.select(erasures)
        .where(erasures.c.district == district, erasures.c.lifted_at.is_(None))
        .order_by(erasures.c.id)
    )


def who_is_erased(ledger: Ledger, district: str) -> frozenset[str]:
    """The hashes of those who are to be kept out.

    Raises `EnvironmentFault` when the ledger's key is not the one that they were made with: then
    nobody would be recognised, and everybody published again.
    """
    found = standing(ledger, district)
    if any(row["key_check"] != _key_check(ledger) for row in found):
        raise EnvironmentFault(
            f"Students of {district} were erased under another ledger key, so they cannot be"
            " recognised, and nothing is published. Restore CONNECT_LEDGER_KEY or ledger.key."
        )
    return frozenset(str(row["subject_hash"]) for row in found)


def refuse_lost(home: Home, ledger: Ledger, district: str) -> None:
    """Raise `EnvironmentFault` when certificates tell of erasures that the ledger never heard of.

    Then the ledger is another one, or of a backup from before, and who was erased would be
    published again.
    """
    known = ledger.rows(sa.select(erasures.c.subject_hash).where(erasures.c.district == district))
    lost = certified(home, district)
    for row in known:
        lost.pop(str(row["subject_hash"]), None)
    if lost:
        raise EnvironmentFault(
            f"{district}: the ledger does not know {len(lost)} erasures that have a certificate,"
            f" {max(lost.values()).name} for one. It was lost, restored from before them, or is"
            " another one (CONNECT_LEDGER_URL, ledger.key). Nothing is published, because those who"
            " were erased would be, too. Restore the right one, or run those `erase` commands"
            " again; only if they may be published again, move the certificates away."
        )


def as_dict(row: RowMapping) -> dict[str, Any]:
    """An erasure as `status` shows it."""
    return {
        "what": "district" if row["subject_hash"] == WHOLE_DISTRICT else "student",
        "subject_hash": row["subject_hash"],
        "erased_at": row["erased_at"],
        "erased_by": row["erased_by"],
        "completed_at": row["completed_at"],
    }
