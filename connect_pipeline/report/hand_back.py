"""The report goes back to the district: onto the SFTP server, where its staff look.

For: one page per run in the `report_folder` of the settings, under a name with its time, and the
end of pages that are a week old. Belongs here: putting it there, and which are old. Does not belong
here: the connection (`sftp/`), and what a failure to hand back means for a run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from connect_pipeline.drop_names import OUR_REPORT, REPORT_PREFIX, REPORT_TIME

if TYPE_CHECKING:
    from connect_pipeline.sftp import Drop

KEPT = timedelta(days=7)


def hand_back(drop: Drop, folder: str, page: Path) -> str:
    """Put the page into `folder` on the server; returns its name there. Raises what `put` does."""
    name = f"{REPORT_PREFIX}{page.name}"
    drop.put(page.read_bytes(), folder, name)
    return name


def remove_old(drop: Drop, folder: str, now: datetime) -> None:
    """Remove our old pages from `folder` on the server. Raises what `remove` does."""
    drop.remove(folder, lambda other: is_old(other, now))


def is_old(name: str, now: datetime) -> bool:
    """Whether this is a report of ours, more than a week old by its name.

    Not by its modification time, which is the server's and changes when somebody copies it.
    """
    match = OUR_REPORT.fullmatch(name)
    if match is None:
        return False
    try:
        written = datetime.strptime(match[1], REPORT_TIME).replace(tzinfo=UTC)
    except ValueError:  # it looks like a time and is none, so it is not ours
        return False
    return now - written > KEPT
