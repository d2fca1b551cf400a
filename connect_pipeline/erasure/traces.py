"""What there is of a student below the home: what an erasure looks for.

For: the student's own words (names, numbers and addresses that nobody else in the district has) and
groups, gathered from everything that is published before any of it is changed. They lie in
`work/<district>.erasing` until there is a certificate, so that one that was cut short goes on
with all of them.
Belongs here: gathering, keeping, and which file mentions them. Does not belong here: by what a word
is recognised (`recognising.py`), changing anything.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

import connect_pipeline
from connect_pipeline.databases import set_variables, statement
from connect_pipeline.disk import replacing
from connect_pipeline.erasure.recognising import (
    bytes_of,
    has_one_of,
    is_destination,
    is_in,
    is_in_bytes,
)
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.published import open_published
from connect_pipeline.snapshots.damage import refuse_damaged

# What a district may send; what we write is UTF-8.
RECEIVED_ENCODINGS = ("utf-8", "cp1252", "utf-16-le", "utf-16-be")
# Whatever else a word may consist of, an ID ends at what separates cells.
NO_ID = rb"[A-Za-z0-9._-]"
# Nobody but an operator gives a file up: a disk that failed for a moment would cost all of them.
CURE = (
    "Nobody can tell what of the student is in it. What readers have, the next `sync` mends; delete"
    " it if it is of an earlier night or day. Then run the same command again."
)
# Shorter words are found by chance in any file.
TELLING = 6


@dataclass
class Traces:
    """`words` are the student's alone; `lonely_groups` have never had another member.

    `contact_names` are those of the student's contacts that no child has who shares a phone or an
    address with them: whoever else has the name, it does not stay beside that destination.
    `common` are those of the words that are part of what others have or of our own sentences (a
    contact may be called `Lincoln`, or `Unknown`): finding them in a file says nothing.
    `done` are the files that this erasure has changed so far, for its certificate.
    """

    student_id: str
    words: list[str] = field(default_factory=list)
    contact_names: list[str] = field(default_factory=list)
    common: list[str] = field(default_factory=list)
    lonely_groups: list[str] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)
    listed_rows: int = 0
    started_at: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Removed rows by table, over all files."""
        total = Counter({"ledger.listed": self.listed_rows} if self.listed_rows else {})
        for one in self.done:
            total.update(one["rows_removed"])
        return dict(sorted(total.items()))

    def note(
        self,
        home: Home,
        path: Path,
        before: str,
        after: str | None,
        rows_removed: dict[str, int] | None = None,
    ) -> None:
        """Say what becomes of a file, before it does: a kill in between must not lose it.

        `after` is None for a file that is removed. What is done twice is noted once.
        """
        name = str(path.relative_to(home.root))
        rows = rows_removed or {}
        for one in self.done:
            if one["file"] == name:
                one["sha256_after"] = after
                one["rows_removed"] = rows or one["rows_removed"]
                return
        self.done.append(
            {
                "file": name,
                "sha256_before": before,
                "sha256_after": after,
                "rows_removed": rows,
            }
        )

    @property
    def telling_words(self) -> list[str]:
        """Words that no other file holds by chance."""
        common = set(self.common)
        return [word for word in self.words if len(word) >= TELLING and word not in common]

    @property
    def words_beside_others(self) -> list[str]:
        """What does not stay at a destination that another child shares."""
        return [*self.words, *self.contact_names]

    def mentioned_in(
        self, path: Path, *, by_id: bool = False, encodings: Sequence[str] = ("utf-8",)
    ) -> bool:
        """Whether a word of the student's, or (as a whole cell) the ID, is in the file's bytes."""
        with bytes_of(path) as content:
            if by_id and any(one.search(content) for one in self._id_patterns(encodings)):
                return True
            return any(
                is_in_bytes(word, content, encoding)
                for word in self.telling_words
                for encoding in encodings
            )

    def _id_patterns(self, encodings: Sequence[str]) -> Iterable[re.Pattern[bytes]]:
        for data in _encoded(self.student_id, encodings):
            if b"\0" in data:  # UTF-16: the neighbours of its bytes are zero
                yield re.compile(re.escape(data))
            else:
                yield re.compile(rb"(?<!%b)%b(?!%b)" % (NO_ID, re.escape(data), NO_ID))


def _encoded(text: str, encodings: Sequence[str]) -> set[bytes]:
    """The text in each of the encodings that can write it."""
    found = set()
    for encoding in encodings:
        with suppress(UnicodeEncodeError):
            found.add(text.encode(encoding))
    return found


