"""Snapshots: each night's core set as one file, published whole, kept, compared, handed on.

`publishing.py` makes one current, `rollback.py` an earlier one; `settling.py` mends what was cut
off or damaged, and `damage.py` tells a damaged file from one that is only not to be read;
`history.py` and `export.py` read what is kept.
Belongs here: published roster files after they are made. Does not belong here: what goes into
them (`roster/`, `published/`).
"""

from connect_pipeline.snapshots.damage import DAMAGED_SUFFIX, is_undamaged, verify
from connect_pipeline.snapshots.publishing import (
    new_snapshot_id,
    next_moment,
    note_digest,
    prune,
    publish,
    rebuilding,
    replace_file,
)
from connect_pipeline.snapshots.rollback import roll_back
from connect_pipeline.snapshots.settling import (
    Lost,
    give_up,
    refuse_shown_instead,
    set_aside_damaged,
    settle_publications,
    shown_instead,
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
    "refuse_shown_instead",
    "replace_file",
    "roll_back",
    "set_aside_damaged",
    "settle_publications",
    "shown_instead",
    "verify",
]
