from __future__ import annotations

import numpy as np
import pytest
import torch
from normal_vectors import vectors

from semsynth.evaluation.metrics.kernel import kernel_distance


def test_the_kernel_distance_is_torchmetrics() -> None:
    kid = pytest.importorskip("torchmetrics.image.kid")
    first, second = vectors(40, 6, 1), vectors(40, 6, 2, 0.3)
    value, (low, high) = kernel_distance(first, second, paired=False)
    expected = float(kid.poly_mmd(torch.from_numpy(first).double(), torch.from_numpy(second).double()))
    assert value == pytest.approx(expected, rel=1e-10)
    assert low < value < high


def test_the_kernel_distance_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    values = [kernel_distance(*rng.normal(size=(2, 12, 5)), paired=False, replicates=2)[0] for _ in range(300)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 300**0.5


def test_paired_equal_sets_are_exactly_zero_apart_and_blocks_average() -> None:
    first, second = vectors(30, 6, 1), vectors(30, 6, 2, 0.5)
    value, interval = kernel_distance(first, first, paired=True)
    assert value == pytest.approx(0, abs=1e-12)
    assert interval == pytest.approx((0, 0), abs=1e-9)
    parts = [kernel_distance(first[i : i + 10], second[i : i + 10], paired=True)[0] for i in (0, 10, 20)]
    assert kernel_distance(first, second, paired=True, block=10)[0] == pytest.approx(np.mean(parts))
