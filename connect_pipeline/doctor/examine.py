"""The checks in their order: what one finds decides which others can be made.

Belongs here: the order. Does not belong here: any check.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from connect_pipeline.doctor.diagnosis import Diagnosis, attempt, check
from connect_pipeline.doctor.of_districts import (
    count_opt_outs,
    examine_alarms,
    examine_drop,
    refuse_one_drop_of_two,
    refuse_opt_outs_of_nobody,
)
from connect_pipeline.doctor.of_ledger import (
    examine_ledger,
    examine_published,
    refuse_lost_erasures,
)
from connect_pipeline.doctor.places import examine_former_districts, examine_home
from connect_pipeline.errors import SettingsError
from connect_pipeline.home import Home
from connect_pipeline.orchestration.instance import examine_dagster_home
from connect_pipeline.settings_file import load_sound_districts


def examine(home: Home, only: str | None = None) -> Iterator[Diagnosis]:
    """Look at the home, settings and ledger, what Dagster has of ours, and each district's drop.

    Makes no ledger and no folder where there are no settings: CONNECT_HOME may be mistyped. Then
    nothing else is looked at. A district whose settings are wrong keeps no other from being looked
    at, and is passed over when another one is named.
    """
    sound, diagnosis = attempt("settings", lambda: load_sound_districts(home.settings_file))
    found = sound.wrong if sound is not None else {}
    wrong = {name: says for name, says in found.items() if only in (None, name)}
    if not wrong:
        yield diagnosis
    for name, mistakes in wrong.items():
        yield Diagnosis(f"{name}: settings", SettingsError.exit_code, mistakes)
    if not os.path.lexists(home.settings_file):
        return
    yield check("home folder", partial(examine_home, home))
    can_tell, diagnosis = examine_ledger(home)
    yield diagnosis
    dagster = check("Dagster's home", partial(examine_dagster_home, home))
    yield dagster
    if sound is None or only in wrong:
        return
    if not dagster.exit_code:
        yield check("sensors and schedules", partial(_examine_automation, home))
    everybody = (*sound.settings.districts, *sound.wrong)
    yield check("opt-outs", partial(refuse_opt_outs_of_nobody, home, everybody))
    yield from examine_former_districts(home, everybody)
    if home.certificates.exists() and can_tell:
        erasures = check("erasures", partial(refuse_lost_erasures, home, everybody))
        yield erasures
        can_tell = not erasures.exit_code
    yield check("drops", partial(refuse_one_drop_of_two, sound.settings.districts))
    if only is not None:
        sound.district(only)
    for name, district in sound.settings.districts.items():
        if only in (None, name):
            yield from examine_drop(name, district)
            if district.attendance.enabled or district.lunch_list.enabled:
                yield check(f"{name}: opt-outs", partial(count_opt_outs, home, name))
            yield from examine_alarms(name, (sound.settings.alarms, district.alarms))
            if can_tell:
                work = partial(examine_published, home, name, district)
                was_published, diagnosis = attempt(f"{name}: what is published", work)
                if was_published is not False:
                    yield diagnosis


def _examine_automation(home: Home) -> str:
    # Dagster takes a second to import, and the other checks need none of it.
    from connect_pipeline.doctor.automation import examine_automation

    return examine_automation(home)
