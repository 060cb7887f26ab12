"""Vectors drawn for tests of distances between sets."""

from __future__ import annotations

import numpy as np


def vectors(count: int, size: int, seed: int = 0, shift: float = 0.0, rank: int | None = None) -> np.ndarray:
    """``count`` normal vectors (float32) with correlated entries, of a covariance of ``rank`` if it is given."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, rank or size)) @ rng.normal(size=(rank or size, size))
    return (values + shift).astype(np.float32)
