"""Simulated people who visit a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ports import free_port

from semsynth.errors import SemsynthError
from semsynth.study.participants import visit
from semsynth.study.plan import StudyPlan
from semsynth.study.simulation import Population

NEUTRAL = Population({"ours": 0.5, "crn": 0.0}, careless=0, biased=0)


@pytest.fixture
def plan(make: Callable[..., StudyPlan], tmp_path: Path) -> StudyPlan:
    return make(tmp_path / "s", batch=6, judgements=2)


@pytest.mark.parametrize("url", ["http://192.168.0.1:80", "https://127.0.0.1:1", "http://example.org:80", "127.0.0.1"])
def test_simulated_people_visit_this_machine_only(plan: StudyPlan, url: str):
    with pytest.raises(SemsynthError, match="this machine only"):
        visit(url, plan, NEUTRAL, 1, 0)


def test_nobody_answers(plan: StudyPlan):
    started = time.monotonic()
    with pytest.raises(SemsynthError, match="nothing answers on"):
        visit(f"http://127.0.0.1:{free_port()}", plan, NEUTRAL, 2, 0, patience=0.5)
    assert time.monotonic() - started < 20
