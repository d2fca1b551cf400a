"""The commands: their help, what they refuse, their JSON, and the tables that `export` writes."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from connect_pipeline.cli import app
from connect_pipeline.contract import STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.process.who import name_of, user_name
from connect_pipeline.published import ROSTER_TABLES
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.new_homes import give_dagster
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home, with_rows

# DESIGN section 8.
COMMANDS = (
    *("demo", "generate", "validate", "sync", "alerts", "status", "approve", "discard"),
    *("rollback", "export", "doctor", "erase"),
)


@pytest.fixture(scope="module")
def published(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """The small district, published, with cells that a spreadsheet would run."""
    home = small_home(server, tmp_path_factory.mktemp("published"))
    give_dagster(home.home)
    staff, students, classes = (one.file_name for one in (STAFF, STUDENTS, STAFF_TO_STUDENT))
    home.upload(
        {
            staff: with_rows(
                home.read(staff),
                'T9,101,@SUM(A1),-2+3,f@example.org,"=HYPERLINK(""x"")",',
            ),
            students: with_rows(
                home.read(students),
                "009,101,+Plus,-7,,,=cmd|' /C calc'!A0,(201) 555-0119,,,,,,9,-R1,-2.50,English,all",
            ),
            classes: with_rows(home.read(classes), '101,T9,009,1,"=A1, or ""B""",-MA,+1'),
        }
    )
    home.publish()
    return home


@pytest.fixture
def home(published: SmallHome, tmp_path: Path) -> SmallHome:
    return published.copy(tmp_path)


# -- usage -------------------------------------------------------------------------------------


def test_the_commands_are_those_of_the_design() -> None:
    names = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    assert set(COMMANDS) <= names


def test_help_lists_every_command(home: SmallHome) -> None:
    done = home.command_here("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_refuses_what_it_does_not_know(
    home: SmallHome, name: str
) -> None:
    done = home.command_here(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"connect-pipeline {name}" in done.stdout
    done = home.command_here(name, "--no-such-option")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--no-such-option" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *(("sync",), ("sync", NAME, "--all"), ("alerts",), ("sync", "nowhere")),
        *(("approve",), ("rollback", NAME), ("export", NAME), ("validate", "no/such/folder")),
        ("validate", ""),
        *(("generate", "somewhere", "--students", "many"), ("generate", "x", "--students", "0")),
        *(("status", "nowhere"), ("doctor", "nowhere"), ("export", NAME, "x", "--format", "xls")),
        *(("alerts", NAME), ("approve", NAME), ("discard", NAME), ("nonsense",)),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_one_sentence(
    home: SmallHome, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = home.roster_bytes()
    done = home.command_here(*arguments)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert 10 < len(done.stderr) < 400
    assert home.roster_bytes() == before


def test_the_installed_command_is_this_one(home: SmallHome) -> None:
    """The exit code and the streams of the real process, once for each kind of ending."""
    done = home.command("sync", NAME, "--all")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Name the districts, or give --all.\n"
    done = home.command("status", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    assert home.current() in done.stdout
    done = home.command("sync", NAME, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[NAME]["outcome"] == "unchanged"


@pytest.mark.parametrize("command", [["status", NAME], ["--help"], ["doctor", NAME, "--json"]])
def test_what_cannot_be_printed_is_no_success(home: SmallHome, command: list[str]) -> None:
    """Also what is short enough to be written only when the process ends."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "connect_pipeline.cli", *command],
            env=home.process_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr.startswith("The disk or memory refused (No space left on device).")


@pytest.mark.parametrize("command", ["validate exports", "status", "doctor --json", "--help"])
def test_a_closed_output_is_no_failure(home: SmallHome, command: str) -> None:
    words = command.replace("exports", str(home.drop))
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m connect_pipeline.cli {words} >&-"],
        env=home.process_environment(),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def unread() -> None:
    """Whoever reads the answer and what is said beside it has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    for stream in (1, 2):
        os.dup2(writer, stream)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        *((f"sync {NAME}", 0), (f"status {NAME}", 0), (f"status {NAME} --json", 0), ("--help", 0)),
        *((f"doctor {NAME}", 0), ("status nowhere", 2), ("doctor nowhere --json", 2)),
    ],
)
def test_a_reader_that_goes_away_changes_no_exit_code(
    home: SmallHome, command: str, code: int
) -> None:
    """As behind `| head -1`. 1 would say that files are blocked or held."""
    assert home.command(*command.split(), first=unread).returncode == code


# -- another district's mistake -------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        *(f"status {NAME}", f"history {NAME} --student 001", f"rollback {NAME} CURRENT"),
        *(f"export {NAME} OUT", f"erase {NAME} --student 404"),
    ],
)
def test_another_districts_mistake_stops_no_operator(
    home: SmallHome, tmp_path: Path, words: str
) -> None:
    with_a_wrong_district(home)
    words = words.replace("CURRENT", home.current()).replace("OUT", str(tmp_path / "out"))
    done = home.command_here(*words.split())
    assert (done.returncode, done.stderr) == (0, "")


