"""Each job of ours against the plain script that does the same work, as pairs of runs.

Belongs here: making districts, homes and servers for a comparison, and running both sides in turn.
Does not belong here: what a run of a process costs (`measure.py`), the text (`sections.py`).
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Cost, Spread, run, spread
from connect_pipeline.contract import EXPORTS
from connect_pipeline.home import Home
from connect_pipeline.limits import Limits
from connect_pipeline.sample.district import OTHER_CODES, generate
from connect_pipeline.sftp import connect
from connect_pipeline_tests.sshd import OpenSshd

PYTHON = sys.executable
CLI = [PYTHON, "-m", "connect_pipeline.cli"]
TODAY = dt.datetime.now(dt.UTC).date()  # of the zone of `Night`: absences must be of its today


class Bench:
    """A folder for everything that a run needs; removed at its end."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.folder, self.runs = folder, runs
        self.log = folder / "output.log"

    def district(self, students: int) -> Path:
        """The exports of a district of this size, generated once."""
        place = self.folder / "drop" / f"d{students}"
        if not place.exists():
            generate(place, students, 1, today=TODAY)
        return place

    def changed(self, exports: Path) -> Path:
        """The same exports a night later: one student in 200 is gone, one in 100 has a new number.

        One who is gone has no classes either.
        """
        place = exports.with_name(f"{exports.name}-changed")
        shutil.copytree(exports, place, dirs_exist_ok=True)
        students, classes = place / "StudentExport.csv", place / "StaffToStudentExport.csv"
        header, *rows = students.read_text().splitlines(keepends=True)
        gone = {row.split(",")[0] for row in rows[::200]}
        stay = [row for row in rows if row.split(",")[0] not in gone]
        stay[::100] = [row.replace("555-01", "555-02", 1) for row in stay[::100]]
        students.write_text("".join([header, *stay]))
        lines = classes.read_text().splitlines(keepends=True)
        classes.write_text("".join(line for line in lines if line.split(",")[2] not in gone))
        return place

    def in_turn(self, ours: list[str], theirs: list[str], **environment: str) -> Pairs:
        """A B A B …, after one uncounted run of each."""
        pairs = [
            (run(ours, environment, self.log), run(theirs, environment, self.log))
            for _ in range(self.runs + 1)
        ]
        return Pairs(pairs[1:])


class Pairs:
    """Runs of two commands, one after the other."""

    def __init__(self, pairs: list[tuple[Cost, Cost]]) -> None:
        self.pairs = pairs

    @property
    def ratio(self) -> Spread:
        return spread([ours.wall_seconds / theirs.wall_seconds for ours, theirs in self.pairs])

    def wall(self, side: int) -> Spread:
        return spread([pair[side].wall_seconds for pair in self.pairs])

    def peak(self, side: int) -> float:
        return max(pair[side].peak_mb for pair in self.pairs)


def bench_validate(bench: Bench, students: int) -> Pairs:
    """`validate` against the plain script that reads the same files and checks keys."""
    exports = str(bench.district(students))
    return bench.in_turn(
        [*CLI, "validate", exports, "--json"],
        [PYTHON, "-m", "benchmarks.reference", "keys", exports],
    )


class Night:
    """A district behind a real sshd, and a home to sync it into."""

    def __init__(self, bench: Bench, students: int, server: OpenSshd) -> None:
        self.bench = bench
        self.exports = bench.district(students)
        self.home = bench.folder / "home"
        self.environment = {"CONNECT_HOME": str(self.home)}
        self.sftp = server.settings(self.exports)
        sftp = self.sftp.model_dump(mode="json", exclude_none=True)
        district = {
            "name": "Bench",
            "timezone": "UTC",
            "sftp": sftp,
            "attendance": {"enabled": True, "other_codes": list(OTHER_CODES)},
        }
        self.settings = yaml.safe_dump({"districts": {"bench": district}})

    def forget_everything(self) -> None:
        """An empty home with settings."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(mode=0o700)
        (self.home / "districts.yaml").write_text(self.settings)

    def sync(self) -> Cost:
        return run([*CLI, "sync", "bench"], self.environment, self.bench.log)

    def reference(self, script: str = "fetch-and-load", **environment: str) -> Cost:
        """The plain script: OpenSSH's `sftp`, then DuckDB."""
        remote = [f"127.0.0.1:{self.sftp.port}", str(self.sftp.private_key), str(self.exports)]
        places = [str(self.bench.folder / "fetched"), str(self.bench.folder / "reference.duckdb")]
        command = [PYTHON, "-m", "benchmarks.reference", script, *remote, *places]
        return run(command, environment, self.bench.log)

    def phases(self) -> list[dict[str, Any]]:
        """CPU seconds by phase: a first night from the drop, then one with some changes."""
        self.forget_everything()
        changed = self.bench.changed(self.exports)
        found = []
        for folders in ([], [str(changed)]):
            command = [PYTHON, "-m", "benchmarks.phases", "bench", *folders]
            run(command, self.environment, self.bench.log)
            found += [json.loads(line) for line in self.bench.log.read_text().splitlines()[-1:]]
        return found


def bench_sync(bench: Bench, students: int) -> tuple[Pairs, Pairs]:
    """First night and second (unchanged) night through a real sshd, against fetch and load."""
    with OpenSshd(bench.folder / "sshd") as server:
        night = Night(bench, students, server)
        first, again = [], []
        for _ in range(bench.runs):
            night.forget_everything()
            ours, theirs = night.sync(), night.reference()
            first.append((ours, theirs))
            again.append((night.sync(), theirs))
    return Pairs(first), Pairs(again)


def bench_alerts(bench: Bench, students: int) -> Pairs:
    """A day's list after a night, against one plain join of the absences to the contacts."""
    pairs = []
    with OpenSshd(bench.folder / "sshd") as server:
        night = Night(bench, students, server)
        plain = [PYTHON, "-m", "benchmarks.reference", "absences", str(night.exports)]
        plain += [str(night.home / "published" / "bench" / "roster.duckdb")]
        for _ in range(bench.runs):
            night.forget_everything()
            night.sync()
            ours = run([*CLI, "alerts", "bench"], night.environment, bench.log)
            pairs.append((ours, run(plain, {}, bench.log)))
    return Pairs(pairs)


def bench_fetch(bench: Bench, students: int) -> Pairs:
    """Fetching a drop, hashed and checked, against OpenSSH's `sftp`."""
    pairs = []
    with OpenSshd(bench.folder / "sshd") as server:
        night = Night(bench, students, server)
        for _ in range(bench.runs + 1):
            night.forget_everything()
            landed = Home(night.home).landing("bench")
            began, cpu = time.monotonic(), time.process_time()
            with connect(night.sftp) as drop:
                for spec in EXPORTS:
                    drop.fetch(spec.file_name, landed, Limits().file_bytes)
            ours = Cost(time.monotonic() - began, time.process_time() - cpu, 0.0)
            pairs.append((ours, night.reference("fetch")))
    return Pairs(pairs[1:])
