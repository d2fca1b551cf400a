"""One run for one district, whole: what its steps share, and the steps of its job.

For: Dagster's assets, the commands and the tests, which call the steps; the steps know no Dagster.
Belongs here: putting the parts together. Does not belong here: any part of them.
"""

from __future__ import annotations

from functools import cached_property

from connect_pipeline.run.attendance_steps import AttendanceSteps
from connect_pipeline.run.nightly_steps import NightlySteps
from connect_pipeline.run.shared_run import SharedRun


class DistrictRun(SharedRun):
    """A run under way; `lifecycle.py` opens and ends it."""

    @cached_property
    def night(self) -> NightlySteps:
        """The steps of the nightly job."""
        return NightlySteps(self)

    @cached_property
    def attendance(self) -> AttendanceSteps:
        """The steps of the attendance job."""
        return AttendanceSteps(self)
