"""The benchmark times what it names: that a function moved, only `make bench` would notice."""

from __future__ import annotations

import pytest

from benchmarks.phases import PHASES
from connect_pipeline.validation import whole_drop


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_is_a_function_of_ours(phase: str) -> None:
    module, name = PHASES[phase]
    assert callable(getattr(module, name))


def test_rules_are_timed_where_they_are_called_from() -> None:
    assert whole_drop.check_read.__globals__ is vars(PHASES["rules"][0])
