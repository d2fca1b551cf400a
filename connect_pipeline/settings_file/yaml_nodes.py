"""The file as YAML's nodes: on which line a setting stands, and what YAML itself would let pass.

Belongs here: lines, keys that stand twice. Does not belong here: what the settings are
(`settings.py`).
"""

from __future__ import annotations

from typing import Any

import yaml

from connect_pipeline.settings import trimmed
from connect_pipeline.settings_file.mistakes import Problem


class Loader(yaml.SafeLoader):
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


def line_of(node: yaml.Node, location: tuple[int | str, ...]) -> int:
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
    read = Loader("").construct_object(key)
    return bool(read == part) or (not isinstance(read, str) and repr(read) == part)


def repeated_keys(node: yaml.Node) -> list[Problem]:
    """YAML lets a later key silently win; a repeated district must not hide another.

    Every node is visited once in each district: by its aliases, a short file may have more places
    than can be.
    """
    found: list[Problem] = []
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
                    found.append(Problem(location, key.start_mark.line + 1, text))
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
