"""Fidelity and variety by nearest neighbours: precision, recall, density and coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 5
"""k of Naeem et al. 2020."""
BLOCK = 512
"""Rows of the distance matrix that are held at a time."""


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """One number per image; the scores are their means.

    Attributes:
        precision: [m], whether a synthesised image lies in the ball of some real one (Kynkäänniemi et al. 2019).
        recall: [n], whether a real image lies in the ball of some synthesised one.
        density: [m], in how many real balls a synthesised image lies, divided by k (Naeem et al. 2020); may exceed 1.
        coverage: [n], whether any synthesised image lies in a real image's ball.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    density: NDArray[np.float64]
    coverage: NDArray[np.float64]


def neighbourhoods(real: NDArray[np.floating], synthetic: NDArray[np.floating], k: int = NEIGHBOURS) -> Neighbourhoods:
    """Compare two sets of feature vectors; an image's ball reaches to its k-th nearest neighbour in its own set.

    Args:
        real: [n,D]; may be a memory-mapped file.
        synthetic: [m,D].
        k: fewer than both sets have images.
    """
    if k >= min(len(real), len(synthetic)):
        raise ValueError(f"{k} neighbours need more than {k} images in both sets")
    real_radii, synthetic_radii = _radii(real, k), _radii(synthetic, k)
    inside = np.zeros(len(synthetic))
    recall, coverage = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for start in range(0, len(real), BLOCK):
        rows = slice(start, start + BLOCK)
        for left in range(0, len(synthetic), BLOCK):
            columns = slice(left, left + BLOCK)
            distances = _squared_distances(real[rows], synthetic[columns])
            in_real = distances <= real_radii[rows, None]
            inside[columns] += in_real.sum(0)
            coverage[rows] |= in_real.any(1)
            recall[rows] |= (distances <= synthetic_radii[None, columns]).any(1)
    return Neighbourhoods((inside > 0).astype(float), recall.astype(float), inside / k, coverage.astype(float))


def _radii(features: NDArray[np.floating], k: int) -> NDArray[np.float64]:
    """[n]: squared distance to the k-th neighbour, an image not counting as its own."""
    radii = np.empty(len(features))
    for start in range(0, len(features), BLOCK):
        best = np.full((len(features[start : start + BLOCK]), k + 1), np.inf)
        for left in range(0, len(features), BLOCK):
            distances = _squared_distances(features[start : start + BLOCK], features[left : left + BLOCK])
            if left == start:
                np.fill_diagonal(distances, 0.0)
            best = np.partition(np.concatenate([best, distances], 1), k, axis=1)[:, : k + 1]
        radii[start : start + BLOCK] = best.max(1)
    return radii


def _squared_distances(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
    a, b = x.astype(np.float64), y.astype(np.float64)
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * (a @ b.T)
    # What is nothing but rounding is equality: real images against themselves then cover themselves.
    squares[squares < 1e-12 * ((a**2).sum(1)[:, None] + (b**2).sum(1))] = 0.0
    return np.asarray(squares)
