"""Drops in which nearly nothing is wrong, and what a reader makes of them all the same."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from connect_pipeline import Report, validate
from connect_pipeline.cells.formulas import defused
from connect_pipeline.checks import column_rules
from connect_pipeline.contract import (
    ATTENDANCE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    Column,
    ExportSpec,
)
from connect_pipeline.drop_names import LABELS_FILE
from connect_pipeline.findings import STORED_PER_CODE, Findings
from connect_pipeline.limits import Limits, Thresholds
from connect_pipeline.line_law import BLANKS, WHITE
from connect_pipeline.reader import read_export
from connect_pipeline.report.as_json import as_json
from connect_pipeline.rules.rule import with_header
from connect_pipeline.validation import Received, check_drop
from connect_pipeline_tests.small_district import DISTRICT, FILES, write
from connect_pipeline_tests.small_home import with_rows

# RE2's \\s is ASCII only, and code points are written in another way.
_PYTHON_WHITE = re.sub(
    r"\\x\{(\w+)\}", lambda found: re.escape(chr(int(found[1], 16))), WHITE
).replace(r"\s", " \t\n\r\f")

ANY = ExportSpec("Any.csv", (Column("a", required=True), Column("b", required=True)))


def counts_of(folder: Path, changes: dict[str, str]) -> tuple[Report, dict[str, dict[str, int]]]:
    write(folder, changes)
    report = validate(folder)
    return report, {name: one.findings.counts for name, one in report.exports.items()}


@pytest.mark.parametrize("name", ["school=Lincoln", "grade=K", "date=2024-01-01", "text=x"])
def test_a_folders_name_says_nothing_about_its_rows(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    report, counts = counts_of(folder, {})
    assert report.verdict == "accepted"
    assert not any(counts.values())
    assert set(report.accepted(STUDENTS.file_name)["School"]) == {"101", "102"}


@pytest.mark.parametrize("name", ["a.csv.gz", "b.csv.zst"])
def test_a_files_name_says_nothing_about_its_bytes(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("a,b\n1,2\n")
    assert read_export(tmp_path / name, ANY).accepted()["a"].tolist() == ["1"]


def test_a_mark_at_a_rows_beginning_stays(tmp_path: Path) -> None:
    """Also below a line that is left out, so that DuckDB reads a copy."""
    (tmp_path / "Any.csv").write_text("a,b\n\ufeff1,2\n\n3,4\n", encoding="utf-8")
    assert read_export(tmp_path / "Any.csv", ANY).accepted()["a"].tolist() == ["\ufeff1", "3"]


@pytest.mark.parametrize("end", ["", "\x0b", "\u2028"])
def test_rows_that_ran_into_the_header_are_not_shown(end: str, tmp_path: Path) -> None:
    header, *rows = FILES[STAFF.file_name].splitlines()
    report, _ = counts_of(tmp_path, {STAFF.file_name: end.join([header, *rows]) + "\n"})
    assert report.exports[STAFF.file_name].verdict == "blocked"
    said = json.dumps(as_json(report))
    for word in ("Maria", "Lopez", "maria.lopez", "0101", "Khan"):
        assert word not in said


def test_an_unknown_column_is_still_named(tmp_path: Path) -> None:
    text = FILES[STAFF.file_name].replace("Title,", "Title,Shoe_size,", 1)
    report, _ = counts_of(tmp_path, {STAFF.file_name: text})
    assert "Shoe_size" in json.dumps(as_json(report))


_HEADER = FILES[STAFF.file_name].splitlines()[0]


@pytest.mark.parametrize(
    "again",
    [
        f"\ufeff{_HEADER}",
        ",".join(f'"{name}"' for name in _HEADER.split(",")),
        _HEADER.replace(",", ", "),
        f"{_HEADER.upper()}\u00a0",
        _HEADER.lower().replace("email", '" Email"'),
        ",".join(reversed(_HEADER.split(","))),
        "ID,School,Mobile_number",
        f"T9{_HEADER}",
        f"{_HEADER},ID",
    ],
)
def test_a_second_header_is_told_however_it_is_written(again: str, tmp_path: Path) -> None:
    report, counts = counts_of(tmp_path, {STAFF.file_name: f"{FILES[STAFF.file_name]}{again}\n"})
    assert counts[STAFF.file_name]["repeated_header"] == 1
    assert report.verdict == "blocked"


@pytest.mark.parametrize(
    ("rows", "out"),
    [
        (["007,101,Cy,Lee", "007,101,Cy,Lee", "007,101,Bob,Lee"], 3),
        (["007,101,Cy,Lee", "007,,Bob,Lee"], 2),
        (["007,101,Cy,Lee", "007,102,Cy,Moss"], 2),
        (["007,101,Jos\u00e9,Lee", "007,102,Jose\u0301,Lee"], 0),
    ],
)
def test_all_rows_of_two_children_are_kept_out(rows: list[str], out: int, tmp_path: Path) -> None:
    others = [f"1{n:02},101,Ana,Ruiz{n}" for n in range(90)]
    text = with_header(STUDENTS, *rows, *others, columns=STUDENTS.required_names)
    write(tmp_path, {STUDENTS.file_name: text})
    report = validate(tmp_path / STUDENTS.file_name)
    export = report.exports[STUDENTS.file_name]
    assert export.quarantined == out
    assert ("student_id_reused" in export.findings.counts) == bool(out)
    assert ("007" in set(report.accepted(STUDENTS.file_name)["ID"])) == (not out)


@pytest.mark.parametrize(
    ("broken", "is_another"),
    [
        ("007,101,Bob,Lee", True),  # the line ends behind the names
        ("007,101,Cy,Moss", True),
        ("007,101,Bob,Lee,9,,", True),
        ("007,101,Cy", False),  # and here within them
        ("007,101,Cy,Lee", False),
        ("007,101,Cy,Lee,9,,", False),
        ("007,101,Main Street 1, Springfield, 12345,Cy,Lee,9", False),  # names that have moved
    ],
)
def test_a_broken_line_with_another_name_is_another_child(
    broken: str, is_another: bool, tmp_path: Path
) -> None:
    rows = ["007,101,Cy,Lee,9", *(f"1{n:02},101,Ana,Ruiz{n},9" for n in range(90)), broken]
    text = with_header(STUDENTS, *rows, columns=(*STUDENTS.required_names, "Grade"))
    (tmp_path / STUDENTS.file_name).write_text(text)
    report = validate(tmp_path / STUDENTS.file_name)
    assert report.counts().get("student_id_reused", 0) == is_another


def test_a_name_with_quotes_is_the_same_name_in_a_broken_line(tmp_path: Path) -> None:
    rows = ['007,101,"Cy ""Bo""",Lee', '007,101,Cy "Bo",Lee']
    text = with_header(STUDENTS, *rows, columns=STUDENTS.required_names)
    (tmp_path / STUDENTS.file_name).write_text(text)
    counts = validate(tmp_path / STUDENTS.file_name).counts()
    assert (counts["stray_quote"], counts.get("student_id_reused")) == (1, None)


