"""What an erasure does to each kind of file of a student.

Belongs here: which files, and that what becomes of each is written down before it does. Does not
belong here: the order of things (`erase.py`), how a file is written without the student
(`rebuild.py`, `files.py`, `opt_outs.py`).
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from connect_pipeline import snapshots
from connect_pipeline.attendance.opt_outs import is_shared, opt_out_file
from connect_pipeline.contract import SCHOOLS, STAFF
from connect_pipeline.disk import (
    PARTIAL_SUFFIX,
    file_sha256,
    files_below,
    rename_durably,
    replacing,
    sync_folder,
)
from connect_pipeline.erased.certificate import written_anew
from connect_pipeline.erasure import ledger_rows, traces
from connect_pipeline.erasure.files import (
    findings_without_student,
    list_without_student,
    manifest_of,
)
from connect_pipeline.erasure.opt_outs import opt_outs_without_student
from connect_pipeline.erasure.places import places_of
from connect_pipeline.erasure.rebuild import without_student
from connect_pipeline.erasure.search import is_left_in_database, is_left_in_records, is_left_in_text
from connect_pipeline.erasure.traces import Traces
from connect_pipeline.errors import SystemFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger
from connect_pipeline.ledger.tables import received

# Exports that name no student: an ID in them is somebody else's.
WITHOUT_STUDENTS = (STAFF.file_name, SCHOOLS.file_name)


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
        for place in places_of(home, district):
            for path in files_below(place):
                is_database = path.is_relative_to(home.published(district))
                yield path, is_left_in_database if is_database else is_left_in_text
        records_of_all = [*files_below(home.dagster_in_use), *files_below(home.certificates)]
        for path in (*records_of_all, *sorted(home.root.glob(f"{home.ledger_file.name}*"))):
            yield path, is_left_in_records
        for path in sorted(home.work(district).parent.glob(f"{district}.*")):
            if path.is_file() and path != home.erasing(district):
                yield path, is_left_in_text


def _manifest_of(listed: Path) -> Callable[[bytes, Traces], bytes]:
    def change(content: bytes, _found: Traces) -> bytes:
        manifest = json.loads(content)
        if manifest["sha256"] == file_sha256(listed):
            return content
        return json.dumps(manifest_of(manifest, listed.read_bytes()), indent=2).encode() + b"\n"

    return change
