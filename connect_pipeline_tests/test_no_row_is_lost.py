"""The reader's promise: no row is lost, no row is altered, every other line is named.

Two kinds of proof. Arbitrary bytes are read by the reader and by an oracle of a few lines of
plain Python; clean files are damaged in the ways that real ones are, and what was not damaged
must come through while what was damaged must be named with its line.
"""

from __future__ import annotations

import csv
import re
import resource
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_pipeline.contract import SCHOOLS, STAFF, STUDENTS, Column, ExportSpec
from connect_pipeline.errors import DiskFault
from connect_pipeline.launch import Finished
from connect_pipeline.limits import Limits
from connect_pipeline.reader import ReadResult, read_export, unlawful
from connect_pipeline.reader import read as steps
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.small_home import NAME, SmallHome, small_home

CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f"
FIELD = f'(?:"(?:[^"{CONTROLS}]|"")*"|[^",{CONTROLS}]*)'
LIMIT = 1024


def spec_of(width: int) -> ExportSpec:
    columns = tuple(Column(f"c{i}", required=True) for i in range(width))
    return ExportSpec("Any.csv", columns, header_only_is_legal=True)


def header_of(width: int) -> str:
    return ",".join(f"c{i}" for i in range(width))


def read(path: Path, content: bytes, width: int) -> ReadResult:
    path.write_bytes(content)
    return read_export(path, spec_of(width), limits=Limits(line_bytes=LIMIT), bad_rows=1.0)


def accepted(result: ReadResult) -> dict[int, list[str]]:
    rows = result.accepted().values.tolist()
    return {int(line): cells for line, *cells in rows}


def named(result: ReadResult) -> set[int]:
    return {one.line for one in result.findings if one.line is not None}


def oracle(text: str, width: int) -> tuple[dict[int, list[str]], set[int]]:
    """Accepted rows by line, and the lines that must be named, by the line law alone."""
    law = re.compile(FIELD + f"(?:,{FIELD}){{{width - 1}}}")
    lines = re.split("\r\n|\r|\n", text)
    if lines[-1] == "":
        lines.pop()
    rows: dict[int, list[str]] = {}
    others: set[int] = set()
    for number, line in enumerate(lines[1:], start=2):
        if law.fullmatch(line) and len(line.encode()) <= LIMIT:
            cells = next(csv.reader([line], strict=True)) if line else [""]
            if any(re.sub(r"[\s\u200b-\u200d\u2060\ufeff]", "", cell) for cell in cells):
                rows[number] = cells
                continue
        others.add(number)
    return rows, others


# What the line law is about, with a little of everything else.
CHARACTERS = st.sampled_from(
    list('ab1",\n\r') * 4 + list(" \t;é\u00a0\u200b\u20ac\u0001\u0085\u2028'")
)


@given(width=st.integers(1, 4), body=st.text(CHARACTERS, max_size=80))
def test_any_text_is_read_as_the_law_says(tmp_path: Path, width: int, body: str) -> None:
    text = header_of(width) + "\n" + body
    result = read(tmp_path / "any.csv", text.encode(), width)
    rows, others = oracle(text, width)
    assert "row_conservation" not in result.findings.counts
    assert accepted(result) == rows
    assert others <= named(result)
    assert result.lines == 1 + len(rows) + len(others)


@given(content=st.binary(max_size=120), width=st.integers(1, 3))
def test_any_bytes_never_raise(tmp_path: Path, content: bytes, width: int) -> None:
    for start in (b"", header_of(width).encode() + b"\n", b"\xff\xfe", b"\xef\xbb\xbf"):
        result = read(tmp_path / "any.csv", start + content, width)
        assert result.verdict in ("accepted", "accepted_with_findings", "blocked")
        assert "row_conservation" not in result.findings.counts


CELLS = st.text(st.sampled_from(list("abcäñ 0123-'.,\"")), max_size=8)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=12)


def written(cells: list[str]) -> str:
    return ",".join(
        '"' + cell.replace('"', '""') + '"' if "," in cell or '"' in cell else cell
        for cell in ["k", *cells]  # a first cell, so that no row is blank
    )


@st.composite
def damages(draw: st.DrawFn) -> tuple[list[str], int, str]:
    """A clean file's lines, which of them is damaged, and how."""
    lines = [written(cells) for cells in draw(ROWS)]
    index = draw(st.integers(0, len(lines) - 1))
    kind = draw(
        st.sampled_from(
            [
                "separator added",
                "separator removed",
                "quote opened",
                "quote inside",
                "cell quoted and cut",
                "new line in a value",
                "control character",
                "very long line",
                "text after a quote",
            ]
        )
    )
    return lines, index, kind


