"""`export`: the tables as files, what a spreadsheet does with them, and the record of it."""

from __future__ import annotations

import csv
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from connect_pipeline.contract import STUDENTS
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.ledger import from_compact
from connect_pipeline.ledger.tables import disclosures
from connect_pipeline.published import ROSTER_TABLES
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.snapshots.export import disclosures_of, export_tables
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import NAME, SmallHome, python_path, small_home

STUDENT_FILE = STUDENTS.file_name
FORMULAS = ("=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "＝1+1")


@pytest.fixture(scope="module")
def home(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """A district whose students are called like formulas."""
    text = FILES[STUDENT_FILE]
    for name, formula in zip(("Ana", "Ben", "Cho", "Dia", "Eli"), FORMULAS, strict=True):
        text = text.replace(f",{name},", f",{formula},")
    home = small_home(server, tmp_path_factory.mktemp("home"), {**FILES, STUDENT_FILE: text})
    home.publish()
    return home


def test_parquet_holds_every_table_as_it_is(home: SmallHome, tmp_path: Path) -> None:
    done = home.command_here("export", NAME, str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    for name, rows in home.tables().items():
        file = tmp_path / "out" / f"{name.replace('.', '_')}.parquet"
        found = duckdb.execute(f"SELECT * FROM '{file}' ORDER BY ALL").fetchall()
        assert found == rows, name
        assert file.stat().st_mode & 0o777 == 0o600
        assert f"{file}: {len(rows):,} rows\n" in done.stdout


def test_csv_starts_no_formula_and_keeps_the_rest(home: SmallHome, tmp_path: Path) -> None:
    done = home.command_here("export", NAME, str(tmp_path), "--format", "csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "connect_students.csv").open(newline="") as file:
        names = {row["student_id"]: row["first_name"] for row in csv.DictReader(file)}
    expected = [*(f"'{formula}" for formula in FORMULAS), "Fay"]
    assert list(names.values()) == expected
    assert list(names) == ["001", "002", "003", "004", "005", "006"], "IDs stay text"
    with (tmp_path / "connect_contacts.csv").open(newline="") as file:
        assert {row["phone"][:5] for row in csv.DictReader(file)} == {"+1201"}, (
            "no formula: a number"
        )
    for path in tmp_path.glob("*.csv"):
        with path.open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell[:1] in ("=", "@", "＝")], path


def test_times_in_csv_are_utc_wherever_the_command_runs(home: SmallHome, tmp_path: Path) -> None:
    done = home.command("export", NAME, str(tmp_path), "--format", "csv", TZ="Asia/Kolkata")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "connect_snapshot.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    published = from_compact(row["snapshot_id"].split("-")[0])
    assert row["published_at"] == f"{published:%Y-%m-%d %H:%M:%S}+00"


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_a_disclosure_is_recorded(home: SmallHome, tmp_path: Path, file_format: str) -> None:
    with home.here():
        written = export_tables(
            home.home, home.ledger, NAME, tmp_path / "out", file_format, "Pat Operator"
        )
    (record, *_) = disclosures_of(home.ledger, NAME)
    assert record["disclosed_by"] == "Pat Operator"
    assert record["snapshot_id"] == home.current()
    assert (record["format"], record["folder"]) == (file_format, str(tmp_path / "out"))
    assert record["disclosed_at"].endswith("Z")
    assert set(record["tables"]) == {table.name for table in ROSTER_TABLES}
    for table in ROSTER_TABLES:
        said = record["tables"][table.name]
        assert said["columns"] == [column.name for column in table.columns]
        assert said["rows"] == written[f"{table.name.replace('.', '_')}.{file_format}"]
    beside = json.loads((tmp_path / "out" / "disclosure.json").read_text())
    assert beside == {key: record[key] for key in beside}
    assert not [word for word in ("Ruiz", "eva@example.com") if word in json.dumps(beside)]


def test_status_shows_disclosures(home: SmallHome, tmp_path: Path) -> None:
    home.command_here("export", NAME, str(tmp_path))
    with home.ledger.transaction() as connection:  # another district's is newer
        last = connection.execute(sa.select(disclosures)).mappings().all()[-1]
        other = {**last, "id": None, "district": "shelbyville", "folder": "/elsewhere"}
        connection.execute(sa.insert(disclosures).values(other))
    shown = home.command_here("status", NAME)
    assert "Disclosures" in shown.stdout
    assert str(tmp_path) in shown.stdout.replace("\n", "") or "folder" in shown.stdout
    state = json.loads(home.command_here("status", NAME, "--json").stdout)[NAME]
    newest = state["disclosures"][0]
    assert newest["folder"] == str(tmp_path)
    assert newest["tables"]["connect.students"]["rows"] == 6


def test_status_names_the_last_of_many_disclosures_and_json_all(
    home: SmallHome, tmp_path: Path
) -> None:
    """A certificate of an erasure sends its reader there."""
    home.command_here("export", NAME, str(tmp_path))
    with home.ledger.transaction() as connection:
        last = connection.execute(sa.select(disclosures)).mappings().all()[-1]
        connection.execute(sa.insert(disclosures), [{**last, "id": None} for _ in range(12)])
    count = len(disclosures_of(home.ledger, NAME))
    shown = home.command_here("status", NAME).stdout
    assert f"Disclosures: 10 of {count} (`--json` has them all)" in " ".join(shown.split())
    state = json.loads(home.command_here("status", NAME, "--json").stdout)[NAME]
    assert len(state["disclosures"]) == count > 12


def test_a_copy_that_fails_is_on_record_all_the_same(home: SmallHome, tmp_path: Path) -> None:
    before = len(disclosures_of(home.ledger, NAME))
    (tmp_path / "connect_students.csv").mkdir()
    with home.here(), pytest.raises(EnvironmentFault):
        export_tables(home.home, home.ledger, NAME, tmp_path, "csv", "Pat Operator")
    assert len(disclosures_of(home.ledger, NAME)) == before + 1


def test_nothing_published_is_nothing_to_export(server: EmbeddedServer, tmp_path: Path) -> None:
    empty = small_home(server, tmp_path)
    done = empty.command_here("export", NAME, str(tmp_path / "out"))
    assert (done.returncode, "Nothing is published" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()
    assert empty.command_here("export", NAME, str(tmp_path), "--format", "xlsx").returncode == 2


# -- where to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["home", "home/outbox/x", "dagster/y", "linked/work", "home/a/.."]
)
def test_own_folders_get_no_copy(home: SmallHome, tmp_path: Path, place: str) -> None:
    """An erasure would not find it there."""
    (tmp_path / "home").symlink_to(home.home.root)
    (tmp_path / "linked").symlink_to(tmp_path / "home")
    dagster = tmp_path / "dagster"
    before = sorted(home.home.root.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-m", "connect_pipeline.cli", "export", NAME, place],
        env=home.process_environment(DAGSTER_HOME=str(dagster), PYTHONPATH=python_path()),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "holds this program's own files" in done.stderr) == (2, True), done
    assert sorted(home.home.root.rglob("*")) == before
    assert not dagster.exists()


@pytest.mark.parametrize("place", ["", " "])
def test_a_folder_without_a_name_is_not_the_working_directory(
    home: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = home.command_here("export", NAME, place)
    assert (done.returncode, "Name the folder" in done.stderr) == (2, True), done
    assert list(tmp_path.iterdir()) == []


def test_beside_the_home_is_well(home: SmallHome) -> None:
    beside = home.home.root.with_name(f"{home.home.root.name}-exports")
    assert home.command_here("export", NAME, str(beside)).returncode == 0


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_what_had_the_name_gives_way(home: SmallHome, tmp_path: Path, file_format: str) -> None:
    """Also an open file's permissions, and a link, whose target stays as it is."""
    out = tmp_path / "out"
    out.mkdir()
    students, staff = out / f"connect_students.{file_format}", out / f"connect_staff.{file_format}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("somebody's")
    students.write_text("of a night before")
    students.chmod(0o644)
    staff.symlink_to(elsewhere)
    done = home.command_here("export", NAME, str(out), "--format", file_format)
    assert done.returncode == 0, done
    assert elsewhere.read_text() == "somebody's"
    assert not staff.is_symlink()
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}
    assert len(list(out.iterdir())) == len(ROSTER_TABLES) + 1


def test_what_a_killed_export_left_goes(home: SmallHome, tmp_path: Path) -> None:
    """Whole tables of children under names that nobody looks for."""
    folder = tmp_path / "out"
    folder.mkdir()
    left, others = (folder / f"{name}.csv.77.partial" for name in ("connect_contacts", "others"))
    left.touch()
    others.touch()
    assert home.command_here("export", NAME, str(folder)).returncode == 0
    assert list(folder.glob("*.partial")) == [others]


def test_a_copy_that_fails_leaves_what_was_there(home: SmallHome, tmp_path: Path) -> None:
    """The disk is full at some table: none has its name yet."""
    out = tmp_path / "out"
    assert home.command_here("export", NAME, str(out), "--format", "csv").returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    students = out / "connect_students.csv"
    students.write_text("of a night before")
    before[students.name] = students.read_bytes()

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    program = (
        "import sys; from pathlib import Path\n"
        "from connect_pipeline.snapshots import export; from connect_pipeline.home import Home\n"
        "export._record_disclosure = lambda *_: None\n"  # the ledger has a disk of its own
        "export._erasures = lambda *_: []\n"
        "export.export_tables(Home(Path(sys.argv[1])), None, sys.argv[2], Path(sys.argv[3]),"
        " 'csv', 'Pat Operator')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(home.home.root), NAME, str(out)],
        env=home.process_environment(PYTHONPATH=python_path()),
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "connect_pipeline.errors.EnvironmentFault" in done.stderr, done
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
