"""What is published of a cell, against literal tables and, for phones, an independent library."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import duckdb
import phonenumbers
import pytest

from connect_pipeline.cells.normalise import (
    expression,
    invalid,
    is_known,
    prepare,
    register,
    tolerated_date,
)
from connect_pipeline.cells.vocabulary import CONTACT_METHODS, GRADES, LANGUAGES
from connect_pipeline.contract import Kind


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        register(connection)
        yield connection


def published(connection: duckdb.DuckDBPyConnection, kind: Kind, *cells: str) -> list[object]:
    rows = connection.execute(
        f"SELECT {expression(kind, 'cell')} FROM (SELECT unnest($cells::VARCHAR[]) AS cell)",
        {"cells": list(cells)},
    ).fetchall()
    return [value for (value,) in rows]


SUBTAGS = ("-MX", "_mx", "-Hant", "-hant_TW", "-419", "-Mexico", "--MX", "-M", "-MX-", " MX")

TABLES: dict[Kind, dict[str, object]] = {
    Kind.PHONE: {
        "(201) 555-0123": "+12015550123",
        "201-555-0123": "+12015550123",
        "201.555.0123": "+12015550123",
        "201 555 0123": "+12015550123",
        "2015550123": "+12015550123",
        "12015550123": "+12015550123",
        "1-201-555-0123": "+12015550123",
        "+1 (201) 555-0123": "+12015550123",
        "201-555-0123 x45": "+12015550123",
        "201-555-0123, ext. 45": "+12015550123",
        "(201) 555-0123 Extension 45": "+12015550123",
        "201\u00a0555\u20130123": "+12015550123",
        "555-555-0123": "+15555550123",
        "+44 20 7946 0958": "+442079460958",
        "+52 55 1234 5678": "+525512345678",
        "+44 (20) 7946-0958 ext. 5": "+442079460958",
        "+44 20": None,
        "+49 30 5550101 Oma": None,  # letters are keys of a phone, too
        "+49 30 555010/555011": None,
        "+999 123 456 789": None,
        "555-0123": None,
        "101-555-0123": None,
        "201-155-0123": None,
        "911-555-0123": None,
        "999-999-9999": None,
        "999\u2013999\u20139999": None,
        "(222) 222-2222 x1": None,
        "2222222222": None,
        "201-555-01234": None,
        "201-555-0123 x": None,
        "201-555-0123 or 201-555-0124": None,
        "201-555-O123": None,
        "none": None,
        "ana@example.org": None,
        "": None,
    },
    Kind.EMAIL: {
        "ana.ruiz@example.org": "ana.ruiz@example.org",
        "Ana.Ruiz@Example.ORG": "Ana.Ruiz@example.org",
        "a+school@mail.example.com": "a+school@mail.example.com",
        "o'neil@example.org": "o'neil@example.org",
        "a_b-c@ex-ample.example": "a_b-c@ex-ample.example",
        "x{y}@example.org": "x{y}@example.org",
        "ana": None,
        "ana@example": None,
        "ana@@example.org": None,
        "ana@example..org": None,
        ".ana@example.org": None,
        "ana.@example.org": None,
        "a..b@example.org": None,
        "ana@-example.org": None,
        "ana@example.org; ben@example.org": None,
        "ana ruiz@example.org": None,
        "Ana <ana@example.org>": None,
        "ana@example.org.": None,
        "@example.org": None,
        "a" * 64 + "@example.org": "a" * 64 + "@example.org",
        "a" * 65 + "@example.org": None,
        "aa@" + "b." * 120 + "example.org": "aa@" + "b." * 120 + "example.org",  # 254 in all
        "aaa@" + "b." * 120 + "example.org": None,
        "": None,
    },
    Kind.ZIP_CODE: {
        "00501": "00501",
        "12345-6789": "12345-6789",
        "123456789": "12345-6789",
        "501": None,
        "1234": None,
        "123456": None,
        "12345-678": None,
        "ABCDE": None,
        "": None,
    },
    Kind.GRADE: {
        "TK": "TK",
        "-1": "TK",
        "-2": "PK",
        "Pre-K": "PK",
        "PS": "PK",
        "0": "K",
        "00": "K",
        "KG": "K",
        "Kindergarten": "K",
        "k": "K",
        "1": "1",
        "01": "1",
        "Grade 5": "5",
        "5th": "5",
        "3rd Grade": "3",
        "12": "12",
        "UG": "UG",
        "1.0": None,
        "13": None,
        "-3": None,
        "120": None,
        "freshman?": None,
        "": None,
    },
    Kind.MONEY: {
        "12.5": Decimal("12.50"),
        "$1,234.50": Decimal("1234.50"),
        "-3": Decimal("-3.00"),
        "-$3.25": Decimal("-3.25"),
        "$-3.25": Decimal("-3.25"),
        "(3.25)": Decimal("-3.25"),
        "($3.25)": Decimal("-3.25"),
        "$(3.25)": Decimal("-3.25"),
        "3.255": None,
        ".50": Decimal("0.50"),
        "12.5000": Decimal("12.50"),
        "0": Decimal("0.00"),
        "1,23": None,
        "12.5.0": None,
        "$": None,
        "free": None,
        "1e5": None,
        "99999999.99": Decimal("99999999.99"),
        "100000000": None,
        "123456789012": None,
        "": None,
    },
    Kind.LANGUAGE: {
        "English": "en",
        "SPANISH": "es",
        "spa": "es",
        "eng": "en",
        "es": "es",
        "00": None,
        "01": None,
        "03": None,
        "Khmer (Cambodian)": "km",
        "NA": None,
        "nan": None,
        "es-MX": "es-MX",
        "es_mx": "es-MX",
        "ZH-HANT": "zh-Hant",
        "zh-hant-tw": "zh-Hant-TW",
        "spa-MX": "es-MX",
        "es-419": "es-419",
        "1": None,
        "99": None,
        "xx": None,
        "N/A": None,
        "unk": None,
        "Spanish/English": None,
        "spanish-MX": None,
        "": None,
    },
    Kind.CONTACT_METHOD: {
        "Text": "text",
        "SMS": "text",
        "Phone Call": "phone",
        "voice": "phone",
        "E-mail": "email",
        "email": "email",
        "All": "all",
        "any": "all",
        "letter": None,
        "": None,
    },
    Kind.DATE: {
        "10/02/25": date(2025, 10, 2),
        "1/2/25": date(2025, 1, 2),
        "10/02/2025": date(2025, 10, 2),
        "2025-10-02": date(2025, 10, 2),
        "02/29/24": date(2024, 2, 29),
        "02/29/25": None,
        "13/01/25": None,
        "10-02-25": None,
        "10/02/025": None,
        "10/06/1926": date(1926, 10, 6),
        "10/06/2126": None,
        "2126-10-06": None,
        "2025-10-02 08:00": None,
        "45932": None,
        "today": None,
        "": None,
    },
    Kind.ID: {"007": "007", "": None},
    Kind.NAME: {"Núñez": "Núñez", "": None},
}


@pytest.mark.parametrize("kind", TABLES)
def test_published_value_of_each_cell(connection: duckdb.DuckDBPyConnection, kind: Kind) -> None:
    table = TABLES[kind]
    assert dict(zip(table, published(connection, kind, *table), strict=True)) == table


@pytest.mark.parametrize("kind", TABLES)
def test_a_cell_is_invalid_exactly_when_nothing_of_it_is_published(
    connection: duckdb.DuckDBPyConnection, kind: Kind
) -> None:
    """They are asked in two ways, for speed."""
    rows = connection.execute(
        f"SELECT cell, {invalid(kind, 'cell')} FROM (SELECT unnest($cells::VARCHAR[]) AS cell)",
        {"cells": list(TABLES[kind])},
    ).fetchall()
    assert dict(rows) == {
        cell: cell != "" and value is None for cell, value in TABLES[kind].items()
    }


@pytest.mark.parametrize("kind", Kind)
def test_blank_and_absent_cells_are_null(connection: duckdb.DuckDBPyConnection, kind: Kind) -> None:
    assert published(connection, kind, "") == [None]
    assert connection.sql(f"SELECT {expression(kind, 'NULL::VARCHAR')}").fetchall() == [(None,)]


@pytest.mark.parametrize("kind", Kind)
def test_expressions_may_stand_in_a_rules_format_string(kind: Kind) -> None:
    assert expression(kind, "{cell}").format(cell="cell") == expression(kind, "cell")


def test_dates_that_are_readable_and_not_as_asked_for(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    cells = ["10/02/25", "1/2/25", "10/02/2025", "2025-10-02", "02/30/2025", ""]
    rows = connection.execute(
        f"SELECT {tolerated_date('cell')} FROM (SELECT unnest($cells) AS cell)", {"cells": cells}
    ).fetchall()
    assert [value for (value,) in rows] == [False, True, True, True, False, False]


def test_registering_twice_is_harmless(connection: duckdb.DuckDBPyConnection) -> None:
    register(connection)
    assert published(connection, Kind.PHONE, "+44 20 7946 0958") == ["+442079460958"]


@pytest.mark.parametrize("kind", [Kind.GRADE, Kind.LANGUAGE, Kind.CONTACT_METHOD])
def test_a_word_is_known_exactly_when_it_has_a_published_form(
    connection: duckdb.DuckDBPyConnection, kind: Kind
) -> None:
    """They are asked in two ways, for speed. No word of the vocabularies is a pattern by itself."""
    words = [*GRADES, *LANGUAGES, *CONTACT_METHODS, "", "k", "\u212aO", "chinese.mandarin"]
    words += [f"{code}{more}" for code in ("es", "zh", "na", "xx", "tlh") for more in SUBTAGS]
    words += [word.upper() for word in words] + [f" {word}" for word in words]
    words += [word[:-1] for word in words] + [f"{word}s" for word in words]
    rows = connection.execute(
        f"SELECT cell, {expression(kind, 'cell')} IS NOT NULL, {is_known(kind, 'cell')},"
        f" {invalid(kind, 'cell')} FROM (SELECT unnest($cells::VARCHAR[]) AS cell)",
        {"cells": words},
    ).fetchall()
    assert 0 < sum(published for _, published, _, _ in rows) < len(rows)
    wrong = [
        cell
        for cell, published, known, wrong in rows
        if published != known or wrong != (cell != "" and not published)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("before", "tonight", "another"),
    [
        (("Ana", "Ruiz"), ("Zoe", "Quill"), True),
        (("Ana", "Ruiz"), ("Ana", "Quill"), False),  # a marriage
        (("Ana", "Ruiz"), ("Anna", "Ruiz"), False),  # a correction
        (("Ana", "Ruiz"), ("", "Quill"), False),
        (("", "Ruiz"), ("Zoe", "Quill"), False),
        (("Ana", "Ruiz"), ("Zoe", ""), False),
        (("Ana", None), ("Zoe", "Quill"), False),
        (("Ana", "De la Cruz"), ("Zoe", "DELA\tCruz"), False),
        (("Ana", "Nu\u0301n\u0303ez"), ("Zoe", "N\u00fa\u00f1ez"), False),  # composed or not
        (("Ana", "N\u00fa\u00f1ez"), ("Zoe", "N\u00fa\u200b\u00f1\u00a0ez"), False),
    ],
)
def test_an_id_has_gone_to_another_person_when_both_names_are_others(
    before: tuple[str, str | None], tonight: tuple[str, str], *, another: bool
) -> None:
    with duckdb.connect() as connection:
        prepare(connection)
        (row,) = connection.execute(
            "SELECT another_person(?, ?, ?, ?)", [*before, *tonight]
        ).fetchall()
    assert row == (another,)


def test_vocabulary_has_only_the_published_forms() -> None:
    assert set(GRADES.values()) == {"UG", "TK", "PK", "K", *map(str, range(1, 13))}
    assert set(CONTACT_METHODS.values()) == {"text", "phone", "email", "all"}
    assert all(word == word.lower() for word in [*LANGUAGES, *CONTACT_METHODS])
    assert all(word == word.upper() and " " not in word for word in GRADES)


def test_us_phones_agree_with_phonenumbers(connection: duckdb.DuckDBPyConnection) -> None:
    """What the library holds valid is published as the same number; we refuse the impossible."""
    dice = random.Random(20)  # noqa: S311 - a fixed sample of numbers, no secret
    area_codes = [f"{dice.randrange(0, 1000):03}" for _ in range(300)]
    shapes = ("{}{}{}", "({}) {}-{}", "{}-{}-{}", "+1 {} {} {}", "1.{}.{}.{}", "{}-{}-{} x12")
    numbers = [
        dice.choice(shapes).format(
            area, f"{dice.randrange(0, 1000):03}", f"01{dice.randrange(100):02}"
        )
        for area in area_codes
        for _ in range(10)
    ]
    ours = published(connection, Kind.PHONE, *numbers)
    valid = 0
    for text, our_value in zip(numbers, ours, strict=True):
        parsed = phonenumbers.parse(text, "US")
        theirs = phonenumbers.PhoneNumber(
            country_code=parsed.country_code, national_number=parsed.national_number
        )
        e164 = phonenumbers.format_number(theirs, phonenumbers.PhoneNumberFormat.E164)
        if phonenumbers.is_valid_number_for_region(theirs, "US"):
            valid += 1
            assert our_value == e164, "a valid number is published as itself"
        elif our_value is not None:
            assert our_value == e164
            assert phonenumbers.is_possible_number(theirs), "an impossible number is refused"
    assert valid > 500
