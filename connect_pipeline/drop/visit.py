"""One run's visit to its district's drop: looked at, fetched file by file, looked at again.

For: a run's received files, over one connection, each read while the next one is fetched.
Belongs here: the order of things between the first look and the last, and what of it the report
says. Does not belong here: how a file is fetched (`sftp/`, `landing/`) or read
(`validation/read_ahead.py`), when to visit a drop (`arrival.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from connect_pipeline import landing, sftp
from connect_pipeline.contract import BY_FILE_NAME, SCHOOLS, ExportSpec
from connect_pipeline.drop.arrival import Seen, seen_of
from connect_pipeline.drop_names import note_unexpected_names
from connect_pipeline.errors import AccessFault, ConnectError, FileChanged, TransientFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import CORE_JOB, Ledger, now
from connect_pipeline.reader import ReadResult
from connect_pipeline.settings import District
from connect_pipeline.validation import Report
from connect_pipeline.validation.inputs import Received
from connect_pipeline.validation.read_ahead import ReadAhead

log = logging.getLogger(__name__)

T = TypeVar("T")

CLOCKS_DIFFER = timedelta(minutes=30)
"""By so much the server's clock may be wrong without a file's being taken for one that rests."""

REFUSED_SCHOOLS = "refused_schools"
"""In a snapshot's `exports`: the SchoolExport of that night, when it could not be used."""


