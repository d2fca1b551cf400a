"""What people read of a check: the page, the text, the JSON, the CSV, and the report of a run."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from connect_pipeline import Report, validate
from connect_pipeline.contract import (
    ATTENDANCE,
    CORE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
)
from connect_pipeline.databases import open_scratch
from connect_pipeline.home import Home
from connect_pipeline.limits import Limits, Thresholds
from connect_pipeline.report.allowances import PHRASES, allowances
from connect_pipeline.report.as_csv import as_csv
from connect_pipeline.report.as_html import About, as_html
from connect_pipeline.report.as_json import as_json
from connect_pipeline.report.as_text import as_text
from connect_pipeline.report.of_run import write_reports
from connect_pipeline.report.problems import first_steps, ranges, run_words, sources
from connect_pipeline.report.words import SEVERITIES, headline
from connect_pipeline.rules import catalogue
from connect_pipeline.rules.rule import Severity, with_header
from connect_pipeline.sample.defects import add_defects
from connect_pipeline.sample.district import generate
from connect_pipeline.settings import Attendance, Rollover
from connect_pipeline.validation import check_drop
from connect_pipeline.validation.inputs import Received
from connect_pipeline_tests.planted_district import CODES, PLANTED, write_planted
from connect_pipeline_tests.small_district import DISTRICT, FILES, write

NIGHT = datetime(2025, 10, 3, 6, 30, tzinfo=UTC)
SCHEMA = Path(__file__).parent.parent / "docs" / "report.schema.json"


def page_of(report: Report, **about: object) -> str:
    return as_html(report, About(when=NIGHT, **about))  # type: ignore[arg-type]


def text_of(report: Report) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(as_text(report))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A district with the defects that real exports have."""
    folder = tmp_path_factory.mktemp("damaged")
    generate(folder, 300, 1, today=NIGHT.date())
    add_defects(folder, 1)
    return validate(folder)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """StaffExport has an altered header, StudentExport another name, 9 classes a stray comma."""
    folder = write(tmp_path_factory.mktemp("refused"))
    staff = FILES[STAFF.file_name].replace("Name.First", "First Name")
    (folder / STAFF.file_name).write_text(staff)
    (folder / STUDENTS.file_name).rename(folder / "StudentExport (1).csv")
    classes = (
        FILES[STAFF_TO_STUDENT.file_name].replace("102,T3", "102,,T3").replace("01,T2", "0,1,T2")
    )
    (folder / STAFF_TO_STUDENT.file_name).write_text(classes)
    return validate(folder)


# --- No value gets out ------------------------------------------------------------------------


@pytest.mark.parametrize("with_settings", [True, False])
def test_no_form_of_the_report_holds_a_cells_value(tmp_path: Path, with_settings: bool) -> None:
    texts = write_planted(tmp_path)
    every_share = Thresholds(bad_rows=1, unknown_references=1, unmatched_periods=1)
    district = DISTRICT.model_copy(update={"thresholds": every_share})
    report = check_drop(
        {name: Received(tmp_path / name) for name in texts},
        district=district if with_settings else None,
    )
    if with_settings:
        assert set(report.counts()) >= CODES
    messages = json.dumps(
        [
            {**finding, "record_id": None}
            for found in (*as_json(report)["exports"].values(), as_json(report)["drop"])
            for finding in found["findings"]
        ]
    )
    page = page_of(report, district=district.name, allows=tuple(allowances(district)))
    for told in (page, text_of(report), as_csv(report), messages):
        assert [word for word in PLANTED if word in told.casefold()] == []


def test_nothing_of_a_report_can_become_markup(tmp_path: Path) -> None:
    header = FILES[STAFF.file_name].replace("Title", "<img src=x onerror=alert(1)>", 1)
    page = page_of(validate(write(tmp_path, {STAFF.file_name: header})), district="<b>&")
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<b>&" not in page


