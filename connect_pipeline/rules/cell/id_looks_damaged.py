"""The rule `id_looks_damaged`."""

from connect_pipeline.contract import STUDENTS, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

_DAMAGED = "|".join(
    (
        # 1.23E+05, 1.23E5, 1E+5: a spreadsheet shortened a number. 123E05 may be an ID.
        r"[0-9]+(?:\.[0-9]+E[+-]?|E\+)[0-9]+",
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
    " 12345.0, #N/A or NULL, or a character of it was lost (U+FFFD).",
    help=(
        "Several IDs can turn into the same damaged one, and then one child's family would get"
        " another child's messages; so the row is kept out. Upload the file as the SIS exports it,"
        " without opening it in a spreadsheet. If it must be opened, import the ID columns as text."
        " Where a character was lost, set all steps of the export to UTF-8."
    ),
    message=(
        '"{column}" holds no ID but what a spreadsheet or a program made of one, so the row was'
        " kept out. Export it as text, in UTF-8, and do not open the file in a spreadsheet."
    ),
    applies=of_kind(Kind.ID, Kind.SCHOOL, Kind.PERIOD),
    # Whole numbers are the rule, and are told by less than the pattern costs. The database knows of
    # a column whether it is ASCII: where it is, no cell is looked at for what was lost.
    where="(NOT ({cell} >= '0' AND {cell} < ':') OR contains({cell}, '.') OR contains({cell}, '+'))"
    f" AND regexp_full_match({{cell}}, '(?i){_DAMAGED}')"
    " OR strlen({cell}) <> length({cell}) AND contains({cell}, '\ufffd')",
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "1.23E+05,101,Ben,Ito", line=3),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "123E05,101,Ben,Ito"),
)
