"""The rule `student_erased`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="student_erased",
    severity=Severity.WARNING,
    doc="A row of a student who was erased is kept out and not stored.",
    help=(
        "The student was erased on request, and the district's export still has the row. It is"
        " neither published nor kept in the quarantine. Remove the student from the export, or from"
        " your SIS. If the erasure was a mistake, or the ID is another child's now, an operator"
        " lifts it: until then nobody with that ID is in a roster, and no family is told."
    ),
    message=(
        "Rows of erased students, kept out: {count}. Remove the students from the export; an"
        " operator can lift an erasure."
    ),
)
