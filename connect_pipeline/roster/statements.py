"""The SQL files of this package, as text.

Belongs here: reading them. Does not belong here: their order and what is bound (`build.py`).
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def text(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
