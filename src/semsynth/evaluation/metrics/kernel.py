"""Kernel distance (KID's): squared maximum mean discrepancy, unbiased also for a few hundred images."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from semsynth.evaluation.metrics.bootstrap import Interval, PoissonBootstrap, normal_interval

BLOCK = 1000
"""Images that are compared with one another: the estimate is the mean over blocks, so that memory stays constant."""


def kernel_distance(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    *,
    paired: bool,
    replicates: int = 200,
    block: int = BLOCK,
) -> tuple[float, Interval]:
    """Squared MMD with the kernel ``(x.y / D + 1)^3`` (Bińkowski et al. 2018, section 4), and its interval.

    Sets of more than ``block`` images are cut into consecutive blocks; the estimates' mean is the result. Of paired
    sets, a picture does not meet its own partner (Gretton et al. 2012, equation 4): being made of one layout they are
    alike, which would bias the estimate; equal sets are then exactly 0 apart.

    Args:
        first: [n,D]; may be a memory-mapped file.
        second: [m,D].
        paired: whether row i of both belongs to one layout: both are then drawn together.
        replicates: of the bootstrap.
        block: images per block.

    Returns:
        The unbiased estimate, which may be slightly negative, and its 95 % interval.
    """
    blocks = max(1, min(len(first), len(second)) // block)
    pairs = zip(_cuts(len(first), blocks), _cuts(len(second), blocks), strict=True)
    draws = PoissonBootstrap(replicates, 0), PoissonBootstrap(replicates, 0 if paired else 1)
    values, spread = [], np.zeros(replicates)
    for rows, columns in pairs:
        x, y = first[rows].astype(np.float64), second[columns].astype(np.float64)
        weights = tuple(
            np.vstack([np.ones(len(part)), draw.weights(len(part))]) for part, draw in zip((x, y), draws, strict=True)
        )
        estimates = weighted_kernel_distances(x, y, weights, paired)
        values.append(estimates[0])
        spread += estimates[1:] / blocks
    value = float(np.mean(values))
    return value, normal_interval(value, spread)


def _cuts(count: int, blocks: int) -> list[slice]:
    edges = np.linspace(0, count, blocks + 1).round().astype(int)
    return [slice(int(low), int(high)) for low, high in pairwise(edges)]


def weighted_kernel_distances(
    x: NDArray[np.float64], y: NDArray[np.float64], weights: tuple[NDArray[np.float64], ...], paired: bool
) -> NDArray[np.float64]:
    """[R]: estimates for rows of weights [R,n] and [R,m]; an image never meets itself, however often it was drawn."""
    within = [_mean_off_diagonal(_kernel(one, one), given) for one, given in zip((x, y), weights, strict=True)]
    crossed = _kernel(x, y)
    if paired:
        return np.asarray(within[0] + within[1] - 2 * _mean_off_diagonal(crossed, weights[0]))
    between = np.einsum("rn,rn->r", weights[0] @ crossed, weights[1])
    totals = weights[0].sum(1) * weights[1].sum(1)
    return np.asarray(within[0] + within[1] - 2 * between / np.maximum(totals, 1))


def _mean_off_diagonal(kernel: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    np.fill_diagonal(kernel, 0.0)
    sums = np.einsum("rn,rn->r", weights @ kernel, weights)
    pairs = weights.sum(1) ** 2 - (weights**2).sum(1)
    return np.asarray(sums / np.maximum(pairs, 1))


def _kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = (x @ y.T / x.shape[1] + 1) ** 3
    return values