def damaged(line: str, kind: str) -> str:
    first, _, rest = line.partition(",")
    return {
        "separator added": f"{first},,{rest}",
        "separator removed": f"{first}{rest}" if not rest.startswith('"') else f"{first}",
        "quote opened": f'"{line}' if '"' not in line else f'{line},"',
        "quote inside": f'{first}x"y,{rest}',
        "cell quoted and cut": f'{first},"x\nz{rest}',
        "new line in a value": f'{first},"a\nb",{rest}',
        "control character": f"{first}\x0b,{rest}",
        "very long line": f"{first}{'x' * (LIMIT + 1)},{rest}",
        "text after a quote": f'"{first}"x,{rest}',
    }[kind]


@given(damage=damages(), line_end=st.sampled_from(["\n", "\r\n", "\r"]), bom=st.booleans())
def test_damage_costs_the_damaged_lines_only(
    tmp_path: Path, damage: tuple[list[str], int, str], line_end: str, bom: bool
) -> None:
    lines, index, kind = damage
    broken = [damaged(line, kind) if i == index else line for i, line in enumerate(lines)]
    text = line_end.join([header_of(4), *"\n".join(broken).split("\n")]) + line_end
    result = read(tmp_path / "any.csv", (b"\xef\xbb\xbf" if bom else b"") + text.encode(), 4)

    clean = [next(csv.reader([line])) for line in lines]
    rows = accepted(result)
    assert all(cells in clean for cells in rows.values())
    first_bad = index + 2
    shift = damaged(lines[index], kind).count("\n")
    undamaged = {
        i + 2 + (shift if i > index else 0): cells for i, cells in enumerate(clean) if i != index
    }
    assert {line: cells for line, cells in rows.items() if line in undamaged} == undamaged
    assert set(range(first_bad, first_bad + shift + 1)) <= named(result) | set(rows)
    assert first_bad in named(result)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_encodings_give_the_same_rows(tmp_path: Path, encoding: str) -> None:
    text = "c0,c1\nJosé,Zoë\nMuñoz,5\n"
    content = text.encode(encoding)
    if encoding == "utf-16-be":
        content = b"\xfe\xff" + content
    result = read(tmp_path / "any.csv", content, 2)
    assert accepted(result) == {2: ["José", "Zoë"], 3: ["Muñoz", "5"]}
    converted = "encoding_converted" in result.findings.counts
    assert converted == (encoding not in ("utf-8", "utf-8-sig"))


def test_truncation_at_every_byte(tmp_path: Path) -> None:
    """A cut file never gives an altered row unsaid.

    A cut inside the last value of a row leaves a lawful line: it is read, and named by
    `no_final_line_end`, for many programs leave the last line end out (docs/decisions.md).
    """
    content = b'c0,c1,c2\n1,"Lee, Ann",5550101\n2,Bo,5550102\n3,"say ""hi""",5550103\n'
    clean = [["1", "Lee, Ann", "5550101"], ["2", "Bo", "5550102"], ["3", 'say "hi"', "5550103"]]
    for size in range(len(content)):
        result = read(tmp_path / "any.csv", content[:size], 3)
        rows = accepted(result)
        for line, cells in rows.items():
            is_last = line == result.lines and content[size - 1 : size] != b"\n"
            assert cells in clean or (is_last and line in named(result)), size
        whole = content[:size].count(b"\n")
        assert [rows.get(line) for line in range(2, whole + 1)] == clean[: max(0, whole - 1)], size


def test_a_long_last_line_without_a_line_end_is_not_cut_off(tmp_path: Path) -> None:
    """What is kept of it is its beginning, which has fewer fields than the line."""
    rows = "".join(f"{n},a\n" for n in range(9))
    result = read(tmp_path / "any.csv", f"c0,c1\n{rows}{'x' * 70_000},b".encode(), 2)
    assert [one.code for one in result.findings] == ["line_too_long", "no_final_line_end"]


def test_a_quote_in_a_long_line_opens_no_value_of_the_next(tmp_path: Path) -> None:
    rows = "".join(f"{n},a\n" for n in range(19))
    long = f'x,"{"y" * 70_000}"\n'
    result = read(tmp_path / "any.csv", f'c0,c1\n{rows}{long}"A"B,c\n'.encode(), 2)
    assert sorted(one.code for one in result.findings) == ["line_too_long", "stray_quote"]


