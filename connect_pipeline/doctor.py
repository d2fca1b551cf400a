"""`doctor`: what is wrong with this set-up, one check at a time, with what to do.

For: the first hour of an operator, and the hour after something was changed. Belongs here:
checks of the set-up. Does not belong here: checks of files (`validation/`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from connect_pipeline import sftp
from connect_pipeline.attendance.opt_outs import load_opt_outs, opt_out_file, opt_out_files
from connect_pipeline.cells import normalise
from connect_pipeline.contract import ATTENDANCE, BY_FILE_NAME, CORE
from connect_pipeline.databases import in_memory
from connect_pipeline.disk import disk_fault, replacing
from connect_pipeline.erased import records as erasure_records
from connect_pipeline.errors import EnvironmentFault, SettingsError
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import OPT_OUTS, OWN_FOLDERS, Home, private_home
from connect_pipeline.ledger import has_ledger, open_ledger, refuse_gone
from connect_pipeline.orchestration.instance import examine_dagster_home
from connect_pipeline.process.who import name_of, user_name
from connect_pipeline.run.lost_lists import refuse_lost_balances
from connect_pipeline.run.recovery import refuse_unsettled
from connect_pipeline.settings import Alarms, District, Webhook
from connect_pipeline.settings_file import load_sound_districts

T = TypeVar("T")


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at. `exit_code` is 0 when it is well."""

    what: str
    exit_code: int
    says: str


def examine(home: Home, only: str | None = None) -> Iterator[Diagnosis]:
    """Look at the home, settings and ledger, what Dagster has of ours, and each district's drop.

    Makes no ledger and no folder where there are no settings: CONNECT_HOME may be mistyped. Then
    nothing else is looked at. A district whose settings are wrong keeps no other from being looked
    at, and is passed over when another one is named.
    """
    sound, diagnosis = _try("settings", lambda: load_sound_districts(home.settings_file))
    found = sound.wrong if sound is not None else {}
    wrong = {name: says for name, says in found.items() if only in (None, name)}
    if not wrong:
        yield diagnosis
    for name, mistakes in wrong.items():
        yield Diagnosis(f"{name}: settings", SettingsError.exit_code, mistakes)
    if not os.path.lexists(home.settings_file):
        return
    yield _check("home folder", partial(_look_at_home, home))
    can_tell, diagnosis = _examine_ledger(home)
    yield diagnosis
    dagster = _check("Dagster's home", partial(examine_dagster_home, home))
    yield dagster
    if sound is None or only in wrong:
        return
    if not dagster.exit_code:
        yield _check("sensors and schedules", partial(_examine_automation, home))
    everybody = (*sound.settings.districts, *sound.wrong)
    yield _check("opt-outs", partial(_refuse_opt_outs_of_nobody, home, everybody))
    yield from _examine_former_districts(home, everybody)
    if home.certificates.exists() and can_tell:
        erasures = _check("erasures", partial(_refuse_lost_erasures, home, everybody))
        yield erasures
        can_tell = not erasures.exit_code
    yield _check("drops", partial(_refuse_one_drop_of_two, sound.settings.districts))
    if only is not None:
        sound.district(only)
    for name, district in sound.settings.districts.items():
        if only in (None, name):
            yield from _examine_drop(name, district)
            if district.attendance.enabled or district.lunch_list.enabled:
                yield _check(f"{name}: opt-outs", partial(_count_opt_outs, home, name))
            yield from _examine_alarms(name, (sound.settings.alarms, district.alarms))
            if can_tell:
                work = partial(_examine_published, home, name, district)
                was_published, diagnosis = _try(f"{name}: what is published", work)
                if was_published is not False:
                    yield diagnosis


def _examine_ledger(home: Home) -> tuple[bool, Diagnosis]:
    """And whether it can tell of what is published: a new one tells what it does not know."""
    if not has_ledger(home):
        gone = _check("ledger", partial(refuse_gone, home))
        none_yet = replace(gone, says="none yet; the first run makes it")
        return False, gone if gone.exit_code else none_yet
    unknown, diagnosis = _try("ledger", partial(_unknown_to_ledger, home))
    if unknown:
        says = (
            f"it knows nothing of what is published for {', '.join(unknown)}: the one that did was"
            " lost. Restore a backup. Where there is none, do what else is said here: then the next"
            " run takes over what is there."
        )
        diagnosis = Diagnosis("ledger", EnvironmentFault.exit_code, says)
    return unknown is not None, diagnosis


