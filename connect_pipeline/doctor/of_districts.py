"""What each district's section leads to: its drop, its schools, its opt-outs, its alarms.

Belongs here: checks of one district, and that two are not one. Does not belong here: whether the
settings are lawful (`settings_file/`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from connect_pipeline import sftp
from connect_pipeline.attendance.opt_outs import load_opt_outs, opt_out_file, opt_out_files
from connect_pipeline.cells import normalise
from connect_pipeline.contract import ATTENDANCE, BY_FILE_NAME, CORE
from connect_pipeline.databases import in_memory
from connect_pipeline.doctor.diagnosis import Diagnosis, attempt, check
from connect_pipeline.errors import SettingsError
from connect_pipeline.home import Home
from connect_pipeline.settings import Alarms, District, Webhook


def examine_drop(name: str, district: District) -> Iterator[Diagnosis]:
    """Whether a run could log in and find its files there. Nothing is fetched."""
    seen, diagnosis = attempt(f"{name}: host key, login, folder", lambda: _look(district))
    yield diagnosis
    if seen is None:
        return
    wanted = [spec.file_name for spec in CORE]
    if district.attendance.enabled:
        wanted.append(ATTENDANCE.file_name)
    missing = [file for file in wanted if file not in seen]
    unusable = [file for file in BY_FILE_NAME if file in seen and not seen[file].is_regular]
    lists = (("missing", missing), ("a link, a folder or another thing that is no file", unusable))
    says = "; ".join(f"{what}: {', '.join(files)}" for what, files in lists if files)
    yield Diagnosis(f"{name}: files in {district.sftp.folder}", 0, says or "all files are there")
    if district.sftp.report_folder is not None:
        yield check(f"{name}: report folder", partial(_look_for_report_folder, district))
    yield _examine_sites(name, district)


def _look(district: District) -> dict[str, sftp.RemoteFile]:
    with sftp.connect(district.sftp) as drop:
        return drop.look()


def _look_for_report_folder(district: District) -> None:
    """Raises what a run would meet there: it lists the folder for the reports that are old."""
    with sftp.connect(district.sftp) as drop:
        drop.remove(str(district.sftp.report_folder), lambda _name: False)


def _examine_sites(name: str, district: District) -> Diagnosis:
    """Whether schools have names, and no code that alerts is for a school that is not named."""
    if not district.sites:
        says = "no site names are set: every school will be a placeholder"
        return Diagnosis(f"{name}: sites", 0, says)
    nowhere = sorted({*district.attendance.school_alert_codes} - {*district.sites})
    if nowhere:
        says = (
            f"attendance.school_alert_codes names {', '.join(nowhere)}, which sites does not have:"
            " if no school has that code, families are told by other codes than these. Codes are"
            " text, and leading zeros count."
        )
        return Diagnosis(f"{name}: sites", SettingsError.exit_code, says)
    return Diagnosis(f"{name}: sites", 0, "set")


def refuse_one_drop_of_two(districts: Mapping[str, District]) -> None:
    """A section that was copied publishes the children of one district as another's, too."""
    seen: dict[tuple[str, int, str, str], str] = {}
    for name, district in districts.items():
        place = district.sftp
        drop = (place.host.lower(), place.port, place.username, place.folder.rstrip("/"))
        other = seen.setdefault(drop, name)
        if other != name:
            raise SettingsError(
                f"{other} and {name} have the same drop ({place.folder} on {place.host}), so each"
                " child is in both, and families are told twice. Correct the section that was"
                " copied."
            )


def refuse_opt_outs_of_nobody(home: Home, districts: Iterable[str]) -> None:
    """Raises `SettingsError` for a file of opt-outs that no district reads."""
    places = {opt_out_file(home, name) for name in districts}
    for path in opt_out_files(home):
        if path not in places:
            raise SettingsError(
                f"{path} is of no district in districts.yaml, so nobody reads it. The opt-outs of a"
                f" district are {opt_out_file(home, '<district>')}."
            )


def count_opt_outs(home: Home, district: str) -> str:
    """Say how many there are. Raises `SettingsError` when the file cannot be read as such."""
    with in_memory() as connection:
        connection.execute("CREATE SCHEMA attendance")
        normalise.prepare(connection)  # other countries' numbers are asked for as they come
        return f"{load_opt_outs(connection, home, district):,} read"


def examine_alarms(name: str, alarms: Iterable[Alarms]) -> Iterator[Diagnosis]:
    """Whether the secrets are there with which alarms are sent; nothing is sent."""
    receivers = [one for each in alarms for one in (each.webhook, each.mail) if one is not None]
    if not receivers:
        return
    secrets = [
        one.secret_env if isinstance(one, Webhook) else one.password_env for one in receivers
    ]
    unset = sorted({secret for secret in secrets if secret and not os.environ.get(secret)})
    says = f"not set in the environment: {', '.join(unset)}" if unset else "the secrets are set"
    yield Diagnosis(f"{name}: alarms", SettingsError.exit_code if unset else 0, says)