_TWO_SCHOOLS = (
    *STUDENTS.required_names,
    "ContactPhonePrimary",
    "Grade",
    "BusRoute",
    "PrimaryLanguage",
)


@pytest.mark.parametrize(
    ("first", "second", "differs"),
    [
        (
            "Cy,Lee,(201) 555-0111,9,R1,Spanish",
            "Cy,Lee,(201) 555-0119,9,R1,Spanish",
            "ContactPhonePrimary",
        ),
        ("Cy,Lee,,9,R1,Spanish", "Cy,Lee,(201) 555-0119,9,R1,Spanish", "ContactPhonePrimary"),
        ("Cy,Lee,none,9,R1,Spanish", "Cy,Lee,(201) 555-0119,9,R1,Spanish", "ContactPhonePrimary"),
        ("Cy,Lee,,9,R1,", "Cy,Lee,,10,,Spanish", "Grade"),
        ("Cy,Lee,,9,R1,", "Cy,Lee,,9,R2,", "BusRoute"),
        ("Cy,Lee,,9,R1,", "Cy,Lee,,9,R1,Spanish", "PrimaryLanguage"),
        ("Cy,,,,,", "Cy,Lee,,,,", "Name.Last"),
        ("Cy,Lee,(201) 555-0111,9,R1,Spanish", "CY,LEE,,,,", None),
        ("Cy,Lee,(201) 555-0111,9,R1,Spanish", "Cy,Lee,201-555-0111,09,R1,es", None),
    ],
)
def test_what_a_second_schools_row_says_besides_is_not_lost_silently(
    first: str, second: str, differs: str | None, tmp_path: Path
) -> None:
    rows = ["001,101,Ana,Ruiz,,,,", f"007,101,{first}", "008,101,Bo,Ito,,,,", f"007,102,{second}"]
    text = with_header(STUDENTS, *rows, columns=_TWO_SCHOOLS)
    write(tmp_path, {STUDENTS.file_name: text})
    report = validate(tmp_path / STUDENTS.file_name)
    export = report.exports[STUDENTS.file_name]
    said = [one for one in export.findings if one.code == "conflicting_duplicate"]
    expected = [(5, "007", differs)] if differs else []
    assert [(one.line, one.record_id, one.column) for one in said] == expected
    assert export.findings.counts["student_in_several_schools"] == 1
    assert export.quarantined == 0
    schools = report.connection.execute(
        "SELECT school FROM records.students WHERE student_id = '007' ORDER BY line"
    ).fetchall()
    assert schools == [("101",), ("102",)]


@pytest.mark.parametrize(
    ("phones", "schools"),
    [(["", "(201) 555-0119"], 2), (["(201) 555-0111", ""], 0), (["", ""], 2)],
)
def test_a_family_is_reachable_by_what_is_published_of_it(
    phones: list[str], schools: int, tmp_path: Path
) -> None:
    """Of a student at two schools, the contacts of the first line."""
    first, second = phones
    rows = [f"007,101,Cy,Lee,{first}", f"007,102,Cy,Lee,{second}", "008,101,Bo,Ito,2015550112"]
    columns = (*STUDENTS.required_names, "ContactPhonePrimary")
    _, counts = counts_of(
        tmp_path, {STUDENTS.file_name: with_header(STUDENTS, *rows, columns=columns)}
    )
    assert counts[STUDENTS.file_name].get("student_unreachable", 0) == schools


@pytest.mark.parametrize(
    ("end", "codes", "verdict"),
    [
        (",,one,two", {"wrong_field_count", "no_final_line_end"}, "accepted_with_findings"),
        ("\x07,", {"control_character", "no_final_line_end"}, "accepted_with_findings"),
        (',"(201) 555-01', {"unclosed_quote", "truncated_file"}, "blocked"),
        ("", {"wrong_field_count", "truncated_file"}, "blocked"),
    ],
)
def test_a_last_line_without_its_end_is_cut_when_something_is_missing(
    end: str, codes: set[str], verdict: str, tmp_path: Path
) -> None:
    text = FILES[STAFF.file_name] + "T4,101,Ann,Lee,ann.lee@example.org,Teacher" + end
    report, counts = counts_of(tmp_path, {STAFF.file_name: text})
    assert counts[STAFF.file_name] == dict.fromkeys(codes, 1)
    assert report.verdict == verdict


@pytest.mark.parametrize(
    ("end", "counts", "verdict"),
    [
        ("\x1a", {"end_mark": 1}, "blocked"),
        ("\x1a\x1a\x1a", {"end_mark": 1}, "blocked"),
        ("\x1a\r\n", {"control_character": 1}, "accepted_with_findings"),
        ("T9\x1a", {"control_character": 1, "truncated_file": 1}, "blocked"),
    ],
)
def test_the_end_mark_of_an_old_program_is_said_as_that_alone(
    end: str, counts: dict[str, int], verdict: str, tmp_path: Path
) -> None:
    """It was said twice, as missing rows and as a row to be found in the SIS."""
    text = FILES[STAFF.file_name].replace("\n", "\r\n") + end
    report, said = counts_of(tmp_path, {STAFF.file_name: text})
    assert said[STAFF.file_name] == counts
    assert report.verdict == verdict


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_cut_within_a_character_is_no_other_encoding(tmp_path: Path, encoding: str) -> None:
    """All its fields are there, and in another encoding every name in it would be wrong."""
    whole = FILES[STAFF.file_name] + "T4,101,Zoë,Lee,zoe.lee@example.org,Teacher,Direccioné"
    write(tmp_path, {})
    (tmp_path / STAFF.file_name).write_bytes(whole.encode(encoding)[:-1])
    report = validate(tmp_path)
    assert report.verdict == "blocked"
    counts = report.exports[STAFF.file_name].findings.counts
    assert bool(counts.pop("encoding_converted", 0)) == (encoding == "utf-16")
    assert counts == {"truncated_file": 1}