def test_doubled_files_are_refused(tmp_path: Path) -> None:
    result = read(tmp_path / "any.csv", b"c0,c1\n1,2\n" * 2, 2)
    assert result.verdict == "blocked"
    assert [(one.code, one.line) for one in result.findings] == [("repeated_header", 3)]


def test_nul_bytes_are_refused(tmp_path: Path) -> None:
    result = read(tmp_path / "any.csv", b"c0,c1\n1,\x002\n3,4\n", 2)
    assert result.verdict == "blocked"
    assert [one.code for one in result.findings] == ["nul_byte"]


def test_a_megabyte_in_one_line_costs_that_line(tmp_path: Path) -> None:
    content = b"c0,c1\n1,2\n" + b"x" * 1_000_000 + b",y\n3,4\n"
    result = read(tmp_path / "any.csv", content, 2)
    assert accepted(result) == {2: ["1", "2"], 4: ["3", "4"]}
    assert [(one.code, one.line) for one in result.findings] == [("line_too_long", 3)]


@pytest.mark.parametrize("start", ["1", "12", "123", "1234"])
@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_a_line_is_as_long_as_its_bytes_are_many(
    tmp_path: Path, character: str, start: str
) -> None:
    """However few characters that is, and wherever in one of them the limit lies."""
    room = LIMIT - len(start) - 1
    within, rest = divmod(room, len(character.encode()))
    longest = character * within + "x" * rest
    lines = ["c0,c1", *(f"{start},{one}" for one in (longest, f"{longest}x")), "3,4"]
    lines.append(f"{start},{character * (within + 9)}")
    result = read(tmp_path / "any.csv", "\n".join([*lines, ""]).encode(), 2)
    assert accepted(result) == {2: [start, longest], 4: ["3", "4"]}
    assert [(one.code, one.line) for one in result.findings] == [
        ("line_too_long", 3),
        ("line_too_long", 5),
    ]


def test_every_control_byte_leaves_no_delimiter_and_is_refused(tmp_path: Path) -> None:
    controls = bytes(set(range(1, 32)) - {9, 10, 13})
    result = read(tmp_path / "any.csv", b"c0,c1\n1," + controls + b"\n3,4\n", 2)
    assert result.verdict == "blocked"
    assert "nul_byte" in result.findings.counts


def test_findings_have_a_length_and_an_order(tmp_path: Path) -> None:
    path = tmp_path / "Any.csv"
    path.write_text("c0,c1\n1,2\n")
    assert not read_export(path, spec_of(2)).findings
    path.write_text('c0,c1\n1,2"\n1,2\n1,2,3\n')
    findings = read_export(path, spec_of(2)).findings
    assert [findings[0].line, findings[-1].line, len(findings)] == [2, 4, 2]


def test_quarantined_lines_are_kept_verbatim(tmp_path: Path) -> None:
    result = read(tmp_path / "any.csv", b'c0,c1\n1,2,3\r\nok,1\n4,"5\n', 2)
    kept = result.connection.execute(
        "SELECT line, code, text FROM quality.quarantine ORDER BY line"
    ).fetchall()
    assert kept == [(2, "wrong_field_count", "1,2,3"), (4, "unclosed_quote", '4,"5')]


def test_too_many_bad_rows_block_the_file(tmp_path: Path) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(b"c0,c1\n" + b"1,2\n" * 100 + b"bad\n" * 6)
    assert read_export(path, spec_of(2)).verdict == "blocked"
    path.write_bytes(b"c0,c1\n" + b"1,2\n" * 100 + b"bad\n" * 5)
    assert read_export(path, spec_of(2)).verdict == "accepted_with_findings"


def test_a_file_of_which_no_row_is_left_is_refused_however_small(tmp_path: Path) -> None:
    result = read(tmp_path / "any.csv", b"c0,c1\n1,2,3\n", 2)
    assert result.findings.counts == {"wrong_field_count": 1, "no_data_rows": 1}
    assert result.verdict == "blocked"


# -- a row that is lost all the same is our bug, and never the district's --------------------------


