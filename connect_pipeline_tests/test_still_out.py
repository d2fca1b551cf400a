"""A night without news says again which rows are kept out, and for whom, until that is mended."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connect_pipeline.contract import SCHOOLS, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.findings import STORED_PER_CODE
from connect_pipeline.run.still_out import StillOut
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import NAME, SmallHome

STUDENT_FILE, CLASS_FILE, SCHOOL_FILE = (
    spec.file_name for spec in (STUDENTS, STAFF_TO_STUDENT, SCHOOLS)
)
ANA = FILES[STUDENT_FILE].splitlines()[1]
IN_NUMBERS = ("lines", "accepted", "quarantined")


def of_run(home: SmallHome, run: Any, suffix: str) -> Path:
    return Path(run.report_page).with_suffix(suffix)


def data_of(home: SmallHome, run: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(of_run(home, run, ".json").read_text())
    return data


def what_keeps_out(export: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        one
        for one in export["findings"]
        if one["severity"] in ("quarantine", "block") or one["code"] == "kept_previous"
    ]


def test_who_stays_invalid_is_named_each_night(home: SmallHome) -> None:
    row = "102,T3,006,0,Grade 3,G3,1"
    logs = home.drop / "Logs"
    logs.mkdir()
    home.write_settings(sftp={"report_folder": f"{home.sftp['folder']}/Logs"})
    home.upload(
        {
            STUDENT_FILE: home.read(STUDENT_FILE).replace(ANA, ANA.replace("Ruiz,,", "Ruiz,Jr.,,")),
            CLASS_FILE: home.read(CLASS_FILE).replace(row, f"{row},"),
        }
    )
    first, again = home.nightly(), home.nightly()
    assert (first.outcome, again.outcome) == ("published", "unchanged")
    before, now = data_of(home, first), data_of(home, again)
    assert now["verdict"] == "accepted_with_findings"
    assert now["exports"].keys() == before["exports"].keys()
    for name, export in now["exports"].items():
        as_before = before["exports"][name]
        assert [export[one] for one in IN_NUMBERS] == [as_before[one] for one in IN_NUMBERS], name
        assert export["findings"] == what_keeps_out(as_before)
        assert export["counts"].items() <= as_before["counts"].items()
    students = now["exports"][STUDENT_FILE]
    assert students["counts"] == {"wrong_field_count": 1, "kept_previous": 1}
    assert "001" in {one["record_id"] for one in students["findings"]}
    assert now["message"] == (
        f"{NAME}: 2 rows are still kept out. Of 2 people, what was published before stays. The"
        f" report that said it first is {first.report_page.name}."
    )
    (handed_back,) = (path for path in logs.iterdir() if again.report_page.name in path.name)
    page = handed_back.read_text()
    assert page == of_run(home, again, ".html").read_text()
    assert "Nothing new, with findings" in page
    assert now["message"] in page
    assert "wrong_field_count" in page
    assert "kept_previous" in page
    assert "<p>None.</p>" not in page
    assert "warnings are in the report of the night" in page


def test_a_night_without_news_of_which_nothing_is_kept_out_is_well(home: SmallHome) -> None:
    again = home.nightly()
    assert (again.outcome, again.message) == ("unchanged", "")
    page = of_run(home, again, ".html").read_text()
    assert re.search(r"<h1>Nothing new</h1>", page)
    assert "No row is kept out." in page
    assert data_of(home, again)["verdict"] == "accepted"


def test_a_school_export_that_was_refused_is_so_still(home: SmallHome) -> None:
    home.upload({SCHOOL_FILE: "School,Address\nLincoln High School,1 Main Street\n"})
    first, again = home.nightly(), home.nightly()
    assert (first.outcome, again.outcome) == ("published", "unchanged")
    before, now = data_of(home, first), data_of(home, again)
    assert now["exports"][SCHOOL_FILE] == before["exports"][SCHOOL_FILE]
    assert "SchoolExport.csv is refused" in of_run(home, again, ".html").read_text()


def test_more_rows_than_findings_are_stored_are_counted_all(home: SmallHome) -> None:
    text = home.read(CLASS_FILE)
    row = text.splitlines()[1].split(",")
    more = [",".join([row[0], f"X{n}", *row[2:]]) for n in range(STORED_PER_CODE + 5)]
    good = [",".join([*row[:3], f"P{n}", *row[4:]]) for n in range(30 * STORED_PER_CODE)]
    home.write_settings(thresholds={"unknown_references": 1, "bad_rows": 1, "removed": 1})
    home.upload({CLASS_FILE: text + "\n".join((*good, *more)) + "\n"})
    first = home.nightly()
    first.report_page.unlink()
    again = home.nightly()
    assert (first.outcome, again.outcome) == ("published", "unchanged")
    assert again.message == f"{NAME}: 1,005 rows are still kept out.", "names no page that is gone"
    export = data_of(home, again)["exports"][CLASS_FILE]
    assert export["counts"]["unknown_teacher"] == STORED_PER_CODE + 5
    assert len(export["findings"]) == STORED_PER_CODE


@pytest.mark.parametrize(
    ("rows", "people", "says"),
    [
        (0, 0, ""),
        (1, 0, "One row is still kept out."),
        (1200, 1, "1,200 rows are still kept out. Of one person, what was published before stays."),
    ],
)
def test_what_is_kept_out_is_said_in_words(rows: int, people: int, says: str) -> None:
    assert StillOut(rows, people).sentence("") == says