def test_a_school_without_its_zeros_is_said(tmp_path: Path) -> None:
    text = with_header(ATTENDANCE, "0101,001,1,A,,10/02/25")
    report, _ = counts_of(tmp_path, {ATTENDANCE.file_name: text})
    (finding,) = report.exports[ATTENDANCE.file_name].findings
    assert "the school would match without leading zeros" in finding.message


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("101,001,1,A,,10/02/0025", "invalid_date"),
        ("101,#REF!,1,A,,10/02/25", "id_looks_damaged"),
        ("101,#12,1,A,,10/02/25", "unknown_student"),
    ],
)
def test_what_is_one_thing_is_not_another(row: str, code: str, tmp_path: Path) -> None:
    text = with_header(ATTENDANCE, "101,001,1,A,,10/02/25", row)
    _, counts = counts_of(tmp_path, {ATTENDANCE.file_name: text})
    assert code in counts[ATTENDANCE.file_name]


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("Name.First", "\tAna", True),
        ("Name.First", " =1+1", True),
        ("Name.First", "＝1+1", True),
        ("Name.First", "＋1", True),
        ("Name.First", "－x", True),
        ("Name.First", "＠SUM(A1)", True),
        ("Name.First", "--", True),
        ("Name.First", "+cmd", True),
        ("Name.First", "-5", False),
        ("Name.First", "-.5", False),
        ("Name.First", "-5 ", False),
        ("Name.First", "\t", False),
        ("Name.First", "Ana\t", False),
        ("Name.First", "'=1+1", False),
        ("Name.First", "zoe", False),
        ("Name.First", "Éva", False),
        ("ID", "@x", True),
        ("ID", "-1-2", True),
        ("ID", "=1", False),  # `id_looks_damaged`
        ("ID", "#12", False),
        ("School", "=1", False),  # likewise
        ("LunchBalance", "-$3.25", False),
        ("ContactPhonePrimary", "+1 201 555 0111", False),
    ],
)
def test_a_formula_is_told_however_it_starts(
    column: str, cell: str, said: bool, tmp_path: Path
) -> None:
    row = {"ID": "007", "School": "101", "Name.First": "Cy", "Name.Last": "Lee", column: cell}
    text = with_header(STUDENTS, ",".join(row.values()), columns=tuple(row))
    (tmp_path / STUDENTS.file_name).write_text(text, encoding="utf-8")
    findings = validate(tmp_path / STUDENTS.file_name).exports[STUDENTS.file_name].findings
    places = [(one.line, one.column) for one in findings if one.code == "formula_in_value"]
    assert places == ([(2, column)] if said else [])
    if said:
        assert defused(cell.lstrip(" ")) != cell.lstrip(" ")


_WHOLE = """
Åsa Ângela João Zoë Ðorđe Ñandú É’Ivy Groß KŘÍŽ KOŽÍŠEK TOMÁŠ JOSÉ’S Nguyễn Šimon Đặng Łukasz
O’Neil O‘Neil Ana–Eva Mª 中文 Αθηνά Иван ʻIolani Þorð Æsir CLÉŒ Ümit Çağ Şahin Ägnéša MUÑOZ CAFÉ…
«LESAGÉ» café» naïve…”
"""
_TO_BE_ENCODED_TWICE = """
Nguyễn Šimon Đặng Muñoz Łukasz Ćosić O’Neil Zoë Ñandú Óscar José 中文 Αθηνά Иван Ömer Şahin Ayşe Thị
ʻIolani Renée Žižka דוד محمد 김 สม Вера Ōe Zoë😀
"""


def with_damaged_letters(folder: Path, column: str, cells: list[str]) -> list[str]:
    """Those of the cells in which letters are said to be damaged."""
    spec, row = (
        (STUDENTS, "{number},101,Ana,{cell}")
        if column == "Name.Last"
        else (STAFF_TO_STUDENT, "101,T1,{number},1,{cell}")
    )
    rows = [row.format(number=number, cell=cell) for number, cell in enumerate(cells)]
    text = with_header(spec, *rows, columns=spec.required_names)
    (folder / spec.file_name).write_text(text, encoding="utf-8")
    found = validate(folder / spec.file_name).exports[spec.file_name].findings
    lines = [one.line for one in found if one.code == "encoding_damaged"]
    return [cells[line - 2] for line in lines if line is not None]


@pytest.mark.parametrize("column", ["Name.Last", "Name"])
def test_letters_that_were_encoded_twice_are_told_from_names(tmp_path: Path, column: str) -> None:
    assert with_damaged_letters(tmp_path, column, [*_WHOLE.split(), "JOSÉ\u00a0LUIS"]) == []
    names = _TO_BE_ENCODED_TWICE.split()
    twice = [name.encode().decode("cp1252", errors="replace") for name in names]
    assert with_damaged_letters(tmp_path, column, twice) == twice


@pytest.mark.parametrize(
    ("cell", "of_name", "of_course"),
    [
        ("Mu?oz", True, True),
        ("Mu??oz", True, False),
        ("Jos?", True, False),
        ("?ngel", True, False),
        ("What's next?", True, False),
        ("?", False, False),
        ("Ana ?", False, False),
    ],
)
def test_a_question_mark_stands_for_a_letter_of_a_name(
    cell: str, of_name: bool, of_course: bool, tmp_path: Path
) -> None:
    assert bool(with_damaged_letters(tmp_path, "Name.Last", [cell])) == of_name
    assert bool(with_damaged_letters(tmp_path, "Name", [cell])) == of_course


def test_a_value_with_an_empty_line_in_it_is_one_value(tmp_path: Path) -> None:
    lines = ["a,b", '1,"2', "", " ", '3"', "4,5", '6,"7', "", "8,9", '1" 0,']
    (tmp_path / "Any.csv").write_text("\n".join([*lines, ""]))
    result = read_export(tmp_path / "Any.csv", ANY)
    assert sorted((one.line or 0, one.code) for one in result.findings) == [
        (2, "unclosed_quote"),
        (3, "blank_line"),
        (4, "blank_line"),
        (5, "new_line_in_value"),
        (7, "unclosed_quote"),
        (8, "blank_line"),
        (10, "stray_quote"),  # a whole row came between
    ]
    assert result.accepted()["line"].tolist() == [6, 9]


def test_an_id_between_marks_that_nobody_sees_is_the_id(tmp_path: Path) -> None:
    marked = {f"M{ord(mark)}": mark for mark in BLANKS}
    rows = [f"{mark}{name}{mark},101,Ana,Ruiz" + "," * 14 for name, mark in marked.items()]
    text = with_rows(FILES[STUDENTS.file_name], *rows)
    report, counts = counts_of(tmp_path, {STUDENTS.file_name: text})
    assert counts[STUDENTS.file_name]["whitespace_trimmed"] == len(marked)
    assert not report.connection.execute("FROM quality.quarantine").fetchall()
    ids = report.connection.execute("SELECT student_id FROM records.students").fetchall()
    assert {(name,) for name in marked} <= set(ids)