def lose_a_row_of(file_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader with a bug, which no file can cause."""
    right = steps.apply_law

    def wrong(result: ReadResult, path: Path, limits: Limits) -> None:
        right(result, path, limits)
        result.accepted_rows -= result.spec.file_name == file_name

    monkeypatch.setattr(steps, "apply_law", wrong)


def test_a_row_that_the_parser_loses_of_a_copy_is_our_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blank line is not parsed, and the others keep their numbers beside what was."""
    right = unlawful.parse

    def wrong(result: ReadResult, path: Path) -> str:
        table = right(result, path)
        result.connection.execute(f"DELETE FROM {table} WHERE rowid = 0")
        return table

    monkeypatch.setattr(unlawful, "parse", wrong)
    result = read(tmp_path / "any.csv", b"c0,c1\n1,2\n\n3,4\n5,6\n", 2)
    assert result.findings.counts["row_conservation"] == 1


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize(
    "counted", ["accepted_rows", "quarantined_rows", "blank_lines", "blank_rows"]
)
def test_a_row_too_many_is_our_bug_like_one_too_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: str, by: int
) -> None:
    right = steps.apply_law

    def wrong(result: ReadResult, path: Path, limits: Limits) -> None:
        right(result, path, limits)
        setattr(result, counted, getattr(result, counted) + by)

    monkeypatch.setattr(steps, "apply_law", wrong)
    result = read(tmp_path / "any.csv", b"c0,c1\n1,2\n\n3\n,\n4,5\n", 2)
    assert result.findings.counts["row_conservation"] == 1
    assert result.verdict == "blocked"


def failed_checks(run: Finished, home: SmallHome) -> set[tuple[str, str]]:
    """The assets and the checks that they did not pass, as Dagster recorded them."""
    with home.here(), dg.DagsterInstance.get() as instance:
        records = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    found = [one.event_log_entry.asset_check_evaluation for one in records]
    return {
        (one.asset_key.to_user_string(), one.check_name)
        for one in found
        if one is not None and not one.passed
    }


@pytest.mark.parametrize(
    ("file_name", "asset"),
    [(STAFF.file_name, "staff_records"), (SCHOOLS.file_name, "site_records")],
)
def test_a_lost_row_fails_the_run_as_our_bug_and_asks_the_district_for_nothing(
    server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file_name: str,
    asset: str,
) -> None:
    home = small_home(server, tmp_path)
    lose_a_row_of(file_name, monkeypatch)
    run = home.run()
    assert (run.outcome, run.exit_code) == ("failed:3", 3)
    assert f"the rows of {file_name} do not add up. That is a bug" in run.message
    assert failed_checks(run, home) == {(asset, "no_row_is_lost")}
    assert home.ledger.current_snapshot(NAME) is None
    assert not home.roster.exists()
    (page,) = home.home.reports(NAME).glob("*.html")
    text = page.read_text()
    assert "<h1>Our error, and not one of your files: please report it</h1>" in text
    assert "Refused" not in text
    assert ">refused<" not in text
    assert "export again" not in text.replace("corrected or exported again", "")


def test_a_lost_row_goes_before_what_is_wrong_with_other_files(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = small_home(server, tmp_path)
    home.upload({STUDENTS.file_name: home.read(STUDENTS.file_name).replace("ID,School", "ID")})
    lose_a_row_of(STAFF.file_name, monkeypatch)
    run = home.nightly()
    assert (run.outcome, run.fault) == ("failed:3", "bug")
    assert "is a bug in connect_pipeline" in run.message


def test_validate_does_not_call_our_bug_the_districts(
    server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = small_home(server, tmp_path)
    lose_a_row_of(STAFF.file_name, monkeypatch)
    done = home.command_here("validate", str(home.drop))
    assert done.returncode == 3
    assert "Next: report this to the people who run the pipeline" in done.stdout


@pytest.mark.parametrize(
    "content",
    ["c0\r\n" + "x\r\n" * 9000, "c0\n" + "x\n" * 9000 + '"\n', "c0\n" + "x" * 2 * LIMIT + "\n"],
    ids=["line ends", "a bad line", "a long line"],
)
def test_a_copy_without_room_is_said_with_its_folder(tmp_path: Path, content: str) -> None:
    (tmp_path / "Any.csv").write_text(content, newline="")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    try:
        with pytest.raises(DiskFault) as full:
            read_export(
                tmp_path / "Any.csv",
                spec_of(1),
                limits=Limits(line_bytes=LIMIT),
                copies=tmp_path,
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(full.value) == (
        f"Could not write a copy of Any.csv to {tmp_path}: File too large. Free space or mend"
        " permissions, then retry."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["Any.csv"]
