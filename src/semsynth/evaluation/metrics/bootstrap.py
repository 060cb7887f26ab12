"""How far a score would move with other images of the same kind: bootstrap intervals over images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

REPLICATES = 1000
"""Replicates of scores that cost little."""

Interval = tuple[float, float]
"""Lower and upper end."""


class PoissonBootstrap:
    """Weights of images in bootstrap replicates, drawn as the images come.

    Every image's weight in a replicate is Poisson(1) (Hanley and MacGibbon 2006, "Creating non-parametric bootstrap
    samples using Poisson frequencies"): the limit of drawing n of n images, without knowing n. The weights depend on
    the seed and on an image's position, so a fixed order of images gives fixed intervals.
    """

    def __init__(self, replicates: int = REPLICATES, seed: int = 0) -> None:
        self.replicates = replicates
        self._rng = np.random.Generator(np.random.PCG64(seed))

    def weights(self, count: int) -> NDArray[np.float64]:
        """[replicates,count]: the next ``count`` images' weights."""
        # One image at a time, so that weights do not depend on how many are asked for together.
        return self._rng.poisson(1.0, (count, self.replicates)).T.astype(np.float64)


def bootstrap_sums(
    parts: Iterable[NDArray[np.generic]], replicates: int = REPLICATES, seed: int = 0
) -> NDArray[np.float64]:
    """Weighted sums over images: parts [n,...] -> [replicates,...]; memory does not grow with the number of parts."""
    bootstrap, total = PoissonBootstrap(replicates, seed), None
    for part in parts:
        summed = np.tensordot(bootstrap.weights(len(part)), part.astype(np.float64), 1)
        total = summed if total is None else total + summed
    if total is None:
        raise ValueError("there are no images")
    return total


def percentile_interval(replicates: NDArray[np.float64], level: float = 0.95) -> Interval:
    """The middle ``level`` of the replicates' scores; NaNs (replicates without any image) are left out."""
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(replicates, [tail, 100 - tail]) if np.isfinite(replicates).any() else (np.nan, np.nan)
    return float(low), float(high)


def normal_interval(value: float, replicates: NDArray[np.float64]) -> Interval:
    """``value`` plus and minus 1.96 standard deviations of the replicates.

    For distances between sets: images drawn twice make every replicate's distance larger than that of the sets, so
    that percentiles would lie beside the value, but the replicates' spread is right.
    """
    half = 1.959964 * float(np.std(replicates, ddof=1))
    return value - half, value + half


def mean_interval(values: NDArray[np.float64], replicates: int = REPLICATES) -> tuple[float, Interval]:
    """Mean of one number per image [n], and its interval."""
    sums = bootstrap_sums([np.stack([values, np.ones_like(values)], 1)], replicates)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(values.mean()), percentile_interval(sums[:, 0] / sums[:, 1])
