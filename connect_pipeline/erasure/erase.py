"""Erasing a student or a district: the order of things, whatever cuts them short.

For: `erase`. The ledger knows of an erasure first, so that from then on nothing of the student is
published; what is looked for is written down next; every step after that may be done again. A run
that is cut short is finished by the same command.
Belongs here: the order, and which files. Does not belong here: how each kind of file is written
without the student (`rebuild.py`, `files.py`).
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from connect_pipeline import snapshots
from connect_pipeline.attendance.opt_outs import files_beside, is_shared, opt_out_file
from connect_pipeline.attendance.staging import STAGED
from connect_pipeline.contract import SCHOOLS, STAFF
from connect_pipeline.disk import (
    PARTIAL_SUFFIX,
    disk_fault,
    file_sha256,
    files_below,
    partials_of,
    rename_durably,
    replacing,
    sync_folder,
)
from connect_pipeline.erased import records
from connect_pipeline.erased.certificate import (
    remove_unfinished,
    write_certificate,
    written_anew,
)
from connect_pipeline.erasure import ledger_rows, traces
from connect_pipeline.erasure.files import (
    findings_without_student,
    list_without_student,
    manifest_of,
)
from connect_pipeline.erasure.leftovers import remove_words_of_completed
from connect_pipeline.erasure.opt_outs import opt_outs_without_student, unread_lines
from connect_pipeline.erasure.rebuild import without_student
from connect_pipeline.erasure.recognising import is_in
from connect_pipeline.erasure.search import (
    is_left_in_database,
    is_left_in_records,
    is_left_in_text,
)
from connect_pipeline.erasure.traces import Traces
from connect_pipeline.errors import SettingsError, SystemFault, UsageError
from connect_pipeline.home import Home, remove_scratch
from connect_pipeline.interrupted import settle
from connect_pipeline.ledger import Ledger, now, open_ledger, stamp
from connect_pipeline.ledger.tables import received
from connect_pipeline.line_law import BLANKS
from connect_pipeline.process.locks import locked
from connect_pipeline.settings import DISTRICT_NAME
from connect_pipeline.settings_file import load_sound_districts
from connect_pipeline.snapshots.export import disclosures_of

# Exports that name no student: an ID in them is somebody else's.
WITHOUT_STUDENTS = (STAFF.file_name, SCHOOLS.file_name)


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
        remove_words_of_completed(home, ledger, district)
        found = traces.begun(home, district, student_id, stamp(now()))
        number = records.begin(ledger, district, subject, by)
        settle(home, ledger, district)
        traces.gather(home, district, found)
        student = StudentErasure(home, ledger, district, found)
        try:
            _remove_leftovers(home, district)
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
            remains=student.remains(),
        )
        try:  # before it counts as complete: nobody would look for the student's words any more
            home.erasing(district).unlink(missing_ok=True)
        except OSError as error:
            raise disk_fault(error, f"remove {home.erasing(district)}") from None
        records.complete(ledger, number)
    return Erased(_says_of_student(found), certificate)


def erase_district(home: Home, district: str, by: str) -> Erased:
    """Forget everything of a district. Raises as `erase_student` does."""
    _known(home, district)
    with locked(home, district), closing(open_ledger(home)) as ledger:
        number = records.begin(ledger, district, records.WHOLE_DISTRICT, by)
        started_at = stamp(now())
        _remove_leftovers(home, district)
        places = _places(home, district)
        files = [path for place in places for path in files_below(place)]
        # Last of what is published: from each snapshot it could be given back to readers.
        files.sort(key=lambda path: path == home.roster(district))
        opt_outs, remains = opt_out_file(home, district), _opt_outs_beside(home, district)
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
        home.erasing(district).unlink(missing_ok=True)
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
            remains=[*_out_of_reach(ledger), *remains],
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


def _known(home: Home, district: str) -> None:
    """Refuse a name that neither the settings nor any state has; it may be a typing mistake."""
    try:
        load_sound_districts(home.settings_file).district(district)
    except SettingsError:
        if DISTRICT_NAME.fullmatch(district) is None:
            raise
        if any(place.exists() for place in _places(home, district)):
            return
        if not home.root.is_dir():
            raise
        with closing(open_ledger(home)) as ledger:
            if not records.is_under_way(ledger, district):
                raise


def _remove_leftovers(home: Home, district: str) -> None:
    """Scratch, and files under names that nobody reads, an erasure's own among them."""
    remove_scratch(home, district)
    remove_unfinished(home, district)
    for file in (home.erasing(district), opt_out_file(home, district).resolve()):
        for path in partials_of(file):
            path.unlink()
    for place in _places(home, district):
        for path in files_below(place):
            if path.suffix in (PARTIAL_SUFFIX, snapshots.DAMAGED_SUFFIX, ".wal", STAGED):
                path.unlink()


