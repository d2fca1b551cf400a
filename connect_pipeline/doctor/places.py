"""The home: whether whoever runs this can use all of it, and nobody else can read it.

Belongs here: its files and folders, and those of districts that are no more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from connect_pipeline.disk import replacing
from connect_pipeline.doctor.diagnosis import Diagnosis
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import OPT_OUTS, OWN_FOLDERS, Home, private_home
from connect_pipeline.process.who import name_of, user_name


def examine_home(home: Home) -> None:
    """Raises `EnvironmentFault` when it cannot be written, or is open to others."""
    _write_probe(home)
    _refuse_foreign_files(home)


def _write_probe(home: Home) -> None:
    probe = home.root / "doctor.probe"
    with replacing(probe) as file:
        file.write(b"ok")
    probe.unlink()
    if private_home(home).stat().st_mode & 0o007:
        raise EnvironmentFault(
            f"{home.root} can be read by everybody on this machine. Run: chmod 700 {home.root}"
        )


def _refuse_foreign_files(home: Home) -> None:
    """Say which is the first place of ours that whoever runs this may not read and write.

    One command run by root leaves files that the service's own user cannot read.
    """
    for path in _own_places(home):
        is_folder = path.is_dir()
        wanted = os.R_OK | os.W_OK | (os.X_OK if is_folder else 0)
        if os.access(path, wanted) or not os.path.lexists(path):  # gone: a run is under way
            continue
        owner, me = name_of(path.lstat().st_uid), user_name()
        mend = "chmod -R u+rwX" if owner == me else f"chown -R {me}"
        raise EnvironmentFault(
            f"{path} belongs to {owner}, and {me} cannot read and write it. Run: {mend} {home.root}"
        )


def _own_places(home: Home) -> Iterator[Path]:
    """The files and folders that runs make; what is made for the operator may be read-only."""
    kept = (home.ledger_file, home.ledger_key_file)
    tops = (home.root / name for name in OWN_FOLDERS if name != OPT_OUTS)
    for top in (*kept, *tops, home.dagster_in_use):
        if not os.path.lexists(top):
            continue
        yield top
        for folder, folders, files in os.walk(top):
            folders.sort()
            yield from (Path(folder, name) for name in (*folders, *sorted(files)))


def examine_former_districts(home: Home, districts: Iterable[str]) -> Iterator[Diagnosis]:
    """Who has data in the home and is not in the settings; retention passes over them."""
    places = ("published/*/*", "landing/*/*", "outbox/*/*", "reports/*/*")
    kept = {path.parent.name for place in places for path in home.root.glob(place)}
    for name in sorted(kept - {*districts}):
        says = (
            "it is in districts.yaml no more; what is kept of it stays until"
            f" `connect-pipeline erase {name}`"
        )
        yield Diagnosis(f"{name}: former district", 0, says)
