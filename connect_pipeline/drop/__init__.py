"""A district's drop as time goes by: looked at, judged for arrival, visited by a run.

Belongs here: when files are due, new and whole, and one run's visit. Does not belong here: the
wire (`sftp/`), what files say (`reader/`, `checks/`), asking Dagster for runs
(`orchestration/`).
"""
