"""Questions, dealt out so that every count is balanced: per pair of methods, picture, exposure, side and position.

Everything here is a function of a random generator, so that one seed gives one study.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Questions:
    """Every question that a study asks, once.

    Attributes:
        pair: [Q] number of the pair of methods.
        exposure: [Q] number of the exposure; 0 in an untimed study.
        image: [Q] number of the picture.
    """

    pair: Indices
    exposure: Indices
    image: Indices


@dataclass(frozen=True, eq=False)
class Deal:
    """How one round's questions are shown.

    Attributes:
        batches: per batch the numbers of its questions, in the order in which they are shown.
        first_left: [Q] whether the pair's first method is on the left.
    """

    batches: tuple[Indices, ...]
    first_left: NDArray[np.bool_]


def draw_questions(
    pairs: int, exposures: int, available: int, wanted: int | None, rng: np.random.Generator
) -> Questions:
    """Choose the pictures of every pair and exposure.

    All pairs get the same pictures at one exposure, so that pairs can be compared; over the exposures every picture is
    used equally often (by one more or less).

    Args:
        pairs: number of pairs of methods.
        exposures: number of exposures, at least 1.
        available: number of pictures.
        wanted: pictures per pair and exposure, at most; None for all.
        rng: chooses.
    """
    count = available if wanted is None else min(wanted, available)
    order = rng.permutation(available)
    chosen = order[(np.arange(exposures)[:, None] * count + np.arange(count)) % available]  # [exposures,count]
    shape = (exposures, pairs, count)
    exposure, pair, _ = np.indices(shape)
    image = np.broadcast_to(chosen[:, None], shape)
    return Questions(pair.ravel(), exposure.ravel(), image.ravel())


def deal_rounds(questions: Questions, batch: int, rounds: int, rng: np.random.Generator) -> list[Deal]:
    """Deal the questions into batches, once per round.

    Rounds come in twos: the second shows the first one's batches with sides changed and in reverse order, so that over
    both every question was on each side once and its mean position is the middle.

    Args:
        questions: what is asked in every round.
        batch: questions per batch, at most.
        rounds: how often each question is asked.
        rng: draws.
    """
    deals: list[Deal] = []
    while len(deals) < rounds:
        deal = _deal(questions, -(-len(questions.pair) // batch), rng)
        deals.append(deal)
        deals.append(Deal(tuple(numbers[::-1] for numbers in deal.batches), ~deal.first_left))
    return deals[:rounds]


def _deal(questions: Questions, batches: int, rng: np.random.Generator) -> Deal:
    """Batches of equal size (by one more or less) with equal shares of every pair at every exposure."""
    total = len(questions.pair)
    cell = questions.exposure * (questions.pair.max() + 1) + questions.pair
    rank = rng.permutation(questions.image.max() + 1)[questions.image]  # one order of the pictures for all cells
    by_cell = np.lexsort((rank, cell))
    counts = np.bincount(cell)
    starts = np.cumsum(counts) - counts
    position = np.arange(total) - np.repeat(starts, counts)
    # Turned against one another, so that one picture's pairs go to different people. Cards are then dealt in turn.
    turned = (position + np.repeat(np.arange(len(counts)) - starts, counts)) % np.repeat(counts, counts)
    in_turn = by_cell[np.lexsort((turned, cell[by_cell]))]
    assigned = np.empty(total, np.int64)
    assigned[in_turn] = np.arange(total) % batches

    shuffled = rng.permutation(total)
    order = tuple(shuffled[assigned[shuffled] == number] for number in range(batches))
    return Deal(order, _sides(questions, assigned, rng))


def _sides(questions: Questions, assigned: Indices, rng: np.random.Generator) -> NDArray[np.bool_]:
    """[Q] alternating along (pair, batch, exposure): each of these groups has both sides equally often, +-1."""
    total = len(assigned)
    order = np.lexsort((rng.random(total), questions.exposure, assigned, questions.pair))
    sides = np.empty(total, np.bool_)
    sides[order] = (np.arange(total) + rng.integers(2)) % 2 == 0
    return sides


def spread(judgements: int, extra: int, rng: np.random.Generator) -> Indices:
    """Positions for ``extra`` trials among ``judgements`` others: one somewhere in each of ``extra`` equal stretches.

    Returns:
        [extra] ascending positions in the sequence of all ``judgements + extra`` trials.
    """
    edges = np.linspace(0, judgements + extra, extra + 1)
    low, high = np.ceil(edges[:-1]).astype(np.int64), np.ceil(edges[1:]).astype(np.int64)
    return np.asarray(rng.integers(low, high)) if extra else np.zeros(0, np.int64)
