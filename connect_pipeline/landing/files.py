"""The landing folder: a district's files as received, which never change.

For: finding a received file by its content's name, proving that the disk kept it, and clearing
what is old.
Belongs here: files named by their sha256. Does not belong here: how they got there (`sftp/`), and
what became of them (`ledger/`).
"""

from __future__ import annotations

import time
from pathlib import Path

from connect_pipeline.disk import disk_fault, remove_partials
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.landing.bytes_pass import scan_file
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits

_DAY_SECONDS = 24 * 60 * 60


def verify(home: Home, district: str, sha256: str, limits: Limits) -> tuple[Path, FileFacts]:
    """Read a received file again and prove that it is still what its name says; it and its facts.

    A file that is not is moved aside, so that the next fetch puts a good one in its place.
    Raises `EnvironmentFault` when it is gone, is damaged or cannot be read.
    """
    path = home.landing(district) / sha256
    if not path.is_file():
        raise EnvironmentFault(
            f"The received file {path} is not there any more. Fetch it again from the drop."
        )
    try:
        facts = scan_file(path, limits.line_bytes)
        if facts.sha256 == sha256:
            return path, facts
        path.rename(path.with_suffix(".damaged"))
    except OSError as error:
        raise disk_fault(error, f"read {path}") from None
    raise EnvironmentFault(
        f"The received file {path} is damaged: its content does not match its name, so the "
        "disk lost or changed some of it. It was set aside as .damaged. Check the disk, and "
        "fetch the file again."
    )


def prune(home: Home, district: str, keep: set[str], older_than_days: float) -> int:
    """Remove received files that came more than so many days ago, but none of `keep`; how many.

    Also removes what killed runs left under temporary names. Raises `EnvironmentFault` when the
    disk does not let us.
    """
    folder = home.landing(district)
    remove_partials(folder)
    if not folder.is_dir():
        return 0
    limit = time.time() - older_than_days * _DAY_SECONDS
    removed = 0
    try:
        for path in sorted(folder.iterdir()):
            if path.name not in keep and path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    except OSError as error:
        raise disk_fault(error, f"remove old files from {folder}") from None
    return removed
