"""`connect-pipeline validate`: what it takes, what it prints, and its exit codes."""

from __future__ import annotations

import io
import json
import os
import random
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from connect_pipeline import cli, validate
from connect_pipeline.contract import (
    ATTENDANCE,
    EXPORTS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.errors import UsageError
from connect_pipeline.report.as_json import as_json
from connect_pipeline.rules.rule import with_header
from connect_pipeline.sample.defects import add_defects
from connect_pipeline.sample.district import generate
from connect_pipeline.validation import inputs, unzip
from connect_pipeline_tests.small_district import FILES, write
from connect_pipeline_tests.test_report_html import NIGHT


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("validate", ...)` in this process; `stdin` are the bytes that are piped in."""

    def run_command(*arguments: object, stdin: bytes | None = None) -> Ran:
        monkeypatch.setattr(sys, "argv", ["connect-pipeline", *map(str, arguments)])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        told = capsys.readouterr()
        return Ran(int(stop.value.code or 0), told.out, " ".join(told.err.split()))

    return run_command


def zipped(path: Path, members: Mapping[str, str | bytes], **options: int) -> Path:
    """A zip with these members."""
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED, **options) as archive:  # type: ignore[arg-type]
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go in this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


# --- Exit codes and forms ---------------------------------------------------------------------


def test_a_good_folder_is_0(tmp_path: Path, run: Run) -> None:
    ran = run("validate", write(tmp_path))
    assert ran.exit_code == 0
    assert ran.out.startswith("Accepted\n")
    assert "Next: upload the files as they are." in ran.out
    assert ran.err == ""


def test_a_bad_folder_is_1(tmp_path: Path, run: Run) -> None:
    write(tmp_path, {STAFF.file_name: ""})
    ran = run("validate", tmp_path)
    assert ran.exit_code == 1
    assert ran.out.startswith("Refused: StaffExport.csv cannot be used\n")


def test_what_is_not_there_is_2(tmp_path: Path, run: Run) -> None:
    ran = run("validate", tmp_path / "nothing")
    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.err.startswith(f"There is no {tmp_path}/nothing. Name a folder of exports, ")
    assert run("validate").exit_code == 2


def test_json_is_exactly_as_documented(tmp_path: Path, run: Run) -> None:
    rows = ["001,101,Ana,Ruiz", "002,101,Ben,Ito,x", "003,101,Cho,"]
    path = tmp_path / STUDENTS.file_name
    path.write_text(with_header(STUDENTS, *rows, columns=STUDENTS.required_names))
    ran = run("validate", path, "--json")
    assert ran.exit_code == 0
    assert ran.json == {
        "format_version": 1,
        "verdict": "accepted_with_findings",
        "exports": {
            "StudentExport.csv": {
                "verdict": "accepted_with_findings",
                "lines": 4,
                "accepted": 2,
                "quarantined": 1,
                "counts": {
                    "wrong_field_count": 1,
                    "missing_required_value": 1,
                    "student_unreachable": 1,
                },
                "findings": [
                    {
                        "code": "wrong_field_count",
                        "severity": "quarantine",
                        "line": 3,
                        "record_id": None,
                        "column": None,
                        "message": "This line has 5 fields, the header has 4. Look for a comma in"
                        " a value that is not in quotes, or for a missing comma.",
                    },
                    {
                        "code": "missing_required_value",
                        "severity": "warning",
                        "line": 4,
                        "record_id": "003",
                        "column": "Name.Last",
                        "message": '"Name.Last" is blank, and is published so. Fill it in your'
                        " SIS.",
                    },
                    {
                        "code": "student_unreachable",
                        "severity": "info",
                        "line": 2,
                        "record_id": None,
                        "column": None,
                        "message": "Students whom no message can reach: 2 of one school, the first"
                        " at this line. Add a contact's phone or e-mail in your SIS.",
                    },
                ],
            }
        },
        "drop": {"counts": {}, "findings": []},
    }


def test_json_of_a_clean_drop_has_nothing_but_numbers(tmp_path: Path, run: Run) -> None:
    ran = run("validate", write(tmp_path), "--json")
    lines = {name: text.count("\n") for name, text in FILES.items()}
    assert ran.json == {
        "format_version": 1,
        "verdict": "accepted",
        "exports": {
            spec.file_name: {
                "verdict": "accepted",
                "lines": lines[spec.file_name],
                "accepted": lines[spec.file_name] - 1,
                "quarantined": 0,
                "counts": {},
                "findings": [],
            }
            for spec in EXPORTS
        },
        "drop": {"counts": {}, "findings": []},
    }


def test_html_is_written_for_its_owner_and_said(tmp_path: Path, run: Run) -> None:
    page = tmp_path / "mail" / "report.html"
    ran = run("validate", write(tmp_path / "drop"), "--json", "--html", page)
    assert (ran.exit_code, ran.err) == (0, f"The report is in {page}.")
    assert ran.json["verdict"] == "accepted"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_html_of_a_bad_folder_is_written_too(tmp_path: Path, run: Run) -> None:
    page = tmp_path / "report.html"
    assert (
        run("validate", write(tmp_path / "drop", {STAFF.file_name: ""}), "--html", page).exit_code
        == 1
    )
    assert "Refused: StaffExport.csv cannot be used" in page.read_text(encoding="utf-8")


def test_html_takes_no_exports_place(tmp_path: Path, run: Run) -> None:
    drop, archive = write(tmp_path / "drop"), zipped(tmp_path / "drop.zip", FILES)
    before = archive.read_bytes()
    for source, page in ((drop, drop / STAFF.file_name), (archive, archive)):
        ran = run("validate", source, "--html", page)
        assert ran.exit_code == 2
        assert f"{page} is for exports." in ran.err
    assert (drop / STAFF.file_name).read_text() == FILES[STAFF.file_name]
    assert archive.read_bytes() == before


def test_html_into_a_folder_is_refused_before_the_work(tmp_path: Path, run: Run) -> None:
    ran = run("validate", write(tmp_path), "--html", tmp_path)
    assert (ran.exit_code, ran.out) == (2, "")
    assert "is a folder" in ran.err


# --- One export -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_one_export_is_checked_alone(tmp_path: Path, name: str) -> None:
    report = validate(write(tmp_path) / name)
    assert list(report.exports) == [name]
    assert report.verdict == "accepted"


def test_references_into_files_that_are_not_given_are_no_findings(tmp_path: Path) -> None:
    report = validate(write(tmp_path) / STAFF_TO_STUDENT.file_name)
    assert report.counts() == {}


@pytest.mark.parametrize("name", ["StudentExport (1).csv", "students.csv"])
def test_one_export_under_another_name_is_known_by_its_header(
    name: str, tmp_path: Path, run: Run
) -> None:
    path = write(tmp_path) / name
    (tmp_path / STUDENTS.file_name).rename(path)
    report = validate(path)
    assert list(report.exports) == [STUDENTS.file_name]
    (found,) = report.drop
    assert (found.code, STUDENTS.file_name in found.message) == ("unexpected_file", True)
    said = " ".join(run("validate", str(path)).out.split())
    assert "Nothing has to be done" not in said
    assert "Next: give the file the exact name of its export, and upload it" in said


@pytest.mark.parametrize("content", ["", "a,b,c\n1,2,3\n", "{}\n", "\0\0\0", "ID,School\n1,2\n"])
def test_a_file_that_is_no_export_is_refused(tmp_path: Path, content: str, run: Run) -> None:
    path = tmp_path / "anything.csv"
    path.write_text(content)
    ran = run("validate", path)
    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.err.startswith("anything.csv is none of the five exports")


def test_a_spreadsheet_is_called_one(tmp_path: Path) -> None:
    book = zipped(tmp_path / "students.xlsx", {"[Content_Types].xml": "", "xl/workbook.xml": ""})
    with pytest.raises(UsageError, match=r"students\.xlsx is a spreadsheet"):
        validate(book)
    (tmp_path / "students.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))
    with pytest.raises(UsageError, match=r"students\.xls is a spreadsheet"):
        validate(tmp_path / "students.xls")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="no regular file"):
        validate(tmp_path / "pipe")


@pytest.mark.parametrize("spec", EXPORTS)
@pytest.mark.parametrize("kind", ["folder", "fifo", "link to nothing"])
def test_what_has_an_exports_name_and_is_no_file_is_said(
    spec: ExportSpec, kind: str, tmp_path: Path
) -> None:
    path = write(tmp_path) / spec.file_name
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    report = validate(tmp_path)
    assert report.exports[spec.file_name].findings.counts == {"file_not_readable": 1}
    assert report.verdict == "blocked"


def test_a_link_in_a_folder_of_ones_own_is_followed(tmp_path: Path) -> None:
    path = write(tmp_path / "exports") / STUDENTS.file_name
    path.symlink_to(path.rename(tmp_path / "students.csv"))
    report = validate(tmp_path / "exports")
    assert (report.verdict, len(report.accepted(STUDENTS.file_name))) == ("accepted", 6)


@pytest.mark.parametrize("spec", EXPORTS)
def test_a_header_is_recognised_whole_and_damaged(spec: object) -> None:
    names = list(spec.column_names)  # type: ignore[attr-defined]
    for header in (
        ",".join(names),
        ";".join(names),
        ",".join(names).upper(),
        ",".join(f'"{name}"' for name in names),
        ",".join([*names[1:], names[0]]),
        ",".join([*names, "Notes"]),
    ):
        assert inputs.recognise(header) == spec
    assert inputs.recognise("") is None
    assert inputs.recognise("School,Student,Period") is None  # two exports begin so


# --- Zip --------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", "exports/", "a/b/exports/"])
def test_a_zip_says_what_its_folder_says(tmp_path: Path, folder: str, scratch: Path) -> None:
    drop = tmp_path / "drop"
    generate(drop, 300, 1, today=NIGHT.date())
    add_defects(drop, 1)
    # Files that must be copied before they are read, each a little different.
    for name, encoding in ((STAFF.file_name, "utf-16"), (STUDENTS.file_name, "utf-8-sig")):
        text = (drop / name).read_text(encoding="utf-8")
        (drop / name).write_bytes(text.encode(encoding))
    members = {f"{folder}{path.name}": path.read_bytes() for path in drop.iterdir()}
    report = validate(zipped(tmp_path / "drop.zip", members))
    assert as_json(report) == as_json(validate(drop))
    assert len(report.accepted(STUDENTS.file_name)) > 300
    assert list(scratch.iterdir()) == []


def test_names_beside_the_exports_in_a_zip_are_looked_at(tmp_path: Path) -> None:
    members = {
        f"exports/{name}": text for name, text in FILES.items() if name != STUDENTS.file_name
    }
    members |= {"exports/studentexport.csv": "x", "__MACOSX/exports/._StaffExport.csv": "x"}
    report = validate(zipped(tmp_path / "drop.zip", members))
    assert report.exports[STUDENTS.file_name].findings.counts == {"missing_file": 1}
    assert report.drop.counts == {"unexpected_file": 1}


STAFF_TEXT = FILES[STAFF.file_name]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "none of the five exports in it"),
        ({"notes.txt": "x"}, "none of the five exports in it"),
        ({"staffexport.csv": STAFF_TEXT}, "none of the five exports in it"),
        ({"StaffExport.csv/": ""}, "none of the five exports in it"),
        ({"../StaffExport.csv": STAFF_TEXT}, "path leaves the zip"),
        ({"a/../../StaffExport.csv": STAFF_TEXT}, "path leaves the zip"),
        ({"/etc/StaffExport.csv": STAFF_TEXT}, "path leaves the zip"),
        ({"..\\StaffExport.csv": STAFF_TEXT}, "path leaves the zip"),
        ({"C:/StaffExport.csv": STAFF_TEXT}, "path leaves the zip"),
        ({"StaffExport.csv": STAFF_TEXT, "../x": ""}, "path leaves the zip"),
        ({"a/StaffExport.csv": STAFF_TEXT, "b/StudentExport.csv": "x"}, "in several folders"),
        ({"a/StaffExport.csv": STAFF_TEXT, "StaffExport.csv": "x"}, "in several folders"),
        ({f"{number}.txt": "" for number in range(101)}, "101 entries; 100 are the limit"),
        ({"StaffExport.csv": b"0" * 9_000_000}, "more than 200 times its size"),
    ],
)
def test_a_zip_that_is_unsafe_is_refused_whole(
    tmp_path: Path, members: dict[str, str | bytes], reason: str, scratch: Path, run: Run
) -> None:
    ran = run("validate", zipped(tmp_path / "drop.zip", members))
    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.err.startswith("drop.zip ")
    assert reason in ran.err
    assert list(scratch.iterdir()) == []


def test_a_zip_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unzip, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="that is the limit"):
        validate(zipped(tmp_path / "drop.zip", FILES))


def test_a_zip_with_a_huge_directory_is_refused_unread(tmp_path: Path) -> None:
    path = zipped(tmp_path / "drop.zip", {"x" * 60_000 + str(number): "" for number in range(20)})
    with pytest.raises(UsageError, match="too many entries"):
        validate(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("again", ["StaffExport.csv", ".//StaffExport.csv"])
def test_a_zip_with_the_same_export_twice_is_refused(tmp_path: Path, again: str) -> None:
    path = tmp_path / "drop.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("StaffExport.csv", STAFF_TEXT)
        archive.writestr(again, STAFF_TEXT)
    with pytest.raises(UsageError, match="the same export twice"):
        validate(path)


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "drop.zip"
    link = zipfile.ZipInfo("StaffExport.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UsageError, match="a link among its entries"):
        validate(path)


def test_a_zip_with_a_password_or_a_rare_packing_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "drop.zip", FILES)
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\x01\x02")
    data[start + 8] |= 1  # the first entry's flags: encrypted
    path.write_bytes(data)
    with pytest.raises(UsageError, match="password"):
        validate(path)
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_LZMA) as archive:
        archive.writestr("StaffExport.csv", STAFF_TEXT)
    with pytest.raises(UsageError, match="rare way"):
        validate(path)


@pytest.mark.parametrize("cut", [40, 200, -30])
def test_a_zip_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    path = zipped(tmp_path / "drop.zip", FILES)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UsageError, match="damaged"):
        validate(path)


def test_a_zip_whose_content_is_not_what_it_says_is_refused(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "drop.zip", FILES)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UsageError, match="damaged"):
        validate(path)
    assert list(scratch.iterdir()) == []


def test_whatever_is_damaged_in_a_zip_is_one_sentence(tmp_path: Path) -> None:
    path = zipped(tmp_path / "drop.zip", {f"é/{name}": text for name, text in FILES.items()})
    good = path.read_bytes()
    rng = random.Random(1)  # noqa: S311 - not for secrets
    refused = 0
    for _ in range(3_000):
        data = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            tail = len(data) - 1 - rng.randrange(700)  # where the names and sizes are
            data[rng.choice([rng.randrange(len(data)), tail])] = rng.choice([0, 1, 255])
        path.write_bytes(data)
        try:
            with inputs.opened(path):
                pass
        except UsageError:
            refused += 1
    assert refused > 2_000


def test_a_zip_that_lies_about_its_size_gives_no_more_than_it_said(tmp_path: Path) -> None:
    """The checks add up declared sizes, so no byte beyond them may come out."""
    path = zipped(
        tmp_path / "drop.zip", {"StaffExport.csv": STAFF_TEXT + "T9,101,A,B,c@d.example,E,\n" * 50}
    )
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, 100)
    path.write_bytes(data)
    with pytest.raises(UsageError, match="damaged"):
        validate(path)


# --- Standard input ---------------------------------------------------------------------------


def test_an_export_is_piped_in(tmp_path: Path, run: Run, scratch: Path) -> None:
    ran = run("validate", "-", "--json", stdin=FILES[ATTENDANCE.file_name].encode())
    assert ran.exit_code == 0
    assert list(ran.json["exports"]) == [ATTENDANCE.file_name]  # type: ignore[call-overload]
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_an_export_in_another_encoding_is_recognised(run: Run, encoding: str) -> None:
    ran = run("validate", "-", "--json", stdin=FILES[STUDENTS.file_name].encode(encoding))
    assert list(ran.json["exports"]) == [STUDENTS.file_name]  # type: ignore[call-overload]


def test_an_export_with_a_damaged_header_is_recognised_and_refused(run: Run) -> None:
    text = STAFF_TEXT.replace("Name.First", "name.first", 1)
    ran = run("validate", "-", "--json", stdin=text.encode())
    assert ran.exit_code == 1
    assert ran.json["exports"]["StaffExport.csv"]["counts"] == {"column_name_altered": 1}  # type: ignore[index]


def test_a_zip_is_piped_in(tmp_path: Path, run: Run) -> None:
    data = zipped(tmp_path / "drop.zip", FILES).read_bytes()
    ran = run("validate", "-", stdin=data)
    assert ran.exit_code == 0
    assert ran.out.startswith("Accepted\n")


@pytest.mark.parametrize("data", [b"", b"hello\n", b"PK\x03\x04", b"\x1f\x8b\x08\x00"])
def test_anything_else_that_is_piped_in_is_refused(run: Run, data: bytes, scratch: Path) -> None:
    ran = run("validate", "-", stdin=data)
    assert (ran.exit_code, ran.out) == (2, "")
    assert "tandard input" in ran.err
    assert list(scratch.iterdir()) == []


def test_too_much_that_is_piped_in_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unzip, "MOST_BYTES", 100)
    ran = run("validate", "-", stdin=STAFF_TEXT.encode())
    assert (ran.exit_code, "that is the limit" in ran.err) == (2, True)


def test_a_real_pipe_works(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "connect_pipeline.cli", "validate", "-"],
        input=STAFF_TEXT.encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Accepted\n")