def _places(home: Home, district: str) -> tuple[Path, ...]:
    """The folders that are the district's alone."""
    return (
        home.landing(district),
        home.published(district),
        home.reports(district),
        home.outbox(district),
    )


OUT_OF_REACH = (
    "Backups, and copies that others have made of published files or lists.",
    "The files on the district's own server.",
    "Dagster's history: names of districts, counts and times, no value of a file.",
)

IN_A_SERVER = (
    "The ledger's database server: it keeps deleted rows until its vacuum, and in its own backups."
)

LATER_UPLOADS = (
    "Files with the student's rows that the district uploads later: nothing of the student is taken"
    " from them, and of the received files only those of the current night stay in landing/."
)


@dataclass(frozen=True)
class StudentErasure:
    """What is done to each kind of file of the student that is `found`; all may be done again."""

    home: Home
    ledger: Ledger
    district: str
    found: Traces

    def rebuild_snapshots(self) -> None:
        """Write each snapshot that has the student anew, under its own ID."""
        self._take_over_erased()
        for path in traces.snapshot_files(self.home, self.district):
            self._rebuild(path, partial(self._place_snapshot, path.stem))
            snapshots.note_digest(self.home, self.ledger, self.district, path.stem)

    def _take_over_erased(self) -> None:
        """Tell a ledger of before an erasure, which is repeated, the hashes of what that one wrote.

        It would take these snapshots for damaged, and no file is left of which to build them anew.
        """
        ours = written_anew(self.home, self.district)
        for row in self.ledger.snapshots_of(self.district) if ours else ():
            snapshot_id = str(row["snapshot_id"])
            path = self.home.snapshot(self.district, snapshot_id)
            if not path.exists():
                continue
            sha256 = file_sha256(path)
            if sha256 != row["file_sha256"] and sha256 in ours:
                self.ledger.note_file(self.district, snapshot_id, sha256)

    def _place_snapshot(self, snapshot_id: str, rebuilt: Path) -> None:
        ledger_rows.forget_settings(self.ledger, self.district, snapshot_id)
        snapshots.replace_file(self.home, self.ledger, self.district, snapshot_id, rebuilt)

    def rebuild_days(self) -> None:
        """The same for days of absences."""
        for path in traces.attendance_files(self.home, self.district):
            self._rebuild(path, partial(rename_durably, target=path))

    def _rebuild(self, path: Path, place: Callable[[Path], None]) -> None:
        rebuilt = path.with_name(f"{path.name}{PARTIAL_SUFFIX}")
        gone = without_student(path, rebuilt, self.found)
        if gone:
            self._note(path, file_sha256(path), file_sha256(rebuilt), gone)
            place(rebuilt)

    def remove_received(self) -> None:
        """Received files never change: one that has the student goes, and may be received anew."""
        landing = self.home.landing(self.district)
        of_district = received.c.district == self.district
        exports = {
            str(row["sha256"]): str(row["export"])
            for row in self.ledger.rows(sa.select(received).where(of_district))
        }
        for path in files_below(landing):
            by_id = exports.get(path.name) not in WITHOUT_STUDENTS
            if self.found.mentioned_in(path, by_id=by_id, encodings=traces.RECEIVED_ENCODINGS):
                self._remove(path)
        if landing.is_dir():
            sync_folder(landing)

    def rewrite_lists(self) -> None:
        """Lists for the sender with their manifests, reports, and the family's opt-outs."""
        outbox, reports = self.home.outbox(self.district), self.home.reports(self.district)
        opt_outs = opt_out_file(self.home, self.district)
        if opt_outs.exists() and not is_shared(self.home, self.district):
            self._rewrite(opt_outs, opt_outs_without_student)
        for path in (*files_below(outbox), *files_below(reports)):
            if path.suffix == ".csv":
                self._rewrite(path, list_without_student)
            elif path.suffix == ".json" and path.is_relative_to(reports):
                self._rewrite(path, findings_without_student)
        for path in files_below(outbox):
            listed = path.with_suffix(".csv")
            if path.suffix == ".json" and listed.exists():
                self._rewrite(path, _manifest_of(listed))
        for path in files_below(reports):
            if self.found.mentioned_in(path):  # in whatever form: it does not stay
                self._remove(path)

    def _rewrite(self, path: Path, change: Callable[[bytes, Traces], bytes]) -> None:
        content = path.read_bytes()
        try:
            changed = change(content, self.found)
        except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
            # Not a file of ours, or not whole. If it names the child, the search finds it.
            return
        if changed != content:
            before, after = (hashlib.sha256(one).hexdigest() for one in (content, changed))
            self._note(path, before, after)
            with replacing(path.resolve()) as file:  # opt-outs may be a link to a share
                file.write(changed)

    def _remove(self, path: Path) -> None:
        self._note(path, file_sha256(path), None)
        path.unlink()

    def _note(
        self, path: Path, before: str, after: str | None, rows_removed: dict[str, int] | None = None
    ) -> None:
        """Write down what becomes of a file, before it does."""
        self.found.note(self.home, path, before, after, rows_removed)
        traces.keep(self.home, self.district, self.found)

    def search(self) -> dict[str, int]:
        """Look for the student's own words everywhere below the home that is ours.

        Raises `SystemFault` when one is found: then the erasure is not complete.
        """
        searched = 0
        root = self.home.root
        for path, is_left_in in self._searched_files():
            searched += 1
            if is_left_in(path, self.found):
                place = path.relative_to(root) if path.is_relative_to(root) else path
                raise SystemFault(
                    f"Something of the student is still in {place}, so the erasure is not complete."
                    " Please report this."
                )
        return {"files": searched, "words": len(self.found.telling_words)}

    def _searched_files(self) -> Iterator[tuple[Path, Callable[[Path, Traces], bool]]]:
        """Each file, and how it is searched."""
        home, district = self.home, self.district
        for place in _places(home, district):
            for path in files_below(place):
                is_database = path.is_relative_to(home.published(district))
                yield path, is_left_in_database if is_database else is_left_in_text
        records_of_all = [*files_below(home.dagster_in_use), *files_below(home.certificates)]
        for path in (*records_of_all, *sorted(home.root.glob(f"{home.ledger_file.name}*"))):
            yield path, is_left_in_records
        for path in sorted(home.work(district).parent.glob(f"{district}.*")):
            if path.is_file() and path != home.erasing(district):
                yield path, is_left_in_text

    def remains(self) -> list[str]:
        """What the erasure could not reach, in sentences for its certificate."""
        remains = [*_out_of_reach(self.ledger), LATER_UPLOADS]
        exports = len(disclosures_of(self.ledger, self.district))
        if exports:
            remains.append(f"{exports} exports of its tables; `status --json` says to where.")
        opt_outs = opt_out_file(self.home, self.district)
        if opt_outs.exists():
            words, lines = self.found.telling_words, unread_lines(opt_outs.read_bytes())
            of_family = sum(any(is_in(word, line) for word in words) for line in lines)
            name = opt_outs.relative_to(self.home.root)
            if of_family:
                remains.append(
                    f"{of_family} lines of {name} that are about the student's family and cannot be"
                    " read: remove them there."
                )
            if others := len(lines) - of_family:
                remains.append(
                    f"{others} lines of {name} in which no phone number and no e-mail address can"
                    " be read: see whether they are about the student's family."
                )
        return remains + _opt_outs_beside(self.home, self.district)


