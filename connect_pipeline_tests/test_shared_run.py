"""What an operator's decision lets a run go on with, and what a run that failed had come to."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from connect_pipeline.errors import Refused
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, now, open_ledger
from connect_pipeline.run.shared_run import SharedRun
from connect_pipeline.settings import AddOnly
from connect_pipeline.validation import Report
from connect_pipeline_tests.attendance_runs import NAME, district


@pytest.fixture
def run(tmp_path: Path) -> SharedRun:
    """A run that has received nothing."""
    home, connection = Home(tmp_path), duckdb.connect()
    ledger = open_ledger(home)
    return SharedRun(
        home, NAME, district(), ledger, "run-1", CORE_JOB, now(), connection, Report(connection)
    )


@pytest.mark.parametrize(
    ("state", "reasons", "codes", "expected"),
    [
        ("approved", {"mass_removal"}, {"mass_removal", "stale_file"}, "approved"),
        ("approved", {"mass_removal"}, {"mass_removal", "column_vanished"}, None),
        ("discarded", {"mixed_nights", "stale_file"}, {"stale_file"}, "discarded"),
        ("discarded", {"mixed_nights", "stale_file"}, set[str](), None),
        ("discarded", {"mixed_nights", "mass_removal"}, set[str](), "discarded"),
        ("discarded", {"mass_removal"}, set[str](), "discarded"),
    ],
)
def test_a_decision_is_of_the_reasons_that_were_there(
    run: SharedRun, state: str, reasons: set[str], codes: set[str], expected: str | None
) -> None:
    run.ledger.hold(NAME, CORE_JOB, run.set_sha256, dict.fromkeys(reasons, 1))
    hold = run.ledger.open_hold(NAME, CORE_JOB)
    assert hold is not None
    run.ledger.decide(hold, state, "an operator")
    assert run.decision(CORE_JOB, codes) == expected


def test_an_approval_that_says_nothing_of_an_add_only_window_counts_in_one(run: SharedRun) -> None:
    """As one of absences, which no such window keeps."""
    window = AddOnly(first_day=run.today, last_day=run.today)
    run.district = run.district.model_copy(update={"add_only": window})
    run.ledger.hold(NAME, ATTENDANCE_JOB, run.set_sha256, {"mass_absence": 1}, {"absent": []})
    hold = run.ledger.open_hold(NAME, ATTENDANCE_JOB)
    assert hold is not None
    run.ledger.decide(hold, "approved", "an operator")
    assert run.decision(ATTENDANCE_JOB, {"mass_absence"}) == "approved"


@pytest.mark.parametrize("done", ["published", "unchanged", "listed", "nothing_new"])
def test_what_fails_after_the_end_undoes_nothing_of_it(run: SharedRun, done: str) -> None:
    run.outcome = done
    run.fail(Refused("no."))
    assert (run.outcome, run.done, run.message) == ("failed:1", done, "no.")
