"""Whose answers do not count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from semsynth.study.answers import Answer
from semsynth.study.exclusions import apply_exclusions
from semsynth.study.plan import StudyPlan


def test_rules_by_hand(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", batch=12, judgements=5, sentinels=4, sentinel="real")

    def answered(number: int, name: str, sentinels_right: int, choices: str, seconds: float, complete: bool = True):
        answers, right = [], 0
        for position, trial in enumerate(plan.assignments[number].trials):
            choice = choices[position % len(choices)]
            if trial.expected is not None:
                wrong = "left" if trial.expected == "right" else "right"
                right += 1
                side = trial.expected if right <= sentinels_right else wrong
            else:
                side = {"l": "left", "r": "right"}[choice]
            answers.append(Answer(name, number, position, side, seconds, complete=complete))
        return answers

    answers = (
        answered(0, "good", 4, "lr", 1.0)
        + answered(1, "inattentive", 3, "lr", 1.0)
        + answered(2, "fast", 4, "lr", 0.1)
        + answered(3, "unfinished", 4, "lr", 1.0, complete=False)
        + [replace(answer, choice="left") for answer in answered(4, "one-sided", 4, "l", 1.0)]
    )
    report = apply_exclusions(plan, answers).report
    assert {one.worker: one.excluded_for for one in report.workers} == {
        "good": (),
        "inattentive": ("sentinels",),
        "fast": ("fast",),
        "one-sided": ("sentinels", "one side") if report.workers[-1].sentinels_right < 4 else ("one side",),
    }
    assert (report.stored, report.unfinished, report.of_excluded_workers, report.kept) == (80, 16, 48, 16)