def test_every_mark_of_direction_is_trimmed() -> None:
    """Those of Unicode's property Bidi_Control, which Python does not have."""
    ranges = ((0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069))
    assert {chr(n) for first, last in ranges for n in range(first, last + 1)} <= set(BLANKS)


def test_what_is_trimmed_is_what_lines_are_looked_through_for() -> None:
    assert {chr(n) for n in range(0x110000) if re.fullmatch(_PYTHON_WHITE, chr(n))} == set(
        f"{BLANKS}\n\r\f"
    )


@pytest.mark.parametrize(("bad", "share"), [(29, 0.29), (57, 0.57), (7, 0.07), (14, 0.14)])
def test_a_share_of_the_rows_is_exact(bad: int, share: float, tmp_path: Path) -> None:
    for rows, is_too_many in ((100, False), (99, True)):
        lines = ["a,b", *["1,2,3"] * bad, *["1,2"] * (rows - bad), ""]
        (tmp_path / "Any.csv").write_text("\n".join(lines))
        counts = read_export(tmp_path / "Any.csv", ANY, bad_rows=share).findings.counts
        assert ("too_many_bad_rows" in counts) == is_too_many


@pytest.mark.parametrize(("rows", "is_too_many"), [(100, False), (99, True)])
def test_broken_lines_and_rows_without_an_id_are_bad_rows_together(
    rows: int, is_too_many: bool, tmp_path: Path
) -> None:
    """Of all rows of the file, the broken ones among them."""
    lines = [f"T{n},101,Ann,Lee,ann.lee@example.org,Teacher" for n in range(rows - 29)]
    lines += [",101,Ann,Lee,ann.lee@example.org,Teacher"] * 14 + ["T9,101,Ann,Lee"] * 15
    text = with_header(STAFF, *lines, columns=STAFF.required_names)
    (tmp_path / STAFF.file_name).write_text(text)
    district = DISTRICT.model_copy(update={"thresholds": Thresholds(bad_rows=0.29)})
    received = {STAFF.file_name: Received(tmp_path / STAFF.file_name)}
    report = check_drop(received, district=district, required=())
    expected = {"wrong_field_count": 15, "missing_key_value": 14}
    assert report.counts() == expected | ({"too_many_bad_rows": 1} if is_too_many else {})


@pytest.mark.parametrize(
    ("spec", "row", "codes"),
    [
        (STAFF, ",101,Ann,Lee,ann.lee@example.org,Teacher,", {"missing_key_value", "no_data_rows"}),
        (STAFF_TO_STUDENT, "101,T1,X1,1,Art,,", {"unknown_student", "no_data_rows"}),
        (STAFF_TO_STUDENT, "101,T9,001,1,Art,,", {"unknown_teacher", "no_data_rows"}),
        (ATTENDANCE, "101,,1,A,,10/02/25", {"missing_key_value", "no_data_rows"}),
        (ATTENDANCE, "101,X1,1,A,,10/02/25", {"unknown_student"}),  # accounted for
    ],
)
def test_a_file_whose_every_row_is_kept_out_has_no_data(
    spec: ExportSpec, row: str, codes: set[str], tmp_path: Path
) -> None:
    report, counts = counts_of(tmp_path, {spec.file_name: with_header(spec, row)})
    said = {code for code in counts[spec.file_name] if not code.endswith("_without_class")}
    assert said == codes
    assert (report.verdict == "blocked") == ("no_data_rows" in codes)


def test_a_row_is_kept_out_of_its_own_file_only(tmp_path: Path) -> None:
    """Line 2 of two files breaks a rule; line 2 of the others does not."""
    staff, student = ",101,Ann,Lee,ann.lee@example.org,Teacher,", "#N/A,101,Gus,Hall" + "," * 14
    texts = dict(FILES)
    for spec, row in ((STAFF, staff), (STUDENTS, student)):
        header = ",".join(spec.column_names) + "\n"
        texts[spec.file_name] = FILES[spec.file_name].replace(header, f"{header}{row}\n")
    again = FILES[STAFF_TO_STUDENT.file_name].splitlines()[1]
    texts[STAFF_TO_STUDENT.file_name] += f"{again}\n"
    report, _ = counts_of(tmp_path, texts)
    assert report.counts() == {"missing_key_value": 1, "id_looks_damaged": 1, "duplicate_row": 1}
    quarantined = report.connection.execute(
        "SELECT export, line, code, text FROM quality.quarantine ORDER BY export"
    ).fetchall()
    assert quarantined == [
        (STAFF.file_name, 2, "missing_key_value", staff),
        (STUDENTS.file_name, 2, "id_looks_damaged", student),
    ]
    for name, export in report.exports.items():
        lines = range(2, texts[name].count("\n") + 1)
        accepted = list(lines)[name in (STAFF.file_name, STUDENTS.file_name) :]
        assert report.accepted(name)["line"].tolist() == accepted, name
        assert (export.accepted, export.quarantined) == (len(accepted), len(lines) - len(accepted))
        records = report.connection.execute(f"SELECT line FROM records.{export.spec.table}")
        published = accepted[:-1] if name == STAFF_TO_STUDENT.file_name else accepted
        assert sorted(line for (line,) in records.fetchall()) == published, name


def test_a_row_that_repeats_another_is_not_in_quarantine_with_those_that_are(
    tmp_path: Path,
) -> None:
    again, without_id = FILES[STAFF.file_name].splitlines()[1], ",101,Ann,Lee,a@example.org,Aide,"
    text = with_rows(FILES[STAFF.file_name], again, without_id)
    report, counts = counts_of(tmp_path, {STAFF.file_name: text})
    assert counts[STAFF.file_name] == {"duplicate_row": 1, "missing_key_value": 1}
    quarantined = report.connection.execute("SELECT code, text FROM quality.quarantine")
    assert quarantined.fetchall() == [("missing_key_value", without_id)]


