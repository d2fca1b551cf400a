"""What must not be loaded: checks need no Dagster, and `validate` must start at once.

Each test asks a fresh interpreter what it has loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from connect_pipeline.process.cleared_memory import ALLOCATOR
from connect_pipeline_tests.small_district import write

HEAVY = {"alembic", "cryptography", "dagster", "jinja2", "pandas", "paramiko", "phonenumbers"}
HEAVY |= {"pydantic", "sqlalchemy", "tenacity", "yaml"}
if duckdb.__version__.startswith("1."):  # which looks for pandas itself when it is given a list
    HEAVY -= {"pandas"}


def loaded_after(program: str, *arguments: object) -> set[str]:
    """The top-level modules that are loaded when `program` has run."""
    tail = "\nimport json, sys\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program + tail, *map(str, arguments)],
        capture_output=True,
        check=True,
        text=True,
    )
    return {name.partition(".")[0] for name in json.loads(done.stderr)}


@pytest.mark.parametrize(
    "module",
    [
        "contract",
        "landing.bytes_pass",
        "rules",
        "reader",
        "checks",
        "validation.inputs",
        "validation.unzip",
        "validation",
    ],
)
def test_checks_load_nothing_heavy(module: str) -> None:
    program = f"import connect_pipeline.{module}\n"
    program += "from connect_pipeline.rules import catalogue\ncatalogue()"
    assert loaded_after(program) & HEAVY == set()


@pytest.mark.parametrize(
    ("options", "unneeded"), [((), HEAVY), (("--json",), {*HEAVY, "rich"})], ids=["text", "JSON"]
)
def test_validate_loads_nothing_heavy(
    tmp_path: Path, options: tuple[str, ...], unneeded: set[str]
) -> None:
    program = (
        "import sys\n"
        "from connect_pipeline.cli import main\n"
        "sys.argv = ['connect-pipeline', 'validate', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert stop.code == 0"
    )
    assert loaded_after(program, write(tmp_path), *options) & unneeded == set()


def test_validate_in_python_loads_nothing_heavy(tmp_path: Path) -> None:
    program = "import sys\nfrom connect_pipeline import validate\nvalidate(sys.argv[1])"
    assert loaded_after(program, write(tmp_path)) & HEAVY == set()


@pytest.mark.parametrize(
    ("left", "arguments", "cleared"),
    [
        pytest.param("certificates/one.json", (), True, id="something was erased"),
        pytest.param("work/springfield.erasing", (), True, id="an erasure was cut short"),
        pytest.param("districts.yaml", ("erase", "springfield"), True, id="something is erased"),
        pytest.param("districts.yaml", (), False, id="nothing was erased"),
    ],
)
def test_duckdb_clears_its_memory_where_something_was_erased(
    tmp_path: Path, left: str, arguments: tuple[str, ...], *, cleared: bool
) -> None:
    """Its allocator says itself which options it took, and takes none later.

    Whatever of the package a process imports, such as Dagster its definitions, this comes first.
    """
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import connect_pipeline", *arguments],
        env={**os.environ, ALLOCATOR: "confirm_conf:true", "CONNECT_HOME": str(tmp_path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert "Set conf value: confirm_conf:true" in done.stderr
    assert ("Set conf value: zero:true" in done.stderr) is cleared
