"""From checked records to a published roster: candidate, changes, hold.

The SQL that builds each table is beside, in `sql/`.

Belongs here: the one import of the package. Does not belong here: publishing (`snapshots/`).
"""

from connect_pipeline.roster.build import (
    attach_previous,
    build_candidate,
    compare_candidate,
    expose_published,
    finish_candidate,
)
from connect_pipeline.roster.group_warnings import judge_groups
from connect_pipeline.roster.hold import Change, judge_changes, judge_nights, totals_of_changes
from connect_pipeline.roster.kept_people import keep_people
from connect_pipeline.roster.preview import preview_of, shown_schools, write_would_vanish

__all__ = [
    "Change",
    "attach_previous",
    "build_candidate",
    "compare_candidate",
    "expose_published",
    "finish_candidate",
    "judge_changes",
    "judge_groups",
    "judge_nights",
    "keep_people",
    "preview_of",
    "shown_schools",
    "totals_of_changes",
    "write_would_vanish",
]
