"""Settings of the whole suite, and the servers that much of it shares.

Property tests have no deadline per example (machines are shared), draw the same examples in every
run, and try as many as CONNECT_TESTS_EXAMPLES says; `make soak` asks for more.
"""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# `test_erase.py` erases in this process, which began before there was anything to erase: as in
# one that begins after it (`cleared_memory.py`), DuckDB must not write old memory into the gaps of
# a file. It reads this when it is loaded, below. A night then takes twice its time, so `make test`
# sets it to nothing for all other tests.
os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "zero:true")

from connect_pipeline.sample.district import generate
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.new_homes import give_dagster
from connect_pipeline_tests.postgres import running_postgres
from connect_pipeline_tests.small_home import SmallHome, serving, small_home

settings.register_profile(
    "connect",
    deadline=None,
    derandomize=True,
    max_examples=int(os.environ.get("CONNECT_TESTS_EXAMPLES", "30")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("connect")


def pytest_collection_finish() -> None:
    """What was imported is no garbage: looking for some takes a twentieth of the time."""
    gc.freeze()
    atexit.register(gc.unfreeze)  # as in `cli.py`


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """An embedded server for the small homes of all tests."""
    with serving(tmp_path_factory.mktemp("drops")) as server:
        yield server


@pytest.fixture(scope="session")
def first_night(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """The small district, published once for all tests. Its copies have a Dagster instance, too."""
    home = small_home(server, tmp_path_factory.mktemp("first-night"))
    give_dagster(home.home)
    home.publish()
    return home


@pytest.fixture
def home(first_night: SmallHome, tmp_path: Path) -> SmallHome:
    """A copy of it, to be changed."""
    return first_night.copy(tmp_path)


@pytest.fixture(scope="session")
def larger(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """A generated district of 60 students, published once for all tests."""
    folder = tmp_path_factory.mktemp("larger")
    made = generate(folder / "exports", 60, 1, today=date(2026, 10, 1))
    files = {path.name: path.read_text() for path in made.folder.glob("*.csv")}
    home = small_home(server, folder, files, sites=made.sites)
    home.publish()
    return home


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server for the tests of one file."""
    with running_postgres() as url:
        yield url
