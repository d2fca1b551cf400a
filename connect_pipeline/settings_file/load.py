"""Loading `districts.yaml`: as a whole, or without the districts whose sections are wrong.

Belongs here: what is refused, and what one district's mistake leaves of the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from connect_pipeline.errors import SettingsError
from connect_pipeline.settings import DISTRICT_NAME, Alarms, District, Settings, UnreadAlarms
from connect_pipeline.settings_file.mistakes import Problem, is_of_its_items, sentence
from connect_pipeline.settings_file.yaml_nodes import (
    Loader,
    line_of,
    repeated_keys,
)

# PyYAML quotes a name after `*` or `!`, as a pasted secret may begin; a single character, an escape
# and a token such as <block end> are no values.
_NAME_QUOTED = re.compile(r""" ?(['"])(?!<|.\1|\\)\S*\1.*""", re.DOTALL)

_Read = tuple[Any, Settings | None, list[Problem]]


def load_settings(path: Path) -> Settings:
    """Read `districts.yaml`.

    Raises `SettingsError`, whose message has one line per mistake: file, line, key, and what is
    allowed. Values are not repeated, for a secret may have been pasted in by mistake.
    """
    _, settings, problems = _read(path)
    if settings is None or problems:
        raise SettingsError(_listing(path, problems))
    return settings


@dataclass(frozen=True)
class SoundSettings:
    """The settings as far as they are right: one district's mistake is not another's.

    `told` has the districts that are left out, too, with as much of them as an alarm needs and can
    be read; `wrong` has their mistakes by name.
    """

    settings: Settings
    told: Settings
    wrong: dict[str, str]

    def district(self, name: str) -> District:
        """One district's settings. Raises `SettingsError` when they are wrong, or not there."""
        if name in self.wrong:
            raise SettingsError(self.wrong[name])
        return self.settings.district(name)


def load_sound_districts(path: Path) -> SoundSettings:
    """Read `districts.yaml` without the districts whose sections are wrong: for what runs unseen.

    Raises `SettingsError` as `load_settings` does when a mistake is outside of all districts, or
    when no district is right.
    """
    data, settings, problems = _read(path)
    if settings is not None and not problems:
        return SoundSettings(settings, settings, {})
    wrong: dict[str, list[Problem]] = {}
    for problem in problems:
        top, name, *_ = (*problem.location, None, None)
        if top != "districts" or not isinstance(name, str) or not DISTRICT_NAME.fullmatch(name):
            raise SettingsError(_listing(path, problems))
        wrong.setdefault(name, []).append(problem)
    sections = data["districts"]
    if not wrong.keys() <= sections.keys():  # such as `1:`, which is no text
        raise SettingsError(_listing(path, problems))
    right = {name: section for name, section in sections.items() if name not in wrong}
    try:
        settings = Settings.model_validate({**data, "districts": right})
    except ValidationError:
        raise SettingsError(_listing(path, problems)) from None
    left_out = {name: _as_told(name, sections[name], found) for name, found in wrong.items()}
    told = settings.model_copy(update={"districts": {**settings.districts, **left_out}})
    return SoundSettings(
        settings, told, {name: _listing(path, found) for name, found in wrong.items()}
    )


def _as_told(name: str, section: Any, problems: list[Problem]) -> District:
    """What an alarm needs of a district whose section is wrong, from the keys that are right."""
    bad = {problem.location[2] if len(problem.location) > 2 else None for problem in problems}
    kept = section if isinstance(section, dict) and None not in bad else {}
    zone = {"timezone": kept["timezone"]} if "timezone" in kept.keys() - bad else {}
    are_read = kept is section and "alarms" not in bad
    alarms = Alarms.model_validate(kept.get("alarms", {})) if are_read else UnreadAlarms()
    return District.model_construct(name=name, alarms=alarms, **zone)


def _read(path: Path) -> _Read:
    """The file as it is now, of which `_parsed` reads each text once."""
    try:
        return _parsed(path.name, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"There is no settings file {path}. Write one (README, Set up a district), or set"
            " CONNECT_HOME."
        ) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"{path} cannot be read: {reason}.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{path.name} line {line}: a character that is not UTF-8; save the file as UTF-8."
        ) from None


@lru_cache(maxsize=2)  # a process reads it some times, and PyYAML takes seconds for many districts
def _parsed(file_name: str, text: str) -> _Read:
    """The file's data, the settings if they are valid, and every mistake."""
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        # PyYAML writes what `<<` merges into the nodes themselves, as if it stood there.
        repeated = repeated_keys(node) if node is not None else []
        data = loader.construct_document(node) if node is not None else None
    except RecursionError:
        raise SettingsError(f"{file_name}: lists or keys in one another, far too deep.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # A character that YAML does not have is told by its place in the text alone.
        line = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
        problem = _NAME_QUOTED.sub("", getattr(error, "problem", None) or "not valid YAML")
        raise SettingsError(f"{file_name} line {line + 1}: {problem}.") from None
    if node is None:
        raise SettingsError(f"{file_name} line 1: the file is empty; `districts:` is expected.")
    try:
        return data, Settings.model_validate(data), repeated
    except ValidationError as error:
        found = error.errors(include_input=False)
        problems = [
            Problem(item["loc"], line_of(node, item["loc"]), sentence(item))
            for item in found
            if not is_of_its_items(item, found)
        ]
        return data, None, repeated + problems


def _listing(path: Path, problems: list[Problem]) -> str:
    said = {(problem.line, problem.text) for problem in problems}
    return "\n".join(f"{path.name} line {line}: {text}" for line, text in sorted(said))