# --- The page ---------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags of a page with their attributes, and the text of those that are looked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def all(self, attribute: str) -> list[str]:
        return [values[attribute] or "" for _, values in self.tags if attribute in values]


def test_the_page_is_built_for_everybody(damaged: Report) -> None:
    page = Page(page_of(damaged))
    kinds = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    for landmark in ("header", "main", "footer", "search", "table", "caption", "label", "time"):
        assert kinds.count(landmark) == 1
    levels = [int(tag[1]) for tag in kinds if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(deeper <= level + 1 for level, deeper in itertools.pairwise(levels))
    assert all(attributes["scope"] for tag, attributes in page.tags if tag == "th")
    identifiers = page.all("id")
    assert len(set(identifiers)) == len(identifiers)
    for reference in (*page.all("aria-labelledby"), *page.all("for"), *page.all("href")):
        assert reference.removeprefix("#") in identifiers


def test_the_page_needs_nothing_from_elsewhere(damaged: Report) -> None:
    page = page_of(damaged)
    assert not {"src", "srcset", "action", "data"} & {
        name for _, attributes in Page(page).tags for name in attributes
    }
    assert not re.search(r"https?:|//[a-z]|url\(|@import|javascript:", page.split("<script>")[0])
    assert "default-src 'none'" in page


def test_the_page_says_each_severity_in_words(damaged: Report, refused: Report) -> None:
    pages = page_of(damaged) + page_of(refused)
    for severity in (Severity.BLOCK, Severity.QUARANTINE, Severity.WARNING, Severity.INFO):
        words = SEVERITIES[severity]
        assert f'<span aria-hidden="true">{words.mark}</span> {words.word}</span>' in pages
    assert SEVERITIES.keys() == set(Severity)


def test_the_totals_say_what_they_count(refused: Report) -> None:
    totals = page_of(refused).split('<ul class="totals">')[1].split("</ul>")[0]
    assert re.findall(r"</span> (.*)</span>", totals) == [
        "4 findings refuse a file",
        "1 finding keeps rows out",
        "1 finding for information",
    ]


def test_the_page_tells_the_rules_doc_and_help(damaged: Report) -> None:
    page = page_of(damaged)
    for code in damaged.counts():
        rule = catalogue()[code]
        for text in (code, rule.doc, rule.help):
            escaped = text.replace("&", "&amp;").replace("'", "&#39;").replace('"', "&#34;")
            assert escaped.replace("<", "&lt;").replace(">", "&gt;") in page


def test_many_lines_are_folded_and_all_there(tmp_path: Path) -> None:
    rows = [
        f"T{number},101,Maria,Lopez,{'maria' if number % 2 else 'm@example.org'},Teacher,"
        for number in range(60)
    ]
    page = page_of(validate(write(tmp_path, {STAFF.file_name: with_header(STAFF, *rows)})))
    assert "<summary>All 30 lines</summary>" in page
    assert "<b>3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, …</b>" in page
    assert ", ".join(str(line) for line in range(3, 62, 2)) in page


def test_lines_that_were_only_counted_are_said(tmp_path: Path) -> None:
    rows = [f"T{number},101,Maria,Lopez,maria,Teacher," for number in range(1100)]
    rows += [f"U{number},101,Maria,Lopez,m@example.org,Teacher," for number in range(1200)]
    page = page_of(validate(write(tmp_path, {STAFF.file_name: with_header(STAFF, *rows)})))
    assert "2\u20111001" in page
    assert "100 more were counted without their lines" in page


def test_numbers_in_sentences_are_written_as_in_tables(tmp_path: Path) -> None:
    unknown = [f"101,U0,X{number},1,Algebra I,MA101,1" for number in range(1200)]
    idle = [f"U{number},101,Maria,Lopez,m@example.org,Teacher," for number in range(1300)]
    changed = {
        STAFF.file_name: with_header(STAFF, *idle),
        STAFF_TO_STUDENT.file_name: with_header(STAFF_TO_STUDENT, *unknown),
    }
    text = as_csv(validate(write(tmp_path, changed)))
    assert "Rows whose student is not in StudentExport.csv: 1,200, more than" in text
    assert "Staff without a class: 1,300 of one school, first at line 2 of" in text


# --- What is said first -----------------------------------------------------------------------


def test_the_page_of_a_refused_drop_says_what_to_correct(refused: Report) -> None:
    assert headline(refused).title == "Refused: 3 files cannot be used"
    assert [(step.source, step.rule.code) for step in first_steps(sources(refused))] == [
        ("StaffExport.csv", "unknown_column"),
        ("StaffExport.csv", "missing_required_column"),
        ("the drop", "unexpected_file"),  # the cause of the next
        ("StudentExport.csv", "missing_file"),
        ("StaffToStudentExport.csv", "wrong_field_count"),  # the cause of the next
        ("StaffToStudentExport.csv", "too_many_bad_rows"),
    ]


def test_rows_kept_out_are_told_file_by_file_and_what_is_left_out_is_said(damaged: Report) -> None:
    found = sources(damaged)
    kept_out = [
        [one for one in source.problems if one.severity is Severity.QUARANTINE] for source in found
    ]
    biggest = [max(problems, key=lambda one: one.count) for problems in kept_out if problems]
    steps = first_steps(found)
    assert 1 < len(biggest) < len(steps)
    assert [(one.source, one.count) for one in steps[: len(biggest)]] == [
        (one.source, one.count) for one in biggest
    ]
    left_out = sum(map(len, kept_out)) - len(steps)
    assert left_out > 1
    assert f"<p>And {left_out} more below.</p>" in page_of(damaged)


def test_problems_are_in_order_of_cause_and_severity(damaged: Report) -> None:
    found = [source for source in sources(damaged) if source.export]
    assert [source.name for source in found] == [
        "SchoolExport.csv",
        "StaffExport.csv",
        "StudentExport.csv",
        "StaffToStudentExport.csv",
        "AttendanceExport.csv",
    ]
    for source in found:
        ranks = [problem.severity.rank for problem in source.problems]
        assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("outcome", "kind", "title"),
    [
        ("", "accepted", "Accepted"),
        ("published", "accepted", "Published"),
        ("unchanged", "accepted", "Nothing new"),
        ("listed", "accepted", "Accepted"),
        ("nothing_new", "accepted", "Accepted"),
        ("held", "held", "On hold: an operator must look at this"),
        ("discarded", "held", "Discarded by an operator"),
        ("failed", "blocked", "The run could not be finished"),
        ("failed:3", "blocked", "The run could not be finished"),
    ],
)
def test_headline_of_a_run(tmp_path: Path, outcome: str, kind: str, title: str) -> None:
    said = headline(validate(write(tmp_path)), outcome)
    assert (said.kind, said.title) == (kind, title)


