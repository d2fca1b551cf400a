"""The rule catalogue: every rule by its code, found by walking this package.

For: looking a rule up, and listing those of a kind. A new rule is a new module with a `RULE`;
nothing else changes.

Belongs here: finding rules and their families. Does not belong here: a rule, or running one
(`checks.py`).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TypeVar

from connect_pipeline.rules.rule import Rule

R = TypeVar("R", bound=Rule)


@cache
def catalogue() -> dict[str, Rule]:
    """All rules by code, in the order of their modules' names.

    Raises `RuntimeError` when two modules claim one code.
    """
    rules: dict[str, Rule] = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        rule = getattr(importlib.import_module(module.name), "RULE", None)
        if rule is None:
            continue
        if rule.code in rules:
            raise RuntimeError(f"two rules have the code {rule.code}")
        rules[rule.code] = rule
    return rules


@cache
def family_of(code: str) -> str:
    """The family of a rule: the folder that its module is in. Raises `KeyError` for no rule."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        if module.name.endswith(f".{code}"):
            return module.name.split(".")[-2]
    raise KeyError(code)


def rules_of(kind: type[R]) -> list[R]:
    """The rules of one kind."""
    return [rule for rule in catalogue().values() if isinstance(rule, kind)]
