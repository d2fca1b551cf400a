"""How a file gets to the disk safely, and what is said when the disk refuses.

For: the one way in which this program makes files: written under a temporary name, synced, renamed,
readable by their owner only.
Belongs here: private creation, durable renames, looking through folders, the system's reasons in
words. Does not belong here: where files live (`home.py`), what is in them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO

from connect_pipeline.errors import DiskFault

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
PARTIAL_SUFFIX = ".partial"


def is_text(path: Path) -> bool:
    """Whether a path is UTF-8, as DuckDB needs it; on Linux it may be any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


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
    }.get(error.errno or 0, "Free space or mend permissions")
    return DiskFault(f"Could not {doing}: {reason}. {remedy}, then retry.")


def disk_reason(error: BaseException) -> str | None:
    """Why the disk refused, where a library's error says so in the system's words; else None.

    DuckDB 1.5 and 2.0 report a full disk as whatever they were doing: as a failed commit, too. Of
    what they could not force to the disk they have words of their own.
    """
    numbers = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)
    reasons = (*map(os.strerror, numbers), "fsync failed")
    return next((one for one in reasons if one in str(error)), None)
