"""`docs/consumers.md`: its examples run as they stand, on a published demo district."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from connect_pipeline.home import Home
from connect_pipeline.published import ATTENDANCE_TABLES, ROSTER_TABLES
from connect_pipeline.sample.demo import DISTRICT, run_demo
from connect_pipeline_tests.small_home import SmallHome

PAGE = Path(__file__).parents[1] / "docs" / "consumers.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(PAGE.read_text()) if kind == language]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of the demo, as the working directory: the page's paths are below it."""
    home = Home(tmp_path_factory.mktemp("consumers") / "home")
    environment = {"CONNECT_HOME": str(home.root), "DAGSTER_HOME": str(home.dagster)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        assert run_demo(home, 60, Console(file=StringIO()), with_ui=False) == 0
        patch.chdir(home.root)
        yield home.root


def test_python_examples_run_in_their_order(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, object] = {}
    for text in blocks("python"):
        exec(compile(text, str(PAGE), "exec"), names)  # noqa: S102 - the page is ours
    printed = capsys.readouterr().out
    assert re.search(r"^Lincoln High School: \d+$", printed, re.MULTILINE)
    assert names["counts"], "the accounting of absences"
    assert {relation for relation, *_ in names["family"]} >= {"primary"}  # type: ignore[attr-defined]
    assert len(names["classes"]) > 10  # type: ignore[arg-type]
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", str(names["last_seen"]))


def test_sql_examples_run_after_the_command_before_them(published: Path) -> None:
    commands = [line for text in blocks("console") for line in text.splitlines()]
    assert commands == ["$ connect-pipeline export demo out/ --format parquet"]
    home = SmallHome(Home(published), published, {})
    assert home.command_here(*commands[0].split()[2:]).returncode == 0
    with duckdb.connect() as connection:
        for text in blocks("sql"):
            results = [
                connection.execute(one).fetchall() for one in duckdb.extract_statements(text)
            ]
            assert results[-1], text


def test_every_path_and_table_of_the_page_is_there(published: Path) -> None:
    known = {table.name for table in (*ROSTER_TABLES, *ATTENDANCE_TABLES)}
    text = PAGE.read_text()
    named = set(re.findall(r"\b(?:connect|attendance|quality)\.[a-z_]+\b", text))
    assert named - {"attendance.duckdb"} <= known | {"connect.db"}
    for path in re.findall(r"'(published/[^']+)'|\"(published/[^\"]+)\"", text):
        assert (published / "".join(path)).exists(), path
    assert (published / "published" / DISTRICT / "snapshots").is_dir()
