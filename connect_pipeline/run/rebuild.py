"""A damaged snapshot, published again from the files that it was made from.

For: the recovery at a run's beginning. Belongs here: the steps of that, which are a night's without
a judgement. Does not belong here: what is damaged (`snapshots/damage.py`).
"""

from __future__ import annotations

import logging

import duckdb

from connect_pipeline.contract import CORE, SCHOOLS
from connect_pipeline.errors import ConnectError, EnvironmentFault
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home, remove_scratch
from connect_pipeline.ledger import CORE_JOB, Ledger, now
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.opening import fresh_scratch, open_comparison
from connect_pipeline.settings import District
from connect_pipeline.snapshots import Lost
from connect_pipeline.validation import Report

log = logging.getLogger(__name__)


def rebuild(
    home: Home, ledger: Ledger, district: District, name: str, run_id: str, lost: Lost
) -> bool:
    """Publish a damaged snapshot again, from the files that it was made from; whether that worked.

    They were judged when it was first published, so no hold asks an operator again. Whoever it kept
    of earlier nights is in no file: without all of them it is another one, which is to be judged.
    """
    connection = fresh_scratch(home, name, district.limits, CORE_JOB)
    run = DistrictRun(
        home, name, district, ledger, run_id, CORE_JOB, now(), connection, Report(connection)
    )
    exports = lost.row["exports"]
    try:
        open_comparison(run, instead=lost.instead)
        for spec in (SCHOOLS, *CORE):
            source = exports.get(spec.file_name)
            if source is not None:
                run.visit.take_landed(spec, str(source["sha256"]))
        run.refuse_missing(CORE)
        for spec in (SCHOOLS, *CORE):
            run.check(spec)
        run.night.build()
        if run.night.kept < exports.get("kept", {}).get("rows", 0):
            raise EnvironmentFault(
                "Some whom it kept are in none of its files. The snapshot before it stays, and"
                " tonight's files are judged against that."
            )
        snapshot_id = run.night.publish(rebuilds=lost.row)
        log.warning("%s: rebuilt as snapshot %s, from what was received", name, snapshot_id)
    except (ConnectError, duckdb.Error) as error:
        log.error("%s: it could not be rebuilt: %s", name, as_our_error(error))
        return False
    finally:
        run.visit.close()
        connection.close()
        remove_scratch(home, name)
    return True