@pytest.mark.parametrize(
    ("spec", "row", "code"),
    [
        (STAFF_TO_STUDENT, "101,T9,001,1,Art,,", "unknown_teacher"),
        (STAFF_TO_STUDENT, "101,T1,X1,1,Art,,", "unknown_student"),
        (ATTENDANCE, "101,X1,1,A,,10/02/25", "unknown_student"),
    ],
)
def test_a_repeat_shares_the_fate_of_the_row_that_it_repeats(
    spec: ExportSpec, row: str, code: str, tmp_path: Path
) -> None:
    known = FILES[spec.file_name].splitlines()[1]
    text = with_rows(FILES[spec.file_name], *[known] * 2, *[row] * 6)
    report, counts = counts_of(tmp_path, {spec.file_name: text})
    export, lines = report.exports[spec.file_name], text.count("\n")
    repeats = "duplicate_absence" if spec is ATTENDANCE else "duplicate_row"
    assert counts[spec.file_name] == {code: 6, repeats: 2}
    assert (export.accepted, export.quarantined) == (lines - 1 - 6, 6)
    assert export.is_held, "all six count for the share"
    assert report.accepted(spec.file_name)["line"].tolist() == list(range(2, lines - 5))
    quarantined = report.connection.execute("SELECT line, code, text FROM quality.quarantine")
    assert quarantined.fetchall() == [(line, code, row) for line in range(lines - 5, lines + 1)]


_NO_IDS = with_rows(FILES[STUDENTS.file_name], *[",101,Gus,Hall" + "," * 14] * 6)
_MAILS_AS_PHONES = with_header(
    STUDENTS,
    *(f"00{n},{101 if n < 4 else 102},Ana,Ruiz,ana{n}@example.com" for n in range(1, 7)),
    columns=(*STUDENTS.required_names, "ContactPhonePrimary"),
)


@pytest.mark.parametrize(
    ("students", "code", "unknown"),
    [(_NO_IDS, "too_many_bad_rows", 0), (_MAILS_AS_PHONES, "column_content_mismatch", 1)],
    ids=["refused", "held"],
)
def test_ids_are_looked_up_in_a_held_file_and_not_in_a_refused_one(
    students: str, code: str, unknown: int, tmp_path: Path
) -> None:
    """An operator may release what is held; of a refused one nobody knows who is in it."""
    classes = with_rows(FILES[STAFF_TO_STUDENT.file_name], "101,T1,777,1,Algebra I,MA101,1")
    report, counts = counts_of(
        tmp_path, {STUDENTS.file_name: students, STAFF_TO_STUDENT.file_name: classes}
    )
    assert code in counts[STUDENTS.file_name]
    assert report.exports[STUDENTS.file_name].verdict == "blocked"
    assert counts[STAFF_TO_STUDENT.file_name].get("unknown_student", 0) == unknown


@pytest.mark.parametrize(("unknown", "is_held"), [(29, False), (30, True)])
def test_a_share_that_holds_is_exact(unknown: int, is_held: bool, tmp_path: Path) -> None:
    rows = [f"101,T1,{'001' if n >= unknown else 'X1'},{n},Algebra" for n in range(100)]
    columns = STAFF_TO_STUDENT.required_names
    write(
        tmp_path,
        {STAFF_TO_STUDENT.file_name: with_header(STAFF_TO_STUDENT, *rows, columns=columns)},
    )
    thresholds = Thresholds(unknown_references=0.29, bad_rows=1)
    district = DISTRICT.model_copy(update={"thresholds": thresholds})
    received = {name: Received(tmp_path / name) for name in FILES}
    report = check_drop(received, district=district)
    assert bool(report.holding_codes()) == is_held


@pytest.mark.parametrize("row", ["101,T1,X1,{},Art", "101,X1,001,{},Art"])
@pytest.mark.parametrize(
    ("unknown", "rows", "is_held"), [(5, 6, False), (6, 7, True), (10, 100, False), (11, 100, True)]
)
def test_unknown_people_hold_a_file_and_never_refuse_it(
    row: str, unknown: int, rows: int, is_held: bool, tmp_path: Path
) -> None:
    """A tenth of the rows or five of them, whichever is more, are its own affair."""
    lines = [row.format(n) for n in range(unknown)]
    lines += [f"101,T1,001,{n},Art" for n in range(unknown, rows)]
    text = with_header(STAFF_TO_STUDENT, *lines, columns=STAFF_TO_STUDENT.required_names)
    report, _ = counts_of(tmp_path, {STAFF_TO_STUDENT.file_name: text})
    export = report.exports[STAFF_TO_STUDENT.file_name]
    assert (export.quarantined, export.is_held, export.is_blocked) == (unknown, is_held, False)


@pytest.mark.parametrize(("students", "is_held"), [(5, False), (6, True)])
def test_unknown_teachers_and_students_are_counted_apart(
    students: int, is_held: bool, tmp_path: Path
) -> None:
    rows = [f"101,T9,001,{n},Art" for n in range(5)]
    rows += [f"101,T1,X1,{n},Art" for n in range(students)]
    text = with_header(STAFF_TO_STUDENT, *rows, columns=STAFF_TO_STUDENT.required_names)
    report, counts = counts_of(tmp_path, {STAFF_TO_STUDENT.file_name: text})
    assert report.exports[STAFF_TO_STUDENT.file_name].is_held == is_held
    assert ("no_data_rows" in counts[STAFF_TO_STUDENT.file_name]) != is_held


@pytest.mark.parametrize(("unmatched", "is_held"), [(5, False), (6, True)])
def test_absences_out_of_schedule_are_counted_school_by_school(
    unmatched: int, is_held: bool, tmp_path: Path
) -> None:
    """All of one school's, though they are few of the file's."""
    classes = [f"101,T1,001,{n},Art" for n in range(60)]
    absences = [f"101,001,{n},A" for n in range(60)]
    absences += [f"102,004,{n},A" for n in range(1, unmatched + 1)]
    report, counts = counts_of(
        tmp_path,
        {
            spec.file_name: with_header(spec, *rows, columns=spec.required_names)
            for spec, rows in ((STAFF_TO_STUDENT, classes), (ATTENDANCE, absences))
        },
    )
    assert counts[ATTENDANCE.file_name] == {"period_not_in_schedule": unmatched}
    assert bool(report.holding_codes()) == is_held


def test_one_absence_is_one_however_its_date_is_written(tmp_path: Path) -> None:
    """And of two codes for it the first one counts."""
    rows = ["A,,10/02/25", "A,,2025-10-02", "A,,10/2/2025", "U,,10/02/2025", "A,,10/03/25"]
    text = with_header(ATTENDANCE, *(f"101,001,1,{row}" for row in rows))
    report, counts = counts_of(tmp_path, {ATTENDANCE.file_name: text})
    assert counts[ATTENDANCE.file_name] == {
        "date_format_tolerated": 3,
        "duplicate_absence": 2,
        "conflicting_duplicate": 1,
    }
    found = report.exports[ATTENDANCE.file_name].findings
    assert [one.line for one in found if one.code == "conflicting_duplicate"] == [5]
    lines = report.connection.execute("SELECT line FROM records.attendance ORDER BY line")
    assert lines.fetchall() == [(2,), (6,)]


