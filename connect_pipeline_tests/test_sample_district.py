"""The synthetic district keeps the contract, is the same for the same seed, and reaches nobody.

That no rule finds anything in it, and that every labelled defect is found, is tested with the
rules; here the exports are read with Python's csv module and DuckDB alone, for the sample must
not be right only by the light of the program that it tests.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from connect_pipeline.contract import EXPORTS, ExportSpec, Kind
from connect_pipeline.drop_names import LABELS_FILE
from connect_pipeline.errors import UsageError
from connect_pipeline.sample.defects import (
    Defect,
    add_defects,
)
from connect_pipeline.sample.district import (
    ALERT_CODES,
    OTHER_CODES,
    GeneratedDistrict,
    generate,
)

TODAY = dt.date(2026, 10, 2)
COMMITTED = Path(__file__).parent.parent / "data" / "sample"
FILE_NAMES = {spec.file_name for spec in EXPORTS}

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> GeneratedDistrict:
    return generate(tmp_path_factory.mktemp("district"), 1000, 7, today=TODAY)


@pytest.fixture(scope="module")
def exports(district: GeneratedDistrict) -> dict[str, Rows]:
    return {name: rows(district.folder / name) for name in FILE_NAMES}


@pytest.fixture(scope="module")
def tables(district: GeneratedDistrict) -> Iterator[duckdb.DuckDBPyConnection]:
    """The exports as tables named staff, students, ... with the contract's fields, all text."""
    with duckdb.connect() as connection:
        for spec in EXPORTS:
            columns = {column.field: "VARCHAR" for column in spec.columns}
            relation = connection.read_csv(
                str(district.folder / spec.file_name), columns=columns, header=True
            )
            relation.create(spec.table)
        yield connection


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Path, list[Defect]]:
    generate(tmp_path, 200, 3, today=TODAY)
    return tmp_path, add_defects(tmp_path, 5)


def rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def physical_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def test_same_seed_gives_same_bytes(district: GeneratedDistrict, tmp_path: Path) -> None:
    generate(tmp_path, 1000, 7, today=TODAY)
    assert digests(tmp_path) == digests(district.folder)


def test_other_seed_gives_other_people(district: GeneratedDistrict, tmp_path: Path) -> None:
    generate(tmp_path, 1000, 8, today=TODAY)
    ours, theirs = digests(tmp_path), digests(district.folder)
    assert all(ours[name] != theirs[name] for name in FILE_NAMES)


def test_committed_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    generate(tmp_path, 60, 1, today=TODAY)
    assert digests(COMMITTED) == digests(tmp_path)


def test_a_thousand_students_take_less_than_three_seconds(tmp_path: Path) -> None:
    started = time.perf_counter()
    generate(tmp_path, 1000, 1, today=TODAY)
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize("students", [1, 2, 10, 61])
def test_small_districts_are_whole(students: int, tmp_path: Path) -> None:
    made = generate(tmp_path, students, 1, today=TODAY)
    read = {name: rows(tmp_path / name) for name in FILE_NAMES}
    assert made.counts == {name: len(read[name]) for name in FILE_NAMES}
    assert len({row["ID"] for row in read["StudentExport.csv"]}) == students
    assert {row["Student"] for row in read["StaffToStudentExport.csv"]} == {
        row["ID"] for row in read["StudentExport.csv"]
    }


def test_no_students_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one student"):
        generate(tmp_path, 0, 1, today=TODAY)


def test_generating_again_removes_the_labels_of_old_defects(
    damaged: tuple[Path, list[Defect]],
) -> None:
    folder, _ = damaged
    generate(folder, 60, 1, today=TODAY)
    assert digests(folder) == digests(COMMITTED)


@pytest.mark.parametrize("spec", EXPORTS, ids=lambda spec: spec.table)
def test_header_and_line_ends_are_those_of_the_contract(
    spec: ExportSpec, district: GeneratedDistrict
) -> None:
    data = (district.folder / spec.file_name).read_bytes()
    assert data.split(b"\n", 1)[0].decode() == ",".join(spec.column_names)
    assert b"\r" not in data
    assert data.endswith(b"\n")


