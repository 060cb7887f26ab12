"""How well a linear probe tells synthesised pictures from photographs that it has not seen.

The selection rule of Kumari et al., "Ensembling Off-the-shelf Models for GAN Training", CVPR 2022 (accuracy of a linear
classifier on pooled features), with all pictures of a layout kept on one side of the split.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
PENALTIES = np.logspace(-4, 4, 17)
"""Strengths of the ridge penalty to choose from, in units of the mean eigenvalue of the features' Gram matrix."""

_ROUNDING = 1e-10
"""What is smaller than this, in relation to the largest, is not there."""

Vectors = NDArray[np.float64]


def detectability(
    real: NDArray[np.floating],
    synthetic: NDArray[np.floating],
    real_layouts: NDArray[np.int64],
    synthetic_layouts: NDArray[np.int64],
    folds: int = FOLDS,
) -> NDArray[np.float64]:
    """Judge every picture by a ridge probe that was fitted to the pictures of other layouts.

    Layouts are cut into consecutive folds, so that neighbouring frames of a video stay together. Both kinds weigh the
    same, however many pictures there are of each. The penalty is the one with the least leave-one-out error on the
    fitted pictures.

    Args:
        real: [n,D] features of photographs.
        synthetic: [m,D] features of pictures.
        real_layouts: [n], the number of each photograph's layout.
        synthetic_layouts: [m], the number of each picture's layout; each also has a photograph, and the reverse.
        folds: how often a probe is fitted; layouts are at least as many.

    Returns:
        [L], for each layout in ascending order, the mean of the share of its photographs and the share of its pictures
        that are told right: 0.5 is perfect synthesis, up to chance, and 1 tells all.

    Raises:
        ValueError: fewer layouts than folds, or layouts without photographs or without pictures.
    """
    layouts = np.unique(real_layouts)
    if len(layouts) < folds or not np.array_equal(layouts, np.unique(synthetic_layouts)):
        raise ValueError(f"{folds} folds need {folds} layouts or more, each with photographs and pictures")
    accuracies = np.empty(len(layouts))
    for held_out in np.array_split(np.arange(len(layouts)), folds):
        outside = ~np.isin(real_layouts, layouts[held_out]), ~np.isin(synthetic_layouts, layouts[held_out])
        probe = _Probe(real[outside[0]], synthetic[outside[1]])
        real_is_told, synthetic_is_told = (1 + np.sign(probe(real))) / 2, (1 - np.sign(probe(synthetic))) / 2
        for index in held_out:
            photos, pictures = real_layouts == layouts[index], synthetic_layouts == layouts[index]
            accuracies[index] = (real_is_told[photos].mean() + synthetic_is_told[pictures].mean()) / 2
    return accuracies


class _Probe:
    """Ridge regression of +1 for real and -1 for synthesised, on standardised features."""

    def __init__(self, real: NDArray[np.floating], synthetic: NDArray[np.floating]) -> None:
        x = np.concatenate([real, synthetic]).astype(np.float64)
        target = np.repeat([1.0, -1.0], [len(real), len(synthetic)])
        weight = np.repeat([0.5 / len(real), 0.5 / len(synthetic)], [len(real), len(synthetic)])  # sums to 1
        self.mean = weight @ x
        deviation = np.sqrt(weight @ (x - self.mean) ** 2)
        varies = deviation > _ROUNDING * np.abs(x).max(0)
        self.factor = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies)
        root = np.sqrt(weight)
        rows = (x - self.mean) * self.factor * root[:, None]
        values, vectors = _principal(rows)
        rotated = vectors.T @ (root * target)
        penalties = PENALTIES * (values.sum() / len(rows) or 1.0)
        errors = [_leave_one_out(root * target, values, vectors, rotated, penalty) for penalty in penalties]
        penalty = penalties[int(np.argmin(errors))]
        # With K = RR': (R'R + p I)^-1 R'y = R' (K + p I)^-1 y.
        self.direction = rows.T @ (vectors @ (rotated / (values + penalty)))

    def __call__(self, features: NDArray[np.floating]) -> Vectors:
        """[n,D] -> [n]: above 0 for what looks real."""
        scores: Vectors = ((features.astype(np.float64) - self.mean) * self.factor) @ self.direction
        return scores


def _principal(rows: Vectors) -> tuple[Vectors, Vectors]:
    """Positive eigenvalues [r] of the Gram matrix of rows [n,D], and its eigenvectors [n,r], by the smaller side."""
    few = len(rows) <= rows.shape[1]
    values, vectors = np.linalg.eigh(rows @ rows.T if few else rows.T @ rows)
    kept = values > _ROUNDING * max(values[-1], 0.0)
    values, vectors = values[kept], vectors[:, kept]
    return values, vectors if few else (rows @ vectors) / np.sqrt(values)


def _leave_one_out(target: Vectors, values: Vectors, vectors: Vectors, rotated: Vectors, penalty: float) -> float:
    """Weighted squared error of each picture's prediction without it (Golub, Heath and Wahba 1979: PRESS).

    Args:
        target: [n], the weighted targets.
        values: [r], eigenvalues of the weighted Gram matrix.
        vectors: [n,r], its eigenvectors.
        rotated: [r], the targets in their coordinates.
        penalty: of the ridge regression.
    """
    shrunk = values / (values + penalty)
    residuals = (target - vectors @ (shrunk * rotated)) / (1 - vectors**2 @ shrunk)
    return float((residuals**2).sum())
