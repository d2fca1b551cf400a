"""One run for one district, from its lock to its report.

`lifecycle.py` is what is done around a run's steps: what is opened (`opening.py`), recovered after
a kill (`recovery.py`, `rebuild.py`, `lost_lists.py`), written at the end (`ending.py`) and told
(`telling.py`). `nightly_steps.py` and `attendance_steps.py` are the steps, over what
`shared_run.py` gives both; `retention.py` drops what is over its age.
Belongs here: the order of a run's work. Does not belong here: the work itself (`drop/`,
`validation/`, `roster/`, `attendance/`, `snapshots/`), Dagster (`orchestration/`).
"""
