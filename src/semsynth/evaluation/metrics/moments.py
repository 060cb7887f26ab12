"""Mean and covariance of streamed feature vectors, and the Fréchet distance between two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

FEW_IMAGES = 2000
"""Under so many images a Fréchet distance says more about their number than about their quality."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and scatter of vectors, in float64.

    Attributes:
        count: number of vectors, or the sum of their weights.
        mean: [D].
        scatter: [D,D], the sum of outer products of deviations from the mean.
    """

    count: float
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.floating], weights: NDArray[np.float64] | None = None) -> Moments:
        """Of vectors [n,D], n > 0; each counts once, or ``weights`` [n] times."""
        values = features.astype(np.float64)
        given = np.ones(len(values)) if weights is None else weights
        count = float(given.sum())
        mean = given @ values / count if count else np.zeros(values.shape[1])
        deviations = (values - mean) * np.sqrt(given)[:, None]
        return cls(count, mean, deviations.T @ deviations)

    def merged(self, other: Moments) -> Moments:
        """Of both sets together (Chan, Golub and LeVeque 1983, equations 2.1): no cancellation of large sums."""
        count = self.count + other.count
        if count == 0:
            return self
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        between = np.outer(delta, delta) * (self.count * other.count / count)
        return Moments(count, mean, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> NDArray[np.float64]:
        """[D,D], unbiased (divided by n - 1) as in ``numpy.cov``; zero for a single vector."""
        return self.scatter / max(self.count - 1, 1.0)


def streamed_moments(features: NDArray[np.floating], block: int = 1024) -> Moments:
    """Of vectors [n,D], which may be a memory-mapped file: read ``block`` rows at a time."""
    total = Moments.of(features[:block])
    for start in range(block, len(features), block):
        total = total.merged(Moments.of(features[start : start + block]))
    return total


def frechet_distance(first: Moments, second: Moments) -> float:
    """Squared Fréchet distance of two normal distributions.

    ``|m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2))`` (Dowson and Landau 1982; Heusel et al. 2017, equation 6).

    The trace of the root is the sum of singular values of ``C1^(1/2) C2^(1/2)``: symmetric eigenproblems and an SVD,
    which stay exact to rounding for singular covariances (fewer images than dimensions), where the root of the product
    itself does not exist numerically.

    Returns:
        At least 0; exactly 0 up to rounding for equal moments.
    """
    roots = [_square_root_factor(moments.covariance) for moments in (first, second)]
    return _distance(first.mean - second.mean, roots[0], roots[1])


def frechet_distance_of_vectors(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    weights: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> float:
    """The same for weighted vectors [n,D] and [m,D], without covariances: fast where there are fewer images than D.

    Scaled deviations are square roots of the covariance already.
    """
    means, roots = [], []
    for features, given in zip((first, second), weights, strict=True):
        values, total = features.astype(np.float64), float(given.sum())
        mean = given @ values / max(total, 1.0)
        means.append(mean)
        roots.append((values - mean) * np.sqrt(given / max(total - 1, 1.0))[:, None])
    return _distance(means[0] - means[1], roots[0], roots[1])


def _distance(shift: NDArray[np.float64], root: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    overlap = float(scipy.linalg.svdvals(root @ other.T).sum()) if len(root) and len(other) else 0.0
    return max(0.0, float(shift @ shift) + float((root**2).sum()) + float((other**2).sum()) - 2 * overlap)


def _square_root_factor(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """[r,D] R with R^T R = covariance; directions whose variance is rounding error are left out."""
    values, vectors = scipy.linalg.eigh(covariance)
    kept = values > max(values[-1], 0.0) * len(values) * np.finfo(np.float64).eps
    root: NDArray[np.float64] = np.sqrt(values[kept])[:, None] * vectors[:, kept].T
    return root
