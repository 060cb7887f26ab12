"""Answers as judgements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from semsynth.study.answers import Answer, judgements_of
from semsynth.study.plan import StudyPlan


def test_judgements_name_the_first_method(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", ("ours", "crn", "pix2pix"), batch=100)
    trials = plan.assignments[0].trials
    answers = [
        Answer("w", 0, n, "left" if trial.left < trial.right else "right", 1.0) for n, trial in enumerate(trials)
    ]
    judged = judgements_of(plan, answers)  # the alphabet wins: crn > ours > pix2pix
    wins = {pair: judged.first[judged.pair == number].mean() for number, pair in enumerate(plan.pairs)}
    assert wins == {("ours", "crn"): 0, ("ours", "pix2pix"): 1, ("crn", "pix2pix"): 1}
