"""Whose answers count: the design's rules, applied and reported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from semsynth.config import Config
from semsynth.study.answers import Answer, trial_of
from semsynth.study.plan import StudyPlan


class WorkerReport(Config):
    """One person's answers against the rules."""

    worker: str
    answers: int
    """To judgements and sentinels of finished assignments."""
    sentinels: int
    sentinels_right: int
    fast_share: float
    """Share of answers given sooner than the design's ``min_response_seconds``."""
    left_share: float | None
    """Share of left among the answers that chose a side; None if there are none."""
    excluded_for: tuple[str, ...]
    """Rules that were broken; empty if the answers count."""


class ExclusionReport(Config):
    """What was left out and why."""

    stored: int
    """Answers to judgements and sentinels in all."""
    unfinished: int
    """Of them in assignments that were not finished."""
    too_fast: int
    """Of them in assignments that were answered faster than a person can."""
    excluded_workers: int
    of_excluded_workers: int
    """Answers of people who broke a rule."""
    wrong_exposure: int
    """Other answers whose measured exposure was too far from the planned one."""
    dropped_frames: int
    """Answers, kept or not, during which the screen missed frames."""
    kept: int
    """Answers that count, sentinels included."""
    workers: tuple[WorkerReport, ...]


@dataclass(frozen=True)
class Kept:
    """Answers that count, and the report on the others."""

    answers: list[Answer]
    report: ExclusionReport


def apply_exclusions(plan: StudyPlan, answers: Sequence[Answer]) -> Kept:
    """Leave out unfinished assignments, then people who break a rule, then answers with a wrong exposure."""
    stored = [answer for answer in answers if trial_of(plan, answer).kind != "practice"]
    finished: dict[str, list[Answer]] = defaultdict(list)
    for answer in stored:
        if answer.complete:
            finished[answer.worker].append(answer)
    workers = tuple(report_worker(plan, worker, finished[worker]) for worker in sorted(finished))
    out = {report.worker for report in workers if report.excluded_for}
    attentive = [answer for answer in stored if answer.complete and answer.worker not in out]
    kept = [answer for answer in attentive if not _wrong_exposure(plan, answer)]
    report = ExclusionReport(
        stored=len(stored),
        unfinished=sum(not answer.complete and not answer.too_fast for answer in stored),
        too_fast=sum(answer.too_fast for answer in stored),
        excluded_workers=len(out),
        of_excluded_workers=sum(len(finished[worker]) for worker in out),
        wrong_exposure=len(attentive) - len(kept),
        dropped_frames=sum(answer.dropped_frames > 0 for answer in stored),
        kept=len(kept),
        workers=workers,
    )
    return Kept(kept, report)


def report_worker(plan: StudyPlan, worker: str, answers: Sequence[Answer]) -> WorkerReport:
    """Hold one person's answers, none to practice, against the rules."""
    rules = plan.design.exclusions
    expected = [(answer.choice, trial_of(plan, answer).expected) for answer in answers]
    sentinels = [choice == right for choice, right in expected if right is not None]
    fast = sum(answer.response_seconds < rules.min_response_seconds for answer in answers) / max(1, len(answers))
    sides = [answer.choice == "left" for answer in answers if answer.choice != "tie"]
    left = sum(sides) / len(sides) if sides else None
    reasons = []
    if sentinels and sum(sentinels) < rules.min_sentinel_accuracy * len(sentinels):
        reasons.append("sentinels")
    if fast > rules.max_fast_share:
        reasons.append("fast")
    if left is not None and len(sides) >= rules.min_side_answers and max(left, 1 - left) > rules.max_side_share:
        reasons.append("one side")
    return WorkerReport(
        worker=worker,
        answers=len(answers),
        sentinels=len(sentinels),
        sentinels_right=sum(sentinels),
        fast_share=fast,
        left_share=left,
        excluded_for=tuple(reasons),
    )


def _wrong_exposure(plan: StudyPlan, answer: Answer) -> bool:
    planned = trial_of(plan, answer).exposure
    if planned is None:
        return False
    error = abs((answer.shown_seconds or 0.0) - planned)
    return error > plan.design.exclusions.max_exposure_error