@pytest.mark.parametrize(
    ("contacts", "where"),
    [
        (("(201) 555-0116",), "one school"),
        (("(201) 555-0116", "(201) 555-0111", "eva@example.com"), "2 schools"),
    ],
)
def test_a_clean_night_says_that_students_cannot_be_reached(
    tmp_path: Path, contacts: tuple[str, ...], where: str
) -> None:
    students = FILES[STUDENTS.file_name]
    for contact in contacts:
        students = students.replace(contact, "")
    said = headline(validate(write(tmp_path, {STUDENTS.file_name: students})), "published")
    assert said.kind == "accepted"
    assert said.explanation == (
        f"Every file could be used. Some students of {where} cannot be reached by any message:"
        " see below."
    )


def test_a_night_without_news_at_its_deadline_is_not_called_well(tmp_path: Path) -> None:
    report = validate(write(tmp_path))
    report.findings_of(STAFF).add("stale_file")
    said = headline(report, "unchanged")
    assert (said.kind, said.title) == ("findings", "Nothing new, and files are due")


def test_a_held_drop_is_not_called_refused_and_an_approved_one_is_published(tmp_path: Path) -> None:
    report = validate(write(tmp_path))
    report.drop.add("mixed_nights", found=30, limit=12)
    assert headline(report).title == "On hold: an operator must look at this"
    assert headline(report, "held").kind == "held"
    said = headline(report, "published")
    assert (said.title, said.kind) == ("Published", "findings")
    assert said.explanation == "What was on hold was approved by an operator."


