"""Where everything lives below CONNECT_HOME, and how a file gets there safely.

For: the paths of DESIGN section 5, and the one way in which this program makes files: written
under a temporary name, synced, renamed, readable by their owner only.
Belongs here: paths, private creation, durable renames. Does not belong here: what is in a file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import BinaryIO

from connect_pipeline.errors import DiskFault, SettingsError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
PARTIAL_SUFFIX = ".partial"
# DuckDB (2.0) puts a database's log before a `?`, as in a URL, and takes `\` for `/`. Dagster
# (1.13) looks for `dagster.yaml` by a pattern, goes on without our settings if it finds none, and
# pastes paths into database URLs, where `%41` is an A.
NOT_IN_PATHS = "?*[\\%"
OPT_OUTS = "opt_outs"
"""What is made for us, and not by us."""
OWN_FOLDERS = (
    "certificates",
    "landing",
    OPT_OUTS,
    "outbox",
    "published",
    "reports",
    "work",
)
"""The folders of a home in which nobody else's files belong."""


@dataclass(frozen=True)
class Home:
    """The folder that holds `districts.yaml` and all state. Folders are made on first use."""

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """`CONNECT_HOME`, or `data` in the working directory. Raises as `state_folder` does."""
        return cls(state_folder("CONNECT_HOME", os.environ.get("CONNECT_HOME") or "data"))

    @property
    def settings_file(self) -> Path:
        return self.root / "districts.yaml"

    @property
    def readable_settings_file(self) -> Path:
        """The settings as they last could be read: whom to tell when they cannot be."""
        return self.root / "work" / "districts.readable.yaml"

    @property
    def dagster(self) -> Path:
        """Default `DAGSTER_HOME`."""
        return self.root / "dagster"

    @property
    def dagster_in_use(self) -> Path:
        """`DAGSTER_HOME`, wherever it is."""
        return Path(os.environ.get("DAGSTER_HOME") or self.dagster)

    @property
    def ledger_file(self) -> Path:
        return self.root / "ledger.db"

    @property
    def ledger_key_file(self) -> Path:
        return self.root / "ledger.key"

    def landing(self, district: str) -> Path:
        """Files as received, named `<sha256>`."""
        return self.root / "landing" / district

    def work(self, district: str) -> Path:
        """The scratch database of the run at hand."""
        return self.root / "work" / f"{district}.duckdb"

    def scratch(self, district: str) -> Path:
        """Scratch files beside the scratch database (DuckDB's spill, files being built)."""
        return self.root / "work" / f"{district}.tmp"

    def lock(self, district: str) -> Path:
        return self.root / "work" / f"{district}.lock"

    def job_lock(self, job: str) -> Path:
        """What a job that has no district's lock holds. No district's name has a dot."""
        return self.root / "work" / f"job.{job}.lock"

    def erasing(self, district: str) -> Path:
        """What an erasure under way looks for; gone when it is complete."""
        return self.root / "work" / f"{district}.erasing"

    @property
    def certificates(self) -> Path:
        """A certificate per erasure, without anything about a person."""
        return self.root / "certificates"

    def published(self, district: str) -> Path:
        return self.root / "published" / district

    def roster(self, district: str) -> Path:
        """The current snapshot."""
        return self.published(district) / "roster.duckdb"

    def snapshots(self, district: str) -> Path:
        """The folder of all that was published and is kept."""
        return self.published(district) / "snapshots"

    def snapshot(self, district: str, snapshot_id: str) -> Path:
        return self.snapshots(district) / f"{snapshot_id}.duckdb"

    def attendance(self, district: str) -> Path:
        """Today's absences, accounting and recipients."""
        return self.published(district) / "attendance.duckdb"

    def attendance_days(self, district: str) -> Path:
        """The folder of earlier days' absences."""
        return self.published(district) / "attendance"

    def attendance_day(self, district: str, date: str) -> Path:
        """An earlier day's (`date` is ISO)."""
        return self.attendance_days(district) / f"{date}.duckdb"

    def reports(self, district: str) -> Path:
        return self.root / "reports" / district

    def outbox(self, district: str) -> Path:
        return self.root / "outbox" / district


def state_folder(variable: str, place: str) -> Path:
    """The folder of state that a variable of the environment names, as an absolute path.

    Raises `SettingsError` for a path that DuckDB or Dagster would take for another one.
    """
    path = Path(place).absolute()
    if set(NOT_IN_PATHS) & set(str(path.resolve())):
        raise SettingsError(
            f"{variable} is {path}, but state cannot be kept below a path with one of"
            f" {' '.join(NOT_IN_PATHS)} in it. Name another folder."
        )
    if not is_text(path.resolve()):
        raise SettingsError(
            f"{variable} names a folder whose path is not UTF-8: state cannot be kept below it."
            " Name another folder."
        )
    return path