def test_a_district_whose_settings_are_wrong_has_a_status(home: SmallHome) -> None:
    """What is published of it stays, and an operator looks there first."""
    with_a_wrong_district(home)
    shown = home.command_here("status", COLUMNS="140")
    assert (shown.returncode, NAME in shown.stdout) == (2, True)
    assert "its settings are wrong" in shown.stdout
    assert "2 districts, 1 need attention." in shown.stdout
    assert "shelbyville" in shown.stderr
    states = json.loads(home.command_here("status", "--json").stdout)
    assert set(states) == {NAME, "shelbyville"}
    alone = home.command_here("status", "shelbyville")
    assert (alone.returncode, "published: nothing yet" in alone.stdout) == (2, True)
    assert "nmae" in alone.stderr
    assert home.command_here("status", NAME).returncode == 0


def with_a_wrong_district(home: SmallHome) -> None:
    text = home.home.settings_file.read_text()
    home.home.settings_file.write_text(f"{text}  shelbyville:\n    nmae: Shelbyville\n")


# -- who it was -------------------------------------------------------------------------------


def test_who_has_no_name_is_known_by_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    assert user_name() == f"uid {os.getuid()}"
    assert name_of(54321) == "uid 54321"
    monkeypatch.setenv("USER", "pat")
    assert user_name() == "pat"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a user that has no name")