def _unknown_to_ledger(home: Home) -> list[str]:
    """The districts of whose published roster the ledger knows nothing."""
    with closing(open_ledger(home)) as ledger:
        rosters = sorted((home.root / "published").glob("*/roster.duckdb"))
        names = (roster.parent.name for roster in rosters)
        return [name for name in names if ledger.current_snapshot(name) is None]


def _examine_published(home: Home, name: str, district: District) -> bool:
    """Whether anything was.

    Raises `EnvironmentFault` when a file is damaged or gone, the ledger knows nothing of its lists,
    or, before all, when an erasure was cut short: until it is run again, files may well be gone.
    """
    with closing(open_ledger(home)) as ledger:
        erasure_records.refuse_cut_short(ledger, name)
        refuse_unsettled(home, ledger, name)
        refuse_lost_balances(home, ledger, name, district)
        return home.published(name).exists()


def _examine_automation(home: Home) -> str:
    # Dagster takes a second to import, and the other checks need none of it.
    from connect_pipeline.orchestration.automation import examine_automation

    return examine_automation(home)


def _examine_drop(name: str, district: District) -> Iterator[Diagnosis]:
    seen, diagnosis = _try(f"{name}: host key, login, folder", lambda: _look(district))
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
        yield _check(f"{name}: report folder", partial(_look_for_report_folder, district))
    yield _examine_sites(name, district)


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


def _examine_alarms(name: str, alarms: Iterable[Alarms]) -> Iterator[Diagnosis]:
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


def _look(district: District) -> dict[str, sftp.RemoteFile]:
    with sftp.connect(district.sftp) as drop:
        return drop.look()


def _look_for_report_folder(district: District) -> None:
    """Raises what a run would meet there: it lists the folder for the reports that are old."""
    with sftp.connect(district.sftp) as drop:
        drop.remove(str(district.sftp.report_folder), lambda _name: False)


def _look_at_home(home: Home) -> None:
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


def _refuse_opt_outs_of_nobody(home: Home, districts: Iterable[str]) -> None:
    places = {opt_out_file(home, name) for name in districts}
    for path in opt_out_files(home):
        if path not in places:
            raise SettingsError(
                f"{path} is of no district in districts.yaml, so nobody reads it. The opt-outs of a"
                f" district are {opt_out_file(home, '<district>')}."
            )


def _examine_former_districts(home: Home, districts: Iterable[str]) -> Iterator[Diagnosis]:
    """Who has data in the home and is not in the settings; retention passes over them."""
    places = ("published/*/*", "landing/*/*", "outbox/*/*", "reports/*/*")
    kept = {path.parent.name for place in places for path in home.root.glob(place)}
    for name in sorted(kept - {*districts}):
        says = (
            "it is in districts.yaml no more; what is kept of it stays until"
            f" `connect-pipeline erase {name}`"
        )
        yield Diagnosis(f"{name}: former district", 0, says)


def _refuse_lost_erasures(home: Home, districts: Iterable[str]) -> None:
    with closing(open_ledger(home)) as ledger:
        for name in districts:
            erasure_records.refuse_lost(home, ledger, name)
            erasure_records.who_is_erased(ledger, name)


def _refuse_one_drop_of_two(districts: Mapping[str, District]) -> None:
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


def _count_opt_outs(home: Home, district: str) -> str:
    with in_memory() as connection:
        connection.execute("CREATE SCHEMA attendance")
        normalise.prepare(connection)  # other countries' numbers are asked for as they come
        return f"{load_opt_outs(connection, home, district):,} read"


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


def _check(what: str, work: Callable[[], str | None]) -> Diagnosis:
    """What came of `work`: its error, or else what it says, "well" where that is nothing."""
    says, diagnosis = _try(what, work)
    return diagnosis if says is None else replace(diagnosis, says=says)


def _try(what: str, work: Callable[[], T]) -> tuple[T | None, Diagnosis]:
    """What `work` gave, None when it failed, and the diagnosis of that."""
    try:
        return work(), Diagnosis(what, 0, "well")
    except Exception as error:  # a check that fails keeps no other from being made
        ours = as_our_error(error)
        if isinstance(error, OSError) and error.filename:  # which would refer to `doctor`
            ours = disk_fault(error, f"use {error.filename}")
        return None, Diagnosis(what, ours.exit_code, str(ours))