REFUSED_SCHOOLS = {SCHOOLS.file_name: "School,Address\nLincoln High School,1 Main Street\n"}
REFUSED_ABSENCES = {ATTENDANCE.file_name: "Site,Student\n101,001\n"}
REFUSED_STAFF = {STAFF.file_name: "a,b\n1,2\n"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (REFUSED_SCHOOLS, "The rosters can be published all the same. SchoolExport.csv is refused"),
        (REFUSED_ABSENCES, "The rosters can be published all the same. AttendanceExport.csv is"),
        ({**REFUSED_SCHOOLS, **REFUSED_STAFF}, "If you upload this, nothing is published."),
    ],
)
def test_what_comes_of_a_refused_file(tmp_path: Path, files: dict[str, str], said: str) -> None:
    first = headline(validate(write(tmp_path, files)))
    assert first.kind == "blocked"
    assert first.explanation.startswith(said)


def test_a_night_without_its_school_export_was_approved_by_nobody(tmp_path: Path) -> None:
    report = validate(write(tmp_path, REFUSED_SCHOOLS))
    said = headline(report, "published")
    assert (said.kind, said.title) == ("findings", "Published")
    assert said.explanation == (
        "SchoolExport.csv is refused: what an earlier one said of the sites stays."
    )
    report.drop.add("mixed_nights", found=30, limit=12)
    assert headline(report, "published").explanation.startswith("What was on hold was approved")
    steps = [problem.rule.code for problem in first_steps(sources(report))]
    assert {"mixed_nights", "missing_required_column"} <= {*steps}, "both need somebody"


@pytest.mark.parametrize("done", ["published", "unchanged", "listed", "nothing_new"])
def test_a_run_that_failed_in_the_end_says_what_it_did(tmp_path: Path, done: str) -> None:
    said = headline(validate(write(tmp_path)), "failed:2", done)
    assert said.title == "The run could not be finished"
    assert said.explanation.endswith("What failed came after that.")


def test_a_run_that_checked_nothing_says_so() -> None:
    page = page_of(
        Report(open_scratch()),
        job="core",
        outcome="failed:3",
        message="The SFTP server sftp.example.org:22 refused the connection.",
    )
    assert "No file was checked in this run." in page
    assert "refused the connection" in page


@pytest.mark.parametrize(
    ("outcome", "is_shown"), [("held", False), ("blocked", False), ("discarded", True)]
)
def test_what_is_said_to_an_operator_is_not_said_to_a_district(
    refused: Report, outcome: str, is_shown: bool
) -> None:
    page = page_of(refused, job="core", outcome=outcome, message="Run `connect-pipeline approve`.")
    assert ("The run says" in page) == ("connect-pipeline approve" in page) == is_shown


def test_lines_are_written_as_runs() -> None:
    assert run_words(ranges([2, 3, 4, 9, 11, 12])) == ["2-4", "9", "11-12"]
    assert ranges([]) == []


# --- The text ---------------------------------------------------------------------------------


