"""The rule catalogue: every rule by its code, found by walking this package.

For: looking a rule up, and listing those of a kind. A new rule is a new module with a `RULE`;
nothing else changes.

Belongs here: finding rules and their families. Does not belong here: a rule, or running one
(`checks/`).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TypeVar

from connect_pipeline.rules.rule import Rule

R = TypeVar("R", bound=Rule)


@cache
def families() -> dict[str, dict[str, Rule]]:
    """The rules by family, which is the folder that a rule's module is in, and by code.

    Raises `RuntimeError` when two modules claim one code.
    """
    found: dict[str, dict[str, Rule]] = {}
    codes: set[str] = set()
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        rule = getattr(importlib.import_module(module.name), "RULE", None)
        if rule is None:
            continue
        if rule.code in codes:
            raise RuntimeError(f"two rules have the code {rule.code}")
        codes.add(rule.code)
        found.setdefault(module.name.split(".")[-2], {})[rule.code] = rule
    return found


@cache
def catalogue() -> dict[str, Rule]:
    """All rules by code, in the order of their modules' names."""
    return {code: rule for family in families().values() for code, rule in family.items()}


def family_of(code: str) -> str:
    """The family of a rule. Raises `KeyError` for no rule."""
    for family, rules in families().items():
        if code in rules:
            return family
    raise KeyError(code)


def rules_of(kind: type[R]) -> list[R]:
    """The rules of one kind."""
    return [rule for rule in catalogue().values() if isinstance(rule, kind)]
