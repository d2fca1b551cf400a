"""Whether the ledger is the one that knows what is published, listed and erased.

Belongs here: checks that ask the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from functools import partial

from connect_pipeline.doctor.diagnosis import Diagnosis, attempt, check
from connect_pipeline.erased import records as erasure_records
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import has_ledger, open_ledger, refuse_gone
from connect_pipeline.run.lost_lists import refuse_lost_balances
from connect_pipeline.run.recovery import refuse_unsettled
from connect_pipeline.settings import District


def examine_ledger(home: Home) -> tuple[bool, Diagnosis]:
    """And whether it can tell of what is published: a new one tells what it does not know."""
    if not has_ledger(home):
        gone = check("ledger", partial(refuse_gone, home))
        none_yet = replace(gone, says="none yet; the first run makes it")
        return False, gone if gone.exit_code else none_yet
    unknown, diagnosis = attempt("ledger", partial(_unknown_to_ledger, home))
    if unknown:
        says = (
            f"it knows nothing of what is published for {', '.join(unknown)}: the one that did was"
            " lost. Restore a backup. Where there is none, do what else is said here: then the next"
            " run takes over what is there."
        )
        diagnosis = Diagnosis("ledger", EnvironmentFault.exit_code, says)
    return unknown is not None, diagnosis


def _unknown_to_ledger(home: Home) -> list[str]:
    """The districts of whose published roster the ledger knows nothing."""
    with closing(open_ledger(home)) as ledger:
        rosters = sorted((home.root / "published").glob("*/roster.duckdb"))
        names = (roster.parent.name for roster in rosters)
        return [name for name in names if ledger.current_snapshot(name) is None]


def examine_published(home: Home, name: str, district: District) -> bool:
    """Whether anything was.

    Raises `EnvironmentFault` when a file is damaged or gone, the ledger knows nothing of its lists,
    or, before all, when an erasure was cut short: until it is run again, files may well be gone.
    """
    with closing(open_ledger(home)) as ledger:
        erasure_records.refuse_cut_short(ledger, name)
        refuse_unsettled(home, ledger, name)
        refuse_lost_balances(home, ledger, name, district)
        return home.published(name).exists()


def refuse_lost_erasures(home: Home, districts: Iterable[str]) -> None:
    """Raises `EnvironmentFault` when the ledger does not know, or know again, who was erased."""
    with closing(open_ledger(home)) as ledger:
        for name in districts:
            erasure_records.refuse_lost(home, ledger, name)
            erasure_records.who_is_erased(ledger, name)
