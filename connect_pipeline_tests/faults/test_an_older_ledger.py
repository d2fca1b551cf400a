"""A ledger from a backup does not know what came since: nothing that readers have moves for it."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest

from connect_pipeline.contract import STUDENTS
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.snapshots import roll_back
from connect_pipeline_tests.faults.absences import absent, list_absences, told
from connect_pipeline_tests.small_home import NAME, SmallHome

STUDENT_FILE = STUDENTS.file_name
OLD_PHONE, NEW_PHONE = "(201) 555-0111", "(201) 555-0199"


class Backup:
    """The ledger as it was when this was made."""

    def __init__(self, home: SmallHome, path: Path) -> None:
        self.home, self.path = home, path
        with sqlite3.connect(home.home.ledger_file) as ledger, sqlite3.connect(path) as copy:
            ledger.backup(copy)

    def restore(self) -> None:
        for left in self.home.home.root.glob("ledger.db*"):
            left.unlink()
        self.path.rename(self.home.home.ledger_file)


@pytest.fixture
def listing(home: SmallHome) -> SmallHome:
    home.write_settings(attendance={"enabled": True})
    return home


def another_night(home: SmallHome) -> str:
    home.upload({STUDENT_FILE: home.read(STUDENT_FILE).replace(OLD_PHONE, NEW_PHONE)})
    return home.publish()


def test_what_was_published_since_stays_published(
    listing: SmallHome, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    backup = Backup(listing, tmp_path / "backup.db")
    published = another_night(listing)
    bytes_before = listing.roster_bytes()
    backup.restore()
    absent(listing, "101,001,1,A")
    assert list_absences(listing).outcome == "listed"
    assert "+12015550199" in {destination for _, destination, _ in told(listing)}
    assert f"took the published snapshot {published} into a ledger" in caplog.text
    assert (listing.current(), listing.roster_bytes()) == (published, bytes_before)
    listing.publish()


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_what_was_gone_back_from_since_does_not_come_back(
    listing: SmallHome, tmp_path: Path, *, known: bool
) -> None:
    """Whether the ledger knows the bad night, or only the good one before it."""
    good = listing.current()
    backup = Backup(listing, tmp_path / "backup.db")
    bad = another_night(listing)
    if known:
        backup = Backup(listing, tmp_path / "backup.db")
    roll_back(listing.home, listing.ledger, NAME, good, "Pat Operator")
    backup.restore()
    absent(listing, "101,001,1,A")
    assert list_absences(listing).outcome == "listed"
    assert "+12015550111" in {destination for _, destination, _ in told(listing)}
    assert listing.current() == good
    run = listing.nightly()
    assert (run.outcome, set(run.report.holding_codes())) == ("held", {"rolled_back"})
    assert (listing.current(), bad in listing.snapshots()) == (good, True)


def test_a_night_that_it_does_not_know_either_stays_gone_back_to(
    listing: SmallHome, tmp_path: Path
) -> None:
    backup = Backup(listing, tmp_path / "backup.db")
    good = another_night(listing)
    listing.upload({STUDENT_FILE: listing.read(STUDENT_FILE).replace("Korean", "Spanish")})
    listing.publish()
    roll_back(listing.home, listing.ledger, NAME, good, "Pat Operator")
    backup.restore()
    run = listing.nightly()
    assert (run.outcome, set(run.report.holding_codes())) == ("held", {"rolled_back"})
    assert listing.current() == good


def test_snapshots_that_the_ledger_does_not_know_are_not_kept_for_ever(
    listing: SmallHome, tmp_path: Path
) -> None:
    listing.write_settings(keep={"snapshots": 2})
    backup = Backup(listing, tmp_path / "backup.db")
    since = [another_night(listing)]
    listing.upload({STUDENT_FILE: listing.read(STUDENT_FILE).replace("Korean", "Spanish")})
    since.append(listing.publish())
    backup.restore()
    for languages in (("Spanish", "French"), ("French", "Korean")):
        listing.upload({STUDENT_FILE: listing.read(STUDENT_FILE).replace(*languages)})
        last = listing.publish()
    assert len(listing.snapshots()) == 2
    assert last in listing.snapshots()
    assert since[0] not in listing.snapshots()


def test_a_list_of_cleared_absences_is_missed_too(listing: SmallHome, tmp_path: Path) -> None:
    """The sender withheld the message, and the ledger believes that it stands."""
    absent(listing, "101,001,1,A", "101,002,1,A")
    assert list_absences(listing).outcome == "listed"
    backup = Backup(listing, tmp_path / "backup.db")
    absent(listing, "101,002,1,A")
    list_absences(listing)
    assert list((listing.home.outbox(NAME) / "cleared").glob("*.json"))
    backup.restore()
    absent(listing, "101,001,1,A", "101,002,1,A")
    with pytest.raises(EnvironmentFault, match="1 lists that the ledger does not know"):
        list_absences(listing)


def test_files_of_a_sender_in_the_outbox_are_no_lists(listing: SmallHome) -> None:
    absent(listing, "101,001,1,A")
    assert list_absences(listing).outcome == "listed"
    outbox = listing.home.outbox(NAME)
    (batch,) = outbox.glob("*.csv")
    for name in ("state.json", f"{batch.stem}.sent.json"):
        (outbox / name).write_text("{}")
    absent(listing, "101,001,1,A", "101,002,1,A")
    assert list_absences(listing).outcome == "listed"
