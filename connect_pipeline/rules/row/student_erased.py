"""The rule `student_erased`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="student_erased",
    severity=Severity.WARNING,
    doc="A row of a student who was erased is kept out and not stored.",
    help=(
        "The student was erased on request, and the district's export still has the row. It is"
        " neither published nor kept in the quarantine. Remove the student from the export, or from"
        " your SIS; if the erasure was a mistake, an operator lifts it."
    ),
    message=(
        "Rows of erased students, kept out: {count}. Remove the students from the export; an"
        " operator can lift an erasure."
    ),
)
