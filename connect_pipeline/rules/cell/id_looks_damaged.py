"""The rule `id_looks_damaged`."""

from connect_pipeline.contract import STUDENTS, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind, with_header

_COLUMNS = STUDENTS.required_names
_DAMAGED = "|".join(
    (
        r"[0-9]+(?:\.[0-9]+)?E\+[0-9]+",  # 1.23E+05: a spreadsheet shortened a number
        r"[0-9]+\.0+",  # 12345.0: a program read the ID as a number
        r"#(?:N/A|NA|NAME\?|NULL!|NUM!|REF!|DIV/0!|VALUE!|[A-Z_]+!)|##+",  # a formula that failed
        r"NULL|\(NULL\)|<NULL>|NAN|NONE|N/A|UNDEFINED",  # a program wrote "nothing" as a word
        r"=.*",
    )
)


RULE = CellRule(
    code="id_looks_damaged",
    severity=Severity.QUARANTINE,
    doc="An ID, school code or period was damaged by a spreadsheet or a program, as in 1.23E+05,"
    " 12345.0, #N/A or NULL.",
    help=(
        "Several IDs can turn into the same damaged one, and then one child's family would get"
        " another child's messages; so the row is kept out. Upload the file as the SIS exports it,"
        " without opening it in a spreadsheet. If it must be opened, import the ID columns as text."
    ),
    message=(
        '"{column}" holds no ID but what a spreadsheet or a program made of one, so the row was'
        " kept out. Export it as text and do not open the file in a spreadsheet."
    ),
    applies=of_kind(Kind.ID, Kind.SCHOOL, Kind.PERIOD),
    # Whole numbers are the rule, and are told by less than the pattern costs.
    where="(NOT ({cell} >= '0' AND {cell} < ':') OR contains({cell}, '.') OR contains({cell}, '+'))"
    f" AND regexp_full_match({{cell}}, '(?i){_DAMAGED}')",
    failing=Example(
        STUDENTS,
        with_header(STUDENTS, "001,101,Ana,Ruiz", "1.23E+05,101,Ben,Ito", columns=_COLUMNS),
        3,
    ),
    passing=Example(
        STUDENTS, with_header(STUDENTS, "001,101,Ana,Ruiz", "123E05,101,Ben,Ito", columns=_COLUMNS)
    ),
)