@dataclass
class DropVisit:
    """What a run has from the drop: `fetched` by file name, and when each was `uploaded`.

    A file that was received before, in another run, is fetched and was not uploaded. A preview's
    visit leaves nothing: no receipt, and no file.
    """

    home: Home
    name: str
    district: District
    ledger: Ledger
    run_id: str
    report: Report
    is_preview: bool = False
    uploaded: dict[str, datetime] = field(default_factory=dict)
    fetched: dict[str, sftp.Fetched] = field(default_factory=dict)
    _names: dict[str, sftp.RemoteFile] | None = None
    _drop: sftp.Drop | None = None
    _connections: ExitStack = field(default_factory=ExitStack)

    @property
    def has_looked(self) -> bool:
        """Whether the server has answered in this run."""
        return self._names is not None

    def receive(self, spec: ExportSpec) -> sftp.Fetched | None:
        """Fetch one export; None when it is not in the drop.

        SchoolExport is read when it is new; otherwise the last one received counts.
        Raises the errors of `sftp/`; transient ones have been retried by then.
        """
        if spec.file_name not in self._look():
            return self._received_before(spec) if spec is SCHOOLS else None
        try:
            fetched = self._fetch(spec)
        except (sftp.FileTooLarge, sftp.NotAFile, AccessFault) as refusal:
            self._note_refusal(spec, refusal)
            if spec is SCHOOLS:  # it stops only itself: what it said before stays published
                return None
            raise
        uploaded = self._uploaded_at(fetched)
        if not self.is_preview:
            self.ledger.record_received(
                self.name,
                spec.file_name,
                fetched.facts.sha256,
                fetched.facts.byte_count,
                uploaded,
                self.run_id,
                fetched.mtime,
            )
        log.info(
            "%s: received %s, %s bytes", self.name, spec.file_name, f"{fetched.facts.byte_count:,}"
        )
        self.uploaded[spec.file_name] = uploaded
        self.fetched[spec.file_name] = fetched
        if self.is_news(fetched):
            self.reading.begin(spec, Received(fetched.path, fetched.facts))
        return fetched

    def _fetch(self, spec: ExportSpec) -> sftp.Fetched:
        """Fetch a file that was there at the first look; one that has changed is a finding."""
        limits = self.district.limits
        try:
            return self.with_drop(
                lambda drop: drop.fetch(
                    spec.file_name, self._landing, limits.file_bytes, limits.line_bytes
                )
            )
        except FileChanged:
            self.report.findings_of(spec).add("file_still_changing")
            raise
        except sftp.FileMissing:
            raise self._note_change(spec) from None

    def _uploaded_at(self, fetched: sftp.Fetched) -> datetime:
        """The file's time, but none of after it was first received, with these bytes and this time.

        Else a server whose clock is ahead would have its files fresh for as long, and yesterday's
        absences of today as soon as their time has come.
        """
        said = datetime.fromtimestamp(fetched.mtime, UTC)
        first = self.ledger.received_since(
            self.name, fetched.name, fetched.facts.sha256, fetched.mtime
        )
        seen = now() if first is None else datetime.fromisoformat(first)
        return min(said, now(), seen)

    def take_landed(self, spec: ExportSpec, sha256: str) -> sftp.Fetched:
        """Use a file that was received before. Raises `EnvironmentFault` without a whole one."""
        path, facts = landing.verify(self.home, self.name, sha256, self.district.limits)
        fetched = sftp.Fetched(spec.file_name, path, facts, 0)
        self.fetched[spec.file_name] = fetched
        return fetched

    def await_rest(self, wanted: tuple[ExportSpec, ...], quiet_seconds: int) -> None:
        """Wait until no file is being uploaded: for a deadline, which looks for no second time.

        A file that was changed less than `quiet_seconds` ago may be half there, and only a second
        look tells, whatever the server's clock says, unless it was long ago. Raises `FileChanged`
        when one still changes after twice as long.
        """
        until = time.monotonic() + 2 * quiet_seconds
        before: Seen = {}
        while True:
            names = self.with_drop(lambda drop: drop.look())
            seen = seen_of(names, (spec.file_name for spec in wanted))
            age = time.time() - max((mtime for _, mtime in seen.values()), default=0)
            if seen == before or age >= quiet_seconds + CLOCKS_DIFFER.total_seconds():
                return
            if before and time.monotonic() > until:
                for name in {name for name, _ in seen.items() ^ before.items()}:
                    self.report.findings_of(BY_FILE_NAME[name]).add("file_still_changing")
                raise FileChanged(
                    f"{self.name}: files are still being uploaded. What is published stays; they"
                    " are read when they have rested."
                )
            log.info("%s: waiting until the files have rested", self.name)
            before = seen
            time.sleep(quiet_seconds)

    def confirm(self, *, strictly: bool = True) -> None:
        """Raise `FileChanged` when the drop does not hold what was fetched any more.

        So all files of a set lay there at one time, and none was being written. Not `strictly`, a
        drop that cannot be looked at again is no reason to give up.
        """
        try:
            seen = self.with_drop(lambda drop: drop.look())
        except TransientFault as fault:
            if strictly:
                raise
            log.warning("%s: the drop was not looked at again: %s", self.name, fault)
            return
        for name in self.uploaded:
            one, there = self.fetched[name], seen.get(name)
            if there is None or (there.size, there.mtime) != (one.facts.byte_count, one.mtime):
                raise self._note_change(BY_FILE_NAME[name])
        if any(self.is_news(one) for one in self.fetched.values()):  # then all are to be read
            for name, one in self.fetched.items():
                self.reading.begin(BY_FILE_NAME[name], Received(one.path, one.facts))

    def read(self, spec: ExportSpec) -> ReadResult:
        """A fetched file as read. Raises `EnvironmentFault` when that is not possible."""
        file = self.fetched[spec.file_name]
        return self.reading.read(spec, Received(file.path, file.facts))

    def with_drop(self, work: Callable[[sftp.Drop], T]) -> T:
        """Work on the one connection of this run; a transient fault gets a new one."""

        def attempt() -> T:
            if self._drop is None:
                self._drop = self._connections.enter_context(sftp.connect(self.district.sftp))
            try:
                return work(self._drop)
            except TransientFault:
                self.hang_up()
                raise

        return sftp.with_retries(attempt)

    def hang_up(self) -> None:
        """Close the connection to the drop."""
        self._drop = None
        self._connections.close()

    def close(self) -> None:
        """Close the connection, and wait for the file that is being read."""
        self.hang_up()
        self.reading.close()

    @property
    def _landing(self) -> Path:
        """Where what is fetched lands: of a preview, where the run's end removes it."""
        return (self.home.scratch if self.is_preview else self.home.landing)(self.name)

    def _look(self) -> dict[str, sftp.RemoteFile]:
        if self._names is None:
            self._names = self.with_drop(lambda drop: drop.look())
            note_unexpected_names(self.report.drop, self._names)
        return self._names

    def is_news(self, fetched: sftp.Fetched) -> bool:
        """Whether a file is sure to be read: not what the published snapshot was made from."""
        current = self.ledger.current_snapshot(self.name)
        published = current["exports"].get(fetched.name, {}) if current is not None else {}
        return bool(published.get("sha256") != fetched.facts.sha256)

    def _received_before(self, spec: ExportSpec) -> sftp.Fetched | None:
        """The last one received; that of the current snapshot, if that was chosen since.

        Whoever went back to an earlier snapshot, or discarded what came with this one, must not get
        it with the files of another night. One that the current snapshot could not use says nothing
        once it is gone.
        """
        row = self.ledger.last_received(self.name, spec.file_name)
        if row is None:
            return None
        sha256 = str(row["sha256"])
        current = self.ledger.current_snapshot(self.name)
        if current is not None and (
            current["exports"].get(REFUSED_SCHOOLS) == sha256
            or self._has_been_decided_since(spec, sha256)
        ):
            published = current["exports"].get(spec.file_name)
            if published is None:
                return None
            sha256 = str(published["sha256"])
        if not (self.home.landing(self.name) / sha256).exists():
            return None
        return self.take_landed(spec, sha256)

    def _has_been_decided_since(self, spec: ExportSpec, sha256: str) -> bool:
        """Whether, since a file came, a snapshot was made current or what came was discarded."""
        # Every run that sees a file receives it anew: it is as old as the first of these receipts.
        first = str(self.ledger.received_since(self.name, spec.file_name, sha256))
        chosen = self.ledger.publications_of(self.name)
        discarded = self.ledger.last_discarded(self.name, CORE_JOB)
        return bool(
            (chosen and first <= chosen[0]["current_from"])
            or (discarded is not None and first <= discarded["held_at"])
        )

    def _note_change(self, spec: ExportSpec) -> FileChanged:
        """A file that is not as it was at an earlier look is a finding; the error to be raised."""
        self.report.findings_of(spec).add("file_still_changing")
        return FileChanged(
            f"{self.name}: {spec.file_name} was changed or removed while the run was reading the"
            " drop, so nothing of it is used. Run again when the upload is complete."
        )

    def _note_refusal(self, spec: ExportSpec, refusal: ConnectError) -> None:
        """A file that was not fetched is a finding, unless all of the drop may be at fault."""
        findings = self.report.findings_of(spec)
        if isinstance(refusal, sftp.FileTooLarge):
            size, limit = self._look()[spec.file_name].size, self.district.limits.file_bytes
            findings.add("file_too_large", found=f"{size:,}", limit=f"{limit:,}")
        elif spec is SCHOOLS or isinstance(refusal, sftp.NotAFile):
            findings.add("file_not_readable")

    @cached_property
    def reading(self) -> ReadAhead:
        """What reads files while others are fetched."""
        return ReadAhead(self.report.connection, self.district, self.home.scratch(self.name))
