"""A mistake in words: the key, and what is allowed there, never what was written.

Belongs here: pydantic's errors as sentences for who writes the file. Does not belong here: on which
line it is (`yaml_nodes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel

from connect_pipeline.settings import District, Settings, trimmed

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


class Problem(NamedTuple):
    """A mistake: in which key, on which line, and what to do."""

    location: tuple[int | str, ...]
    line: int
    text: str


def sentence(item: Any) -> str:
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


def is_of_its_items(item: Any, found: list[Any]) -> bool:
    """Whether a list is too short only because what is in it is wrong, which is said there."""
    location = item["loc"]
    return item["type"] == "too_short" and any(
        len(other["loc"]) > len(location) and other["loc"][: len(location)] == location
        for other in found
    )


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
