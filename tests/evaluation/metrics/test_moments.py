from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from normal_vectors import vectors

from semsynth.evaluation.metrics.moments import (
    Moments,
    frechet_distance,
    frechet_distance_of_vectors,
    streamed_moments,
)


def test_streamed_moments_are_numpys_also_far_from_zero() -> None:
    values = vectors(257, 5).astype(np.float64) + 1e6
    moments = streamed_moments(values, block=10)
    assert np.allclose(moments.mean, values.mean(0), rtol=1e-14)
    assert np.allclose(moments.covariance, np.cov(values.T), rtol=1e-9)


def test_weights_count_as_repetitions() -> None:
    values, weights = vectors(9, 4), np.array([0, 1, 2, 3, 0, 1, 1, 2, 1.0])
    repeated = Moments.of(np.repeat(values, weights.astype(int), axis=0))
    weighted = Moments.of(values, weights)
    assert np.allclose(weighted.mean, repeated.mean)
    assert np.allclose(weighted.covariance, repeated.covariance)


def by_scipy(first: Moments, second: Moments) -> float:
    root = scipy.linalg.sqrtm(first.covariance @ second.covariance)
    shift = first.mean - second.mean
    return float(shift @ shift + np.trace(first.covariance + second.covariance - 2 * np.real(root)))


def test_the_distance_of_one_dimensional_normals_by_hand() -> None:
    first, second = (Moments(2.0, np.array([m]), np.array([[s**2]])) for m, s in ((1.0, 3.0), (5.0, 1.0)))
    assert frechet_distance(first, second) == pytest.approx((1 - 5) ** 2 + (3 - 1) ** 2)


@pytest.mark.parametrize("seed", range(4))
def test_the_distance_is_scipys_on_well_conditioned_covariances(seed: int) -> None:
    first, second = (Moments.of(vectors(200, 16, seed + k, 0.3 * k)) for k in (0, 9))
    assert frechet_distance(first, second) == pytest.approx(by_scipy(first, second), rel=1e-9)


def test_the_distance_is_scipys_on_ill_conditioned_covariances() -> None:
    rng = np.random.default_rng(5)
    pairs = []
    for _ in range(2):  # the same eigenvectors for both: then the root is known exactly, too
        pairs.append(10.0 ** rng.uniform(-14, 2, 24))
    vectors_, _ = np.linalg.qr(rng.normal(size=(24, 24)))
    first, second = (Moments(2.0, np.zeros(24), (vectors_ * values) @ vectors_.T) for values in pairs)
    exact = float(((np.sqrt(pairs[0]) - np.sqrt(pairs[1])) ** 2).sum())
    assert frechet_distance(first, second) == pytest.approx(exact, rel=1e-6)
    assert by_scipy(first, second) == pytest.approx(exact, rel=1e-5)


def test_the_distance_of_singular_covariances_is_that_of_their_factors() -> None:
    first, second = vectors(12, 40, 1), vectors(15, 40, 2, 0.5)
    few = frechet_distance_of_vectors(first, second, (np.ones(12), np.ones(15)))
    assert frechet_distance(Moments.of(first), Moments.of(second)) == pytest.approx(few, rel=1e-9)
    shrunk = [Moments.of(v) for v in (first, second)]
    regular = [Moments(m.count, m.mean, m.scatter + 1e-7 * np.eye(40)) for m in shrunk]
    assert by_scipy(*regular) == pytest.approx(few, rel=1e-3)


def test_equal_sets_have_no_distance() -> None:
    for values in (vectors(50, 8), vectors(5, 30), vectors(50, 20, rank=3), np.zeros((4, 3), np.float32)):
        moments = Moments.of(values)
        assert frechet_distance(moments, moments) == pytest.approx(0, abs=1e-9 * max(1.0, np.trace(moments.covariance)))


def test_the_distance_is_torchmetrics() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    first, second = Moments.of(vectors(300, 12, 3)), Moments.of(vectors(300, 12, 4, 0.2))
    expected = fid._compute_fid(*(torch.from_numpy(v) for m in (first, second) for v in (m.mean, m.covariance)))
    assert frechet_distance(first, second) == pytest.approx(float(expected), rel=1e-8)
