"""Where a district's files lie, and what lies there that nobody reads.

For: both erasures. Belongs here: folders, scratch, and files under names of the moment. Does not
belong here: what is in a file.
"""

from __future__ import annotations

from pathlib import Path

from connect_pipeline import snapshots
from connect_pipeline.attendance.opt_outs import opt_out_file
from connect_pipeline.attendance.staging import STAGED
from connect_pipeline.disk import PARTIAL_SUFFIX, files_below, partials_of
from connect_pipeline.erased.certificate import remove_unfinished
from connect_pipeline.home import Home, remove_scratch


def places_of(home: Home, district: str) -> tuple[Path, ...]:
    """The folders that are the district's alone."""
    return (
        home.landing(district),
        home.published(district),
        home.reports(district),
        home.outbox(district),
    )


def remove_unread(home: Home, district: str) -> None:
    """Scratch, and files under names that nobody reads, an erasure's own among them."""
    remove_scratch(home, district)
    remove_unfinished(home, district)
    for file in (home.erasing(district), opt_out_file(home, district).resolve()):
        for path in partials_of(file):
            path.unlink()
    for place in places_of(home, district):
        for path in files_below(place):
            if path.suffix in (PARTIAL_SUFFIX, snapshots.DAMAGED_SUFFIX, ".wal", STAGED):
                path.unlink()
