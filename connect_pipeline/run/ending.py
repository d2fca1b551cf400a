"""A run's end: the ledger's row, the report, and nothing left open.

Belongs here: what is written at the end, whatever the run came to. Does not belong here: who is
told (`telling.py`).
"""

from __future__ import annotations

import logging
from contextlib import suppress

import duckdb

from connect_pipeline import landing
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import remove_scratch
from connect_pipeline.ledger import PREVIEW_JOB
from connect_pipeline.outcomes import GOOD
from connect_pipeline.report.of_run import write_reports
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.retention import files_of_current

log = logging.getLogger(__name__)


def end(run: DistrictRun) -> None:
    """Report, ledger, and nothing left open. The scratch database goes: nobody reads it again."""
    codes = run.report.counts()
    try:
        if run.job != PREVIEW_JOB:
            if run.outcome in ("listed", "nothing_new"):
                run.ledger.use_approval(run.name, run.job, run.set_sha256)
            if run.outcome in GOOD:
                run.ledger.supersede_holds(run.name, run.job)
            run.ledger.end_run(run.run_id, run.outcome, codes, run.message)
            _write_report(run)
    finally:
        run.visit.reading.close()
        with suppress(duckdb.Error):
            run.connection.close()
        remove_scratch(run.home, run.name)
        if run.erased:
            _forget_erased(run)


def _forget_erased(run: DistrictRun) -> None:
    """What a new upload still says of erased students does not stay.

    The files of the current night do: it is rebuilt from them at need. All others can be had again.
    """
    try:
        landing.prune(run.home, run.name, files_of_current(run.ledger, run.name), older_than_days=0)
    except EnvironmentFault as fault:
        log.error("%s: received files of an erased student stay for now: %s", run.name, fault)


def _write_report(run: DistrictRun) -> None:
    """A run is what it came to, whether or not its report could be written: that is only said."""
    try:
        page = write_reports(
            run.home,
            run.name,
            run.job,
            run.report,
            started=run.started,
            outcome=run.outcome,
            message=run.message,
            done=run.done,
            district=run.district,
        )
    except Exception as error:
        log.error("%s: there is no report of this run. %s", run.name, as_our_error(error))
        return
    log.info("%s: the report is %s", run.name, page)
