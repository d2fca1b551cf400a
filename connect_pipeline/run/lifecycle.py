"""A run's beginning and end: what is done around its steps, whatever happens in them.

For: `district_run`, under which Dagster's resource, the commands and the tests take the steps of a
`DistrictRun`. It takes the district's lock, recovers what a kill left, opens the scratch database;
at the end it writes the report and the ledger's row, removes the scratch, raises alarms and hands
the report back.
Belongs here: that order. Does not belong here: the steps (`nightly_steps.py`,
`attendance_steps.py`), how a kill is recovered from (`recovery.py`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial

import duckdb

from connect_pipeline import alarms, landing, roster
from connect_pipeline.alarms.delivery import deliver
from connect_pipeline.alarms.words import Cause
from connect_pipeline.checks import prepare
from connect_pipeline.contract import CORE, SCHOOLS
from connect_pipeline.databases import give_threads, in_memory, open_scratch
from connect_pipeline.decisions import expire_undecided
from connect_pipeline.disk import private_folder
from connect_pipeline.erased import records as erasure_records
from connect_pipeline.erased.keep_out import load_erased
from connect_pipeline.erasure.previous import without_erased
from connect_pipeline.errors import ConnectError, DiskFault, EnvironmentFault, Refused
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home, remove_scratch
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, PREVIEW_JOB, Ledger, now, open_ledger
from connect_pipeline.limits import Limits
from connect_pipeline.outcomes import GOOD
from connect_pipeline.process.locks import locked
from connect_pipeline.process.stops import held_back, is_stop
from connect_pipeline.report.of_run import write_reports
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.lost_lists import refuse_lost_ledger
from connect_pipeline.run.recovery import recover, refuse_unsettled
from connect_pipeline.run.retention import files_of_current
from connect_pipeline.settings import District, Settings
from connect_pipeline.settings_file import load_sound_districts
from connect_pipeline.snapshots import Lost
from connect_pipeline.snapshots.damage import refuse_unread
from connect_pipeline.validation import Report

log = logging.getLogger(__name__)


@contextmanager
def district_run(
    home: Home, name: str, run_id: str, job: str, deadline: datetime | None = None
) -> Iterator[DistrictRun]:
    """Begin a run: lock, recover what a kill left, open everything; end it, whatever happened.

    `deadline` is when the files were due, if that is why the run was started.
    Raises `SettingsError`, or `EnvironmentFault` when another run has the district's lock.
    """
    load_sound_districts(home.settings_file).district(name)  # or nobody need wait for the lock
    ledger = None
    try:
        with locked(home, name):
            sound = load_sound_districts(home.settings_file)  # as they are after waiting for it
            district, settings = sound.district(name), sound.told
            ledger = open_ledger(home)
            if job == PREVIEW_JOB:  # which changes nothing, not even for the better
                refuse_unsettled(home, ledger, name)
            else:
                rebuild = partial(_rebuild, home, ledger, district, name, run_id)
                recover(home, ledger, settings, name, rebuild)
                expire_undecided(ledger, name, district, now())
                ledger.start_run(run_id, name, job)
            unmade = None
            try:
                connection = _fresh_scratch(home, name, district.limits, job)
            except Exception as error:  # the run has begun, so it ends as any other that failed
                connection, unmade = in_memory(), as_our_error(error)
            run = DistrictRun(
                home, name, district, ledger, run_id, job, now(), connection, Report(connection)
            )
            run.deadline = deadline
            try:
                if unmade is not None:
                    raise unmade
                _prepare(run)
                if job == ATTENDANCE_JOB:
                    refuse_lost_ledger(home, ledger, name)
                yield run
            except GeneratorExit:  # nobody goes on with it, and nothing went wrong
                raise
            except BaseException as error:
                if is_stop(error):
                    run.stop()
                    raise
                ours = as_our_error(error)
                run.fail(ours)
                raise ours from None
            finally:
                try:
                    with held_back():
                        _end(run)
                finally:
                    _tell(run, settings)
    finally:  # without the lock, for a receiver that is down takes its time
        if ledger is not None:
            if job != PREVIEW_JOB:
                deliver(ledger, settings)
            ledger.close()


def _rebuild(
    home: Home, ledger: Ledger, district: District, name: str, run_id: str, lost: Lost
) -> bool:
    """Publish a damaged snapshot again, from the files that it was made from; whether that worked.

    They were judged when it was first published, so no hold asks an operator again. Whoever it kept
    of earlier nights is in no file: without all of them it is another one, which is to be judged.
    """
    connection = _fresh_scratch(home, name, district.limits, CORE_JOB)
    run = DistrictRun(
        home, name, district, ledger, run_id, CORE_JOB, now(), connection, Report(connection)
    )
    exports = lost.row["exports"]
    try:
        _prepare(run, instead=lost.instead)
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


def _tell(run: DistrictRun, settings: Settings) -> None:
    """Raise alarms, then hand the report back, which takes minutes where that server is slow."""
    try:
        if run.job != PREVIEW_JOB:
            _note_alarms(run, settings)
            run.hand_back_report()
    finally:
        run.visit.hang_up()


def _note_alarms(run: DistrictRun, settings: Settings) -> None:
    """Say what the run came to, for those who are told. Never fails a run."""
    try:
        _say_how_it_ended(run, settings)
    except Exception as error:
        fault = as_our_error(error)
        log.error("%s: nobody can be told how the run ended: %s", run.name, fault)
        if fault.kind == "bug":  # the ledger itself may well be there
            with suppress(Exception):
                alarms.raise_alarm(
                    run.ledger,
                    settings,
                    run.name,
                    run.job,
                    Cause.FAILED,
                    {"bug": 1},
                    run_id=run.run_id,
                )


def _say_how_it_ended(run: DistrictRun, settings: Settings) -> None:
    codes = Counter(run.report.counts(lambda severity: severity.stops_file))
    hold = run.ledger.open_hold(run.name, run.job)
    if hold is not None and run.outcome == "held":
        codes |= Counter(hold["codes"])
    if run.job == ATTENDANCE_JOB:
        is_fresh = run.attendance.is_of_today and run.attendance.is_fresh
        if run.attendance.is_late:
            codes["stale_file"] = 1
    else:
        if run.outcome == "unchanged":  # old files hold nothing then, and newer ones are due
            codes["stale_file"] = run.report.counts().get("stale_file", 0)
        # Whom old files do not concern is not told that they still are.
        is_fresh = not run.district.hold_stale_files or (
            bool(run.visit.uploaded) and not run.night.stale
        )
    if run.outcome == "discarded" and run.deadline is not None:  # there is no file to be used
        codes["missing_file"] = 1
    alarms.after_run(
        run.ledger,
        settings,
        run.name,
        run.job,
        run.outcome,
        codes,
        run_id=run.run_id,
        done=run.done,
        fault=run.fault,
        is_fresh=is_fresh,
        is_held=hold is not None,
    )


def _prepare(run: DistrictRun, *, instead: str | None = None) -> None:
    """Open what the run compares with: the current snapshot, or the one `instead` of a lost one."""
    current = run.ledger.current_snapshot(run.name)
    snapshot_id = instead or (None if current is None else str(current["snapshot_id"]))
    path = None if snapshot_id is None else run.home.snapshot(run.name, snapshot_id)
    # It is not there while a damaged one is being rebuilt.
    previous = path if path is not None and path.exists() else None
    if previous is not None:
        give_threads(run.connection, previous.stat().st_size, run.district.limits)
    try:
        roster.attach_previous(run.connection, previous)
    except duckdb.Error as error:
        if previous is not None:
            refuse_unread(previous, error)
        raise
    prepare(run.connection, run.district)
    run.erased = erasure_records.who_is_erased(run.ledger, run.name)
    if erasure_records.WHOLE_DISTRICT in run.erased:
        raise Refused(
            f"{run.name} was erased. Take it out of districts.yaml, or run `connect-pipeline erase"
            f" {run.name} --lift` if it is to come back."
        )
    load_erased(run.connection, run.name, run.erased, run.ledger.key)
    if previous is not None and run.job == CORE_JOB:
        copy = without_erased(run.connection, previous, run.home.scratch(run.name))
        if copy is not None:
            run.connection.execute("DETACH previous")
            roster.attach_previous(run.connection, copy)


def _fresh_scratch(home: Home, name: str, limits: Limits, job: str) -> duckdb.DuckDBPyConnection:
    """In a file for a night, which is large; in memory for a day, which is faster, and spills."""
    path = home.work(name)
    remove_scratch(home, name)
    private_folder(home.scratch(name))
    try:
        in_file = path if job == CORE_JOB else None
        connection = open_scratch(in_file, spill=home.scratch(name), limits=limits)
    except duckdb.Error as error:
        raise DiskFault(
            f"The scratch database of {name} cannot be made ({type(error).__name__}):"
            " free disk space, then retry."
        ) from None
    return connection


def _end(run: DistrictRun) -> None:
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