def test_text_of_a_small_report(tmp_path: Path) -> None:
    header, first, *others = FILES[STAFF.file_name].splitlines()
    staff = "\n".join([header, f"{first},extra", *others, ""])
    text = text_of(validate(write(tmp_path, {STAFF.file_name: staff})))
    assert [line.rstrip() for line in text.splitlines()] == [
        "Accepted, with findings",
        "Every file can be used. 4 rows were kept out; what is listed below is worth",
        "correcting.",
        "",
        "file                      lines  accepted  kept out  verdict",
        "SchoolExport.csv              3         2         0  accepted",
        "StaffExport.csv               4         2         1  accepted, with findings",
        "StudentExport.csv             7         6         0  accepted",
        "StaffToStudentExport.csv     11         7         3  accepted, with findings",
        "AttendanceExport.csv          3         2         0  accepted, with findings",
        "",
        "StaffExport.csv",
        "▲ rows kept out  wrong_field_count, once",
        "  This line has 8 fields, the header has 7. Look for a comma in a value that is",
        "  not in quotes, or for a missing comma. (line 2)",
        "",
        "StaffToStudentExport.csv",
        "▲ rows kept out  unknown_teacher, 3 times",
        "  The teacher of this row is no ID of StaffExport.csv: its row is quarantined.",
        "  Correct the ID or add the staff member there. (lines 2-4)",
        "",
        "AttendanceExport.csv",
        "● warning  period_not_in_schedule, once",
        "  StaffToStudentExport.csv has no class for this student, school and period: the",
        "  student has classes there, but not in this period. Compare how both exports",
        "  write periods and schools. (line 2)",
        "",
        "Next: upload the files as they are, or correct the findings in the SIS and",
        "export again. --html FILE writes all lines and the reasons as a page.",
    ]


def test_text_of_a_refused_drop_says_what_to_do_first(refused: Report) -> None:
    text = text_of(refused)
    assert text.startswith("Refused: 3 files cannot be used\n")
    assert text.index("Do first") < text.index("▲ rows kept out")


def test_text_says_how_many_steps_are_left_out(tmp_path: Path) -> None:
    mistakes = {
        STAFF: (("ID", "Id"), ("Title", "")),
        STUDENTS: (("ID,School", "School,Id"),),
        STAFF_TO_STUDENT: (("Student", ""), ("Course", "course")),
    }
    files = {}
    for spec, changes in mistakes.items():
        files[spec.file_name] = FILES[spec.file_name]
        for old, new in changes:
            files[spec.file_name] = files[spec.file_name].replace(old, new, 1)
    assert " And 2 more below." in text_of(validate(write(tmp_path, files)))


def test_text_says_what_to_do_first_also_where_a_cause_is_the_last_step(tmp_path: Path) -> None:
    bad = {
        spec.file_name: with_header(spec, *[f"{number},only" for number in range(9)])
        for spec in (STAFF, STUDENTS, STAFF_TO_STUDENT)
    }
    order = with_header(SCHOOLS, columns=SCHOOLS.column_names[::-1])
    text = text_of(validate(write(tmp_path, {**bad, SCHOOLS.file_name: order})))
    assert "Next: correct what stands under Do first" in text
    assert "Do first" in [line.strip() for line in text.splitlines()]


def test_text_shortens_what_is_long(tmp_path: Path) -> None:
    rows = [
        f"T{number},101,Maria,Lopez,{'maria' if number % 2 else 'm@example.org'},Teacher,"
        for number in range(60)
    ]
    text = text_of(validate(write(tmp_path, {STAFF.file_name: with_header(STAFF, *rows)})))
    assert "(lines 3, 5, 7, 9, 11, 13, 15, 17 and 22 more)" in " ".join(text.split())


# --- JSON and CSV -----------------------------------------------------------------------------


def test_json_is_as_documented(damaged: Report, refused: Report) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for report in (damaged, refused):
        assert list(validator.iter_errors(as_json(report))) == []


def test_csv_has_what_is_wrong_with_the_drop_as_a_whole(refused: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(refused))))
    (row,) = [row for row in rows if row["code"] == "unexpected_file"]
    assert (row["export"], row["severity"]) == ("the drop", "info")


