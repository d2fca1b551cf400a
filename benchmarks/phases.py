"""`python -m benchmarks.phases DISTRICT [FOLDER …]`: what each phase of a nightly run costs.

The steps of a run without Dagster around them, in this process, with CONNECT_HOME as it is.
Without a FOLDER the files come from the district's drop; each FOLDER is one night whose files are
taken as received. Prints one JSON object per night: CPU seconds by phase, and the peak memory.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connect_pipeline import roster
from connect_pipeline.contract import CORE, SCHOOLS
from connect_pipeline.home import Home
from connect_pipeline.landing.bytes_pass import scan_file
from connect_pipeline.ledger import CORE_JOB
from connect_pipeline.reader import law, read, unlawful
from connect_pipeline.run.district_run import DistrictRun
from connect_pipeline.run.lifecycle import district_run
from connect_pipeline.sftp import connect
from connect_pipeline.validation import whole_drop

PHASES = (
    ("line law", read, "apply_law"),
    ("parse", law, "parse"),
    ("parse", unlawful, "parse"),
    ("rules", whole_drop, "check_export"),
    ("build", roster, "build_candidate"),
    ("diff", roster, "compare_candidate"),
    ("hold", roster, "judge_changes"),
)


def cpu_seconds() -> float:
    """CPU time of this process so far, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Stopwatch:
    """CPU seconds by phase; what a phase calls for another one is not its own."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def time(self, phase: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, timed."""

        def timed(*arguments: Any, **options: Any) -> Any:
            began = cpu_seconds()
            self._inner.append(0.0)
            try:
                return work(*arguments, **options)
            finally:
                took = cpu_seconds() - began
                self.spent[phase] += took - self._inner.pop()
                self._inner[-1] += took

        return timed


def run_night(home: Home, district: str, folder: Path | None, watch: Stopwatch) -> None:
    """One nightly run, published."""
    with district_run(home, district, uuid.uuid4().hex, CORE_JOB) as run:
        if folder is None:
            watch.time("fetch and bytes", fetch)(run)
        else:
            for spec in (SCHOOLS, *CORE):
                if (folder / spec.file_name).exists():
                    take(run, spec, folder / spec.file_name)
        for spec in (SCHOOLS, *CORE):
            run.check(spec)
        run.night.build()
        if not run.night.settle_hold():
            raise SystemExit(run.message)
        watch.time("checkpoint, hash, rename", run.night.publish)()


def fetch(run: DistrictRun) -> None:
    """Fetch the drop, and read nothing meanwhile: what each costs could not be told apart."""
    with connect(run.district.sftp) as drop:
        for spec in (SCHOOLS, *CORE):
            landed, limits = run.home.landing(run.name), run.district.limits
            run.visit.fetched[spec.file_name] = drop.fetch(
                spec.file_name, landed, limits.file_bytes, limits.line_bytes
            )


def take(run: DistrictRun, spec: Any, file: Path) -> None:
    """Use a file as if it had been received."""
    facts = scan_file(file)
    landed = run.home.landing(run.name) / facts.sha256
    landed.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, landed)
    run.visit.take_landed(spec, facts.sha256)


def main(district: str, *folders: str) -> None:
    """Run the nights and print what they cost."""
    watch = Stopwatch()
    for phase, module, name in PHASES:
        setattr(module, name, watch.time(phase, getattr(module, name)))
    home = Home.from_environment()
    nights: list[Path | None] = [Path(one) for one in folders]
    for folder in nights or [None]:
        watch.spent.clear()
        began = cpu_seconds()
        run_night(home, district, folder, watch)
        watch.spent["everything else"] = cpu_seconds() - began - sum(watch.spent.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"cpu_seconds": watch.spent, "peak_mb": peak}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
