"""A home with many districts behind one server, its sensors as Dagster ticks them, and a clock.

For: the tests of sensors. Belongs here: making the home, a tick, and running what a tick asks for.
Does not belong here: what is expected of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import yaml

from connect_pipeline.definitions import build_defs
from connect_pipeline.home import Home
from connect_pipeline.launch import QUIET
from connect_pipeline.ledger import Ledger, open_ledger
from connect_pipeline.orchestration import sensors
from connect_pipeline.orchestration.open_instance import dagster_instance
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline_tests.new_homes import give_dagster, give_ledger
from connect_pipeline_tests.small_district import FILES

PASSWORD_VARIABLE, PASSWORD = "FLEET_PASSWORD", "of-the-whole-fleet"
CORE_SENSOR, ATTENDANCE_SENSOR, WATCH = "core_set_arrived", "attendance_arrived", "night_watch"
SITES = {"101": "Lincoln High School", "102": "Rosa Parks Elementary School"}


@dataclass
class Fleet:
    """The home, its server, and what Dagster would remember of each sensor."""

    home: Home
    server: EmbeddedServer
    clock: SimpleNamespace
    instance: dg.DagsterInstance
    districts: dict[str, dict[str, Any]] = field(default_factory=dict)
    everybody: dict[str, Any] = field(default_factory=dict)
    cursors: dict[str, str | None] = field(default_factory=dict)
    defs: dg.Definitions | None = None

    def add(self, name: str, files: Mapping[str, str] = FILES, **changes: Any) -> None:
        """One more district, whose drop holds `files`."""
        sftp = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "username": "fleet",
            "password_env": PASSWORD_VARIABLE,
            "host_key": self.server.host_key_line,
            "folder": f"/{name}",
            **changes.pop("sftp", {}),
        }
        self.districts[name] = {"name": name, "sftp": sftp, "sites": SITES, **changes}
        self.upload(name, files)

    def upload(self, name: str, files: Mapping[str, str]) -> None:
        folder = self.server.root / name
        folder.mkdir(exist_ok=True)
        for file, content in files.items():
            (folder / file).write_text(content)

    def load(self) -> dg.Definitions:
        """The definitions of what the settings say now."""
        self.home.root.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump({**self.everybody, "districts": self.districts})
        self.home.settings_file.write_text(text)
        self.defs = build_defs(self.home)
        return self.defs

    @property
    def ledger(self) -> Ledger:
        return open_ledger(self.home)

    def evaluate(self, sensor: str) -> dg.SensorResult | dg.SkipReason:
        """One tick, as it is; raises what makes it red, and then forgets it, as Dagster does."""
        defs = self.defs or self.load()
        found = defs.resolve_sensor_def(sensor)
        context = dg.build_sensor_context(
            self.instance, cursor=self.cursors.get(sensor), definitions=defs
        )
        result = found(context)
        if isinstance(result, dg.SensorResult):
            self.cursors[sensor] = result.cursor
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        return result

    def tick(self, sensor: str = CORE_SENSOR, after: float = 60) -> list[dg.RunRequest]:
        """One tick, so many seconds after the last: the runs that it asks for."""
        self.clock.now += after
        result = self.evaluate(sensor)
        return [] if isinstance(result, dg.SkipReason) else list(result.run_requests or [])

    def reason(self, sensor: str = CORE_SENSOR, after: float = 60) -> str:
        """One tick that asks for nothing: what it says."""
        self.clock.now += after
        result = self.evaluate(sensor)
        if isinstance(result, dg.SkipReason):
            return str(result.skip_message)
        assert not result.run_requests
        assert result.skip_reason is not None
        return str(getattr(result.skip_reason, "skip_message", result.skip_reason))

    def run(self, request: dg.RunRequest, job: str = "nightly_sync") -> str:
        """Run what was asked for, as Dagster would; what the ledger says came of it."""
        result = (
            (self.defs or self.load())
            .resolve_job_def(job)
            .execute_in_process(
                instance=self.instance,
                partition_key=request.partition_key,
                tags=request.tags,
                raise_on_error=False,
                run_config=QUIET,
            )
        )
        row = self.ledger.run(result.run_id)
        return "did not begin" if row is None else str(row["outcome"])


@contextmanager
def fleet(root: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Fleet]:
    """An empty fleet. Its sensors have a clock that only moves when a test moves it."""
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    for variable in [name for name in os.environ if name.startswith(("CONNECT_", "DAGSTER_"))]:
        monkeypatch.delenv(variable)
    clock = SimpleNamespace(now=1_790_000_000.0)
    monkeypatch.setattr(sensors, "time", SimpleNamespace(time=lambda: clock.now))
    (root / "drops").mkdir()
    home = Home(root / "home")
    if not home.root.exists():  # a copy of another one has its own
        give_ledger(home)
        give_dagster(home)
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))
    with (
        EmbeddedServer(root / "drops", "fleet", PASSWORD, **options) as server,
        dagster_instance(home) as instance,
    ):
        yield Fleet(home, server, clock, instance)
