"""A night with ledger and Dagster on PostgreSQL, each in a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import sqlalchemy as sa

from connect_pipeline import orchestration
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.small_home import NAME, PASSWORD, USER, SmallHome, small_home

DATABASES = ("ledger", "dagster")
OURS = resources.files(orchestration).joinpath("dagster.yaml").read_text(encoding="utf-8")


@pytest.fixture
def databases(postgres: str) -> Iterator[dict[str, str]]:
    """Their URLs."""
    engine = sa.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in DATABASES:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield {name: postgres.replace("/postgres", f"/{name}") for name in DATABASES}
        for name in DATABASES:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


def test_a_night_and_what_is_said_when_both_are_given_one_database(
    databases: dict[str, str], tmp_path: Path
) -> None:
    """As docs/operations.md says to do it: `storage` in place of `event_log_storage`."""
    drops = tmp_path / "drops"
    drops.mkdir()
    with EmbeddedServer(drops, USER, PASSWORD) as server:
        home = small_home(server, tmp_path)
        settings_of_dagster(
            home,
            OURS[: OURS.index("event_log_storage:")]
            + "storage:\n  postgres:\n    postgres_url: {env: DAGSTER_DATABASE_URL}\n",
        )
        home.environment["DAGSTER_DATABASE_URL"] = databases["dagster"]
        home.environment["CONNECT_LEDGER_URL"] = databases["ledger"]
        done = home.sync()
        assert (done.returncode, done.stdout) == (0, f"{NAME}: published\n")
        assert not home.home.ledger_file.exists()
        assert not (home.home.dagster / "events").exists()
        home.environment["CONNECT_LEDGER_URL"] = databases["dagster"]
        done = home.sync()
    assert done.returncode == 2
    assert "let CONNECT_LEDGER_URL name a database of its own." in done.stderr


@pytest.mark.parametrize(
    "text", ["nonsense: 1\n", "a: [1\n", "storage: {postgres: {postgres_url: 'x'}}\n"]
)
def test_a_dagster_yaml_that_dagster_refuses_is_said(tmp_path: Path, text: str) -> None:
    drops = tmp_path / "drops"
    drops.mkdir()
    with EmbeddedServer(drops, USER, PASSWORD) as server:
        home = small_home(server, tmp_path)
        settings_of_dagster(home, text)
        done = home.sync()
    assert done.returncode == 3
    assert "Check its dagster.yaml" in done.stderr
    assert "bug" not in done.stderr


def settings_of_dagster(home: SmallHome, text: str) -> None:
    home.home.dagster.mkdir(parents=True)
    (home.home.dagster / "dagster.yaml").write_text(text)
