"""Linear Monge-Kantorovich colour transfer: the map between two Gaussians that moves colours least.

The formula is that of optimal transport between normal distributions (Pitie and Kokaram, "The linear Monge-Kantorovitch
linear colour mapping for example-based colour transfer", CVMP 2007).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def transfer_colours(colours: NDArray[np.floating], like: NDArray[np.floating]) -> NDArray[np.float32]:
    """Give colours the mean and the covariance of others.

    With A and B the covariances, ``x -> T (x - mean) + mean'`` where
    ``T = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2) A^(-1/2)``.

    Args:
        colours: [...,3], 0..1.
        like: [M,3], 0..1: the colours whose statistics are taken.

    Returns:
        [...,3], 0..1: what lies beyond after the map is clipped. Unchanged where either has fewer than two pixels.
    """
    rows = colours.reshape(-1, 3).astype(np.float64)  # [N,3]
    if len(rows) < 2 or len(like) < 2:
        return colours.astype(np.float32)
    other = like.reshape(-1, 3).astype(np.float64)
    mapping = transport(np.cov(rows, rowvar=False), np.cov(other, rowvar=False))
    moved = (rows - rows.mean(0)) @ mapping + other.mean(0)  # the matrix is symmetric
    made: NDArray[np.float32] = moved.clip(0, 1).astype(np.float32).reshape(colours.shape)
    return made


def transport(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """[3,3]: the symmetric matrix that turns one covariance [3,3] into the other."""
    root = _power(before, 0.5)
    inverse = _power(before, -0.5)
    return inverse @ _power(root @ after @ root, 0.5) @ inverse


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """A power of a covariance; negative eigenvalues are rounding errors, and none is 0."""
    values, vectors = np.linalg.eigh(matrix)
    raised = (values.clip(0) + np.finfo(np.float64).eps) ** exponent
    power: NDArray[np.float64] = (vectors * raised) @ vectors.T
    return power