def test_of_two_rows_of_one_site_the_first_one_counts(tmp_path: Path) -> None:
    again = "Lincoln High School,9 Mill Road,(201) 555-0199,"
    text = with_rows(FILES[SCHOOLS.file_name], again)
    report, counts = counts_of(tmp_path, {SCHOOLS.file_name: text})
    assert counts[SCHOOLS.file_name] == {"conflicting_duplicate": 1}
    sites = report.connection.execute("SELECT line, phone FROM records.schools ORDER BY line")
    assert sites.fetchall() == [(2, "(201) 555-0100"), (3, "(201) 555-0150")]


_CONTROL_BYTES = bytes({*range(1, 32)} - {*b"\t\n\r"}) + b"\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (FILES[STAFF.file_name].encode("utf-16"), "encoding_converted"),
        (FILES[STAFF.file_name].encode() + _CONTROL_BYTES, "nul_byte"),
        (b"\x1f\x8b" + bytes(range(256)), "is_compressed"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(range(256)), "is_spreadsheet"),
    ],
)
def test_what_the_bytes_are_is_said_and_nothing_that_follows_from_it(
    data: bytes, code: str, tmp_path: Path
) -> None:
    (tmp_path / STAFF.file_name).write_bytes(data)
    assert set(validate(tmp_path / STAFF.file_name).counts()) == {code}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_blank_lines_are_no_rows(end: str, encoding: str, tmp_path: Path) -> None:
    lines = ["a,b", "", "é,2", " \t", "3,4", "", ""]
    (tmp_path / "Any.csv").write_bytes(end.join(lines).encode(encoding))
    for rows, is_refused in ((2, False), (1, True)):
        result = read_export(tmp_path / "Any.csv", ANY, limits=Limits(rows=rows))
        assert ("too_many_rows" in result.findings.counts) == is_refused


@pytest.mark.parametrize(
    ("column", "cells", "is_held"),
    [
        ("PrimaryLanguage", "text Text SMS email phone es", True),
        ("PreferredContactMethod", "Spanish English Korean Spanish text text", True),
        ("Grade", "text phone email all K 9", True),
        ("Grade", "Spanish English Spanish Spanish 9 9", True),
        ("PrimaryLanguage", "Klingon Elvish Dothraki Mixteco Triqui es", False),
        ("PrimaryLanguage", "99 98 97 1 2 3", False),
        ("PrimaryLanguage", "text text text es es", True),
        ("PrimaryLanguage", "text text text es es es", False),  # half is not most
        ("PrimaryLanguage", "text text text text", False),  # too few to tell
        ("PreferredContactMethod", "no no-call Home na letter en", False),
        ("Grade", "Sprout Owl Middle EE Transition 13", False),
        ("ContactPhonePrimary", "93701 93702-1234 93703 93701 93701 559-555-0101", True),
        ("ContactPhonePrimary", "00000 00000 99999 0 1 559-555-0101", False),
        ("ContactPhonePrimary", "99999 11111 99999 11111 559-555-0101", False),
        ("ContactPhonePrimary", "no na - no 559-555-0101", True),
        ("ContactPhonePrimary", "555-0101 555-0102 555-0103 555-0104 555-0105 x12", False),
        ("ZipCode", "559-555-0101 (559)555-0102 5595550103 559.555.0104 9370 93701", True),
        ("LunchBalance", "a1@x.org b2@x.org c3@x.org d4@x.org 1.00", True),
        ("LunchBalance", "free reduced free free 1.00", True),
        ("LunchBalance", "$1.00 1.00USD 1,00 1.0.0 1.00", False),
        ("ZipCode", "937011234 93701-1234 93701 93701 9370 93701", False),
        ("ContactNamePrimary", "First001 First002 Tom123 Last0004 O'Neil101", False),
        ("ContactNamePrimary", "STU001 TCH001 ENG101 BUS/101 Box-1001 555Home", True),
        ("ContactNamePrimary", "559-555-0101 (559)555-0102 S001 12MainSt.101 a1@x.org Ana", True),
        ("ContactNamePrimary", "T1001 T1002 T1003 J101 J102 Ana", True),
    ],
)
def test_lists_that_changed_places_are_held(
    column: str, cells: str, is_held: bool, tmp_path: Path
) -> None:
    rows = [f"{n:03},101,Ana,Ruiz,{cell}" for n, cell in enumerate(cells.split())]
    text = with_header(STUDENTS, *rows, columns=(*STUDENTS.required_names, column))
    (tmp_path / STUDENTS.file_name).write_text(text)
    report = validate(tmp_path / STUDENTS.file_name)
    assert ("column_content_mismatch" in report.holding_codes()) == is_held


def test_names_in_place_of_ids_are_held(tmp_path: Path) -> None:
    rows = [f"Ana Ruiz{n},101,Ana,Ruiz" for n in range(5)]
    text = with_header(STUDENTS, *rows, columns=STUDENTS.required_names)
    (tmp_path / STUDENTS.file_name).write_text(text)
    assert validate(tmp_path / STUDENTS.file_name).holding_codes() == {"column_content_mismatch": 5}


def test_of_a_column_of_another_kind_only_missing_keys_are_said_besides(tmp_path: Path) -> None:
    rows = [",101,Ana,Ruiz,eva@example.com"]
    rows += [f"Ana Ruiz{n},101,Ana,Ruiz,eva@example.com" for n in range(5)]
    columns = (*STUDENTS.required_names, "ContactPhonePrimary")
    (tmp_path / STUDENTS.file_name).write_text(with_header(STUDENTS, *rows, columns=columns))
    counts = validate(tmp_path / STUDENTS.file_name).counts()
    assert counts["column_content_mismatch"] == 11
    assert counts["missing_key_value"] == 1
    assert "invalid_phone" not in counts


@pytest.mark.parametrize(("cell", "is_held"), [("Lopez", True), ("2 Oct 2025", False)])
def test_dates_that_are_words_are_held_as_another_column(
    cell: str, is_held: bool, tmp_path: Path
) -> None:
    rows = [f"101,001,{n},A,,{cell}" for n in range(5)]
    (tmp_path / ATTENDANCE.file_name).write_text(with_header(ATTENDANCE, *rows))
    report = validate(tmp_path / ATTENDANCE.file_name)
    assert ("column_content_mismatch" in report.holding_codes()) == is_held


