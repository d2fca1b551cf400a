"""Where everything lives below CONNECT_HOME.

For: the paths of DESIGN section 5. Belongs here: paths. Does not belong here: how a file gets there
(`disk.py`), and what is in it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from connect_pipeline.disk import (
    PRIVATE_FOLDER,
    is_text,
    private_folder,
    remove_log,
    remove_tree,
)
from connect_pipeline.errors import SettingsError

# DuckDB (2.0) puts a database's log before a `?`, as in a URL, and takes `\` for `/`. Dagster
# (1.13) looks for `dagster.yaml` by a pattern, goes on without our settings if it finds none, and
# pastes paths into database URLs, where `%41` is an A.
NOT_IN_PATHS = "?*[\\%"
OPT_OUTS = "opt_outs"
"""What is made for us, and not by us."""
OWN_FOLDERS = (
    "certificates",
    "landing",
    OPT_OUTS,
    "outbox",
    "published",
    "reports",
    "work",
)
"""The folders of a home in which nobody else's files belong."""


@dataclass(frozen=True)
class Home:
    """The folder that holds `districts.yaml` and all state. Folders are made on first use."""

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """`CONNECT_HOME`, or `data` in the working directory. Raises as `state_folder` does."""
        return cls(state_folder("CONNECT_HOME", os.environ.get("CONNECT_HOME") or "data"))

    @property
    def settings_file(self) -> Path:
        return self.root / "districts.yaml"

    @property
    def readable_settings_file(self) -> Path:
        """The settings as they last could be read: whom to tell when they cannot be."""
        return self.root / "work" / "districts.readable.yaml"

    @property
    def dagster(self) -> Path:
        """Default `DAGSTER_HOME`."""
        return self.root / "dagster"

    @property
    def dagster_in_use(self) -> Path:
        """`DAGSTER_HOME`, wherever it is."""
        return Path(os.environ.get("DAGSTER_HOME") or self.dagster)

    @property
    def ledger_file(self) -> Path:
        return self.root / "ledger.db"

    @property
    def ledger_key_file(self) -> Path:
        return self.root / "ledger.key"

    def landing(self, district: str) -> Path:
        """Files as received, named `<sha256>`."""
        return self.root / "landing" / district

    def work(self, district: str) -> Path:
        """The scratch database of the run at hand."""
        return self.root / "work" / f"{district}.duckdb"

    def scratch(self, district: str) -> Path:
        """Scratch files beside the scratch database (DuckDB's spill, files being built)."""
        return self.root / "work" / f"{district}.tmp"

    def lock(self, district: str) -> Path:
        return self.root / "work" / f"{district}.lock"

    def job_lock(self, job: str) -> Path:
        """What a job that has no district's lock holds. No district's name has a dot."""
        return self.root / "work" / f"job.{job}.lock"

    def erasing(self, district: str) -> Path:
        """What an erasure under way looks for; gone when it is complete."""
        return self.root / "work" / f"{district}.erasing"

    @property
    def certificates(self) -> Path:
        """A certificate per erasure, without anything about a person."""
        return self.root / "certificates"

    def published(self, district: str) -> Path:
        return self.root / "published" / district

    def roster(self, district: str) -> Path:
        """The current snapshot."""
        return self.published(district) / "roster.duckdb"

    def snapshots(self, district: str) -> Path:
        """The folder of all that was published and is kept."""
        return self.published(district) / "snapshots"

    def snapshot(self, district: str, snapshot_id: str) -> Path:
        return self.snapshots(district) / f"{snapshot_id}.duckdb"

    def attendance(self, district: str) -> Path:
        """Today's absences, accounting and recipients."""
        return self.published(district) / "attendance.duckdb"

    def attendance_days(self, district: str) -> Path:
        """The folder of earlier days' absences."""
        return self.published(district) / "attendance"

    def attendance_day(self, district: str, date: str) -> Path:
        """An earlier day's (`date` is ISO)."""
        return self.attendance_days(district) / f"{date}.duckdb"

    def reports(self, district: str) -> Path:
        return self.root / "reports" / district

    def outbox(self, district: str) -> Path:
        return self.root / "outbox" / district


def state_folder(variable: str, place: str) -> Path:
    """The folder of state that a variable of the environment names, as an absolute path.

    Raises `SettingsError` for a path that DuckDB or Dagster would take for another one.
    """
    path = Path(place).absolute()
    if set(NOT_IN_PATHS) & set(str(path.resolve())):
        raise SettingsError(
            f"{variable} is {path}, but state cannot be kept below a path with one of"
            f" {' '.join(NOT_IN_PATHS)} in it. Name another folder."
        )
    if not is_text(path.resolve()):
        raise SettingsError(
            f"{variable} names a folder whose path is not UTF-8: state cannot be kept below it."
            " Name another folder."
        )
    return path


def private_home(home: Home) -> Path:
    """Make the home its owner's alone, which an operator's `mkdir` did not; return its path.

    One that is somebody else's folder stays as it is: `doctor` says so.
    """
    private_folder(home.root)
    with suppress(OSError):
        home.root.chmod(PRIVATE_FOLDER)
    return home.root


def remove_scratch(home: Home, district: str) -> None:
    """Remove the scratch database and all beside it. Costs a re-run, if anything."""
    remove_tree(home.scratch(district))
    path = home.work(district)
    path.unlink(missing_ok=True)
    remove_log(path)
