"""The sensors: a run when a core set or an attendance file has arrived and is settled.

Thin: `drop/looks.py` looks, `drop/arrival.py` says what follows, Dagster keeps what is remembered.

A fault of one drop never stops the others. One that may pass by itself is said in the tick; a
refused login, another host key or a missing folder raises an alarm, which keeps `night_watch` red
(`watch.py`), and so does a login that is broken off again and again. A tick here never is red,
for Dagster (1.13) forgets the cursor of such a one: what was seen of other drops, and the pause
before a refused login is repeated. Without the ledger no drop is looked at, and `night_watch` is
red for that, too.

Belongs here: ticks, run requests, cursors. Does not belong here: looking (`drop/looks.py`), when a
set has settled (`drop/arrival.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as clock_time
from functools import partial

import dagster as dg

from connect_pipeline import alarms
from connect_pipeline.alarms.words import Cause
from connect_pipeline.contract import ATTENDANCE, CORE, SCHOOLS
from connect_pipeline.drop import arrival
from connect_pipeline.drop.arrival import Fate, LastRun, Memory, Watch
from connect_pipeline.drop.looks import Look, look_at_all
from connect_pipeline.errors import ConnectError, LoginBroken, TransientFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import CORE_JOB, Ledger, open_ledger, stamp
from connect_pipeline.orchestration import names
from connect_pipeline.orchestration.missed import missed_deadlines
from connect_pipeline.orchestration.resources import is_refused
from connect_pipeline.orchestration.short_list import short_list
from connect_pipeline.outcomes import without_code
from connect_pipeline.settings import District, Settings
from connect_pipeline.sftp import RemoteFile

CORE_SECONDS = 30
# The list of absences is out within a minute of the file: two looks, the quiet period between.
ATTENDANCE_SECONDS = 10

RUNS_CONSIDERED = 25
NOTES_SHOWN = 10


@dataclass(frozen=True)
class Arrivals:
    """What one of the sensors waits for."""

    sensor: str
    job: str
    districts: dict[str, District]
    pick: Callable[[dict[str, RemoteFile]], arrival.Seen]
    quiet: Callable[[District], int]
    seconds: int
    awaits: str
    is_attendance: bool = False


def arrival_sensors(home: Home, settings: Settings) -> list[dg.SensorDefinition]:
    """`core_set_arrived` and `attendance_arrived`."""
    core = Arrivals(
        sensor="core_set_arrived",
        job=names.NIGHTLY_SYNC,
        districts=settings.districts,
        pick=arrival.core_set,
        quiet=lambda district: district.quiet_seconds.core,
        seconds=CORE_SECONDS,
        awaits=f"{', '.join(spec.file_name for spec in CORE)} are there, have rested, and differ"
        f" from before, or {SCHOOLS.file_name} does",
    )
    attendance = Arrivals(
        sensor="attendance_arrived",
        job=names.ATTENDANCE_ALERTS,
        districts={
            name: district
            for name, district in settings.districts.items()
            if district.attendance.enabled
        },
        pick=arrival.attendance_set,
        quiet=lambda district: district.quiet_seconds.attendance,
        seconds=ATTENDANCE_SECONDS,
        awaits=f"{ATTENDANCE.file_name} is there, has rested, and differs from before",
        is_attendance=True,
    )
    return [_sensor(awaited, home, settings) for awaited in (core, attendance)]


def _sensor(awaited: Arrivals, home: Home, settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name=awaited.sensor,
        job_name=awaited.job,
        minimum_interval_seconds=awaited.seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts a run of a district when its {awaited.awaits}.",
    )
    def arrived(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before = Memory.from_cursor(context.cursor)
        memory = Memory({name: before.of(name) for name in awaited.districts}, before.first)
        requests: list[dg.RunRequest] = []
        try:
            with closing(open_ledger(home)) as ledger:
                tick = Tick(awaited, home, settings, ledger, context.instance, memory)
                requests, notes = tick.look()
        except ConnectError as fault:
            notes = [str(fault)]
        for note in notes[:NOTES_SHOWN]:
            context.log.warning(note)
        reason = " ".join(notes[:NOTES_SHOWN]) or "Nothing new has settled."
        return dg.SensorResult(
            run_requests=requests,
            cursor=memory.to_cursor(),
            skip_reason=None if requests else reason,
        )

    return arrived


@dataclass(frozen=True)
class Tick:
    """One tick of a sensor. It changes `memory`, which is the cursor whatever becomes of the tick.

    Looks that failed are remembered first: whatever the ledger refuses after them, the pause before
    a refused login is kept. The others are remembered with the runs that they ask for.
    """

    awaited: Arrivals
    home: Home
    settings: Settings
    ledger: Ledger
    instance: dg.DagsterInstance
    memory: Memory

    def look(self) -> tuple[list[dg.RunRequest], list[str]]:
        """Look at the drops that are due; the runs to ask for, and what to note."""
        awaited, memory = self.awaited, self.memory
        began = time.time()
        wanted = memory.in_turn(
            name for name, watch in memory.watches.items() if watch.is_due(began)
        )
        looks = look_at_all(
            {name: awaited.districts[name].sftp for name in wanted},
            doubtful={name for name, watch in memory.watches.items() if watch.is_doubtful},
        )
        at = time.time()
        faults = {name: look for name, look in looks.items() if isinstance(look, ConnectError)}
        for name, fault in faults.items():
            watch = memory.of(name)
            memory.watches[name] = arrival.failed_look(watch, at, passes=_passes(fault))
        unreached = [name for name in wanted if name not in looks]
        memory.first = unreached[0] if unreached else ""
        watches, requests = self._follow(looks, at)
        if not awaited.is_attendance:  # whose districts are among the other sensor's
            self._tell_of_access(looks)
        memory.watches |= watches
        moment = datetime.fromtimestamp(at, UTC)
        requests += missed_deadlines(
            self.ledger, self.instance, awaited.job, awaited.districts, moment
        )
        notes = [f"{name}: {fault}" for name, fault in sorted(faults.items())]
        if unreached:
            notes.append(f"Not reached in time, so first the next time: {short_list(unreached)}.")
        paused = sorted(awaited.districts.keys() - set(wanted))
        if paused:
            notes.append(f"Refused us, and looked at again later: {short_list(paused)}.")
        return requests, notes

    def _follow(
        self, looks: dict[str, Look], at: float
    ) -> tuple[dict[str, Watch], list[dg.RunRequest]]:
        """What to remember of the looks that did not fail, and the runs to ask for."""
        watches, requests = {}, []
        reopened = self._reopened()
        for name, look in looks.items():
            if isinstance(look, ConnectError):
                continue
            # Without a roster nobody knows whom to tell: the file waits for it.
            is_early = self.awaited.is_attendance and not self.home.roster(name).exists()
            watches[name], ask = arrival.look(
                self.memory.of(name),
                {} if is_early else self.awaited.pick(look),
                at,
                self.awaited.quiet(self.awaited.districts[name]),
                partial(self._last_run, name),
                is_reopened=name in reopened,
            )
            if ask is not None:
                requests.append(_request(name, ask))
        return watches, requests

    def _reopened(self) -> set[str]:
        """Where the last run may not have been the end of it.

        Files of the job were approved since, or it failed: its alarm is open as long.
        """
        job = names.JOB_KINDS[self.awaited.job]
        failed = {
            str(row["district"])
            for row in alarms.open_alarms(self.ledger, cause=Cause.FAILED)
            if row["job"] == job
        }
        return failed | self.ledger.approved_districts(job)

    def _last_run(self, name: str, files: str) -> LastRun:
        """The last run for these files; of absences, one of an earlier day is not made up for.

        The file of yesterday says nothing of today, and nobody is late yet.
        """
        zone = self.awaited.districts[name].zone
        midnight = datetime.combine(datetime.now(zone).date(), clock_time.min, zone)
        since = midnight if self.awaited.is_attendance else None
        return last_run(self.ledger, self.instance, self.awaited.job, name, files, since)

    def _tell_of_access(self, looks: dict[str, Look]) -> None:
        """Raise an alarm for a drop that cannot be looked at, and end it when it can."""
        refused = alarms.open_alarms(self.ledger, cause=Cause.NO_ACCESS)
        known = {str(row["district"]) for row in refused}
        for name, look in looks.items():
            if not isinstance(look, ConnectError):
                if name in known:
                    alarms.clear(self.ledger, name, CORE_JOB, [Cause.NO_ACCESS])
            elif not isinstance(look, TransientFault) or (
                isinstance(look, LoginBroken) and self.memory.of(name).is_shut_out
            ):
                alarms.raise_alarm(
                    self.ledger, self.settings, name, CORE_JOB, Cause.NO_ACCESS, {look.kind: 1}
                )


def _passes(fault: ConnectError) -> bool:
    """Whether a look that failed so may be repeated at once: no login is locked by that."""
    return isinstance(fault, TransientFault) and not isinstance(fault, LoginBroken)


def _request(name: str, ask: arrival.Ask) -> dg.RunRequest:
    tags = {
        names.FILES_TAG: ask.files,
        names.ATTEMPT_TAG: str(ask.attempt),
    }
    if ask.deadline:
        tags[names.DEADLINE_TAG] = ask.deadline
    return dg.RunRequest(run_key=f"{name}:{ask.key}", partition_key=name, tags=tags)


def last_run(
    ledger: Ledger,
    instance: dg.DagsterInstance,
    job: str,
    name: str,
    files: str,
    since: datetime | None = None,
) -> LastRun:
    """What became of the last run that was asked for, as far as it was for exactly these files.

    Dagster remembers it, not the cursor: a lost cursor asks for nothing twice. One that failed
    before `since` is over.
    """

    def newest(**tags: str) -> list[dg.DagsterRun]:
        about = dg.RunsFilter(job_name=job, tags={names.DISTRICT_TAG: name, **tags})
        found = instance.get_runs(about, limit=RUNS_CONSIDERED)
        return [run for run in found if not is_refused(run)]

    runs = newest()
    asked = [run for run in runs if names.FILES_TAG in run.tags]
    # Also of before all these: a run key that was used starts nothing, and Dagster says nothing.
    same = newest(**{names.FILES_TAG: files})
    attempts = max(map(_attempt_of, same), default=0)
    due = runs[0].tags.get(names.DEADLINE_TAG, "") if runs else ""
    if due and _fate_of(ledger, runs[0], since) is Fate.FAILED:  # what it would say is still to say
        return LastRun(Fate.FAILED, attempts, due)
    if not same or (asked and asked[0].run_id != same[0].run_id):
        return LastRun(Fate.NONE, attempts)
    fate = _fate_of(ledger, same[0], since)
    if fate is Fate.OVER and _is_approved_since(ledger, job, name, same[0]):
        fate = Fate.NONE
    return LastRun(fate, attempts)


def _attempt_of(run: dg.DagsterRun) -> int:
    text = run.tags.get(names.ATTEMPT_TAG, "")
    return int(text) if text.isascii() and text.isdigit() else 1  # a person may have written it


def _is_approved_since(ledger: Ledger, job: str, name: str, run: dg.DagsterRun) -> bool:
    """Whether an operator approved what waits, after this run began."""
    approval = ledger.usable_approval(name, names.JOB_KINDS[job])
    row = ledger.run(run.run_id)
    if approval is None or row is None:
        return False
    return str(approval["decided_at"]) >= str(row["started_at"])


def _fate_of(ledger: Ledger, run: dg.DagsterRun, since: datetime | None) -> Fate:
    row = ledger.run(run.run_id)
    outcome = "" if row is None else str(row["outcome"])
    if run.status is dg.DagsterRunStatus.CANCELED:  # a person did that
        return Fate.OVER
    if not run.is_finished:
        return Fate.UNDER_WAY
    if without_code(outcome) not in ("", "running", "failed"):
        return Fate.OVER
    is_of_before = row is not None and since is not None and row["started_at"] < stamp(since)
    return Fate.OVER if is_of_before else Fate.FAILED
