"""Snapshots: each night's core set as one file, published whole, kept, compared, handed on.

`publishing.py` makes one current, and settles what was cut off; `damage.py` tells a damaged file
from one that is only not to be read; `history.py` and `export.py` read what is kept.
Belongs here: published roster files after they are made. Does not belong here: what goes into
them (`roster/`, `published.py`).
"""

from connect_pipeline.snapshots.publishing import (
    DAMAGED_SUFFIX,
    Lost,
    give_up,
    is_undamaged,
    new_snapshot_id,
    next_moment,
    note_digest,
    prune,
    publish,
    rebuilding,
    replace_file,
    roll_back,
    set_aside_damaged,
    settle_publications,
    verify,
)

__all__ = [
    "DAMAGED_SUFFIX",
    "Lost",
    "give_up",
    "is_undamaged",
    "new_snapshot_id",
    "next_moment",
    "note_digest",
    "prune",
    "publish",
    "rebuilding",
    "replace_file",
    "roll_back",
    "set_aside_damaged",
    "settle_publications",
    "verify",
]
