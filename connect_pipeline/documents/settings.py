"""`docs/settings.md`: every key of `districts.yaml`, from `settings.py` and `limits.py`.

Belongs here: the page's shape. Does not belong here: anything about a single setting.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import time
from typing import Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import DocInfo, Ge, Gt, Le
from pydantic import BaseModel

from connect_pipeline.documents.markdown import table, written_from
from connect_pipeline.settings import Settings

HEAD = f"""\
# Settings

{written_from("`connect_pipeline/settings.py`", "`connect_pipeline/limits.py`")}

What `districts.yaml` in `CONNECT_HOME` may say. Unknown keys and wrong values are refused, with
their line and what is allowed there; `connect-pipeline doctor` reads the file and says what else is
wrong. Secrets are named here and never written. A key in **bold** must be there; without one of the
others its default holds.
"""


@dataclass(frozen=True)
class Key:
    """A key of a section: its default as YAML ("" for none), and what it means."""

    name: str
    is_required: bool
    default: str
    description: str
    section: type | None


def settings_page() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEAD, *_sections("", Settings, {})])


def keys_of(section: type) -> Iterator[Key]:
    """The keys of one section, in their order."""
    if issubclass(section, BaseModel):
        for name, field in section.model_fields.items():
            default = None if field.is_required() else field.get_default()
            yield Key(
                name,
                field.is_required(),
                _as_yaml(default),
                _told(field.description or "", field.annotation, field.metadata),
                _section_in(field.annotation),
            )
        return
    hints = get_type_hints(section, include_extras=True)
    for one in fields(section):  # type: ignore[arg-type]
        notes = hints[one.name].__metadata__
        (told,) = (note.documentation for note in notes if isinstance(note, DocInfo))
        notes += _notes_but_for_none(hints[one.name].__origin__)
        yield Key(one.name, False, _as_yaml(one.default), _told(told, None, notes), None)


def _sections(path: str, section: type, told: dict[type, str]) -> Iterator[str]:
    """This section's part of the page, then those of the sections in it.

    `told` has each section's title: what stands in two places is told once.
    """
    keys = list(keys_of(section))
    new = {
        one.section: _title(path, one) for one in keys if one.section and one.section not in told
    }
    told |= new
    rows = [
        (
            f"**`{key.name}`**" if key.is_required else f"`{key.name}`",
            f"`{key.default}`" if key.default else "",
            key.description or _section_link(told[key.section or section]),
        )
        for key in keys
    ]
    heading = f"## `{path}`" if path else "## The top"
    yield f"{heading}\n\n{_paragraphs(section)}\n"
    yield table(("key", "default", "what it is"), rows)
    for below, title in new.items():
        yield from _sections(title, below, told)


def _title(path: str, key: Key) -> str:
    name = "districts.<name>" if key.name == "districts" else key.name
    return f"{path}.{name}" if path else name


def _section_link(title: str) -> str:
    """A link to a section's heading, as GitHub makes an anchor of it."""
    anchor = "".join(char for char in title if char.isalnum() or char in "_-")
    return f"a section: [`{title}`](#{anchor})"


def _paragraphs(section: type) -> str:
    paragraphs = (inspect.getdoc(section) or "").split("\n\n")
    return "\n\n".join(one.replace("\n", " ") for one in paragraphs)


def _section_in(annotation: Any) -> type | None:
    """The section that a key holds, alone, or None, or by name."""
    for one in (annotation, *get_args(annotation)):
        if inspect.isclass(one) and (issubclass(one, BaseModel) or is_dataclass(one)):
            return one
    return None


def _notes_but_for_none(annotation: Any) -> tuple[Any, ...]:
    """The notes of what a key is when it is not None."""
    ways = get_args(annotation)
    return tuple(
        note for way in ways if type(None) in ways for note in getattr(way, "__metadata__", ())
    )


def _told(description: str, annotation: Any, notes: Sequence[Any]) -> str:
    """What a key means, with the words or the numbers that are allowed."""
    words = get_args(annotation) if get_origin(annotation) is Literal else ()
    allowed = f"`{'`, `'.join(words)}`" if words else _bounds(notes)
    return f"{description} ({allowed})" if description and allowed else description


def _bounds(notes: Sequence[Any]) -> str:
    least = next((note.ge for note in notes if isinstance(note, Ge)), None)
    above = next((note.gt for note in notes if isinstance(note, Gt)), None)
    most = next((note.le for note in notes if isinstance(note, Le)), None)
    if least is not None and most is not None:
        return f"{least:,} to {most:,}"
    bounds = [
        f"{words} {bound:,}"
        for words, bound in (("at least", least), ("above", above), ("at most", most))
        if bound is not None
    ]
    return ", ".join(bounds)


def _as_yaml(value: Any) -> str:
    if value is None or is_dataclass(value) or isinstance(value, BaseModel):
        return ""
    if isinstance(value, time):
        return f'"{value:%H:%M}"'
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return value if isinstance(value, str) else json.dumps(value)
