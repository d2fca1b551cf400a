"""What a completed erasure has left of the student: a file of what it looked for.

For: a run and the next erasure, which find it where a kill or a disk kept it from being removed.
Belongs here: whether it may go. Does not belong here: what is in it (`traces.py`), what an erasure
removes before it begins (`erase.py`).
"""

from __future__ import annotations

from contextlib import suppress

from connect_pipeline.disk import disk_fault
from connect_pipeline.erased import records
from connect_pipeline.erasure.traces import whose_words
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger


def remove_words_of_completed(home: Home, ledger: Ledger, district: str) -> bool:
    """Remove what an erasure looked for, once the ledger has it as completed; whether it was there.

    One that the ledger does not know stays: the ledger may be from a backup, and nobody could tell
    any more what half an erasure is to look for. Raises `EnvironmentFault` when the disk refuses.
    """
    path = home.erasing(district)
    student_id = None
    with suppress(EnvironmentFault):  # who erases the next one will say so
        student_id = whose_words(path)
    if student_id is None:
        return False
    subject = records.subject_hash(ledger, district, student_id)
    if not records.is_completed(ledger, district, subject):
        return False
    try:
        path.unlink()
    except OSError as error:
        raise disk_fault(error, f"remove {path}") from None
    return True