@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        *((f"approve {NAME}", 2), (f"discard {NAME}", 2), (f"rollback {NAME} CURRENT", 0)),
        *((f"export {NAME} OUT", 0), (f"erase {NAME} --student 006", 0)),
    ],
)
def test_commands_of_who_has_no_name(
    home: SmallHome, tmp_path: Path, words: str, exit_code: int
) -> None:
    words = words.replace("CURRENT", home.current()).replace("OUT", str(tmp_path / "out"))
    environment = home.process_environment()
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        environment.pop(variable, None)
    program = (
        "import os; os.setreuid(54321, -1)\nfrom connect_pipeline.cli import process; process()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words.split()],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code, done
    assert "A bug" not in done.stderr
    if words.startswith("export"):
        record = json.loads((tmp_path / "out" / "disclosure.json").read_text())
        assert record["disclosed_by"] == "uid 54321"


# -- JSON --------------------------------------------------------------------------------------


def only_object(text: str) -> dict[str, Any]:
    """The one JSON object that a command printed."""
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def test_sync_prints_one_json_object(home: SmallHome) -> None:
    done = home.command_here("sync", NAME, "--json")
    assert done.returncode == 0
    (result,) = only_object(done.stdout).values()
    assert result["outcome"] == "unchanged"
    home.upload({STUDENTS.file_name: "ID,School\n"})
    done = home.command_here("sync", "--all", "--json")
    assert done.returncode == 1
    result = only_object(done.stdout)[NAME]
    assert result["outcome"] == "blocked"
    assert result["counts"]["missing_required_column"] == 2
    assert result["message"].startswith(f"{NAME}: blocked")
    assert home.ledger.run(result["run_id"]) is not None


def test_a_failing_sync_prints_json_too(home: SmallHome) -> None:
    home.write_settings(sftp={"folder": "/nowhere"})
    done = home.command_here("sync", NAME, "--json")
    assert done.returncode == 3
    result = only_object(done.stdout)[NAME]
    assert result["outcome"] == "failed"
    assert "has no folder /nowhere" in result["message"]


@pytest.mark.parametrize(
    "words",
    [
        *("sync", "sync nowhere", "alerts", f"alerts {NAME}", "status nowhere", "doctor nowhere"),
        *("history nowhere", f"history {NAME} --on yesterday", "validate no/such/folder"),
        *("sync --no-such-option", "validate", f"status {NAME} {NAME}"),
    ],
)
def test_wrong_usage_is_one_json_object_too(home: SmallHome, words: str) -> None:
    done = home.command_here(*words.split(), "--json")
    assert done.returncode == 2, done
    said = only_object(done.stdout)
    assert list(said) == ["error"]
    assert said["error"] in done.stderr
    assert home.command_here(*words.split()).stdout.count("error") == 0


def test_a_fault_is_one_json_object_too(home: SmallHome) -> None:
    home.home.ledger_key_file.write_bytes(b"")
    done = home.command_here("status", "--json")
    assert done.returncode == 3
    assert "is not whole" in only_object(done.stdout)["error"]


def test_a_fault_after_the_answer_adds_no_second_object(home: SmallHome, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    page = tmp_path / "file" / "page.html"
    done = home.command_here("validate", str(home.drop), "--json", "--html", str(page))
    assert done.returncode == 3, done
    assert only_object(done.stdout)["verdict"] == "accepted_with_findings"


def test_status_prints_one_json_object(home: SmallHome) -> None:
    state = only_object(home.command_here("status", "--json").stdout)[NAME]
    assert state["published"] == home.current()
    assert state["rolled_back"] is False
    assert state["holds"] == []
    assert [run["outcome"] for run in state["runs"]] == ["published"]
    assert [one["snapshot_id"] for one in state["snapshots"]] == home.snapshots()
    assert Path(state["roster"]) == home.roster


def test_doctor_names_a_district_that_left_the_settings(home: SmallHome) -> None:
    """Its data stays, and nothing else would say so."""
    settings = yaml.safe_load(home.home.settings_file.read_text())
    settings["districts"] = {"shelbyville": settings["districts"][NAME]}
    home.home.settings_file.write_text(yaml.safe_dump(settings))
    said = home.command_here("doctor")
    assert f"ok  {NAME}: former district: it is in districts.yaml no more" in said.stdout
    assert f"stays until `connect-pipeline erase {NAME}`" in said.stdout
    for place in (home.home.published, home.home.landing, home.home.reports):
        shutil.rmtree(place(NAME))
    assert "former district" not in home.command_here("doctor").stdout


def test_validate_and_doctor_print_one_json_object(home: SmallHome) -> None:
    report = only_object(home.command_here("validate", str(home.drop), "--json").stdout)
    assert report["verdict"] == "accepted_with_findings"
    assert report["exports"][STUDENTS.file_name]["accepted"] == 7
    only_object(home.command_here("doctor", NAME, "--json").stdout)


def test_swapped_columns_are_said_by_validate_and_held_by_sync(home: SmallHome) -> None:
    rows = [line.split(",") for line in home.read(STUDENTS.file_name).splitlines()]
    for cells in rows[1:]:
        cells[7], cells[8] = cells[8], cells[7]  # phones for e-mails
    home.upload({STUDENTS.file_name: "".join(",".join(cells) + "\n" for cells in rows)})
    done = home.command_here("validate", str(home.drop))
    assert (done.returncode, done.stderr) == (1, "")
    assert "column_content_mismatch" in done.stdout
    done = home.command_here("sync", NAME)
    assert done.returncode == 1, done
    assert done.stdout.startswith(f"{NAME}: held\n")
    assert "no report" not in done.stderr
    assert re.search(r"checked StudentExport\.csv,[\s\w,]+\skept\s+out,\s+held", done.stderr)


def test_a_new_home_has_a_status(server: EmbeddedServer, tmp_path: Path) -> None:
    home = small_home(server, tmp_path)
    done = home.command_here("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing yet" in done.stdout
    assert only_object(home.command_here("status", "--json").stdout)[NAME]["published"] is None


# -- export ------------------------------------------------------------------------------------


def test_exported_parquet_is_what_is_published(home: SmallHome, tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    done = home.command_here("export", NAME, str(folder))
    assert done.returncode == 0, done
    assert {path.name for path in folder.glob("*.parquet")} == {
        f"{table.name.replace('.', '_')}.parquet" for table in ROSTER_TABLES
    }
    with duckdb.connect() as connection:
        for table in ROSTER_TABLES:
            place = str(folder / f"{table.name.replace('.', '_')}.parquet").replace("'", "''")
            read = f"FROM read_parquet('{place}')"
            assert connection.execute(f"{read} ORDER BY ALL").fetchall() == home.query(
                f"FROM {table.name} ORDER BY ALL"
            ), table.name
            columns = [row[:2] for row in connection.execute(f"DESCRIBE {read}").fetchall()]
            assert columns == [(column.name, column.type) for column in table.columns]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_exported_csv_is_what_is_published_with_formulas_defused(
    home: SmallHome, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    done = home.command_here("export", NAME, str(folder), "--format", "csv")
    assert done.returncode == 0, done
    defused = set()
    for table in ROSTER_TABLES:
        with (folder / f"{table.name.replace('.', '_')}.csv").open(newline="") as file:
            header, *rows = csv.reader(file)
        assert header == [column.name for column in table.columns]
        cells = ", ".join(f"coalesce({column.name}::VARCHAR, '')" for column in table.columns)
        published = home.query(f"SELECT {cells} FROM {table.name}")
        written = []
        for row in rows:
            plain = [cell.removeprefix("'") for cell in row]
            defused |= {cell for cell, bare in zip(row, plain, strict=True) if cell != bare}
            written.append(tuple(plain))
            for cell, column in zip(row, table.columns, strict=True):
                assert column.type != "VARCHAR" or not cell.startswith(("=", "@", "\t", "\r")), cell
        assert sorted(written) == sorted(published), table.name
    assert {
        "'@SUM(A1)",
        "'-2+3",
        '\'=HYPERLINK("x")',
        "'=cmd|' /C calc'!A0",
        "'+Plus",
        "'-R1",
        '\'=A1, or "B"',
        "'-MA",
    } <= defused
    assert not {"'+12015550119", "'-2.50", "'-7", "'+1"} & defused, "numbers are no formulas"


def test_exports_before_anything_is_published(server: EmbeddedServer, tmp_path: Path) -> None:
    home = small_home(server, tmp_path)
    done = home.command_here("export", NAME, str(tmp_path / "export"))
    assert done.returncode == 2
    assert "Nothing is published" in done.stderr


def test_exports_to_a_place_that_is_no_folder(home: SmallHome, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = home.command_here("export", NAME, str(tmp_path / "file"))
    assert done.returncode == 3
    assert "File exists" in done.stderr


def test_brackets_in_a_message_are_a_part_of_it(home: SmallHome) -> None:
    """Else `status` would fail on the day on which a path or a server's words have some."""
    home.ledger.start_run("r1", NAME, "core")
    home.ledger.end_run("r1", "failed:3", {}, "There is no folder /a[/b].")
    done = home.command_here("status", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    assert "There is no folder /a[/b]." in done.stdout


@pytest.mark.parametrize("name", ["a[/b]", "a[red]b", "a[/]"])
def test_brackets_in_a_path_are_a_part_of_it(home: SmallHome, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    done = home.command_here("export", NAME, str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{folder / 'connect_students.parquet'}: 7 rows\n" in done.stdout
    drop = tmp_path / "drop" / name
    done = home.command_here("generate", str(drop), "--students", "200", "--defects")
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert f"{drop / STUDENTS.file_name}: " in done.stdout
    assert f"each labelled in {drop / 'defects.json'}" in done.stdout


def test_a_district_too_small_for_defects_is_not_written(home: SmallHome, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    done = home.command_here("generate", str(drop), "--students", "199", "--defects")
    assert (done.returncode, drop.exists()) == (2, False)
    assert "200 students or more" in done.stderr
