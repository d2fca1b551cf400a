"""Erasing a student or a district: the order of things, whatever cuts them short.

For: `erase`. The ledger knows of an erasure first, so that from then on nothing of the student is
published; what is looked for is written down next; every step after that may be done again. A run
that is cut short is finished by the same command.
Belongs here: the order. Does not belong here: what is done to a student's files (`of_student.py`).
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from connect_pipeline.attendance.opt_outs import is_shared, opt_out_file
from connect_pipeline.disk import disk_fault, file_sha256, files_below, sync_folder
from connect_pipeline.erased import records
from connect_pipeline.erased.certificate import write_certificate
from connect_pipeline.erasure import ledger_rows, traces
from connect_pipeline.erasure.of_student import StudentErasure
from connect_pipeline.erasure.places import places_of, remove_unread
from connect_pipeline.erasure.remains import opt_outs_beside, out_of_reach, remains_of_student
from connect_pipeline.erasure.traces import Traces
from connect_pipeline.errors import SettingsError, UsageError
from connect_pipeline.home import Home
from connect_pipeline.interrupted import settle
from connect_pipeline.ledger import now, open_ledger, stamp
from connect_pipeline.line_law import BLANKS
from connect_pipeline.process.locks import locked
from connect_pipeline.settings import DISTRICT_NAME
from connect_pipeline.settings_file import load_sound_districts


@dataclass(frozen=True)
class Erased:
    """What to tell the operator, and where the certificate is."""

    says: list[str]
    certificate: Path


def erase_student(home: Home, district: str, student_id: str, by: str) -> Erased:
    """Forget a student, and keep later uploads of the same ID out until the erasure is lifted.

    Raises `UsageError` for an unknown district, `EnvironmentFault` when a file cannot be changed or
    is damaged: then the same command goes on where it stopped.
    """
    student_id = student_id.strip(BLANKS)
    if not student_id:
        raise UsageError("--student needs an ID.")
    _known(home, district)
    with locked(home, district), closing(open_ledger(home)) as ledger:
        records.who_is_erased(ledger, district)  # under another key nobody would know them all
        records.refuse_cut_short(ledger, district, records.WHOLE_DISTRICT)  # which erases all
        subject = records.subject_hash(ledger, district, student_id)
        found = traces.begun(home, district, student_id, stamp(now()))
        number = records.begin(ledger, district, subject, by)
        settle(home, ledger, district)
        traces.gather(home, district, found)
        student = StudentErasure(home, ledger, district, found)
        try:
            remove_unread(home, district)
            student.rebuild_snapshots()
            student.rebuild_days()
            student.remove_received()
            student.rewrite_lists()
        except OSError as error:
            raise disk_fault(error, f"erase what {district} has of the student") from None
        found.listed_rows += ledger_rows.forget_student(ledger, district, student_id)
        traces.keep(home, district, found)
        ledger_rows.rewrite_ledger(ledger)
        searched = student.search()
        certificate = write_certificate(
            home,
            district,
            number,
            subject_hash=subject,
            by=by,
            started_at=found.started_at,
            completed_at=stamp(now()),
            counts=found.counts,
            files=found.done,
            searched=searched,
            remains=remains_of_student(home, ledger, district, found),
        )
        _forget_words(home, district)
        records.complete(ledger, number)
    return Erased(_says_of_student(found), certificate)


def erase_district(home: Home, district: str, by: str) -> Erased:
    """Forget everything of a district. Raises as `erase_student` does."""
    _known(home, district)
    with locked(home, district), closing(open_ledger(home)) as ledger:
        number = records.begin(ledger, district, records.WHOLE_DISTRICT, by)
        started_at = stamp(now())
        remove_unread(home, district)
        places = places_of(home, district)
        files = [path for place in places for path in files_below(place)]
        # Last of what is published: from each snapshot it could be given back to readers.
        files.sort(key=lambda path: path == home.roster(district))
        opt_outs, remains = opt_out_file(home, district), opt_outs_beside(home, district)
        has_its_own = opt_outs.exists() and not is_shared(home, district)
        files += [opt_outs] if has_its_own else []
        try:
            gone = Traces("")
            for path in files:
                gone.note(home, path, file_sha256(path), None)
                if path == opt_outs:  # it may be a link to a share
                    path.resolve().unlink()
                path.unlink(missing_ok=True)
            if opt_outs.is_symlink():
                opt_outs.unlink()
            for place in places:
                if place.is_symlink():
                    place.unlink()
                elif place.exists():
                    shutil.rmtree(place)
        except OSError as error:
            raise disk_fault(error, f"erase {district}") from None
        _forget_words(home, district)
        counts = ledger_rows.forget_district(ledger, district)
        ledger_rows.rewrite_ledger(ledger)
        certificate = write_certificate(
            home,
            district,
            number,
            subject_hash=records.WHOLE_DISTRICT,
            by=by,
            started_at=started_at,
            completed_at=stamp(now()),
            counts={f"ledger.{table}": count for table, count in counts.items()},
            files=gone.done,
            searched={},
            remains=[*out_of_reach(ledger), *remains],
        )
        records.complete(ledger, number)
    return Erased(
        [
            f"{district}: everything is erased, {len(files):,} files.",
            (
                f"Its runs are refused until `connect-pipeline erase {district} --lift`: take it"
                " out of districts.yaml if it is still there."
            ),
        ],
        certificate,
    )


def lift_erasure(home: Home, district: str, student_id: str | None, by: str) -> str:
    """Let a student or district be published again, from the next upload on.

    Raises `UsageError` when there is no such erasure, or one that was cut short: what it looks
    for lies on the disk until it is complete, and no other student could be erased.
    """
    with closing(open_ledger(home)) as ledger:
        subject = records.subject_hash(ledger, district, student_id and student_id.strip(BLANKS))
        records.refuse_unknown(ledger, district, subject)  # before a lock is made for any name
        with locked(home, district):
            records.refuse_incomplete(ledger, district, subject)
            records.lift(ledger, district, subject, by)
    return f"{district}: the erasure is lifted. The next sync publishes what the files say."


def _forget_words(home: Home, district: str) -> None:
    """Remove what a student's erasure looks for, so that no power cut brings it back.

    Before the erasure counts as complete: nobody would look for it any more.
    """
    words = home.erasing(district)
    try:
        words.unlink(missing_ok=True)
        sync_folder(words.parent)
    except OSError as error:
        raise disk_fault(error, f"remove {words}") from None


def _known(home: Home, district: str) -> None:
    """Refuse a name that neither the settings nor any state has; it may be a typing mistake."""
    try:
        load_sound_districts(home.settings_file).district(district)
    except SettingsError:
        if DISTRICT_NAME.fullmatch(district) is None:
            raise
        if any(place.exists() for place in places_of(home, district)):
            return
        if not home.root.is_dir():
            raise
        with closing(open_ledger(home)) as ledger:
            if not records.is_under_way(ledger, district):
                raise


def _says_of_student(found: Traces) -> list[str]:
    rows, files = sum(found.counts.values()), len(found.done)
    if not rows and not files:
        return ["Nothing was found of this student. The ID is kept out from now on."]
    return [
        f"The student is erased: {rows:,} rows and {files:,} files are gone or written anew.",
        "Later uploads of this ID are kept out, until `erase --lift`.",
    ]