def test_a_column_that_few_rows_of_a_large_file_fill_is_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that are looked at first may have none of it."""
    monkeypatch.setattr(column_rules, "SAMPLED_ROWS", 1)
    rows = [f"{n:03},101,Ana,Ruiz,{'text' if n < 6 else ''}" for n in range(60)]
    text = with_header(STUDENTS, *rows, columns=(*STUDENTS.required_names, "PrimaryLanguage"))
    (tmp_path / STUDENTS.file_name).write_text(text)
    report = validate(tmp_path / STUDENTS.file_name)
    assert report.holding_codes() == {"column_content_mismatch": 6}


def test_a_column_that_is_wrong_in_most_rows_of_a_large_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that are looked at first may have fewer of its wrong cells."""
    monkeypatch.setattr(column_rules, "SAMPLED_ROWS", 30)
    rows = [f"{n:03},101,Ana,Ruiz,{'text' if n < 31 else 'es'}" for n in range(60)]
    text = with_header(STUDENTS, *rows, columns=(*STUDENTS.required_names, "PrimaryLanguage"))
    (tmp_path / STUDENTS.file_name).write_text(text)
    report = validate(tmp_path / STUDENTS.file_name)
    assert report.holding_codes() == {"column_content_mismatch": 31}


def test_a_line_of_just_the_limit_is_not_too_long(tmp_path: Path) -> None:
    lines = ["a,b", "1,2345678", "1,23456789", "1,2,3,4,5"]
    (tmp_path / "Any.csv").write_text("\n".join([*lines, ""]))
    found = read_export(tmp_path / "Any.csv", ANY, limits=Limits(line_bytes=9)).findings
    assert [(one.line, one.code) for one in found] == [
        (3, "line_too_long"),
        (4, "wrong_field_count"),
    ]


_DAMAGED_IDS = """
1.23E+05 1e+5 1.2345678E7 1.0e5 1.23E-05 12345.0 12345.00 #N/A #NAME? #VALUE! ####
NULL null (null) <NULL> NaN None n/a undefined =A1 =
"""
_ODD_IDS = "123E05 123E-05 12345.1 1.E5 1.2E1.2 1.0.0 #12 NULL1 A-1 +5 nonet 007 3f2504e0-4f89"


def test_an_id_that_a_program_made_is_told_from_one_that_is_odd(tmp_path: Path) -> None:
    damaged = _DAMAGED_IDS.split()
    rows = [f"{cell},101,Ana,Ruiz" for cell in (*damaged, *_ODD_IDS.split())]
    text = with_header(STUDENTS, *rows, columns=STUDENTS.required_names)
    (tmp_path / STUDENTS.file_name).write_text(text)
    report = validate(tmp_path / STUDENTS.file_name)
    found = report.exports[STUDENTS.file_name].findings
    lines = [one.line for one in found if one.code == "id_looks_damaged"]
    assert lines == [*range(2, 2 + len(damaged))]


def test_ids_schools_and_periods_are_looked_at_for_damage_and_courses_are_not(
    tmp_path: Path,
) -> None:
    rows = ["101.0,T1,001,1,Art,,", "101,1.0,001,1,Art,,", "101,T1,1.0,1,Art,,"]
    rows += ["101,T1,001,1.0,Art,,", "101,T1,001,1,1.0,1.0,1.0"]
    (tmp_path / STAFF_TO_STUDENT.file_name).write_text(with_header(STAFF_TO_STUDENT, *rows))
    report = validate(tmp_path / STAFF_TO_STUDENT.file_name)
    found = report.exports[STAFF_TO_STUDENT.file_name].findings
    assert [(one.code, one.line, one.column) for one in found] == [
        ("id_looks_damaged", 2, "School"),
        ("id_looks_damaged", 3, "Teacher"),
        ("id_looks_damaged", 4, "Student"),
        ("id_looks_damaged", 5, "Period"),
    ]


@pytest.mark.parametrize("row", ["101,T1,00\ufffd,1", "101,T1,001,\ufffd", "10\ufffd,T1,001,1"])
def test_an_id_that_lost_a_character_is_none(row: str, tmp_path: Path) -> None:
    """And a course that lost one is a course."""
    rows = [f"{row},Art,A1,1", "101,T1,001,1,\ufffdcole,A1,1"]
    classes = with_rows(FILES[STAFF_TO_STUDENT.file_name], *rows)
    _, counts = counts_of(tmp_path, {STAFF_TO_STUDENT.file_name: classes})
    assert counts[STAFF_TO_STUDENT.file_name] == {"id_looks_damaged": 1, "encoding_damaged": 1}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (FILES[STAFF.file_name].encode("utf-32"), "nul_byte"),
        (b"\xff\xfe", "empty_file"),
    ],
)
def test_what_is_no_text_was_read_as_none(content: bytes, code: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / STAFF.file_name).write_bytes(content)
    assert validate(tmp_path).exports[STAFF.file_name].findings.counts == {code: 1}


def test_two_exports_without_a_line_end_between_are_told(tmp_path: Path) -> None:
    one = FILES[STAFF.file_name].rstrip("\n")
    report, counts = counts_of(tmp_path, {STAFF.file_name: f"{one}{one}\n"})
    assert counts[STAFF.file_name]["repeated_header"] == 1
    assert report.verdict == "blocked"


def test_each_column_of_a_code_is_stored_beyond_the_cap() -> None:
    found = Findings(STAFF.file_name)
    for column, total in (("A", 3000), ("B", 3000), ("C", 2)):
        places = ({"line": line, "column": column} for line in range(2, STORED_PER_CODE + 2))
        found.add_many("invalid_phone", total, itertools.islice(places, min(total, 1000)))
    stored = Counter(one.column for one in found)
    assert found.counts["invalid_phone"] == 6002
    assert stored == {"A": 499, "B": 499, "C": 2}
    assert [one.line for one in found if one.column == "A"] == [*range(2, 501)]


@pytest.mark.parametrize("rows", [1, 5])
def test_classes_of_none_but_unknown_students_are_held_and_the_summary_says_why(
    rows: int, tmp_path: Path
) -> None:
    """With one known student among them they would be held, too."""
    header, *lines = FILES[STAFF_TO_STUDENT.file_name].splitlines()
    cells = [line.split(",") for line in lines]
    at = STAFF_TO_STUDENT.column_names.index("Student")
    for row in cells[rows - 1 :]:
        row[at] = f"0{row[at]}"
    text = "\n".join([header, *map(",".join, cells)]) + "\n"
    report, counts = counts_of(tmp_path, {**FILES, STAFF_TO_STUDENT.file_name: text})
    assert "no_data_rows" not in counts[STAFF_TO_STUDENT.file_name]
    assert report.exports[STAFF_TO_STUDENT.file_name].is_held
    said = [one["message"] for one in report.reasons_to_hold()]
    assert "it would match without leading zeros" in said[0]
    no_class = (
        "No row of this file can be used: whoever approves it approves that there is no class."
    )
    assert said[1:] == ([no_class] if rows == 1 else [])


