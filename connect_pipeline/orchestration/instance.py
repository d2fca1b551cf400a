"""`DAGSTER_HOME` and its `dagster.yaml`: where Dagster keeps its instance, and on whose terms.

For: the commands, which make both at need, and Dagster's own processes, which do not: without our
`dagster.yaml` they would go on with Dagster's defaults.
Belongs here: the folder and that file. Does not belong here: Dagster itself, which takes a second
to import (`open_instance.py`).
"""

from __future__ import annotations

import logging
import os
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from connect_pipeline.disk import private_folder, replacing
from connect_pipeline.errors import SettingsError
from connect_pipeline.home import Home, state_folder
from connect_pipeline.orchestration.names import DISTRICT_TAG

log = logging.getLogger(__name__)

SETTINGS = "dagster.yaml"
WORKSPACE = Path(__file__).with_name("workspace.yaml")
"""What Dagster's processes load."""


def dagster_home(home: Home) -> Path:
    """`DAGSTER_HOME`, by default below `home`; made with our `dagster.yaml` at first use."""
    place = os.environ.get("DAGSTER_HOME")
    if not place:
        place = os.environ["DAGSTER_HOME"] = str(home.dagster)
    folder = private_folder(state_folder("DAGSTER_HOME", place))
    if not (folder / SETTINGS).exists():
        text = _our_settings()  # before the file is begun: a kill meanwhile leaves nothing
        with replacing(folder / SETTINGS) as file:
            file.write(text)
    return folder


def is_new(folder: Path) -> bool:
    """Whether nothing of Dagster has begun in `DAGSTER_HOME`: it holds our `dagster.yaml` alone."""
    return (folder / SETTINGS).read_bytes() == _our_settings() and len(list(folder.iterdir())) == 1


def _our_settings() -> bytes:
    return resources.files(__package__).joinpath(SETTINGS).read_bytes()


def warn_of_defaults() -> None:
    """Say so where `DAGSTER_HOME` names a folder without a `dagster.yaml`.

    Dagster (1.13) sends telemetry then, keeps what steps print, and runs a district twice at once.
    """
    place = os.environ.get("DAGSTER_HOME")
    if place and not (Path(place) / SETTINGS).exists():
        log.warning(
            "%s (DAGSTER_HOME) has no %s, so Dagster runs on its defaults: run `connect-pipeline"
            " doctor`, which makes it, then start Dagster again.",
            place,
            SETTINGS,
        )


def examine_dagster_home(home: Home) -> str:
    """Make `DAGSTER_HOME` at need, say where. Raises `SettingsError` for what of ours it lacks."""
    path = dagster_home(home) / SETTINGS
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read: {type(error).__name__}.") from None
    lacks = _lacks(config if isinstance(config, dict) else {})
    if lacks:
        raise SettingsError(
            f"{path} lacks {', '.join(lacks)}. Take these sections over from the {SETTINGS} of this"
            " version. (Without yours, `connect-pipeline doctor` makes a new one, but the UI may"
            " then have nothing of older runs.)"
        )
    return f"{path} is as it must be"


def _lacks(config: dict[str, Any]) -> list[str]:
    """What of ours is turned off, and the other sections of ours that are not there."""
    lacks = []
    if _at(config, "telemetry", "enabled") is not False:
        lacks.append("`telemetry: enabled: false`")
    if _at(config, "compute_logs", "class") != "NoOpComputeLogManager":
        lacks.append("`compute_logs` that keep nothing")
    limits = _at(config, "concurrency", "runs", "tag_concurrency_limits")
    keys = [_at(limit, "key") for limit in limits] if isinstance(limits, list) else []
    if DISTRICT_TAG not in keys:
        lacks.append(f"a `tag_concurrency_limits` for {DISTRICT_TAG}")
    looked_at = {"telemetry", "compute_logs", "concurrency"}
    if "storage" in config:  # keeps the events, too
        looked_at.add("event_log_storage")
    ours = yaml.safe_load(_our_settings())
    lacks += [f"`{name}`" for name in ours if name not in {*looked_at, *config}]
    return lacks


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
