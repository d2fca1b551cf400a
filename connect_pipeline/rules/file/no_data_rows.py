"""The rule `no_data_rows`."""

from connect_pipeline.contract import ATTENDANCE, STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

RULE = Rule(
    code="no_data_rows",
    severity=Severity.BLOCK,
    doc="The file has a header and no row that can be used; for absences after some that is a"
    " warning, and held when the file may be cut off.",
    help=(
        "Read as it is, such a file would remove everybody, and no family would be reached. The"
        " export's filter (school year, active students) probably selects nothing, or every row"
        " was quarantined, which the other findings explain. A class file of which more than five"
        " rows are out for an unknown teacher, or more than five for an unknown student, is held"
        " instead, and what holds it says that no row is left. An attendance file with a header"
        " only is fine, for nobody is absent, and so is one of none but unknown students, who are"
        " accounted for; several of them hold it."
    ),
    message="There is no usable row below the header. Check the export's filters and run it again.",
    failing=Example.of(STAFF),
    passing=Example.of(ATTENDANCE),
)
