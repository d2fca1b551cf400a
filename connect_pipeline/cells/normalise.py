"""What is published of a cell: one form for each kind, or NULL for what has none.

For: SQL expressions that turn a trimmed cell into its published value. The rules call a cell
invalid exactly when its expression is NULL, so what is reported and what is published agree.
Belongs here: one expression per kind. Does not belong here: trimming (`checks/`), what an
invalid cell means for its row (`rules/cell/`), the words people use (`vocabulary.py`).

The expressions hold no braces, so that rules may use them in their format strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial

import duckdb

from connect_pipeline.cells.vocabulary import CONTACT_METHODS, GRADES, LANGUAGES
from connect_pipeline.contract import Kind

INTERNATIONAL_PHONE = "connect_international_phone"
_PARSE_PHONE = "connect_parse_phone"

# A North American number: area code and exchange start with 2 to 9, and no area code ends in 11
# (911, 411). Which area codes are in service changes too often to be written down here.
_AREA = "([2-9](?:[02-9][0-9]|1[02-9]))"
_EXCHANGE = "([2-9][0-9][0-9])"
_SUBSCRIBER = "([0-9][0-9][0-9][0-9])"
_PLAIN = rf"(?:\+?1[ ./-]*)?\(?{_AREA}\)?[ ./-]*{_EXCHANGE}[ ./-]*{_SUBSCRIBER}"
# Word processors put no-break spaces and long hyphens; an extension is cut off.
_BLANKS_AND_DASHES = " \u00a0\u2010\u2011\u2012\u2013-"
_GAP = f"[./{_BLANKS_AND_DASHES}]*"
_EXTENSION = "(?:[ ,;]*(?:x|ext|extension)[ .:]*[0-9]+)?"
_LOOSE = rf"(?i)(?:\+?1{_GAP})?\(?{_AREA}\)?{_GAP}{_EXCHANGE}{_GAP}{_SUBSCRIBER}{_EXTENSION}"
_FOREIGN = rf"(?i)\+[0-9().{_BLANKS_AND_DASHES}]+?{_EXTENSION}"
_PUNCTUATION = "()+ ./-"
# "No phone", as typed into a field that insists on a number. Patterns and not lists of IN: DuckDB
# makes a join of a long list and runs it for every row.
_FILLER = "|".join(f"{digit}+" for digit in "23456789")
_END_OF_FILLER = "(?:" + "|".join(digit * 4 for digit in "23456789") + ")$"

_ATOM = r"[A-Za-z0-9!#$%&''*+/=?^_`\x7b|\x7d~-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_EMAIL = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
_LONGEST_EMAIL, _LONGEST_LOCAL_PART = 254, 64

_AMOUNT = r"(?:[0-9]+|[0-9][0-9]?[0-9]?(?:,[0-9][0-9][0-9])+)?(?:\.[0-9]?[0-9]?0*)?"
_PLAIN_AMOUNT = "-?[0-9][0-9]?[0-9]?[.][0-9][0-9]"
_MONEY = rf"[+-]?\$? ?[+-]?{_AMOUNT}|\(\$? ?{_AMOUNT}\)|\$ ?\({_AMOUNT}\)"

_CODE = "[a-z][a-z][a-z]?"
_CODES = {word: tag for word, tag in LANGUAGES.items() if re.fullmatch(_CODE, word)}
_SUBTAGS = "(?:[-_]([a-z][a-z][a-z][a-z]))?(?:[-_]([a-z][a-z]|[0-9][0-9][0-9]))?"

_SEPARATOR = "|"  # stands in no word of the vocabulary
# The words, and the form of a cell in which they are compared.
_VOCABULARIES = {
    Kind.GRADE: (GRADES, "replace(upper({}), ' ', '')"),
    Kind.LANGUAGE: (LANGUAGES, "lower({})"),
    Kind.CONTACT_METHOD: (CONTACT_METHODS, "translate(lower({}), ' -', '')"),
}

_TWO, _FOUR = "[0-9][0-9]", "[0-9][0-9][0-9][0-9]"
_EXACT_DATE = f"{_TWO}/{_TWO}/{_TWO}"
_CENTURY = "(?:19|20)"
_DATE = f"[0-9]?[0-9]/[0-9]?[0-9]/{_CENTURY}?{_TWO}|{_CENTURY}{_TWO}-{_TWO}-{_TWO}"


def expression(kind: Kind, cell: str) -> str:
    """SQL for the published value of `cell`, an SQL expression of trimmed text; NULL if blank."""
    makers: dict[Kind, Callable[[str], str]] = {
        Kind.PHONE: _phone,
        Kind.EMAIL: _email,
        Kind.ZIP_CODE: _zip_code,
        Kind.GRADE: partial(_word, Kind.GRADE),
        Kind.MONEY: _money,
        Kind.LANGUAGE: _language,
        Kind.CONTACT_METHOD: partial(_word, Kind.CONTACT_METHOD),
        Kind.DATE: _date,
    }
    maker = makers.get(kind)
    return maker(cell) if maker else f"nullif({cell}, '')"


def invalid(kind: Kind, cell: str) -> str:
    """SQL that is true when `cell` is not blank and has no published value, else false.

    A CASE rather than AND, which DuckDB evaluates in full when it stands below an OR: most cells
    of an optional column are blank, and must cost nothing.
    """
    # Of the costly kinds, what most cells look like need not be put together.
    if kind is Kind.PHONE:
        plain = f" WHEN regexp_full_match({cell}, '{_PLAIN}') THEN {_is_filler(cell)}"
        fails = f"{_unusual_phone(cell)} IS NULL"
    elif kind is Kind.MONEY:
        plain = f" WHEN regexp_full_match({cell}, '{_PLAIN_AMOUNT}') THEN false"
        fails = f"{_money(cell)} IS NULL"
    elif kind is Kind.EMAIL:
        plain, fails = "", f"NOT ({_is_email(cell)})"
    elif kind in _VOCABULARIES:
        plain, fails = "", f"NOT ({is_known(kind, cell)})"
    else:
        plain, fails = "", f"{expression(kind, cell)} IS NULL"
    return f"(CASE WHEN nullif({cell}, '') IS NULL THEN false{plain} ELSE {fails} END)"


def is_known(kind: Kind, cell: str) -> str:
    """SQL that is true when a cell that is not blank is in the vocabulary of its kind.

    One pattern instead of looking up: DuckDB plans it in a quarter of the time, and the words are
    compared all at once.
    """
    words, key = _VOCABULARIES[kind]
    pattern = "|".join(map(re.escape, words))
    if kind is Kind.LANGUAGE:
        pattern += f"|(?:{'|'.join(_CODES)}){_SUBTAGS}"
    quoted = pattern.replace("'", "''")
    return f"regexp_full_match({key.format(cell)}, '{quoted}')"


def tolerated_date(cell: str) -> str:
    """SQL that is true when `cell` is a date that can be read but is not MM/DD/YY."""
    return f"(NOT regexp_full_match({cell}, '{_EXACT_DATE}') AND {_date(cell)} IS NOT NULL)"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the expressions usable where no cell holds a number of another country.

    And how names are compared: `fold_name(name)`, for case, spaces of any kind and what nobody sees
    make no other name (NULL for a blank one), and `another_person(...)`, which tells by the names
    before and tonight whether an ID has gone to somebody else: one name may change, by marriage or
    a correction, but not both, and a blank one is no evidence.
    """
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP MACRO {INTERNATIONAL_PHONE}(text) AS NULL::VARCHAR;
        CREATE OR REPLACE TEMP MACRO fold_name(name) AS
            nullif(
                lower(
                    CASE WHEN strlen(name) = length(name) THEN translate(name, ' ' || chr(9), '')
                    ELSE regexp_replace(nfc_normalize(name), '[\\s\\p{{Z}}\\p{{Cf}}]', '', 'g') END
                ),
                ''
            );
        CREATE OR REPLACE TEMP MACRO another_person(first_before, last_before, first_now, last_now)
        AS coalesce(fold_name(first_before) <> fold_name(first_now), false)
        AND coalesce(fold_name(last_before) <> fold_name(last_now), false)
        """
    )


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the expressions usable for all cells, numbers of other countries included.

    That takes a function in Python, for which DuckDB imports numpy: `is_foreign_phone` tells who
    needs it. Calling it again does nothing.
    """
    known = connection.execute(
        "SELECT 1 FROM duckdb_functions() WHERE function_name = $name", {"name": _PARSE_PHONE}
    ).fetchall()
    if not known:
        connection.create_function(_PARSE_PHONE, _international_phone, ["VARCHAR"], "VARCHAR")
        connection.execute(
            f"CREATE OR REPLACE TEMP MACRO {INTERNATIONAL_PHONE}(text) AS {_PARSE_PHONE}(text)"
        )


