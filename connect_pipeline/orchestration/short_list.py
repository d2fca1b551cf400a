"""Districts in a sentence of a sensor: the first by their names, the others as a number.

Belongs here: how many are named. Does not belong here: the sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

NAMES_SHOWN = 10


def short_list(districts: Sequence[str]) -> str:
    """The first of these districts, and how many more there are."""
    more = len(districts) - NAMES_SHOWN
    return ", ".join(districts[:NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
