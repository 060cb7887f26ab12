"""Simulated people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from semsynth.study.plan import StudyPlan
from semsynth.study.simulation import Population, simulated_power


def test_power_grows_with_the_difference(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", batch=12, judgements=20)
    power = [simulated_power(plan, Population({"ours": gap, "crn": 0.0}), 5)["ours", "crn"] for gap in (0.0, 2.0)]
    assert power[0] <= 0.4
    assert power[1] == 1
