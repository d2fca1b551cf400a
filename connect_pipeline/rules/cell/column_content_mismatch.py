"""The rule `column_content_mismatch`."""

from connect_pipeline.cells.normalise import is_known
from connect_pipeline.contract import STAFF, Kind
from connect_pipeline.rules.rule import ColumnRule, Example, Severity

_PEOPLE = (("Ana", "Ruiz"), ("Ben", "Ito"), ("Cho", "Park"), ("Dia", "Roy"), ("Eli", "Roy"))
_NO_DIGIT = "NOT regexp_matches({cell}, '[0-9]')"
_HAS_AT = "contains({cell}, '@')"
_HAS_NUMBER = "regexp_matches({cell}, '@|[0-9][0-9][0-9]')"
_DIGITS_3, _DIGITS_4, _DIGITS_5 = ("[0-9]" * count for count in (3, 4, 5))
_IS_MADE_UP = r"regexp_full_match({cell}, '[^0-9@]*\p{{Ll}}[0-9]+')"  # people of a trial: First001
# Not what is typed where a number is asked for and there is none, such as 00000.
_IS_ZIP_CODE = (
    f"(regexp_full_match({{cell}}, '{_DIGITS_5}(-{_DIGITS_4})?')"
    " AND NOT regexp_full_match({cell}, '0+|1+|9+'))"
)
_IS_PHONE = rf"regexp_full_match({{cell}}, '\(?{_DIGITS_3}\)?[ ./-]*{_DIGITS_3}[ ./-]*{_DIGITS_4}')"
# What only another of the short lists has. Codes and numbers may be a district's own and say
# nothing: "no" is Norwegian, or nobody is to be called.
_IS_CONTACT_METHOD = is_known(Kind.CONTACT_METHOD, "{cell}")
_IS_LANGUAGE_NAME = (
    "(length({cell}) > 3 AND regexp_full_match({cell}, '[A-Za-z]+')"
    f" AND {is_known(Kind.LANGUAGE, '{cell}')})"
)

RULE = ColumnRule(
    code="column_content_mismatch",
    severity=Severity.HOLD,
    doc="Most values of a column are of another kind, such as e-mails without @ or phones with"
    " letters.",
    help=(
        "Two columns were probably swapped in the export, or one reads another field of the SIS;"
        " published, it would send messages to wrong numbers or wipe the right ones. Compare the"
        " column's first values with its name and correct the export's definition. If the values"
        " are right, an operator can approve the file."
    ),
    message=(
        'Most values of "{column}" ({count}) are of another kind than this column holds. Check that'
        " the export fills it from the right field and that no columns are swapped."
    ),
    where={
        Kind.EMAIL: f"NOT {_HAS_AT}",
        Kind.PHONE: (
            "regexp_matches({cell}, '@|[A-Za-z][A-Za-z][A-Za-z]')"
            f" OR {_NO_DIGIT} OR {_IS_ZIP_CODE}"
        ),
        Kind.ID: "regexp_matches({cell}, '[@ ]')",
        Kind.SCHOOL: _HAS_AT,
        Kind.NAME: f"{_HAS_NUMBER} AND NOT {_IS_MADE_UP}",
        Kind.ZIP_CODE: f"{_HAS_AT} OR {_NO_DIGIT} OR {_IS_PHONE}",
        Kind.GRADE: f"{_HAS_NUMBER} OR {_IS_CONTACT_METHOD} OR {_IS_LANGUAGE_NAME}",
        Kind.MONEY: f"{_HAS_AT} OR {_NO_DIGIT}",
        Kind.LANGUAGE: f"{_HAS_NUMBER} OR {_IS_CONTACT_METHOD}",
        Kind.CONTACT_METHOD: f"{_HAS_NUMBER} OR {_IS_LANGUAGE_NAME}",
        Kind.DATE: _NO_DIGIT,
    },
    failing=Example.of(
        STAFF,
        *(
            f"T{number},101,{first},{last},Teacher,{first}.{last}@example.org"
            for number, (first, last) in enumerate(_PEOPLE, start=1)
        ),
    ),
    passing=Example.of(
        STAFF,
        *(
            f"T{number},101,{first},{last},{first}.{last}@example.org,Teacher"
            for number, (first, last) in enumerate(_PEOPLE, start=1)
        ),
    ),
)
