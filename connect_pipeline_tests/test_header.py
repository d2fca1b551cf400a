"""Headers: what is accepted, and what each refused one is told."""

from __future__ import annotations

import itertools

import pytest

from connect_pipeline.contract import (
    BY_FILE_NAME,
    EXPORTS,
    STAFF,
    STAFF_TO_STUDENT,
    Column,
    ExportSpec,
)
from connect_pipeline.findings import Findings
from connect_pipeline.reader.header import match_header

SMALL = ExportSpec(
    "Small.csv", (Column("a", required=True), Column("b"), Column("c", required=True), Column("d"))
)
FULL = "ID,School,Name.First,Name.Last,Email,Title,Mobile_number"


def said(text: str, spec: ExportSpec = STAFF) -> list[tuple[str, str | None]]:
    """Codes and columns of the findings on a refused header."""
    findings = Findings(spec.file_name)
    assert match_header(text, spec, findings) is None
    assert findings.stops_file
    return [(one.code, one.column) for one in findings]


def messages(text: str) -> list[str]:
    findings = Findings(STAFF.file_name)
    match_header(text, STAFF, findings)
    return [one.message for one in findings]


def message(text: str) -> str:
    return messages(text)[0]


def test_exactly_the_subsequences_with_every_required_column_are_accepted() -> None:
    names = SMALL.column_names
    for size in range(1, 5):
        for chosen in itertools.permutations(names, size):
            columns = match_header(",".join(chosen), SMALL, Findings("Small.csv"))
            in_order = [name for name in names if name in chosen] == list(chosen)
            lawful = in_order and {"a", "c"} <= set(chosen)
            assert (columns is not None) == lawful, chosen
            if columns is not None:
                assert tuple(column.name for column in columns) == chosen


@pytest.mark.parametrize("other", [one for one in EXPORTS if one is not STAFF])
def test_the_header_of_another_export_is_said_to_be_that(other: ExportSpec) -> None:
    """Whoever took out the columns that are too many would have other people's rows here."""
    (only,) = messages(",".join(other.column_names))
    assert only.startswith(f"Line 1 is the header of {other.file_name}: ")


def test_a_name_of_another_export_is_no_data() -> None:
    said = messages(f"{FULL},MobileNumber,ContactPhonePrimary,BusRoute,LunchBalance")
    assert '"ContactPhonePrimary"' in "".join(said)
    assert "not shown" not in "".join(said)


@pytest.mark.parametrize("before", ["", "ID;"])
def test_a_name_without_end_is_no_header(before: str) -> None:
    assert said(f"{before}{'x' * 131_073}") == [("missing_header", None)]


def test_quoted_names_are_names() -> None:
    assert match_header('"a","c"', SMALL, Findings("Small.csv")) is not None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", [("missing_header", None)]),
        ("S1,101,Ann,Lee,ann@example.org,Teacher", [("missing_header", None)]),
        ("S1,101,Title,Lee,ann@example.org,Teacher", [("missing_header", None)]),  # one has a word
        ('ID,"School', [("missing_header", None)]),
        (FULL.replace(",", ";"), [("wrong_delimiter", None)]),
        (FULL.replace(",", "\t"), [("wrong_delimiter", None)]),
        (FULL.replace(",", "|"), [("wrong_delimiter", None)]),
        ("ID;School;First;Last", [("wrong_delimiter", None)]),
        (FULL.replace("Email", "email,email"), [("duplicate_column", "Email")]),
        (FULL.replace("Email", "email"), [("column_name_altered", "Email")]),
        (FULL.replace("Email", " Email "), [("column_name_altered", "Email")]),
        (FULL.replace("Email", "Em\u200bail"), [("column_name_altered", "Email")]),
        (FULL.replace("Email", "E-mail"), [("unknown_column", None)]),
        (FULL + ",Nickname", [("unknown_column", None)]),
        (FULL + ",Email", [("duplicate_column", "Email")]),
        (FULL.replace("Email", "Email,Email"), [("duplicate_column", "Email")]),
        (FULL + ",,", [("empty_column_name", None)] * 2),
        (FULL.replace(",Email", ""), [("missing_required_column", "Email")]),
        ("School,ID,Name.First,Name.Last,Email,Title", [("column_order", "School")]),
    ],
)
def test_each_mistake_has_its_code(header: str, expected: list[tuple[str, str | None]]) -> None:
    assert said(header) == expected


def test_the_likely_intent_is_named() -> None:
    assert 'Did you mean "Email"?' in message(FULL.replace("Email", "E-mail"))
    assert 'Did you mean "Mobile_number"?' in message(
        FULL.replace("Mobile_number", "Mobile number")
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("School,ID,Name.First,Name.Last,Email,Title", ",".join(STAFF.required_names)),
        ("School,ID,Name.First,Name.Last,email,Title,Mobile_number", FULL),  # an altered name
        ("School,ID,Name.First,Name.Last,Title,Mobile number", FULL),  # a likely one; one missing
        ("School,ID,School,Name.First,Name.Last,Email,Title,Nickname", FULL.rsplit(",", 1)[0]),
    ],
)
def test_order_shows_what_was_found_and_a_header_that_is_accepted(
    found: str, expected: str
) -> None:
    (text,) = (one for one in messages(found) if "stands before" in one)
    assert text.startswith('Column 1, "School", stands before "ID", which comes first')
    assert f" Found: {found.replace(',', ', ')}. Expected: {expected.replace(',', ', ')}" in text
    assert match_header(expected, STAFF, Findings(STAFF.file_name)) is not None


def test_an_altered_name_has_its_place_in_the_order() -> None:
    assert said("ID,School,name.last,Name.First,Email,Title") == [
        ("column_name_altered", "Name.Last"),
        ("column_order", "Name.Last"),
    ]


def test_data_in_line_1_is_never_shown() -> None:
    row = "S1,101,Ann,Secret-Lee,ann@example.org,Teacher"
    header = ",".join(STAFF.required_names)
    words = "Secret-Lee,Ann,Teacher,Coach,Math,Spanish"  # as many as the header has, and no number
    for line in (
        *(row, "Secret-Lee", 'x,"Secret-Lee', f"{header},{row}", f"{header},101,Secret-Lee"),
        *(f"{header},{words}", f"{header},12345,Secret-Lee", f"{header},Secret-Lee,a@b.example"),
    ):
        assert not any("Secret" in said for said in messages(line))


def test_of_a_long_name_the_beginning_is_shown() -> None:
    (said,) = messages(f"{FULL},{'x' * 41}")
    assert f'"{"x" * 40}..."' in said


def test_the_five_exports_accept_their_own_headers() -> None:
    for spec in EXPORTS:
        for names in (spec.column_names, spec.required_names):
            assert match_header(",".join(names), spec, Findings(spec.file_name)) is not None
    assert list(BY_FILE_NAME) == [spec.file_name for spec in EXPORTS]


def test_fields_never_collide_in_sql() -> None:
    spec = ExportSpec("Any.csv", (Column("A"), Column("a"), Column("line"), Column("a ")))
    assert [column.field for column in spec.columns] == ["a", "a_2", "line_2", "a_3"]
    fields = [column.field for column in STAFF_TO_STUDENT.columns]
    assert len(fields) == len(set(fields))