def _manifest_of(listed: Path) -> Callable[[bytes, Traces], bytes]:
    def change(content: bytes, _found: Traces) -> bytes:
        manifest = json.loads(content)
        if manifest["sha256"] == file_sha256(listed):
            return content
        return json.dumps(manifest_of(manifest, listed.read_bytes()), indent=2).encode() + b"\n"

    return change


def _out_of_reach(ledger: Ledger) -> list[str]:
    is_a_file = ledger.engine.dialect.name == "sqlite"
    return [*OUT_OF_REACH, *([] if is_a_file else [IN_A_SERVER])]


def _opt_outs_beside(home: Home, district: str) -> list[str]:
    """Files of opt-outs that are not only the district's, or that nobody reads."""
    why = {path: "is not read" for path, _is_a_copy in files_beside(home, district)}
    if is_shared(home, district):
        why[opt_out_file(home, district)] = "is another district's, too"
    return [
        f"{path.relative_to(home.root)}, which {reason}: look there, too."
        for path, reason in why.items()
    ]


def _says_of_student(found: Traces) -> list[str]:
    rows, files = sum(found.counts.values()), len(found.done)
    if not rows and not files:
        return ["Nothing was found of this student. The ID is kept out from now on."]
    return [
        f"The student is erased: {rows:,} rows and {files:,} files are gone or written anew.",
        "Later uploads of this ID are kept out, until `erase --lift`.",
    ]
