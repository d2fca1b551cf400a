"""What a home gets when it is first used, made once in a process and written into each new home.

For: homes of tests: to make it takes longer than most of what a test does afterwards. All ledgers
of a process have one key.
Belongs here: a ledger in which nothing is, a Dagster instance without runs. Does not belong here:
how both are made, which has tests whose homes begin with nothing (`test_ledger.py`,
`test_dagster_home.py`, `test_faults.py`).
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from connect_pipeline.disk import PRIVATE_FILE, private_folder
from connect_pipeline.home import Home
from connect_pipeline.ledger import open_ledger

Files = dict[Path, bytes]
"""What is in each file of a folder, by its path there."""


def give_ledger(home: Home) -> None:
    """A ledger, and its key."""
    _write(home.root, _new_ledger())


def give_dagster(home: Home) -> None:
    """Dagster's `dagster.yaml` and databases."""
    _write(home.dagster, _new_dagster())


@cache
def _new_ledger() -> Files:
    # Without the test's environment: it may name a ledger in PostgreSQL.
    with TemporaryDirectory() as folder, mock.patch.dict(os.environ, clear=True):
        home = Home(Path(folder))
        open_ledger(home).close()
        return _files_below(home.root)


@cache
def _new_dagster() -> Files:
    from connect_pipeline.orchestration.open_instance import dagster_instance

    with TemporaryDirectory() as folder, mock.patch.dict(os.environ, clear=True):
        home = Home(Path(folder))
        with dagster_instance(home):
            pass
        return _files_below(home.dagster)


def _files_below(folder: Path) -> Files:
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        private_folder(path.parent)
        path.touch(PRIVATE_FILE, exist_ok=False)
        path.write_bytes(content)