def test_csv_has_a_row_for_each_finding_and_no_record_id(damaged: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(damaged))))
    assert list(rows[0]) == ["export", "line", "column", "code", "severity", "message"]
    stored = [list(export.findings) for export in damaged.exports.values()]
    assert len(rows) == sum(len(findings) for findings in stored)


def test_csv_starts_no_formula(tmp_path: Path) -> None:
    report = validate(write(tmp_path))
    findings = report.exports[STAFF.file_name].findings
    for column in ("=1+1", "@SUM", "+A1", "-A1", "-1.5"):
        findings.add("invalid_email", line=2, column=column)
    columns = [row["column"] for row in csv.DictReader(io.StringIO(as_csv(report)))]
    assert columns == ["'=1+1", "'@SUM", "'+A1", "'-A1", "-1.5"]


# --- "Your district allows" -------------------------------------------------------------------


def test_standard_settings_allow_nothing_of_their_own() -> None:
    assert allowances(DISTRICT.model_copy(update={"attendance": Attendance()})) == []


def test_what_differs_is_said_with_the_standard() -> None:
    reach = "the share of families that can be reached"
    few, year = "fewer than 500 students", "another school year: any change of people and classes"
    district = DISTRICT.model_copy(
        update={
            "thresholds": Thresholds(bad_rows=0.075, reachability_points=20),
            "limits": Limits(rows=1_000_000, file_bytes=3 * 1024**3),
            "hold_stale_files": False,
            "attendance": Attendance(other_codes=("E", "T"), absent_floor=500),
            "rollover": Rollover(first_day=date(2026, 8, 1), last_day=date(2026, 8, 9), removed=1),
        }
    )
    assert allowances(district) == [
        "a file of up to 3 GB (standard: 2 GB)",
        "a file of up to 1,000,000 rows (standard: 20,000,000)",
        "7.5 % of a file's rows to be kept out before it is refused (standard: 5 %)",
        f"{reach} to fall by 20 points in one night (standard: 10)",
        "these absence codes, which alert nobody: E, T (standard: none)",
        f"any share of {few} to be absent, or gone from a later file (standard: 20)",
        "old core files to wait for an operator: no (standard: yes)",
        f"{year}, and leavers of 100 %, from 2026-08-01 to 2026-08-09 (standard: never)",
    ]


def test_every_setting_that_changes_a_rule_has_words() -> None:
    of_rules = {rule.setting for rule in catalogue().values() if rule.setting}
    of_several = {"rollover", "attendance.absent_floor"}
    assert of_rules | of_several == PHRASES.keys()


# --- The report of a run ----------------------------------------------------------------------


def test_a_run_leaves_a_page_data_and_a_list(tmp_path: Path, damaged: Report) -> None:
    page = write_reports(
        Home(tmp_path),
        "springfield",
        "core",
        damaged,
        started=NIGHT,
        outcome="published",
        district=DISTRICT,
    )
    assert page == tmp_path / "reports" / "springfield" / "2025-10-03T063000Z-core.html"
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "2025-10-03T063000Z-core.csv",
        "2025-10-03T063000Z-core.html",
        "2025-10-03T063000Z-core.json",
    ]
    assert {path.stat().st_mode & 0o777 for path in page.parent.iterdir()} == {0o600}
    text = page.read_text(encoding="utf-8")
    assert "Published, with findings" in text
    assert "Thursday, October 2, 2025, 23:30 PDT" in text
    assert "Your district allows" in text
    data = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    jsonschema.validate(data, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert (data["district"], data["job"], data["outcome"]) == ("springfield", "core", "published")
    assert page.with_suffix(".csv").read_text(encoding="utf-8") == as_csv(damaged)


def test_a_core_file_that_is_missing_is_not_there(tmp_path: Path) -> None:
    page = page_of(validate(tmp_path))
    assert page.count("not there</td>") == len(CORE)
