"""Importing this does what a command's process does first, so that forks of it need not.

Belongs here: what is slow the first time: imports, and what Dagster and SQLAlchemy work out once.
Does not belong here: anything that a test would look at, or that a fork must not have (an open
file, a thread).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest  # noqa: F401 - of the modules whose functions are run

import connect_pipeline.cli
import connect_pipeline.doctor  # noqa: F401
import connect_pipeline_tests.attendance_runs
import connect_pipeline_tests.faults.absences  # noqa: F401
from connect_pipeline.home import Home
from connect_pipeline.orchestration.open_instance import dagster_instance


@dg.op
def line() -> None:
    """Nothing."""


@dg.job
def one_line() -> None:
    """One step."""
    line()


with tempfile.TemporaryDirectory() as folder:
    home = Home(Path(folder))
    with (
        mock.patch.dict(os.environ, {"DAGSTER_HOME": str(home.dagster)}),
        dagster_instance(home) as instance,
    ):
        one_line.execute_in_process(instance=instance)
