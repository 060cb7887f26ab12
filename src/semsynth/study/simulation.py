"""Workers without people: attentive, careless and one-sided ones, for dry runs and for the power of a design."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from semsynth.errors import SemsynthError
from semsynth.study.analysis import analyse
from semsynth.study.answers import Answer, Choice
from semsynth.study.plan import Assignment, StudyPlan, Trial
from semsynth.study.records import NewAnswer, RefusedError
from semsynth.study.store import Store

Behaviour = Literal["attentive", "careless", "biased"]

_ATTENTIVE_LAPSES = 0.02
"""Share of answers that even attentive people give at random."""
_ONE_SIDED = 0.98
"""Share of left among a one-sided worker's answers."""
_SEEN_AFTER = 0.3
"""Seconds after which 63 % of a difference between two pictures has been seen."""


@dataclass(frozen=True)
class Population:
    """Who answers, and what they see.

    Attributes:
        strengths: log-strength per method: the logit of a preference is their difference.
        careless: share of workers who click at random, and fast.
        biased: share of workers who nearly always choose the left side.
        worker_deviation: standard deviation, in logits, of one worker's preference around that of all.
        image_deviation: the same of one picture.
        tie_parameter: Davidson's nu, where ties are allowed.
        dropout: share of assignments that are given up half-way.
    """

    strengths: Mapping[str, float]
    careless: float = 0.1
    biased: float = 0.05
    worker_deviation: float = 0.5
    image_deviation: float = 0.5
    tie_parameter: float = 0.5
    dropout: float = 0.0


def default_strengths(plan: StudyPlan) -> dict[str, float]:
    """Falling by 0.7 logits (a preference of 67 %) from method to method; real photos one and a half above all."""
    order = [method for method in plan.methods if method != "real"]
    strengths = {method: -0.7 * rank for rank, method in enumerate(order)}
    return strengths | ({"real": 1.5} if "real" in plan.methods else {})


@dataclass
class SimulatedWorker:
    """Somebody who answers."""

    plan: StudyPlan
    population: Population
    images: Mapping[tuple[int, str], float]
    """Logits by which a picture moves the preference of a pair of methods."""
    rng: np.random.Generator
    behaviour: Behaviour = field(init=False)

    def __post_init__(self) -> None:
        draw = self.rng.random()
        careless, biased = self.population.careless, self.population.biased
        self.behaviour = "careless" if draw < careless else "biased" if draw < careless + biased else "attentive"
        self._taste = self.rng.normal(0, self.population.worker_deviation, len(self.plan.pairs))

    def answer(self, trial: Trial) -> tuple[Choice, float]:
        """The choice, and the seconds that it took."""
        if self.behaviour == "careless":
            return ("left", "right")[self.rng.integers(2)], float(self.rng.uniform(0.05, 0.4))
        seconds = float(0.4 + self.rng.lognormal(0.3, 0.5))
        if self.behaviour == "biased":
            return ("left" if self.rng.random() < _ONE_SIDED else "right"), seconds
        if self.rng.random() < _ATTENTIVE_LAPSES:
            return ("left", "right")[self.rng.integers(2)], seconds
        return trial.expected or self._preferred(trial), seconds

    def _preferred(self, trial: Trial) -> Choice:
        pairs = [frozenset(pair) for pair in self.plan.pairs]
        pair = pairs.index(frozenset((trial.left, trial.right)))
        first, second = self.plan.pairs[pair]
        logit = self.population.strengths[first] - self.population.strengths[second]
        logit += self._taste[pair] + self.images[pair, trial.image]
        if trial.exposure is not None:
            logit *= 1 - np.exp(-trial.exposure / _SEEN_AFTER)
        tie = self.population.tie_parameter if self.plan.design.ties else 0.0
        weights = np.array([np.exp(logit / 2), np.exp(-logit / 2), tie])  # Davidson's shares, times exp(-mean)
        outcome = int(self.rng.choice(3, p=weights / weights.sum()))
        if outcome == 2:
            return "tie"
        return "left" if (outcome == 0) == (trial.left == first) else "right"


def simulated_workers(plan: StudyPlan, population: Population, seed: int) -> Iterator[SimulatedWorker]:
    """An endless row of workers who see the same pictures.

    Raises:
        SemsynthError: a method without strength.
    """
    for method in plan.methods:
        if method not in population.strengths:
            raise SemsynthError(f"'{method}' has no strength: give `strengths={method}=LOGITS`")
    rng = np.random.Generator(np.random.PCG64(seed))
    effects = rng.normal(0, population.image_deviation, (len(plan.pairs), len(plan.images)))
    images = {
        (pair, name): float(effects[pair, number])
        for pair in range(len(plan.pairs))
        for number, name in enumerate(plan.images)
    }
    while True:
        yield SimulatedWorker(plan, population, images, np.random.Generator(np.random.PCG64(rng.integers(2**63))))


def answer_assignment(worker: SimulatedWorker, name: str, number: int, assignment: Assignment) -> Iterator[Answer]:
    """One worker's answers to an assignment, in order."""
    gives_up = worker.rng.random() < worker.population.dropout
    count = len(assignment.trials) // 2 if gives_up else len(assignment.trials)
    for position, trial in enumerate(assignment.trials[:count]):
        choice, seconds = worker.answer(trial)
        shown = None if trial.exposure is None else float(trial.exposure + worker.rng.normal(0, 0.004))
        yield Answer(name, number, position, choice, seconds, shown, 0, not gives_up)


def join_and_answer(store: Store, worker: SimulatedWorker, name: str) -> bool:
    """Let a worker do one assignment as the server would; False if there is none left."""
    try:
        joined = store.join(name)
    except RefusedError:
        return False
    for answer in answer_assignment(worker, name, joined.assignment, store.plan.assignments[joined.assignment]):
        new = NewAnswer(
            key=f"{joined.session}-{answer.trial}",
            trial=answer.trial,
            choice=answer.choice,
            response_seconds=answer.response_seconds,
            shown_seconds=answer.shown_seconds,
            dropped_frames=answer.dropped_frames,
        )
        store.answer(joined.session, new)
    return True


def simulate_answers(plan: StudyPlan, population: Population, seed: int = 0) -> list[Answer]:
    """A whole study, one worker per assignment."""
    workers = simulated_workers(plan, population, seed)
    return [
        answer
        for number, (assignment, worker) in enumerate(zip(plan.assignments, workers, strict=False))
        for answer in answer_assignment(worker, f"simulated-{number:04d}", number, assignment)
    ]


def simulated_power(
    plan: StudyPlan, population: Population, studies: int, alpha: float = 0.05
) -> dict[tuple[str, str], float]:
    """Per pair of methods the share of simulated studies whose corrected clustered p-value is below ``alpha``.

    Unlike a count of independent answers, this knows the design's people, pictures and exclusions.
    """
    found: Sequence[set[tuple[str, str]]] = [
        {
            (one.first, one.second)
            for one in analyse(plan, simulate_answers(plan, population, seed), seed).preferences
            if one.p_clustered_holm < alpha
        }
        for seed in range(studies)
    ]
    return {pair: sum(pair in pairs for pairs in found) / studies for pair in plan.pairs}
