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


@pytest.mark.parametrize("where", ["outbox", "published"])
def test_only_what_it_does_not_know_is_to_move_and_is_listed_again(
    listing: SmallHome, tmp_path: Path, where: str
) -> None:
    """Of a list that it knows nobody would be listed again: who moves that away leaves them untold.

    A sender that takes lists away leaves the published day.
    """
    outbox, day = listing.home.outbox(NAME), listing.home.attendance(NAME)
    absent(listing, "101,001,1,A")
    assert list_absences(listing).outcome == "listed"
    (known,) = (path.stem for path in outbox.glob("*.json"))
    of_known = told(listing)
    backup = Backup(listing, tmp_path / "backup.db")
    absent(listing, "101,001,1,A", "101,002,1,A")
    assert list_absences(listing).outcome == "listed"
    (unknown,) = (path.stem for path in outbox.glob("*.json") if path.stem != known)
    of_both = told(listing)
    moved = outbox.glob(f"{unknown}.*")
    if where == "published":
        for path in moved:
            path.unlink()
    backup.restore()
    absent(listing, "101,001,1,A", "101,002,1,A", "101,003,1,A")
    with pytest.raises(EnvironmentFault, match="hold 1 lists that the ledger does not know") as no:
        list_absences(listing)
    said = listing.command_here("doctor", NAME).stdout.replace("\n", " ")
    move = {"outbox": "their files from the outbox and ", "published": ""}[where]
    for says in (str(no.value), said):
        assert f"({unknown})" in says
        assert f"move {move}attendance.duckdb away, but no other list" in says
        assert known not in says
    for path in (*outbox.glob(f"{unknown}.*"), day):
        path.rename(tmp_path / path.name)
    assert f"ok  {NAME}: what is published: well" in listing.command_here("doctor", NAME).stdout
    assert list_absences(listing).outcome == "listed"
    again = [line for line in told(listing) if line[2] != "003"]
    assert sorted(again) == sorted(of_both), "of the unknown list everybody, of the known nobody"
    assert [line for line in again if line[2] == "001"] == of_known
    assert "003" in {student for _, _, student in told(listing)}
    assert list_absences(listing).outcome == "nothing_new"


def test_the_published_day_of_the_backup_keeps_what_a_known_list_said(
    listing: SmallHome, tmp_path: Path
) -> None:
    """Without it nobody could take that back."""
    outbox, day = listing.home.outbox(NAME), listing.home.attendance(NAME)
    absent(listing, "101,001,1,A")
    assert list_absences(listing).outcome == "listed"
    known = {path.name for path in outbox.glob("*.*")}
    backup, day_then = Backup(listing, tmp_path / "backup.db"), day.read_bytes()
    absent(listing, "101,001,1,A", "101,002,1,A")
    assert list_absences(listing).outcome == "listed"
    backup.restore()
    for path in [path for path in outbox.glob("*.*") if path.name not in known]:
        path.unlink()
    day.write_bytes(day_then)
    absent(listing, "101,002,1,A")
    assert list_absences(listing).outcome == "listed"
    assert {student for _, _, student in told(listing)} == {"001", "002"}
    (cleared,) = (outbox / "cleared").glob("*.csv")
    assert ",001," in cleared.read_text()
