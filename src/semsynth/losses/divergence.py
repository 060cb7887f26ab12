"""The divergence that keeps a style encoder's posterior near the prior."""

from __future__ import annotations

from torch import Tensor


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """Kullback-Leibler divergence of N(mu, exp(logvar)) from N(0, 1), *summed* over batch and dimensions.

    Not a mean: SPADE's weight of 0.05 is for this sum (official loss.py).

    Args:
        mu: [N,z] means.
        logvar: [N,z] logarithms of variances.

    Returns:
        A scalar, >= 0.
    """
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()