def is_foreign_phone(cell: str) -> str:
    """SQL for whether a cell may hold a phone number of another country."""
    return f"starts_with({cell}, '+') AND NOT starts_with({cell}, '+1')"


@cache
def _international_phone(text: str) -> str:
    """E.164 for a valid number of another country, else '' (DuckDB wants no None from here)."""
    # A letter would be read as a key of a phone, and a second number as the end of the first.
    # DuckDB asks for '' once, whatever the cells are.
    if not re.fullmatch(_FOREIGN, text):
        return ""
    import phonenumbers  # most districts have no such number: they never pay for the import

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _phone(cell: str) -> str:
    return (
        f"(CASE WHEN regexp_full_match({cell}, '{_PLAIN}')"
        f" THEN CASE WHEN NOT {_is_filler(cell)} THEN '+1' || {_last_ten_digits(cell)} END"
        f" ELSE {_unusual_phone(cell)} END)"
    )


def _unusual_phone(cell: str) -> str:
    """SQL for a number with an extension or odd characters, or of another country."""
    number = rf"regexp_replace({cell}, '^{_LOOSE}$', '+1\1\2\3')"
    return (
        f"(CASE WHEN regexp_full_match({cell}, '{_LOOSE}')"
        f" THEN CASE WHEN NOT regexp_full_match({number}, '[+]1(?:{_FILLER})') THEN {number} END"
        f" WHEN {is_foreign_phone(cell)}"
        f" THEN nullif({INTERNATIONAL_PHONE}({cell}), '') END)"
    )


