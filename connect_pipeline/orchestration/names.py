"""The names that others use to find our jobs, assets and tags in Dagster.

Belongs here: names that cross modules, as constants. Does not belong here: names of our tables and
settings.
"""

from __future__ import annotations

from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB

NIGHTLY_SYNC = "nightly_sync"
ATTENDANCE_ALERTS = "attendance_alerts"
DECIDE_HOLD = "decide_hold"
RETENTION = "retention"

JOB_KINDS = {NIGHTLY_SYNC: CORE_JOB, ATTENDANCE_ALERTS: ATTENDANCE_JOB}
LOCKED_JOBS = (DECIDE_HOLD, RETENTION)
"""They hold a lock of the job while they work, and none of a district."""

DISTRICT_TAG = "dagster/partition"
"""Runs with the same value never overlap (dagster.yaml, tag concurrency).

Dagster's own (1.13): it sets it for whatever starts a run of a partition, a person in the UI, too.
"""

FILES_TAG = "connect/files"
"""Which state of the files a sensor asked for this run: the same files are not asked for twice."""

ATTEMPT_TAG = "connect/attempt"
"""How many runs were asked for these files, this one included."""

DEADLINE_TAG = "connect/deadline"
"""When the files were due, in UTC: set by the schedules, and what makes a run a deadline's."""

REFUSED_TAG = "connect/refused"
"""On a run that somebody launched in another way than it can be: the run says so itself. Its value
is the run's ID, for whatever executes a run again takes its tags over."""

REPOSITORY_TAG = ".dagster/repository"
REPOSITORY = "__repository__@connect_pipeline"
"""Whose a run is: Dagster's name for definitions, and the location's in `workspace.yaml`.

A job's page shows only runs that say so. Dagster sets it for what it launches itself.
"""

RETRY_STRATEGY_TAG = "dagster/retry_strategy"
MAX_RETRIES_TAG = "dagster/max_retries"
PRIORITY_TAG = "dagster/priority"
ATTENDANCE_PRIORITY = "10"
"""Attendance goes ahead of nightly runs in the queue."""

RECEIVED, CHECKED, PUBLISHED, ATTENDANCE, LUNCH = (
    "1_received",
    "2_checked",
    "3_published",
    "4_attendance",
    "4_lunch",
)
"""Asset groups; they read from left to right in the UI."""

OWNER = "team:data-engineering"
POOL = "district_runs"
