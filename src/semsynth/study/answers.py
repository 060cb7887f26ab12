"""Answers as they were given, and the judgements among them as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semsynth.study.plan import StudyPlan, Trial

Choice = Literal["left", "right", "tie"]


@dataclass(frozen=True)
class Answer:
    """One stored answer.

    Attributes:
        worker: pseudonym.
        assignment: number of the assignment in the plan.
        trial: position in the assignment.
        choice: what was chosen.
        response_seconds: from the pictures' appearance to the answer.
        shown_seconds: measured exposure; None where time was unlimited.
        dropped_frames: frames of the screen that the exposure missed.
        complete: whether the assignment was done to its end.
        too_fast: whether it was answered faster than a person can; then it is not complete.
    """

    worker: str
    assignment: int
    trial: int
    choice: Choice
    response_seconds: float
    shown_seconds: float | None = None
    dropped_frames: int = 0
    complete: bool = True
    too_fast: bool = False


def trial_of(plan: StudyPlan, answer: Answer) -> Trial:
    """What the answer is an answer to."""
    return plan.assignments[answer.assignment].trials[answer.trial]


@dataclass(frozen=True, eq=False)
class Judgements:
    """Answers that count, without sentinels and practice.

    Attributes:
        workers: pseudonyms.
        images: names.
        worker: [n] index into ``workers``.
        image: [n] index into ``images``.
        pair: [n] index into the plan's pairs.
        exposure: [n] index into the design's exposures; 0 in an untimed study.
        first: [n] 1 where the pair's first method was preferred, 0 where the second was, NaN for ties.
        left: [n] 1 where the left picture was preferred, 0 where the right one was, NaN for ties.
        response_seconds: [n].
    """

    workers: tuple[str, ...]
    images: tuple[str, ...]
    worker: NDArray[np.int64]
    image: NDArray[np.int64]
    pair: NDArray[np.int64]
    exposure: NDArray[np.int64]
    first: NDArray[np.float64]
    left: NDArray[np.float64]
    response_seconds: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of judgements."""
        return len(self.worker)


def judgements_of(plan: StudyPlan, answers: Sequence[Answer]) -> Judgements:
    """The judgements among ``answers``."""
    pairs = {frozenset(pair): number for number, pair in enumerate(plan.pairs)}
    exposures = {seconds: number for number, seconds in enumerate(plan.design.exposures)}
    judged = [(answer, trial) for answer in answers if (trial := trial_of(plan, answer)).kind == "judgement"]
    workers = tuple(sorted({answer.worker for answer, _ in judged}))
    images = tuple(sorted({trial.image for _, trial in judged}))
    worker_codes = {name: code for code, name in enumerate(workers)}
    image_codes = {name: code for code, name in enumerate(images)}
    pair = [pairs[frozenset((trial.left, trial.right))] for _, trial in judged]
    left = np.array([{"left": 1.0, "right": 0.0, "tie": np.nan}[answer.choice] for answer, _ in judged])
    first_is_left = np.array([trial.left == plan.pairs[p][0] for p, (_, trial) in zip(pair, judged, strict=True)], bool)
    return Judgements(
        workers=workers,
        images=images,
        worker=np.array([worker_codes[answer.worker] for answer, _ in judged], np.int64),
        image=np.array([image_codes[trial.image] for _, trial in judged], np.int64),
        pair=np.array(pair, np.int64),
        exposure=np.array([exposures.get(trial.exposure or 0.0, 0) for _, trial in judged], np.int64),
        first=np.where(first_is_left, left, 1 - left),
        left=left,
        response_seconds=np.array([answer.response_seconds for answer, _ in judged]),
    )
