from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as reference_matrix

from semsynth.evaluation.metrics.bootstrap import (
    PoissonBootstrap,
    bootstrap_sums,
    mean_interval,
    normal_interval,
    percentile_interval,
)
from semsynth.evaluation.metrics.confusion import class_counts, confusion_matrix, segmentation_scores
from semsynth.evaluation.metrics.kernel import kernel_distance
from semsynth.evaluation.metrics.moments import (
    Moments,
    frechet_distance,
    frechet_distance_of_vectors,
    streamed_moments,
)
from semsynth.evaluation.metrics.neighbours import neighbourhoods
from semsynth.evaluation.metrics.perceptual import mean_pairwise_distance, perceptual_distances


def vectors(count: int, size: int, seed: int = 0, shift: float = 0.0, rank: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, rank or size)) @ rng.normal(size=(rank or size, size))
    return (values + shift).astype(np.float32)


# Segmentation -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_confusion_matrix_is_scikit_learns(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, classes + 1, (2, 7, 9))
    counted = truth < classes
    expected = reference_matrix(truth[counted], predicted[counted], labels=range(classes + 1))[:classes]
    assert np.array_equal(confusion_matrix(truth, predicted, classes), expected)


def test_scores_by_hand() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2, 3])  # 3 is void
    predicted = np.array([0, 0, 1, 1, 3, 3, 0])  # 3 is none of the classes
    counts = class_counts(confusion_matrix(truth, predicted, 3))
    assert counts.tolist() == [[2, 1, 0], [3, 2, 1], [2, 2, 0]]
    scores = segmentation_scores(counts)
    assert scores.pixel_accuracy == pytest.approx(3 / 6)
    assert scores.iou == pytest.approx([2 / 3, 1 / 3, 0])
    assert scores.mean_iou == pytest.approx(1 / 3)
    assert scores.mean_accuracy == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_a_class_that_is_only_predicted_counts_in_the_mean_over_unions_alone() -> None:
    counts = class_counts(confusion_matrix(np.array([0, 0]), np.array([0, 1]), 3))
    over_truth, over_union = (segmentation_scores(counts, rule) for rule in ("truth", "union"))
    assert over_truth.mean_iou == pytest.approx(0.5)
    assert over_union.mean_iou == pytest.approx(0.25)
    assert np.isnan(over_truth.iou[2])


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one shape"):
        confusion_matrix(np.zeros((2, 2), int), np.zeros(4, int), 2)


# The bootstrap ----------------------------------------------------------------------------------------------------


def test_weights_do_not_depend_on_how_many_are_drawn_together() -> None:
    together = PoissonBootstrap(5).weights(7)
    apart = PoissonBootstrap(5)
    assert np.array_equal(together, np.concatenate([apart.weights(3), apart.weights(4)], 1))


def test_the_interval_of_a_mean_is_that_of_the_central_limit() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    mean, (low, high) = mean_interval(values)
    assert mean == values.mean()
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert low < mean < high


def test_sums_of_parts_are_sums_of_all() -> None:
    values = np.arange(24.0).reshape(12, 2)
    assert np.allclose(bootstrap_sums([values]), bootstrap_sums([values[:5], values[5:]]))
    with pytest.raises(ValueError, match="no images"):
        bootstrap_sums([])


def test_percentiles_leave_out_what_is_undefined() -> None:
    assert percentile_interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert all(map(math.isnan, percentile_interval(np.array([np.nan]))))
    assert normal_interval(1.0, np.array([4.0, 6.0])) == pytest.approx((1 - 1.96 * 2**0.5, 1 + 1.96 * 2**0.5), abs=1e-4)


# Fréchet distance -------------------------------------------------------------------------------------------------


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


# Kernel distance --------------------------------------------------------------------------------------------------


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


# Neighbours -------------------------------------------------------------------------------------------------------


def test_neighbourhoods_by_hand() -> None:
    real = np.array([[0.0], [1.0], [2.0], [3.0]])
    synthetic = np.array([[0.4], [0.6], [9.0], [9.5], [10.0]])
    found = neighbourhoods(real, synthetic, k=1)
    assert found.precision.tolist() == [1, 1, 0, 0, 0]
    assert found.density.tolist() == [2, 2, 0, 0, 0]  # balls of radius 1 around 0 and 1 hold both
    assert found.coverage.tolist() == [1, 1, 0, 0]
    assert found.recall.tolist() == [0, 0, 0, 0]  # balls of radius 0.2 reach no real point


def test_a_set_covers_itself_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, synthetic = vectors(50, 7, 1), vectors(41, 7, 2, 0.4)
    itself = neighbourhoods(real, real)
    assert itself.precision.all()
    assert itself.recall.all()
    assert itself.coverage.all()
    whole = neighbourhoods(real, synthetic)
    monkeypatch.setattr("semsynth.evaluation.metrics.neighbours.BLOCK", 8)
    parts = neighbourhoods(real, synthetic)
    for name in ("precision", "recall", "density", "coverage"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    with pytest.raises(ValueError, match="neighbours"):
        neighbourhoods(real[:5], real[:5])


# Perceptual distance ----------------------------------------------------------------------------------------------


def test_perceptual_distances_by_hand() -> None:
    one = torch.tensor([[[[1.0]], [[0.0]]], [[[3.0]], [[0.0]]]])
    other = torch.tensor([[[[0.0]], [[2.0]]], [[[5.0]], [[0.0]]]])
    assert perceptual_distances([one], [other]).tolist() == pytest.approx([2.0, 0.0])
    assert perceptual_distances([one, one], [other, other]).tolist() == pytest.approx([4.0, 0.0])
    assert mean_pairwise_distance([torch.cat([one[:1], other[:1], one[:1]])]) == pytest.approx(4 / 3)
