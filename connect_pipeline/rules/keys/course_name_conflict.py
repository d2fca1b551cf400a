"""The rule `course_name_conflict`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="course_name_conflict",
    severity=Severity.WARNING,
    doc="The rows of one class have different course names, and the first line's is used.",
    help=(
        "A class is known by its school, teacher, period, course number and section, so that it"
        " stays the same when a course is renamed. When two courses share all of these, their"
        " students are one class: who writes to one course reaches the families of the other. Give"
        " each course a number or a section of its own; if it is one, write its name alike."
    ),
    message=(
        "Classes whose rows have different course names: {count}. Each is one class, under the name"
        " of its first row. Give each course a number or section of its own, or one name."
    ),
)
