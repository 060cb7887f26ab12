"""A share of answers: its interval, its p-value, and many p-values at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

REPLICATES = 4999
"""Of the cluster bootstrap: its smallest p-value is 2 / (REPLICATES + 1)."""

Interval = tuple[float, float]
"""Lower and upper end."""


def wilson_interval(successes: int, trials: int, level: float) -> Interval:
    """Wilson's score interval of a share (Wilson 1927), 0..1; the whole range without trials."""
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, correction = successes / trials, z * z / trials
    centre = (share + correction / 2) / (1 + correction)
    half = z / (1 + correction) * sqrt(share * (1 - share) / trials + correction / (4 * trials))
    # At the ends the formula gives 0 and 1 up to rounding.
    low = 0.0 if successes == 0 else centre - half
    return low, 1.0 if successes == trials else centre + half


def exact_p(successes: int, trials: int) -> float:
    """Two-sided p-value of the exact binomial test of 1/2."""
    from scipy.stats import binomtest

    return float(binomtest(successes, trials).pvalue) if trials else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of Holm (1979): the family-wise error stays below the level."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


class ClusterBootstrap:
    """Resamples people and pictures at once: answers of one person, or on one picture, are not independent.

    The pigeonhole bootstrap (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1): people and
    pictures are drawn with replacement, independently; an answer counts as often as its person times as often as its
    picture. Its variance contains that of single answers three times, so its intervals are rather too wide.
    """

    def __init__(
        self,
        worker: NDArray[np.int64],
        image: NDArray[np.int64],
        rng: np.random.Generator,
        replicates: int = REPLICATES,
    ) -> None:
        """Draw the weights.

        Args:
            worker: [n] number of each answer's person.
            image: [n] number of each answer's picture.
            rng: draws.
            replicates: R.
        """
        self._worker, self._image = worker, image
        self._workers, self._images = int(worker.max()) + 1, int(image.max()) + 1
        self._worker_weights = _resampled(self._workers, replicates, rng)  # [R,workers]
        self._image_weights = _resampled(self._images, replicates, rng)  # [R,images]

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n] -> [R]: the sum of ``values`` in every replicate."""
        cell = self._worker * self._images + self._image
        table = np.bincount(cell, values, self._workers * self._images).reshape(self._workers, self._images)
        return np.asarray(np.einsum("rg,rg->r", self._worker_weights @ table, self._image_weights))

    def shares(self, outcome: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The mean of ``outcome`` [n] over the ``counted`` answers [n], in every replicate that has any."""
        trials = self.sums(counted.astype(np.float64))
        return self.sums(np.where(counted, outcome, 0.0))[trials > 0] / trials[trials > 0]


def percentile_interval(replicates: NDArray[np.float64], level: float) -> Interval:
    """The middle ``level`` of the replicates; the whole range of shares without any."""
    if not replicates.size:
        return 0.0, 1.0
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def percentile_p(replicates: NDArray[np.float64]) -> float:
    """Two-sided p-value of 1/2: the smallest level at which the percentile interval leaves 1/2 out."""
    below, above = (replicates <= 0.5).sum(), (replicates >= 0.5).sum()
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(replicates) + 1)))


def _resampled(count: int, replicates: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """[replicates,count]: how often each of ``count`` things is drawn in ``count`` draws."""
    return rng.multinomial(count, np.full(count, 1 / count), replicates).astype(np.float64)