def test_counts_are_rows(district: GeneratedDistrict, exports: dict[str, Rows]) -> None:
    assert district.counts == {name: len(found) for name, found in exports.items()}
    assert len({row["ID"] for row in exports["StudentExport.csv"]}) == 1000


def test_sites_name_every_school_in_the_exports(
    district: GeneratedDistrict, exports: dict[str, Rows]
) -> None:
    names = {row["School Site Name"] for row in exports["SchoolExport.csv"]}
    assert set(district.sites.values()) == names
    assert len(names) == len(district.sites) == district.counts["SchoolExport.csv"]
    for name in FILE_NAMES - {"SchoolExport.csv"}:
        assert {row["School"] for row in exports[name]} <= set(district.sites)
    assert "007" in district.sites
    assert district.sites["101"] == "Lincoln High School"


def test_one_small_site_merges_into_another(
    district: GeneratedDistrict, exports: dict[str, Rows]
) -> None:
    (merged,) = (row for row in exports["SchoolExport.csv"] if row["Merge with Site ID"])
    assert merged["Merge with Site ID"] in district.sites
    assert district.sites[merged["Merge with Site ID"]] != merged["School Site Name"]


def test_required_cells_are_filled(exports: dict[str, Rows]) -> None:
    for spec in EXPORTS:
        for name in spec.required_names:
            assert all(row[name] for row in exports[spec.file_name]), (spec.file_name, name)


def test_cells_have_no_white_space_around_them(exports: dict[str, Rows]) -> None:
    for found in exports.values():
        assert all(cell == cell.strip() for row in found for cell in row.values())


def test_phones_are_555_numbers_and_mails_are_example_domains(exports: dict[str, Rows]) -> None:
    for spec in EXPORTS:
        for column in spec.columns:
            cells = {row[column.name] for row in exports[spec.file_name]} - {""}
            if column.kind is Kind.PHONE:
                digits = {re.sub(r"\D", "", cell)[-10:] for cell in cells}
                assert digits
                assert all(re.fullmatch(r"[2-9]\d\d555(?!12)\d{4}", number) for number in digits)
            if column.kind is Kind.EMAIL:
                assert cells
                assert all(
                    re.fullmatch(r"[a-z0-9.]+@example\.(org|com|net)", cell) for cell in cells
                )


def test_student_cells_are_of_their_kind(exports: dict[str, Rows]) -> None:
    kinds = {
        "ZipCode": r"\d{5}(-\d{4})?",
        "Grade": r"TK|K|[1-9]|1[0-2]",
        "LunchBalance": r"(-?\d+\.\d\d)?",
        "PrimaryLanguage": r"[A-Z][a-z]+|es|vi",
        "PreferredContactMethod": r"(text|phone|email|all)?",
    }
    for column, pattern in kinds.items():
        cells = [row[column] for row in exports["StudentExport.csv"]]
        assert all(re.fullmatch(pattern, cell) for cell in cells), column
        assert len(set(cells)) > 3, column


def test_references_resolve(tables: duckdb.DuckDBPyConnection) -> None:
    for column, target, key in (
        ("staff_id", "staff", "staff_id"),
        ("student_id", "students", "student_id"),
    ):
        lost = tables.sql(
            f"SELECT * FROM staff_to_student ANTI JOIN {target}"
            f" ON staff_to_student.{column} = {target}.{key}"
            f" AND staff_to_student.school = {target}.school"
        )
        assert lost.fetchall() == []


def test_nothing_is_there_twice(tables: duckdb.DuckDBPyConnection) -> None:
    for table, key in (
        ("schools", "name"),
        ("staff", "(staff_id, school)"),
        ("students", "(student_id, school)"),
        ("staff_to_student", "(school, student_id, period)"),
        ("attendance", "(school, student_id, period, date)"),
    ):
        counted = tables.sql(f"SELECT count(*), count(DISTINCT {key}) FROM {table}").fetchall()
        ((count, distinct),) = counted
        assert count == distinct > 0, table