def _is_filler(cell: str) -> str:
    return (
        f"CASE WHEN regexp_matches({cell}, '{_END_OF_FILLER}')"
        f" THEN regexp_full_match({_last_ten_digits(cell)}, '{_FILLER}') ELSE false END"
    )


def _last_ten_digits(cell: str) -> str:
    """SQL for the digits of a plain number, without a leading 1."""
    return f"right(translate({cell}, '{_PUNCTUATION}', ''), 10)"


def _email(cell: str) -> str:
    return (
        f"(CASE WHEN {_is_email(cell)}"
        f" THEN split_part({cell}, '@', 1) || '@' || lower(split_part({cell}, '@', 2)) END)"
    )


def _is_email(cell: str) -> str:
    return (
        f"regexp_full_match({cell}, '{_EMAIL}') AND length({cell}) <= {_LONGEST_EMAIL}"
        f" AND instr({cell}, '@') <= {_LONGEST_LOCAL_PART + 1}"
    )


def _zip_code(cell: str) -> str:
    five = "[0-9][0-9][0-9][0-9][0-9]"
    return (
        f"(CASE WHEN regexp_full_match({cell}, '{five}|{five}-{_FOUR}') THEN {cell}"
        f" WHEN regexp_full_match({cell}, '{five}{_FOUR}')"
        f" THEN left({cell}, 5) || '-' || right({cell}, 4) END)"
    )


def _word(kind: Kind, cell: str) -> str:
    words, key = _VOCABULARIES[kind]
    return _looked_up(words, key.format(cell))


def _money(cell: str) -> str:
    amount = f"TRY_CAST(translate({cell}, '$,() ', '') AS DECIMAL(10, 2))"
    return (
        f"(CASE WHEN regexp_full_match({cell}, '{_MONEY}')"
        f" THEN CASE WHEN contains({cell}, '(') THEN -{amount} ELSE {amount} END END)"
    )


def _language(cell: str) -> str:
    """A name, a code, or a tag whose first part is a code: `es_mx` is published as `es-MX`.

    Most cells are a word of the vocabulary as it is: the rest is asked only of others.
    """
    folded = _VOCABULARIES[Kind.LANGUAGE][1].format(cell)
    first, script, region = (
        f"regexp_extract({folded}, '^({_CODE}){_SUBTAGS}$', {group})" for group in (1, 2, 3)
    )
    return (
        f"coalesce({_word(Kind.LANGUAGE, cell)}, {_looked_up(_CODES, first)}"
        f" || CASE WHEN {script} = '' THEN ''"
        f" ELSE '-' || upper(left({script}, 1)) || substr({script}, 2) END"
        f" || CASE WHEN {region} = '' THEN '' ELSE '-' || upper({region}) END)"
    )


def _date(cell: str) -> str:
    return (
        f"(CASE WHEN regexp_full_match({cell}, '{_DATE}')"
        f" THEN TRY_CAST(try_strptime({cell}, ['%m/%d/%y', '%m/%d/%Y', '%Y-%m-%d']) AS DATE) END)"
    )


def _looked_up(words: dict[str, str], key: str) -> str:
    """SQL for the value that `words` has for `key`, NULL when it has none.

    Two strings that DuckDB splits once, at planning, are read much faster than hundreds of them;
    and of two lists it makes a plan in a third of the time that a map takes, which for a small
    district is more than looking up.
    """
    listed = _SEPARATOR.join(words).replace("'", "''")
    values = _SEPARATOR.join(words.values())
    return (
        f"string_split('{values}', '{_SEPARATOR}')"
        f"[list_position(string_split('{listed}', '{_SEPARATOR}'), {key})]"
    )
