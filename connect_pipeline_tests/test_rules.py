"""The rule catalogue: complete, documented, and each rule shown to find what it is for."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from connect_pipeline import Report, validate
from connect_pipeline.contract import (
    ATTENDANCE,
    EXPORTS,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.databases import open_scratch
from connect_pipeline.documents.rules import FAMILIES, rules_page
from connect_pipeline.findings import Finding
from connect_pipeline.landing.bytes_pass import scan_file
from connect_pipeline.limits import Limits, Thresholds
from connect_pipeline.rules import catalogue, families, family_of
from connect_pipeline.rules.rule import (
    Example,
    FileRule,
    Rule,
    Severity,
    TableRule,
    with_header,
)
from connect_pipeline.settings import District
from connect_pipeline.validation import Received, check_drop
from connect_pipeline_tests.small_district import DISTRICT, FILES, write
from connect_pipeline_tests.small_home import with_rows

REPOSITORY = Path(__file__).parent.parent

SEVERITIES = {
    # the drop and the file
    "missing_file": "block",
    "stale_file": "hold",
    "unexpected_file": "info",
    "file_still_changing": "block",
    "empty_file": "block",
    "no_data_rows": "block",
    "file_too_large": "block",
    "line_too_long": "quarantine",
    "too_many_rows": "block",
    "is_spreadsheet": "block",
    "is_compressed": "block",
    "nul_byte": "block",
    "encoding_converted": "warning",
    "encoding_damaged": "warning",
    "bom_present": "info",
    "mixed_line_endings": "info",
    "truncated_file": "block",
    "no_final_line_end": "warning",
    "repeated_header": "block",
    "blank_line": "info",
    # the header
    "missing_header": "block",
    "missing_required_column": "block",
    "column_order": "block",
    "unknown_column": "block",
    "column_name_altered": "block",
    "duplicate_column": "block",
    "empty_column_name": "block",
    "wrong_delimiter": "block",
    # the row
    "too_many_bad_rows": "block",
    "wrong_field_count": "quarantine",
    "stray_quote": "quarantine",
    "unclosed_quote": "quarantine",
    "new_line_in_value": "quarantine",
    "control_character": "quarantine",
    "end_mark": "block",
    "blank_row": "warning",
    # the cell
    "missing_key_value": "quarantine",
    "missing_required_value": "warning",
    "whitespace_trimmed": "warning",
    "id_looks_damaged": "quarantine",
    "invalid_email": "warning",
    "invalid_phone": "warning",
    "column_content_mismatch": "hold",
    "invalid_date": "quarantine",
    "date_format_tolerated": "warning",
    "unknown_absence_code": "warning",
    "unknown_grade": "warning",
    "invalid_lunch_balance": "warning",
    "unknown_language": "warning",
    "unknown_contact_method": "warning",
    "invalid_zip_code": "warning",
    "formula_in_value": "warning",
    # keys and references
    "duplicate_row": "info",
    "student_id_reused": "quarantine",
    "student_in_several_schools": "info",
    "conflicting_duplicate": "warning",
    "staff_identity_conflict": "warning",
    "unknown_teacher": "quarantine",
    "unknown_student": "quarantine",
    "school_mismatch": "warning",
    "period_not_in_schedule": "warning",
    "unknown_school": "warning",
    "merge_cycle": "warning",
    "merge_target_unknown": "warning",
    "duplicate_absence": "info",
    "course_name_conflict": "warning",
    "staff_without_class": "info",
    "student_without_class": "info",
    "student_unreachable": "info",
    # the set, before publishing
    "mass_removal": "hold",
    "mass_change": "hold",
    "mass_low_balance": "hold",
    "school_vanished": "hold",
    "column_vanished": "hold",
    "column_emptied": "hold",
    "reachability_drop": "hold",
    "mixed_nights": "hold",
    "old_file_again": "warning",
    "file_not_readable": "block",
    "kept_previous": "warning",
    "row_conservation": "system",
    "rolled_back": "hold",
    "roster_lost": "hold",
    "mass_absence": "hold",
    "mass_cleared": "hold",
    "file_of_another_day": "hold",
    "ids_renumbered": "hold",
    "contents_swapped": "hold",
    "removal_deferred": "info",
    "group_is_empty": "warning",
    "group_is_everybody": "warning",
    "student_erased": "warning",
}

SETTINGS = {
    "mass_absence",
    "mass_cleared",
    "stale_file",
    "file_too_large",
    "line_too_long",
    "too_many_rows",
    "too_many_bad_rows",
    "unknown_absence_code",
    "unknown_teacher",
    "unknown_student",
    "period_not_in_schedule",
    "mass_removal",
    "mass_change",
    "mass_low_balance",
    "reachability_drop",
    "mixed_nights",
    "ids_renumbered",
    "removal_deferred",
}

# What a message may hold besides its own words, by the kind of rule and by code.
EVERYWHERE = {"column", "count"}
FACTS_OF_FAMILIES = {
    "header": {"found", "expected", "hint", "position"},
    "row": {"found", "expected", "limit"},
    "keys": {"detail"},
    "references": {"detail"},
    "changes": {"found", "before", "share", "limit", "entity", "where"},
    "day": {"found", "before", "share", "limit", "entity", "where"},
}
FACTS_OF_CODES = {
    "column_order": {"first"},
    "file_too_large": {"found", "limit"},
    "too_many_rows": {"found", "limit"},
    "too_many_bad_rows": {"found", "limit"},
    "encoding_converted": {"encoding"},
    "unexpected_file": {"hint"},
    "mixed_nights": {"found", "limit"},
    "old_file_again": {"day"},
    "row_conservation": {"found", "expected"},
}

# One small file cannot show these: they are about limits of gigabytes, or about a whole night.
WITHOUT_EXAMPLES = {
    *(code for family in ("drop", "changes", "day") for code in families()[family]),
    *("file_too_large", "too_many_rows", "row_conservation"),
    *("student_erased", "course_name_conflict"),
}

# Silent without a district's settings.
NEED_SETTINGS = {"unknown_school", "merge_cycle", "merge_target_unknown", "unknown_absence_code"}

EXAMPLES = [code for code in SEVERITIES if code not in WITHOUT_EXAMPLES]


def report_on(folder: Path, rule: Rule, example: Example) -> Report:
    """What is found where `example` stands in the small district."""
    write(folder, {example.spec.file_name: example.text})
    if not isinstance(rule, TableRule):  # one file shows it, and reading one is quicker
        for name in FILES.keys() - {example.spec.file_name}:
            (folder / name).unlink()
    if rule.code not in NEED_SETTINGS:
        return validate(folder)
    received = {path.name: Received(path) for path in folder.iterdir()}
    return check_drop(received, district=DISTRICT)


def findings_of(report: Report, file_name: str) -> list[Finding]:
    return list(report.exports[file_name].findings)


def test_every_code_is_there_with_its_severity() -> None:
    assert {code: rule.severity.value for code, rule in catalogue().items()} == SEVERITIES


def test_every_rule_belongs_to_a_family_and_stands_in_a_module_of_its_name() -> None:
    in_families = {rule.code: family for family in FAMILIES for rule in families()[family].values()}
    assert in_families.keys() == SEVERITIES.keys()
    folder = REPOSITORY / "connect_pipeline" / "rules"
    for code, family in in_families.items():
        assert (folder / family / f"{code}.py").is_file()


@pytest.mark.parametrize("code", SEVERITIES)
def test_doc_is_one_sentence_and_help_two_to_four(code: str) -> None:
    rule = catalogue()[code]
    assert re.fullmatch(r"[A-Z].*\.", rule.doc)
    assert len(sentences(rule.doc)) == 1
    assert 2 <= len(sentences(rule.help)) <= 4


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!])\s+(?=[A-Z0-9])", text.strip())


@pytest.mark.parametrize("code", SEVERITIES)
def test_message_takes_only_facts_that_are_no_values(code: str) -> None:
    rule = catalogue()[code]
    allowed = EVERYWHERE | FACTS_OF_CODES.get(code, set())
    allowed |= FACTS_OF_FAMILIES.get(family_of(code), set())
    assert placeholders(rule.message) <= allowed
    assert rule.message.format(**dict.fromkeys(allowed, "fact"))
    if isinstance(rule, TableRule) and rule.hold:
        assert placeholders(rule.hold.message) <= {"count", "usual"}, "a fixed phrase, as {detail}"
        assert rule.hold.message
        assert rule.hold.fix


def placeholders(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


def test_settings_that_change_a_rule_are_settings() -> None:
    assert {code for code, rule in catalogue().items() if rule.setting} == SETTINGS
    for code in SETTINGS:
        value: object = DISTRICT
        for part in catalogue()[code].setting.split("."):
            assert hasattr(value, part), code
            value = getattr(value, part)


def test_shares_that_hold_a_file_are_thresholds() -> None:
    for rule in catalogue().values():
        if isinstance(rule, TableRule) and rule.hold:
            assert rule.hold.over in Thresholds.__dataclass_fields__


@pytest.mark.parametrize("spec", EXPORTS)
def test_rows_are_kept_out_before_their_repeats_are_left_out(spec: ExportSpec) -> None:
    orders: dict[bool, list[int]] = {False: [], True: []}
    for rule in catalogue().values():
        if not isinstance(rule, TableRule) or spec not in [check.spec for check in rule.checks]:
            continue
        if rule.drops_rows or rule.severity is Severity.QUARANTINE:
            orders[rule.drops_rows].append(rule.order)
    assert max(orders[False], default=0) < min(orders[True])


@pytest.mark.parametrize("code", EXAMPLES)
def test_failing_example_fails_and_no_message_holds_a_value(code: str, tmp_path: Path) -> None:
    rule = catalogue()[code]
    example = rule.failing
    assert example is not None
    found = findings_of(report_on(tmp_path, rule, example), example.spec.file_name)
    assert (code, example.line) in [(finding.code, finding.line) for finding in found]
    for finding in found:
        assert values_told(finding, example) == []


def values_told(finding: Finding, example: Example) -> list[str]:
    """Cells of the example that the message repeats though they are none of its own words."""
    text = example.text.decode("latin-1") if isinstance(example.text, bytes) else example.text
    cells = {cell for line in text.split("\n")[1:] for cell in re.split('[,"]', line)}
    own_words = catalogue()[finding.code].message + " ".join(example.spec.column_names)
    return [
        cell
        for cell in cells
        if len(cell) > 2 and cell in finding.message and cell not in own_words
    ]


@pytest.mark.parametrize("code", EXAMPLES)
def test_passing_example_passes(code: str, tmp_path: Path) -> None:
    rule = catalogue()[code]
    assert rule.passing is not None
    found = findings_of(report_on(tmp_path, rule, rule.passing), rule.passing.spec.file_name)
    assert code not in [finding.code for finding in found]


def test_rules_without_examples_are_those_that_one_file_cannot_show() -> None:
    without = {code for code, rule in catalogue().items() if rule.failing is None}
    assert without == WITHOUT_EXAMPLES
    assert {code for code, rule in catalogue().items() if rule.passing is None} == without


@pytest.mark.parametrize("district", [None, DISTRICT], ids=["without settings", "with settings"])
def test_clean_district_raises_nothing_above_info(
    district: District | None, tmp_path: Path
) -> None:
    write(tmp_path)
    received = {name: Received(tmp_path / name) for name in FILES}
    report = check_drop(received, district=district)
    for export in report.exports.values():
        assert [finding for finding in export.findings if finding.severity != "info"] == []
    assert report.verdict == "accepted"


@pytest.mark.parametrize(
    ("code", "limits", "found", "limit"),
    [
        ("file_too_large", Limits(file_bytes=50), "106", "50"),
        ("too_many_rows", Limits(rows=1), "2", "1"),
    ],
)
def test_limits(code: str, limits: Limits, found: str, limit: str, tmp_path: Path) -> None:
    rule = catalogue()[code]
    assert isinstance(rule, FileRule)
    path = tmp_path / STAFF.file_name
    path.write_text("x" * 35 + "\n" + "x" * 34 + "\n" + "x" * 34 + "\n")
    facts = scan_file(path)
    assert rule.broken(facts, limits) == {"found": found, "limit": limit}
    assert rule.broken(facts, Limits()) is None


DIAGNOSES = {
    "101,T1,1,1,Algebra I,,": "not in the file; it would match without leading zeros",
    "101,T1,0001,1,Algebra I,,": "not in the file; it would match without leading zeros",
    "101,T1,001-A,1,Algebra I,,": "not in the file; it would match without the text after it",
    "101,T1,777,1,Algebra I,,": "not in the file",
    "101,T1,008,1,Algebra I,,": "its row is quarantined",
    "999,T1,777,1,Algebra I,,": "not in the file, which has nobody of this school",
    "101,t1,001,1,Algebra I,,": "not in the file; it differs only in case from one that is",
    "101,001,T1,1,Algebra I,,": "not in the file; it is an ID of StudentExport.csv,"
    " so columns may be swapped",
}


@pytest.mark.parametrize("row", DIAGNOSES)
def test_failed_reference_is_diagnosed(row: str, tmp_path: Path) -> None:
    classes = FILES[STAFF_TO_STUDENT.file_name]
    students = FILES[STUDENTS.file_name] + "008,101,Gus,Ha\u0007l" + "," * 14 + "\n"
    write(
        tmp_path,
        {STUDENTS.file_name: students, STAFF_TO_STUDENT.file_name: classes + row + "\n"},
    )
    messages = [
        finding.message
        for finding in findings_of(validate(tmp_path), STAFF_TO_STUDENT.file_name)
        if finding.code in ("unknown_student", "unknown_teacher") and finding.line == 12
    ]
    assert len(messages) == 1
    assert f": {DIAGNOSES[row]}. " in messages[0]


def test_teachers_are_looked_up_though_the_student_file_is_refused(tmp_path: Path) -> None:
    students = FILES[STUDENTS.file_name].replace(",", ";")
    classes = with_rows(FILES[STAFF_TO_STUDENT.file_name], "101,001,X1,1,Algebra I,,")
    write(tmp_path, {STUDENTS.file_name: students, STAFF_TO_STUDENT.file_name: classes})
    (found,) = findings_of(validate(tmp_path), STAFF_TO_STUDENT.file_name)
    assert (found.code, found.line) == ("unknown_teacher", 12)
    assert ": not in the file. " in found.message


def test_a_row_of_another_file_in_quarantine_is_not_the_one_that_is_missing(tmp_path: Path) -> None:
    staff = FILES[STAFF.file_name] + "777,101,Gus,Ha\u0007l,gus.hall@example.org,Teacher,\n"
    classes = FILES[STAFF_TO_STUDENT.file_name] + "101,T1,777,1,Algebra I,,\n"
    write(tmp_path, {STAFF.file_name: staff, STAFF_TO_STUDENT.file_name: classes})
    (message,) = [
        finding.message
        for finding in findings_of(validate(tmp_path), STAFF_TO_STUDENT.file_name)
        if finding.code == "unknown_student"
    ]
    assert ": not in the file. " in message


def test_three_sites_in_a_circle_are_said_and_none_without_settings(tmp_path: Path) -> None:
    names = {"101": "Lincoln", "102": "Parks", "103": "Hall", "104": "Depot"}
    rows = ["Lincoln,1 A,,102", "Parks,2 B,,103", "Hall,3 C,,101", "Depot,4 D,,101"]
    (tmp_path / SCHOOLS.file_name).write_text(with_header(SCHOOLS, *rows))
    received = {SCHOOLS.file_name: Received(tmp_path / SCHOOLS.file_name)}
    district = DISTRICT.model_copy(update={"sites": names})
    found = findings_of(check_drop(received, district=district, required=()), SCHOOLS.file_name)
    assert [(one.code, one.line) for one in found if one.code.startswith("merge")] == [
        ("merge_cycle", line) for line in (2, 3, 4)
    ]
    without = findings_of(check_drop(received, required=()), SCHOOLS.file_name)
    assert not [one for one in without if one.code.startswith("merge")]


@pytest.mark.parametrize("people", ["T7,777", "T7,001", "T1,777"])
def test_kept_people_may_be_referred_to(people: str, tmp_path: Path) -> None:
    """At any school: theirs is not known here."""
    classes = FILES[STAFF_TO_STUDENT.file_name] + f"999,{people},1,Algebra I,,\n"
    write(tmp_path, {STAFF_TO_STUDENT.file_name: classes})
    connection = open_scratch()
    connection.execute(
        "CREATE TABLE records.kept_students AS SELECT '777' AS student_id, '' AS reason"
    )
    connection.execute("CREATE TABLE records.kept_staff AS SELECT 'T7' AS staff_id, '' AS reason")
    received = {name: Received(tmp_path / name) for name in FILES}
    report = check_drop(received, connection=connection)
    assert findings_of(report, STAFF_TO_STUDENT.file_name) == []


def test_one_unknown_school_code_is_one_finding(tmp_path: Path) -> None:
    people = [f"{number},999,Ana,Ruiz" for number in range(100, 150)]
    rows = with_header(STUDENTS, *people, columns=STUDENTS.required_names)
    rule = catalogue()["unknown_school"]
    report = report_on(tmp_path, rule, Example(STUDENTS, rows))
    assert report.exports[STUDENTS.file_name].findings.counts["unknown_school"] == 1


@pytest.mark.parametrize("district", [None, DISTRICT, DISTRICT.model_copy(update={"sites": {}})])
def test_a_site_name_that_two_places_write_differently_is_said_at_both(
    district: District | None, tmp_path: Path
) -> None:
    text = FILES[SCHOOLS.file_name].replace("Lincoln High School", "Lincoln High")
    write(tmp_path, {SCHOOLS.file_name: text})
    received = {name: Received(tmp_path / name) for name in FILES}
    found = findings_of(check_drop(received, district=district), SCHOOLS.file_name)
    if district is None or not district.sites:
        assert found == []
        return
    assert [(one.code, one.line) for one in found] == [
        ("unknown_school", 2),
        ("unknown_school", None),
    ]
    assert "for code 101, the name that the settings have for it is in no row" in found[1].message
    assert "Lincoln" not in found[0].message + found[1].message


def test_a_site_that_is_no_school_needs_no_code(tmp_path: Path) -> None:
    depot = '"Bus Depot","9 Mill Road, Springfield",(201) 555-0199,\n'
    write(tmp_path, {SCHOOLS.file_name: FILES[SCHOOLS.file_name] + depot})
    received = {name: Received(tmp_path / name) for name in FILES}
    assert check_drop(received, district=DISTRICT).counts() == {}


def test_a_site_name_is_not_looked_for_without_a_school_file(tmp_path: Path) -> None:
    write(tmp_path)
    received = {name: Received(tmp_path / name) for name in FILES if name != SCHOOLS.file_name}
    assert check_drop(received, district=DISTRICT).counts() == {}


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        ("T1,101,Ann,Lopez,maria.lopez@example.org,Teacher", {"staff_identity_conflict"}),
        ("T1,101,Mária,Lopez,m.lopez@example.org,Teacher", {"staff_identity_conflict"}),
        ("T1,101,Mária,Lopes,maria.lopez@example.org,Teacher", {"staff_identity_conflict"}),
        ("T1,101,Mária,Lopez,maria.lopez@example.org,Coach", set()),
        ("T1,101,Ma\u0301ria,Lopez,maria.lopez@example.org,Coach", set()),  # the same letter
    ],
)
def test_two_people_under_one_id_at_one_school_are_said(
    row: str, codes: set[str], tmp_path: Path
) -> None:
    first = "T1,101,Mária,Lopez,maria.lopez@example.org,Teacher"
    write(tmp_path, {STAFF.file_name: with_header(STAFF, first, row, columns=STAFF.required_names)})
    found = findings_of(validate(tmp_path / STAFF.file_name), STAFF.file_name)
    assert {one.code for one in found} == {"conflicting_duplicate", *codes}
    assert {one.line for one in found} == {3}


def test_two_people_under_one_id_are_said_when_the_first_row_names_nobody(tmp_path: Path) -> None:
    rows = ["T9,101,,,,Teacher", "T9,102,Ann,Lopez,,Teacher", "T9,103,Bo,Lopez,,Teacher"]
    rows += ["T8,101,,,,Teacher", "T8,102,,,t8@example.org,Coach", "T8,103,,,T@example.org,Coach"]
    write(tmp_path, {STAFF.file_name: with_header(STAFF, *rows, columns=STAFF.required_names)})
    found = findings_of(validate(tmp_path / STAFF.file_name), STAFF.file_name)
    assert [one.line for one in found if one.code == "staff_identity_conflict"] == [4, 7]


@pytest.mark.parametrize(
    ("cells", "is_unreachable"),
    [
        ("(201) 555-0117,gus@example.com,,,,,,", True),  # the student's own
        (",,Ida Hall,201-555,ida@,,,", True),
        (",,,,,,201-555-0118,", False),
        (",,,,,,,ida@example.com", False),
    ],
)
def test_only_a_contact_that_can_be_told_reaches_a_student(
    cells: str, is_unreachable: bool, tmp_path: Path
) -> None:
    row = f"007,101,Gus,Hall,{cells},,,,,,"
    (tmp_path / STUDENTS.file_name).write_text(with_header(STUDENTS, row))
    counts = validate(tmp_path / STUDENTS.file_name).counts()
    assert counts.get("student_unreachable", 0) == is_unreachable


@pytest.mark.parametrize(
    ("absent", "says"),
    [
        ("101,001,01", "the period would match without leading zeros"),
        ("0101,001,01", "the school would match without leading zeros"),
        ("101,003,0", "the student has classes there, but not in this period"),
        ("102,001,0", "the student has classes at another school only"),
        ("101,007,1", "the student has no class at all"),
    ],
)
def test_an_absence_from_a_period_without_a_class_is_diagnosed(
    absent: str, says: str, tmp_path: Path
) -> None:
    students = FILES[STUDENTS.file_name] + "007,101,Gus,Hall" + "," * 14 + "\n"
    absences = with_header(ATTENDANCE, f"{absent},A,,10/02/25")
    write(tmp_path, {STUDENTS.file_name: students, ATTENDANCE.file_name: absences})
    (found,) = [
        one
        for one in findings_of(validate(tmp_path), ATTENDANCE.file_name)
        if one.code == "period_not_in_schedule"
    ]
    assert says in found.message


@pytest.mark.parametrize(
    ("spec", "row"),
    [
        (STAFF, "T1,999,Maria,Lopez,maria.lopez@example.org,Teacher,"),
        (STUDENTS, "001,999,Ana,Ruiz" + "," * 14),
        (STAFF_TO_STUDENT, "999,T1,001,1,Algebra I,MA101,1"),
        (ATTENDANCE, "999,001,1,A,,10/02/25"),
    ],
)
def test_an_unknown_school_is_said_at_its_first_line_of_each_file(
    spec: ExportSpec, row: str, tmp_path: Path
) -> None:
    again = row.replace("T1", "T2").replace("001", "002")
    text = FILES[spec.file_name] + f"{row}\n{again}\n"
    received = {name: Received(write(tmp_path, {spec.file_name: text}) / name) for name in FILES}
    found = findings_of(check_drop(received, district=DISTRICT), spec.file_name)
    first = text.splitlines().index(row) + 1
    assert [one.line for one in found if one.code == "unknown_school"] == [first]


def test_an_e_mail_in_capitals_is_the_same_at_another_school(tmp_path: Path) -> None:
    rows = ["007,101,Gus,Hall,ida@example.com", "007,102,Gus,Hall,IDA@Example.com"]
    columns = (*STUDENTS.required_names, "ContactEmailPrimary")
    (tmp_path / STUDENTS.file_name).write_text(with_header(STUDENTS, *rows, columns=columns))
    counts = validate(tmp_path / STUDENTS.file_name).counts()
    assert "conflicting_duplicate" not in counts


def test_name_of_one_child_in_two_spellings_is_no_second_child(tmp_path: Path) -> None:
    rows = with_header(
        STUDENTS,
        "001,101,Ana Maria,Ruiz",
        "001,102,ANAMARIA,ruiz",
        "002,101,,Ito",
        "002,102,Ben,Ito",
        "003,101,Cho\u00a0Li,Pa\u00adrk",
        "003,102,Cho Li,Park\u200b",
        columns=STUDENTS.required_names,
    )
    rule = catalogue()["student_id_reused"]
    report = report_on(tmp_path, rule, Example(STUDENTS, rows))
    counts = report.exports[STUDENTS.file_name].findings.counts
    assert counts["student_id_reused"] == 0
    assert counts["student_in_several_schools"] == 3


def test_page_has_a_section_for_every_code() -> None:
    page = rules_page()
    for code in SEVERITIES:
        assert f"\n### {code}\n" in page
