"""One run for one district, from its lock to its report.

`lifecycle.py` begins and ends it, `recovery.py` settles what a kill left, `nightly_steps.py` and
`attendance_steps.py` are its steps over what `shared_run.py` gives both; `retention.py` drops what
is over its age.
Belongs here: the order of a run's work. Does not belong here: the work itself (`drop/`,
`validation/`, `roster/`, `attendance/`, `snapshots/`), Dagster (`orchestration/`).
"""
