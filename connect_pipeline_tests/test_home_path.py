"""A home or a folder of exports whose path has characters that mean something elsewhere.

In a URL (`%41`), in SQL (a quote), in a shell (a space), in a pattern of file names (`*`).
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from connect_pipeline import validate
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.small_district import write
from connect_pipeline_tests.small_home import NAME, small_home

ODD = " 100 #1 'a' \"b\""


def test_a_command_publishes_below_an_odd_path(server: EmbeddedServer, tmp_path: Path) -> None:
    made = small_home(server, tmp_path / ODD)
    done = made.sync()
    assert done.returncode == 0, done.stdout + done.stderr
    assert made.query("SELECT count(*) > 0 FROM connect.students") == [(True,)]
    with made.here(), dg.DagsterInstance.get() as instance:
        assert [run.status.value for run in instance.get_runs()] == ["SUCCESS"]
    runs = [path for path in tmp_path.rglob("runs.db") if made.home.dagster in path.parents]
    assert runs == list(tmp_path.rglob("runs.db")) != []
    assert made.run().outcome == "unchanged"


@pytest.mark.parametrize("name", ["what?", "back\\slash", "all*", "some[1]", "a%41"])
def test_a_path_that_means_another_one_is_refused_at_once(
    server: EmbeddedServer, tmp_path: Path, name: str
) -> None:
    made = small_home(server, tmp_path / name)
    refused = made.command_here("sync", NAME)
    assert refused.returncode == 2
    assert "state cannot be kept below a path with one of ? * [ \\ % in it" in refused.stderr
    assert not made.home.ledger_file.exists()


def test_the_same_for_the_place_of_dagsters_state(server: EmbeddedServer, tmp_path: Path) -> None:
    made = small_home(server, tmp_path)
    refused = made.command_here("sync", NAME, DAGSTER_HOME=str(tmp_path / "dagster [1]"))
    assert (refused.returncode, refused.stderr.startswith("DAGSTER_HOME is ")) == (2, True)


@pytest.mark.parametrize("name", [ODD, "a%41", "what?", "all*", "some[1]"])
def test_exports_are_checked_wherever_they_are(tmp_path: Path, name: str) -> None:
    """And those of a folder that a pattern would find, too, are not."""
    for folder in (name, "what!", "all of them", "some1"):
        write(tmp_path / folder)
    assert validate(tmp_path / name).verdict != "blocked"


LATIN = "lat\udcf3n"
"""A name of other bytes than UTF-8, as Python has it: one that Windows-1252 once wrote."""


def test_exports_are_checked_below_a_name_that_is_no_text(tmp_path: Path) -> None:
    write(tmp_path / LATIN)
    assert validate(tmp_path / LATIN).verdict != "blocked"


def test_state_below_a_name_that_is_no_text_is_refused(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    made = small_home(server, tmp_path / LATIN)
    refused = made.command_here("sync", NAME)
    assert (refused.returncode, "whose path is not UTF-8" in refused.stderr) == (2, True)