def test_nobody_teaches_two_classes_at_once(tables: duckdb.DuckDBPyConnection) -> None:
    assert (
        tables.sql(
            "SELECT staff_id, period FROM staff_to_student GROUP BY ALL"
            " HAVING count(DISTINCT (school, section_number)) > 1"
        ).fetchall()
        == []
    )


def test_one_id_is_one_person(tables: duckdb.DuckDBPyConnection) -> None:
    """Several rows of a student or of staff differ in the school and in nothing else."""
    for table, key in (("staff", "staff_id"), ("students", "student_id")):
        several = tables.sql(
            f"SELECT {key}, count(*) AS schools, count(DISTINCT whole) AS people"
            f" FROM (SELECT {key}, one AS whole"
            f" FROM (SELECT * EXCLUDE (school) FROM {table}) AS one)"
            " GROUP BY ALL HAVING schools > 1"
        ).fetchall()
        assert several, table
        assert {people for _, _, people in several} == {1}, table


def test_siblings_share_their_guardians_contacts(tables: duckdb.DuckDBPyConnection) -> None:
    shared = tables.sql(
        "SELECT primary_phone FROM students WHERE primary_phone IS NOT NULL"
        " GROUP BY primary_phone HAVING count(DISTINCT student_id) > 1"
    ).fetchall()
    assert len(shared) > 200
    strangers = tables.sql(
        "SELECT primary_phone FROM students WHERE primary_phone IS NOT NULL"
        " GROUP BY primary_phone HAVING count(DISTINCT primary_name) > 1"
    ).fetchall()
    assert strangers == []


def test_contacts_are_as_uneven_as_real_ones(exports: dict[str, Rows]) -> None:
    students = exports["StudentExport.csv"]
    assert any(row["ContactEmailPrimary"] and not row["ContactPhonePrimary"] for row in students)
    assert any(row["ContactPhonePrimary"] and not row["ContactEmailPrimary"] for row in students)
    assert any(row["ContactNameSecondary"] for row in students)
    assert any(not row["ContactNameSecondary"] for row in students)


def test_ids_have_leading_zeros_to_lose(exports: dict[str, Rows]) -> None:
    ids = {row["ID"] for row in exports["StudentExport.csv"]}
    stripped = {one.lstrip("0") for one in ids if one.startswith("0")}
    assert stripped
    assert not stripped & ids


def test_text_has_what_readers_trip_over(exports: dict[str, Rows]) -> None:
    names = " ".join(row["Name.Last"] for row in exports["StudentExport.csv"])
    courses = " ".join({row["Name"] for row in exports["StaffToStudentExport.csv"]})
    assert all(mark in names for mark in ("'", "-", "ñ"))
    assert all(mark in courses for mark in (",", '"', "'"))


def test_absences_are_of_today_and_of_scheduled_periods(
    tables: duckdb.DuckDBPyConnection, district: GeneratedDistrict
) -> None:
    assert tables.sql("SELECT DISTINCT date FROM attendance").fetchall() == [("10/02/26",)]
    codes = {code for (code,) in tables.sql("SELECT DISTINCT code FROM attendance").fetchall()}
    assert codes == {*ALERT_CODES, *OTHER_CODES}
    unscheduled = tables.sql(
        "SELECT * FROM attendance ANTI JOIN staff_to_student USING (school, student_id, period)"
    )
    assert unscheduled.fetchall() == []
    teachers = tables.sql(
        "SELECT * FROM attendance JOIN staff_to_student USING (school, student_id, period)"
        " JOIN staff USING (school, staff_id)"
        " WHERE teacher_name <> last_name || ', ' || first_name"
    )
    assert teachers.fetchall() == []


