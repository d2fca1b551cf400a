"""`districts.yaml`, read and refused.

For: `load_settings` and, for what runs unseen, `load_sound_districts`. Every mistake is reported at
once, each with its line and what is allowed there.
Belongs here: the file's text, its lines, and a mistake in words. Does not belong here: what the
settings are (`settings.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError

from connect_pipeline.errors import SettingsError
from connect_pipeline.settings import (
    DISTRICT_NAME,
    Alarms,
    District,
    Settings,
    UnreadAlarms,
    trimmed,
)

# PyYAML quotes a name after `*` or `!`, as a pasted secret may begin; a single character, an escape
# and a token such as <block end> are no values.
_NAME_QUOTED = re.compile(r""" ?(['"])(?!<|.\1|\\)\S*\1.*""", re.DOTALL)


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
    wrong: dict[str, list[_Problem]] = {}
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


def _as_told(name: str, section: Any, problems: list[_Problem]) -> District:
    """What an alarm needs of a district whose section is wrong, from the keys that are right."""
    bad = {problem.location[2] if len(problem.location) > 2 else None for problem in problems}
    kept = section if isinstance(section, dict) and None not in bad else {}
    zone = {"timezone": kept["timezone"]} if "timezone" in kept.keys() - bad else {}
    are_read = kept is section and "alarms" not in bad
    alarms = Alarms.model_validate(kept.get("alarms", {})) if are_read else UnreadAlarms()
    return District.model_construct(name=name, alarms=alarms, **zone)


class _Problem(NamedTuple):
    """A mistake: in which key, on which line, and what to do."""

    location: tuple[int | str, ...]
    line: int
    text: str


_Read = tuple[Any, Settings | None, list[_Problem]]


class _Loader(yaml.SafeLoader):
    """YAML's plain values; what looks like one and is none, such as 2026-11-31, stays text.

    So the setting that has it is refused with its line, and its district alone.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node."""
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, AttributeError, KeyError):  # PyYAML 6 lets Python's own through
            if not isinstance(node, yaml.ScalarNode):
                raise
            self.recursive_objects.pop(node, None)
            return node.value


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
        loader = _Loader(text)
        node = loader.get_single_node()
        endless = _line_in_itself(node) if node is not None else None
        if endless is not None:
            raise SettingsError(f"{file_name} line {endless}: an anchor (&) that contains itself.")
        # PyYAML writes what `<<` merges into the nodes themselves, as if it stood there.
        repeated = _repeated_keys(node) if node is not None else []
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
            _Problem(item["loc"], _line_of(node, item["loc"]), _sentence(item))
            for item in found
            if not _is_of_its_items(item, found)
        ]
        return data, None, repeated + problems


def _listing(path: Path, problems: list[_Problem]) -> str:
    said = {(problem.line, problem.text) for problem in problems}
    return "\n".join(f"{path.name} line {line}: {text}" for line, text in sorted(said))


def _sentence(item: Any) -> str:
    """What a pydantic error says of the value or the key at its location."""
    location, kind = item["loc"], item["type"]
    at = f"`{_dotted(location)}`"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"unknown key {at}; allowed here: {_allowed_keys(location[:-1])}."
    if kind == "invalid_key":  # what YAML has read of it is not what is written there
        section, allowed = location[:-1], _allowed_keys(location[:-1])
        return f"`{_dotted(section)}`: a key that is no text; allowed here: {allowed}."
    if kind == "missing":
        return f"{at} is missing and required."
    if kind in _NO_SECTION:
        return f"{at}: expected keys of its own below it: {_allowed_keys(location)}."
    if location[-1:] == ("[key]",):
        return _about_key(item, location[:-1])
    if kind in _NO_NUMBER:
        return f"{at}: expected {_number_at(location)}."
    if kind in _EXPECTED:
        return f"{at}: expected {_EXPECTED[kind]}."
    message = _own_words(item).removeprefix("Input should be ")
    return f"{at}: expected {message[:1].lower()}{message[1:]}."


def _dotted(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location) or "the file"


def _about_key(item: Any, location: tuple[int | str, ...]) -> str:
    """The sentence about a wrong key that is not of a section, but a name or a code."""
    *above, name = location
    where = _dotted(above)
    noun = "a name" if where == "districts" else "a code"
    if isinstance(name, str) and not trimmed(name):
        return f"`{where}`: expected {noun} that is not blank."
    if item["type"] == "value_error":
        return f"`{_dotted(location)}`: expected {_own_words(item)}."
    # What YAML has read of it is not what is written there.
    return (
        f"`{where}`: expected {noun} in quotes: without, YAML takes it for a number, a day, yes or"
        " no, or nothing."
    )


def _own_words(item: Any) -> str:
    """What a validator of ours says, without pydantic's words before it."""
    return str(item["msg"]).removeprefix("Value error, ")


def _is_of_its_items(item: Any, found: list[Any]) -> bool:
    """Whether a list is too short only because what is in it is wrong, which is said there."""
    location = item["loc"]
    return item["type"] == "too_short" and any(
        len(other["loc"]) > len(location) and other["loc"][: len(location)] == location
        for other in found
    )


_NO_SECTION = ("model_type", "model_attributes_type", "dataclass_type")
"""What pydantic says of a value where a section of the settings is expected."""

_NO_NUMBER = frozenset(
    {
        *("int_type", "int_parsing", "int_parsing_size", "int_from_float"),
        *("float_type", "float_parsing", "finite_number"),
        *("greater_than", "greater_than_equal", "less_than", "less_than_equal"),
    }
)
"""What pydantic says of a value where a number is expected, or one within its bounds."""