def gather(home: Home, district: str, traces: Traces) -> None:
    """Add the student's traces to those that an erasure which was cut short had found."""
    student_id = traces.student_id
    words, shared, groups, with_others = set(traces.words), set(), set(traces.lonely_groups), set()
    names, names_of_siblings = set(traces.contact_names), set()
    for path in snapshot_files(home, district):
        with _asked(path, student_id) as connection:
            words |= _column(connection, "words")
            groups |= _column(connection, "groups")
            names |= _column(connection, "contact_names")
            names_of_siblings |= _column(connection, "contact_names_of_siblings")
    for path in attendance_files(home, district):
        with _asked(path, student_id) as connection:
            words |= _column(connection, "words_of_a_day")
    words -= {None, ""}
    for path in snapshot_files(home, district):
        with _asked(path, student_id, words, groups) as connection:
            shared |= _column(connection, "shared_words")
            with_others |= _column(connection, "groups_with_others")
    for path in attendance_files(home, district):
        with _asked(path, student_id, words) as connection:
            shared |= _column(connection, "shared_words_of_a_day")
    traces.words, traces.lonely_groups = sorted(words - shared), sorted(groups - with_others)
    traces.contact_names = sorted(names - names_of_siblings)
    traces.common = sorted(_common(home, district, traces))
    keep(home, district, traces)


def _common(home: Home, district: str, traces: Traces) -> set[str]:
    """Those of the words that are in what others have, in the settings, or in our own text."""
    names = [word for word in traces.words if not is_destination(word)]
    common = {word for word in names if any(is_in(word, text) for text in own_texts())}
    texts = [read_text(home.settings_file)]
    for path in snapshot_files(home, district):
        with _asked(path, traces.student_id, traces.words, traces.lonely_groups) as connection:
            texts += _column(connection, "texts", where=has_one_of("words"))
    for path in attendance_files(home, district):
        with _asked(path, traces.student_id, traces.words) as connection:
            texts += _column(connection, "texts_of_a_day", where=has_one_of("words"))
    for text in texts:
        common |= {word for word in traces.words if is_in(word, text)}
    return common


def read_text(path: Path) -> str:
    """A text file, whatever is in it; empty when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@cache
def own_texts() -> tuple[str, ...]:
    """This package's own files: every fixed sentence and name that we write is in one of them.

    Less the sample district, whose people are nobody's.
    """
    package = Path(connect_pipeline.__file__).parent
    return tuple(
        read_text(path)
        for path in sorted(package.rglob("*"))
        if path.suffix in (".py", ".sql", ".html") and not path.is_relative_to(package / "sample")
    )


def keep(home: Home, district: str, traces: Traces) -> None:
    """Write down what is looked for and what is done."""
    with replacing(home.erasing(district)) as file:
        file.write(json.dumps(asdict(traces)).encode())


def begun(home: Home, district: str, student_id: str, at: str) -> Traces:
    """What an erasure of the student that was cut short has kept; else of one that begins `at`.

    Raises `EnvironmentFault` when another student's was cut short, or it cannot be read.
    """
    path = home.erasing(district)
    traces = _read(path) or Traces(student_id, started_at=at)
    if traces.student_id != student_id:
        raise EnvironmentFault(
            f"{path} holds the erasure of another student, which was cut short. Run"
            f" `connect-pipeline erase {district} --student ID` again first: the ID is what that"
            " file begins with."
        )
    return traces


def _read(path: Path) -> Traces | None:
    try:
        return Traces(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise EnvironmentFault(
            f"{path} cannot be read ({type(error).__name__}): restore it, or remove it."
        ) from None


def snapshot_files(home: Home, district: str) -> list[Path]:
    """All snapshots, oldest first."""
    return sorted(home.snapshots(district).glob("*.duckdb"))


def attendance_files(home: Home, district: str) -> list[Path]:
    """Today's absences and those of earlier days."""
    today = [path for path in (home.attendance(district),) if path.exists()]
    return [*today, *sorted(home.attendance_days(district).glob("*.duckdb"))]


@contextmanager
def _asked(
    path: Path, student_id: str, words: Iterable[str] = (), groups: Iterable[str] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A published file, opened, with what the questions below are about."""
    try:
        with open_published(path) as connection:
            set_variables(
                connection, student=student_id, words=sorted(words), groups=sorted(groups)
            )
            with suppress(duckdb.CatalogException):  # a snapshot has no absences
                connection.execute(
                    "CREATE TEMP VIEW others_of_a_day AS"
                    f" {statement(__package__, 'others_of_a_day')}"
                )
            yield connection
    except duckdb.Error:
        refuse_damaged(path, CURE)
        raise


def _column(connection: duckdb.DuckDBPyConnection, name: str, *, where: str = "true") -> set[str]:
    """The one column of what `sql/<name>.sql` gives."""
    rows = connection.execute(
        f"SELECT * FROM ({statement(__package__, name)}) AS rows (text) WHERE {where}"
    )
    return {text for (text,) in rows.fetchall()}