def is_text(path: Path) -> bool:
    """Whether a path is UTF-8, as DuckDB needs it; on Linux it may be any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def private_home(home: Home) -> Path:
    """Make the home its owner's alone, which an operator's `mkdir` did not; return its path.

    One that is somebody else's folder stays as it is: `doctor` says so.
    """
    private_folder(home.root)
    with suppress(OSError):
        home.root.chmod(PRIVATE_FOLDER)
    return home.root


def private_folder(path: Path) -> Path:
    """Make `path` and its parents, readable by their owner only; return it.

    Raises `EnvironmentFault` when it cannot be made.
    """
    try:
        missing = [one for one in (path, *path.parents) if not one.exists()]
        for folder in reversed(missing):  # mkdir's own `parents` would make them for everybody
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise disk_fault(error, f"make the folder {path}") from None
    return path


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Write a file that appears whole or not at all.

    Yields a binary file under a temporary name beside `target`; at the end it is synced and
    renamed to `target`. On any error the temporary file is removed and `target` stays as it was.
    Raises `EnvironmentFault` for a full disk, a lack of permission and the like.
    """
    private_folder(target.parent)
    partial = partial_of(target)
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        rename_durably(partial, target)
    except OSError as error:
        raise disk_fault(error, f"write {target}") from None
    finally:
        with suppress(OSError):  # what keeps it from being removed has been said
            partial.unlink(missing_ok=True)


def rename_durably(source: Path, target: Path) -> None:
    """Rename and sync the folder, so that the rename outlives a power cut."""
    source.replace(target)
    sync_folder(target.parent)


def link_durably(source: Path, target: Path, suffix: str) -> None:
    """Give a file a second name by one rename; what had that name before keeps its readers.

    `suffix` marks the name that it has meanwhile, by which whoever clears up knows it.
    """
    beside = target.with_name(f"{target.name}{suffix}")
    beside.unlink(missing_ok=True)
    os.link(source, beside)
    rename_durably(beside, target)
    # rename(2) leaves both names when they already are the same file.
    beside.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, by which a changed one is found. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Force a file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Force a folder's entries to the disk."""
    sync_file(path)


def partial_of(target: Path) -> Path:
    """The name beside `target` under which this process writes it."""
    return target.with_name(f"{target.name}.{os.getpid()}{PARTIAL_SUFFIX}")


def partials_of(target: Path) -> list[Path]:
    """What processes are writing, or have left, beside `target`."""
    return list(target.parent.glob(f"{escape(target.name)}.*{PARTIAL_SUFFIX}"))


def remove_partials(folder: Path) -> None:
    """Remove what a killed run left under temporary names in `folder`."""
    if folder.is_dir():
        for leftover in folder.glob(f"*{PARTIAL_SUFFIX}"):
            leftover.unlink(missing_ok=True)


def path_of_open(file: BinaryIO) -> Path:
    """A path to an open file that has no name."""
    return Path(f"/dev/fd/{file.fileno()}")


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, in order; none when it is not there.

    Raises `DiskFault` when part of it may not be looked into: who searches must not miss that.
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # removed meanwhile
            raise disk_fault(error, f"look through {error.filename}") from None

    walked = os.walk(folder, onerror=refuse)
    paths = (Path(parent, name) for parent, _, names in walked for name in names)
    return sorted(path for path in paths if path.is_file())


def remove_tree(path: Path) -> None:
    """Remove a scratch folder and all below it, if it is there."""
    shutil.rmtree(path, ignore_errors=True)


def remove_scratch(home: Home, district: str) -> None:
    """Remove the scratch database and all beside it. Costs a re-run, if anything."""
    remove_tree(home.scratch(district))
    path = home.work(district)
    path.unlink(missing_ok=True)
    remove_log(path)


def remove_log(database: Path) -> bool:
    """Remove DuckDB's log beside a published file, if there is one; whether there was.

    Somebody opened the file to write, and was cut off. No run leaves one, and DuckDB would read it
    into the file, or refuse the next file of that name.
    """
    left = database.with_name(f"{database.name}.wal")
    was_there = left.exists()
    left.unlink(missing_ok=True)
    return was_there


def disk_fault(error: OSError, doing: str) -> DiskFault:
    """One clear sentence for an operating-system error, with the system's own reason."""
    reason = error.strerror or type(error).__name__
    remedy = {
        errno.ENOENT: "Put back what is missing",
        errno.EXDEV: "Put work/ and published/ of CONNECT_HOME on one file system",
    }.get(error.errno or 0, "Free space or permissions")
    return DiskFault(f"Could not {doing}: {reason}. {remedy}, then retry.")


def disk_reason(error: BaseException) -> str | None:
    """Why the disk refused, where a library's error says so in the system's words; else None.

    DuckDB 1.5 and 2.0 report a full disk as whatever they were doing: as a failed commit, too. Of
    what they could not force to the disk they have words of their own.
    """
    numbers = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)
    reasons = (*map(os.strerror, numbers), "fsync failed")
    return next((one for one in reasons if one in str(error)), None)
