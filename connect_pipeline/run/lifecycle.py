"""A run's beginning and end: what is done around its steps, whatever happens in them.

For: `district_run`, under which Dagster's resource, the commands and the tests take the steps of a
`DistrictRun`. It takes the district's lock, recovers what a kill left, opens the scratch database;
at the end it writes the report and the ledger's row, removes the scratch, raises alarms and hands
the report back.
Belongs here: that order. Does not belong here: the steps (`nightly_steps.py`,
`attendance_steps.py`), how a kill is recovered from (`recovery.py`, `rebuild.py`), what is opened
(`opening.py`), written (`ending.py`) and said (`telling.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial

from connect_pipeline.alarms.delivery import deliver
from connect_pipeline.databases import in_memory
from connect_pipeline.decisions import expire_undecided
from connect_pipeline.erased import records as erasure_records
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, PREVIEW_JOB, Ledger, now, open_ledger
from connect_pipeline.process.locks import locked
from connect_pipeline.process.stops import held_back, is_stop
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.ending import end
from connect_pipeline.run.lost_lists import refuse_lost_ledger
from connect_pipeline.run.opening import fresh_scratch, open_comparison
from connect_pipeline.run.rebuild import rebuild
from connect_pipeline.run.recovery import recover, refuse_unsettled
from connect_pipeline.run.telling import tell
from connect_pipeline.settings import Settings
from connect_pipeline.settings_file import load_sound_districts
from connect_pipeline.validation import Report


@contextmanager
def district_run(
    home: Home, name: str, run_id: str, job: str, deadline: datetime | None = None
) -> Iterator[DistrictRun]:
    """Begin a run: lock, recover what a kill left, open everything; end it, whatever happened.

    `deadline` is when the files were due, if that is why the run was started.
    Raises `SettingsError`, or `EnvironmentFault` when another run has the district's lock, or a
    student's erasure is to be finished before the next night.
    """
    load_sound_districts(home.settings_file).district(name)  # or nobody need wait for the lock
    with ExitStack() as afterwards, locked(home, name):
        sound = load_sound_districts(home.settings_file)  # as they are after waiting for it
        district, settings = sound.district(name), sound.told
        ledger = open_ledger(home)
        # Without the lock, for a receiver that is down takes its time.
        afterwards.callback(_deliver_and_close, ledger, settings, job)
        if job == PREVIEW_JOB:  # which changes nothing, not even for the better
            refuse_unsettled(home, ledger, name)
        else:
            again = partial(rebuild, home, ledger, district, name, run_id)
            recover(home, ledger, settings, name, again)
            expire_undecided(ledger, name, district, now())
            ledger.start_run(run_id, name, job)
        unmade = None
        try:
            connection = fresh_scratch(home, name, district.limits, job)
        except Exception as error:  # the run has begun, so it ends as any other that failed
            connection, unmade = in_memory(), as_our_error(error)
        run = DistrictRun(
            home, name, district, ledger, run_id, job, now(), connection, Report(connection)
        )
        run.deadline = deadline
        with _ended(run, settings):
            if unmade is not None:
                raise unmade
            open_comparison(run)
            if job == ATTENDANCE_JOB:
                refuse_lost_ledger(home, ledger, name)
            elif job == CORE_JOB:  # what it is compared with may still have the student
                erasure_records.refuse_cut_short(ledger, name)
            yield run


@contextmanager
def _ended(run: DistrictRun, settings: Settings) -> Iterator[None]:
    """Note what went wrong in the steps, then end the run and tell of it, whatever happened.

    Of a refused set, what no step looked at is checked before.
    """
    try:
        yield
        run.check_rest()
        run.note_broken_off()
    except GeneratorExit:  # nobody goes on with it, and no step of ours went wrong
        run.note_broken_off()
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
                end(run)
        finally:
            tell(run, settings)


def _deliver_and_close(ledger: Ledger, settings: Settings, job: str) -> None:
    if job != PREVIEW_JOB:
        deliver(ledger, settings)
    ledger.close()
