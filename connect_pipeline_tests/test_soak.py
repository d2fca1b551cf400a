"""Hours of a small fleet in minutes: arrivals, faults, restarts; everything once, memory flat.

The sensors have a clock of the test, so a night passes in seconds; everything else is real. How
long it lasts: CONNECT_SOAK_SECONDS (60 by default, an hour for a release).
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from connect_pipeline.contract import STUDENTS
from connect_pipeline.published import open_published
from connect_pipeline_tests.faults.bench import FaultyServer, Reset, Unlistable
from connect_pipeline_tests.fleet import CORE_SENSOR, PASSWORD, Fleet, fleet
from connect_pipeline_tests.small_district import FILES

SECONDS = float(os.environ.get("CONNECT_SOAK_SECONDS", "60"))
DISTRICTS = [f"d{number}" for number in range(4)]
MEGABYTE = 1024 * 1024


@pytest.fixture
def ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    with (
        fleet(tmp_path, monkeypatch) as made,
        FaultyServer(tmp_path / "drops", "fleet", PASSWORD) as server,
    ):
        made.server = server
        for name in DISTRICTS:
            made.add(name, quiet_seconds={"core": 60}, thresholds={"changed": 1})
        yield made


def night(number: int) -> dict[str, str]:
    """A night that no other is like: a child has another bus."""
    text = FILES[STUDENTS.file_name]
    return {STUDENTS.file_name: text.replace(",9,R1,4.50", f",9,R{number},4.50")}


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def published_bus(ships: Fleet, name: str) -> str:
    with open_published(ships.home.roster(name)) as roster:
        query = "SELECT bus_route FROM connect.students WHERE student_id = '001'"
        return str(roster.execute(query).fetchall()[0][0])


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 3 + 300)
def test_every_arrival_is_published_once_whatever_happens_meanwhile(ships: Fleet) -> None:
    logging.getLogger().handlers.clear()  # what pytest keeps of the log would count as ours
    draw = random.Random(1)  # noqa: S311 - a story, not a secret
    assert isinstance(ships.server, FaultyServer)
    outcomes: Counter[str] = Counter()
    sets: dict[str, list[str]] = {name: [] for name in DISTRICTS}
    memory: list[int] = []
    ends, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < ends:
        number += 1
        ships.server.fault = draw.choice(
            [
                None,
                None,
                Reset("cut", STUDENTS.file_name, times=draw.choice((1, 5)), at=draw.random()),
                Unlistable("no listing", draw.choice(DISTRICTS), times=2),
            ]
        )
        arrived = draw.sample(DISTRICTS, draw.randint(0, len(DISTRICTS)))
        for name in arrived:
            ships.upload(name, night(number))
        if draw.random() < 0.2:
            ships.cursors.clear()  # the cursor is lost
        if draw.random() < 0.2:
            ships.defs = None  # Dagster's code server is restarted
        for _ in range(3):
            for request in ships.tick(CORE_SENSOR, after=40):
                outcomes[ships.run(request)] += 1
        # The night ends without faults, after all pauses.
        ships.server.fault = None
        for _ in range(3):
            for request in ships.tick(CORE_SENSOR, after=4000):
                outcomes[ships.run(request)] += 1
        for name in arrived:
            assert published_bus(ships, name) == f"R{number}"
            current = ships.ledger.current_snapshot(name)
            assert current is not None
            sets[name].append(str(current["set_sha256"]))
        memory.append(resident())
    strange = set(outcomes) - {"published", "unchanged", "failed:3"}
    assert not strange, [
        (row["outcome"], row["message"])
        for name in DISTRICTS
        for row in ships.ledger.runs_of(name, 10_000)
        if row["outcome"] in strange
    ]
    arrivals = sum(len(of_one) for of_one in sets.values())
    # The first sight of each district is a publication as well, if nothing else had come.
    assert arrivals <= outcomes["published"] <= arrivals + len(DISTRICTS)
    assert outcomes["unchanged"] <= outcomes["failed:3"], "no run but after a failure was in vain"
    for of_one in sets.values():
        assert len(set(of_one)) == len(of_one)
    if len(memory) > 20:
        half = len(memory) // 2
        grown = max(memory[half:]) - max(memory[:half])
        assert grown < 64 * MEGABYTE, f"{grown // MEGABYTE} MB more in the second half"