def test_some_are_absent_all_day_and_no_school_is_half_empty(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    shares = tables.sql(
        "SELECT count(DISTINCT a.student_id) / count(DISTINCT s.student_id)"
        " FROM students AS s LEFT JOIN attendance AS a USING (school, student_id) GROUP BY school"
    ).fetchall()
    assert all(share <= 0.08 for (share,) in shares)
    assert max(share for (share,) in shares) > 0.03
    all_day = tables.sql(
        "SELECT a.student_id FROM attendance AS a GROUP BY a.student_id HAVING count(*) ="
        " (SELECT count(*) FROM staff_to_student AS c WHERE c.student_id = a.student_id)"
    ).fetchall()
    assert all_day


def test_labels_are_written_beside_the_exports(damaged: tuple[Path, list[Defect]]) -> None:
    folder, defects = damaged
    labels = json.loads((folder / LABELS_FILE).read_text(encoding="utf-8"))
    assert [Defect(**label) for label in labels] == defects
    assert {path.name for path in folder.iterdir()} == {*FILE_NAMES, LABELS_FILE}


def test_labels_name_lines_and_columns_that_exist(damaged: tuple[Path, list[Defect]]) -> None:
    folder, defects = damaged
    for spec in EXPORTS:
        lines = physical_lines(folder / spec.file_name)
        labels = [defect for defect in defects if defect.file == spec.file_name]
        assert labels
        assert len({defect.line for defect in labels}) == len(labels)  # one defect a line
        assert all(2 <= defect.line <= len(lines) for defect in labels)
        assert all(defect.column in {None, *spec.column_names} for defect in labels)


def test_lines_without_a_label_are_those_of_the_clean_district(
    damaged: tuple[Path, list[Defect]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, defects = damaged
    clean = tmp_path_factory.mktemp("clean")
    generate(clean, 200, 3, today=TODAY)
    for name in FILE_NAMES:
        labelled = {defect.line for defect in defects if defect.file == name}
        kept = [
            text
            for line, text in enumerate(physical_lines(folder / name), start=1)
            if line not in labelled
        ]
        assert not Counter(kept) - Counter(physical_lines(clean / name))


def test_labels_point_at_the_damage(damaged: tuple[Path, list[Defect]]) -> None:
    folder, defects = damaged
    text = {
        (defect.file, defect.code, defect.column): physical_lines(folder / defect.file)[
            defect.line - 1
        ]
        for defect in defects
    }
    assert text["StaffToStudentExport.csv", "blank_line", None] == ""
    assert text["StudentExport.csv", "blank_row", None] == "," * 17
    assert text["StudentExport.csv", "unclosed_quote", None].count('"') == 1
    assert text["StudentExport.csv", "new_line_in_value", None].startswith('(grandmother)"')
    assert "\x0b" in text["StaffToStudentExport.csv", "control_character", None]
    assert "8.80E+07" in text["StudentExport.csv", "id_looks_damaged", "ID"]
    assert "13/45/26" in text["AttendanceExport.csv", "invalid_date", "Date"]


@pytest.mark.parametrize("seed", range(8))
def test_no_file_loses_so_many_rows_that_it_is_blocked(seed: int, tmp_path: Path) -> None:
    generate(tmp_path, 200, seed, today=TODAY)
    kept_out = {
        "wrong_field_count",
        "stray_quote",
        "unclosed_quote",
        "new_line_in_value",
        "control_character",
        "missing_key_value",
        "id_looks_damaged",
        "invalid_date",
        "student_id_reused",
        "unknown_teacher",
        "unknown_student",
    }
    bad = Counter(defect.file for defect in add_defects(tmp_path, seed) if defect.code in kept_out)
    for name in FILE_NAMES:
        assert bad[name] <= max(5, 0.05 * len(physical_lines(tmp_path / name))), name


def test_defects_are_the_same_for_the_same_seed(
    damaged: tuple[Path, list[Defect]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, defects = damaged
    again = tmp_path_factory.mktemp("again")
    generate(again, 200, 3, today=TODAY)
    assert add_defects(again, 5) == defects
    assert digests(again) == digests(folder)


def test_defects_need_a_district_that_can_bear_them(tmp_path: Path) -> None:
    generate(tmp_path, 60, 1, today=TODAY)
    with pytest.raises(UsageError, match="200 students"):
        add_defects(tmp_path, 1)


def test_defects_are_added_once(damaged: tuple[Path, list[Defect]]) -> None:
    folder, _ = damaged
    with pytest.raises(UsageError, match="Generate the district again"):
        add_defects(folder, 5)