@pytest.mark.parametrize(
    ("teacher", "student", "says"),
    [
        ("T1", "1", "keep their zeros"),
        ("t1", "001", "same capital or small letters"),
        ("T1 (Lopez)", "001", "Export the ID alone"),
        ("001", "T1", "into its own column"),
        ("T1", "009", "Correct the rows that were kept out of StudentExport.csv"),
        ("T9", "001", "Export staff and classes together, or have an operator approve"),
        ("T1", "X1", "Export both files together, or have an operator approve"),
    ],
)
def test_what_mends_a_held_file_follows_from_what_is_wrong(
    teacher: str, student: str, says: str, tmp_path: Path
) -> None:
    """Approving takes everybody out of these classes, and is offered where nothing else helps."""
    broken = "009,101,Gus,Ha\u0007l" + "," * 14
    rows = [f"101,{teacher},{student},{n},Art,," for n in range(6)]
    report, _ = counts_of(
        tmp_path,
        {
            STUDENTS.file_name: with_rows(FILES[STUDENTS.file_name], broken),
            STAFF_TO_STUDENT.file_name: with_rows(FILES[STAFF_TO_STUDENT.file_name], *rows),
        },
    )
    (said,) = [one["message"] for one in report.reasons_to_hold()]
    assert says in said
    assert ("approve" in said) == ("approve" in says)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("T{},101", "wrong_field_count"),
        ("T{},101,Ann,Lee,ann.lee@example.org,", "missing_required_value"),
        ("T0,101,Ann,Lee,ann.lee@example.org,Teacher", "duplicate_row"),
    ],
    ids=["lines", "cells", "rows"],
)
def test_counts_stay_exact_beyond_what_is_stored(row: str, code: str, tmp_path: Path) -> None:
    first = "T0,101,Ann,Lee,ann.lee@example.org,Teacher"
    rows = [first, *(row.format(n) for n in range(1, STORED_PER_CODE + 3))]
    (tmp_path / STAFF.file_name).write_text(with_header(STAFF, *rows, columns=STAFF.required_names))
    found = validate(tmp_path / STAFF.file_name).exports[STAFF.file_name].findings
    assert found.counts[code] == STORED_PER_CODE + 2
    lines = [one.line for one in found if one.code == code]
    assert lines == [*range(3, STORED_PER_CODE + 3)]


def test_a_word_in_a_shifted_row_is_no_record_id(tmp_path: Path) -> None:
    text = FILES[STUDENTS.file_name] + "Garcia,,Ana,Ruiz" + "," * 14 + "\n"
    report, _ = counts_of(tmp_path, {STUDENTS.file_name: text})
    assert "Garcia" not in json.dumps(as_json(report))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Copy of StudentExport.csv", STUDENTS),
        ("2025-10-02_StudentExport.csv", STUDENTS),
        ("Student Export.csv", STUDENTS),
        ("STAFFTOSTUDENTEXPORT (1).CSV", STAFF_TO_STUDENT),
        ("StudntExport.csv", STUDENTS),
        ("AttendanceExprot.csv", ATTENDANCE),
        ("notes.txt", None),
        ("Export.csv", None),
    ],
)
def test_a_name_that_is_none_of_the_five_is_said(
    name: str, meant: ExportSpec | None, tmp_path: Path
) -> None:
    write(tmp_path, {})
    (tmp_path / name).write_text("ID\n")
    report = validate(tmp_path)
    assert report.verdict == "accepted"
    (found,) = report.drop
    assert found.code == "unexpected_file"
    assert ("Did you mean" in found.message) == (meant is not None)
    assert meant is None or f'Did you mean "{meant.file_name}"?' in found.message
    assert name not in found.message


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("studentexport.csv", "It has other capitals."),
        ("StudentExport.CSV", "It has other capitals."),
        ("StudntExport.csv", "It has other letters, blanks or signs."),
        ("StudentExport (1).csv", "It has a number or a date."),
        ("StudentExport_20261002.csv", "It has a number or a date."),
        ("StudentExport.xlsx", "It does not end in .csv."),
        ("StudentExport.csv.txt", "It does not end in .csv."),
        ("Copy of StudentExport.csv", "It has other letters, blanks or signs."),
        ("Student Export.csv", "It has other letters, blanks or signs."),
        ("StudentExport.csv ", "It has other letters, blanks or signs."),
        ("StudentExport.csv.csv", "It ends in .csv twice."),
        ("studntexport_2.xlsx", "It does not end in .csv and has a number or a date."),
    ],
)
def test_how_a_name_differs_from_the_one_that_is_meant_is_said(
    name: str, differs: str, tmp_path: Path
) -> None:
    write(tmp_path, {})
    (tmp_path / name).write_text("ID\n")
    (found,) = validate(tmp_path).drop
    assert differs in found.message


def test_what_is_nearly_an_export_is_said_before_what_is_none(tmp_path: Path) -> None:
    write(tmp_path, {})
    for name in ("a.txt", "b.txt", "c.txt", "d.txt", "studentexport.csv"):
        (tmp_path / name).write_text("ID\n")
    first, *others = [found.message for found in validate(tmp_path).drop]
    assert f'Did you mean "{STUDENTS.file_name}"?' in first
    assert len(others) == 4


def test_what_is_no_upload_is_not_counted_as_one(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "Logs").mkdir()
    for name in (
        "StudentExport.csv.filepart",
        "notes.txt.tmp",
        ".DS_Store",
        "connect-report-2025-10-02T063000Z-sync.html",
        LABELS_FILE,
    ):
        (tmp_path / name).write_text("ID\n")
    assert validate(tmp_path).counts() == {}


def test_one_byte_of_another_encoding_changes_no_other_name(tmp_path: Path) -> None:
    students = FILES[STUDENTS.file_name].replace("Ana,Ruiz", "Ana,Ruíz").replace("Ben,", "Zoë,")
    data = students.encode().replace(b",Cho,", b",Ren\xe9e,")
    report = validate(write(tmp_path, {STUDENTS.file_name: data}))
    (said,) = [
        one for source in report.sources for one in source if one.code == "encoding_converted"
    ]
    assert "UTF-8 with bytes of Windows-1252 (lines concerned: 1)" in said.message
    assert said.line == 4
    assert "encoding_damaged" not in report.counts()
    names = report.connection.execute("SELECT first_name, last_name FROM records.students")
    assert names.fetchall()[:3] == [("Ana", "Ruíz"), ("Zoë", "Ito"), ("Renée", "Park")]