_A_DAY = "a day that there is, such as 2026-08-01"
_A_TIME = 'a time of day in quotes, such as "23:30"'
_EXPECTED = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text; digits stand in quotes",
    "string_too_short": "text that is not blank",
    "tuple_type": "a list, such as [A, U]",
    "too_short": "at least one",
    "dict_type": "keys below it, each with its value",
    "date_type": _A_DAY,
    "date_parsing": _A_DAY,
    "date_from_datetime_parsing": _A_DAY,
    "date_from_datetime_inexact": _A_DAY,
    "time_type": _A_TIME,
    "time_parsing": _A_TIME,
}
"""What is allowed, by what pydantic calls the mistake. Its own words are for programmers."""


def _number_at(location: tuple[int | str, ...]) -> str:
    """The kind of number that `location` takes, with its bounds."""
    schema = _schema_at(location)
    noun = "a whole number" if schema.get("type") == "integer" else "a number"
    least, most, above = (
        None if (bound := schema.get(key)) is None else f"{bound:.12g}"
        for key in ("minimum", "maximum", "exclusiveMinimum")
    )
    if above is not None and most is not None:
        return f"{noun} above {above}, and at most {most}"
    if least is not None and most is not None:
        return f"{noun} from {least} to {most}"
    if least is not None:
        return f"{noun} of at least {least}"
    return noun if above is None else f"{noun} above {above}"


def _schema_at(location: tuple[int | str, ...]) -> dict[str, Any]:
    """The JSON schema of what stands at `location`."""
    top = Settings.model_json_schema()
    schema: dict[str, Any] = top
    for part in location:
        below = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
        schema = _resolved(below or {}, top["$defs"])
    return schema


def _resolved(schema: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    """A schema itself: behind its name, and of one that may be left out what it is otherwise."""
    first, *_ = schema.get("anyOf", [schema])
    if "$ref" in first:
        return dict(named[first["$ref"].rpartition("/")[2]])
    return dict(first)


def _allowed_keys(location: tuple[int | str, ...]) -> str:
    """The keys of the section at `location`, found by walking the models."""
    section: type[Any] = Settings
    for part in location:
        field = section.model_fields.get(str(part))
        if field is None:  # the name of a district: its model comes next
            section = District
            continue
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for candidate in candidates:
            if isinstance(candidate, type) and (
                issubclass(candidate, BaseModel) or is_dataclass(candidate)
            ):
                section = candidate
    if is_dataclass(section):
        return ", ".join(field.name for field in fields(section))
    return ", ".join(section.model_fields)


def _line_of(node: yaml.Node, location: tuple[int | str, ...]) -> int:
    """The 1-based line of the deepest part of `location` that the file has.

    Of several keys of one name it is the last, which YAML takes: what `<<` merges comes first.
    """
    line = node.start_mark.line + 1
    current: yaml.Node | None = node
    for part in location:
        if isinstance(current, yaml.MappingNode):
            for key, value in reversed(current.value):
                if _is_called(key, part):
                    line, current = key.start_mark.line + 1, value
                    break
            else:
                return int(line)
        elif isinstance(current, yaml.SequenceNode) and isinstance(part, int):
            current = current.value[part]
            line = current.start_mark.line + 1
        else:
            break
    return int(line)


def _is_called(key: yaml.Node, part: int | str) -> bool:
    """Whether pydantic names `key` as `part`: by what YAML has read of it, `0103` as 67."""
    if not isinstance(key, yaml.ScalarNode):
        return False
    read = _Loader("").construct_object(key)
    return bool(read == part) or (not isinstance(read, str) and repr(read) == part)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _line_in_itself(node: yaml.Node) -> int | None:
    """The 1-based line of an anchor whose alias is within it, so that reading would never end."""
    around: set[int] = set()
    done: set[int] = set()
    left = [(node, False)]
    while left:
        current, is_left = left.pop()
        if is_left:
            around.discard(id(current))
            done.add(id(current))
        elif id(current) in around:
            return int(current.start_mark.line) + 1
        elif id(current) not in done:
            around.add(id(current))
            left.append((current, True))
            left += [(child, False) for child in _children(current)]
    return None


def _repeated_keys(node: yaml.Node) -> list[_Problem]:
    """YAML lets a later key silently win; a repeated district must not hide another.

    Every node is visited once in each district: by its aliases, a short file may have more places
    than can be.
    """
    found: list[_Problem] = []
    visited: set[tuple[tuple[int | str, ...], int]] = set()
    left: list[tuple[tuple[int | str, ...], yaml.Node]] = [((), node)]
    while left:
        location, current = left.pop()
        parts: list[tuple[int | str, yaml.Node]] = []
        if isinstance(current, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in current.value:
                if not isinstance(key, yaml.ScalarNode):  # refused when it is read
                    continue
                name = trimmed(str(key.value))  # as the codes of schools are
                if name in seen:
                    text = f"`{name}` stands here twice."
                    found.append(_Problem(location, key.start_mark.line + 1, text))
                seen.add(name)
                parts.append((key.value, value))
        elif isinstance(current, yaml.SequenceNode):
            parts += enumerate(current.value)
        for part, value in parts:
            below = (*location, part)
            if (below[:2], id(value)) not in visited:
                visited.add((below[:2], id(value)))
                left.append((below, value))
    return found
