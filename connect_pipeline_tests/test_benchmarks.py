"""The benchmark times what it names: that a function moved, only `make bench` would notice."""

from __future__ import annotations

from types import ModuleType

import pytest

from benchmarks.phases import PHASES
from connect_pipeline.validation import whole_drop


@pytest.mark.parametrize(("phase", "module", "name"), PHASES)
def test_each_phase_is_a_function_of_ours(phase: str, module: ModuleType, name: str) -> None:
    assert callable(getattr(module, name)), phase


def test_rules_are_timed_where_they_are_called_from() -> None:
    (module,) = (module for phase, module, _ in PHASES if phase == "rules")
    assert whole_drop.check_read.__globals__ is vars(module)
