"""From answers to shares, ranking and intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semsynth.errors import SemsynthError
from semsynth.study.analysis import analyse
from semsynth.study.answers import Answer
from semsynth.study.plan import StudyPlan
from semsynth.study.simulation import Population, simulate_answers


def test_simulated_strengths_are_found_and_careless_people_left_out(study: tuple[Path, StudyPlan]):
    plan = study[1]
    population = Population({"ours": 1.0, "crn": 0.0, "pix2pix": -1.0}, careless=0.2, biased=0.1, dropout=0.1)
    answers = simulate_answers(plan, population, seed=1)
    results = analyse(plan, answers)
    excluded = [worker for worker in results.exclusions.workers if worker.excluded_for]
    assert 3 <= len(excluded) <= 20
    assert results.exclusions.unfinished > 0
    assert results.exclusions.stored == len(answers)
    first = results.preferences[0]
    assert (first.first, first.second) == ("ours", "crn")
    truth = 1 / (1 + np.exp(-1.0))
    assert first.clustered[0] - 0.03 < truth < first.clustered[1] + 0.03
    assert first.p_clustered_holm < 0.01
    assert results.ranking is not None
    assert [one.method for one in results.ranking.strengths] == ["ours", "crn", "pix2pix"]
    for one, strength in zip(results.ranking.strengths, (1, 0, -1), strict=True):
        assert one.strength == pytest.approx(strength, abs=0.3)
    assert results.ranking.tie_parameter == pytest.approx(0.5, abs=0.15)


def test_answers_with_a_wrong_exposure_do_not_count(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", exposures=(0.125, 1.0), batch=24)
    trials = plan.assignments[0].trials
    answers = [
        Answer("a", 0, n, ("left", "right")[n % 2], 1.0, (trial.exposure or 0) + (0.05 if n < 3 else 0.02), n == 5)
        for n, trial in enumerate(trials)
    ]
    answers = [replace(answer, complete=True) for answer in answers]
    results = analyse(plan, answers)
    assert results.exclusions.wrong_exposure == 3
    assert results.judgements == len(trials) - 3
    assert [one.exposure for one in results.by_exposure] == [0.125, 1.0]


def test_sides_do_not_decide_who_wins(make: Callable[..., StudyPlan], tmp_path: Path):
    """Whoever chooses left always prefers each method equally often, and the side bias shows it."""
    plan = make(tmp_path / "s", batch=12, judgements=2, exclusions={"max_side_share": 1.0})
    answers = [
        Answer(f"w{number}", number, position, "left", 1.0)
        for number, assignment in enumerate(plan.assignments)
        for position in range(len(assignment.trials))
    ]
    results = analyse(plan, answers)
    assert results.preferences[0].share == 0.5
    assert (results.side.left, results.side.right) == (24, 0)
    assert results.side.p_exact == pytest.approx(2 / 2**24)


def test_unanimous_answers_still_have_an_interval(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", batch=12)
    answers = [
        Answer("w", 0, position, "left" if trial.left == "ours" else "right", 1.0)
        for position, trial in enumerate(plan.assignments[0].trials)
    ]
    (found,) = analyse(plan, answers).preferences
    assert found.share == 1
    assert found.clustered == found.wilson
    assert found.p_clustered == found.p_exact == pytest.approx(2 / 2**12)


def test_nothing_to_analyse(study: tuple[Path, StudyPlan]):
    with pytest.raises(SemsynthError, match="no usable answers yet"):
        analyse(study[1], [])
