from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from semsynth.evaluation.metrics.detectability import PENALTIES, detectability

Vectors = NDArray[np.float64]


def drawn(
    layouts: int, dimensions: int, shift: float = 0.0, seed: int = 0
) -> tuple[Vectors, Vectors, NDArray[np.int64]]:
    """Photographs and pictures whose first feature is ``shift`` larger, one of each per layout."""
    rng = np.random.default_rng(seed)
    real, synthetic = rng.normal(size=(2, layouts, dimensions))
    synthetic[:, 0] += shift
    return real, synthetic, np.arange(layouts)


def test_what_is_apart_is_told_and_what_is_equal_is_not() -> None:
    real, synthetic, layouts = drawn(20, 5, shift=50)
    assert detectability(real, synthetic, layouts, layouts).tolist() == [1] * 20
    assert detectability(real, real, layouts, layouts).mean() == 0.5
    assert detectability(np.ones((20, 2)), np.ones((20, 2)), layouts, layouts).mean() == 0.5


def test_normal_distributions_are_told_as_often_as_can_be() -> None:
    real, synthetic, layouts = drawn(2000, 3, shift=1.0)
    found = detectability(real, synthetic, layouts, layouts).mean()
    assert found == pytest.approx(norm.cdf(0.5), abs=0.025)  # two standard errors of 4000 decisions, and a little


def test_more_features_than_pictures_of_one_kind_stay_at_chance() -> None:
    accuracies = [
        detectability(real, synthetic, layouts, layouts).mean()
        for real, synthetic, layouts in (drawn(30, 300, seed=seed) for seed in range(10))
    ]
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.06)


def test_several_pictures_of_a_layout_count_as_one() -> None:
    rng = np.random.default_rng(3)
    real, synthetic = rng.normal(size=(12, 4)), rng.normal(size=(36, 4)) + 1
    layouts, of_pictures = np.arange(12), np.repeat(np.arange(12), 3)
    found = detectability(real, synthetic, layouts, of_pictures)
    assert set(np.round(found * 6).astype(int)) <= {0, 1, 2, 3, 4, 5, 6}
    assert found == pytest.approx(np.round(found * 6) / 6)
    order = rng.permutation(36)
    assert detectability(real, synthetic[order], layouts, of_pictures[order]) == pytest.approx(found)


def test_equals_ridge_regression_with_explicit_leave_one_out() -> None:
    real, synthetic, layouts = drawn(15, 4, shift=1.5, seed=7)
    synthetic = np.concatenate([synthetic, synthetic + 0.1])  # unbalanced: two pictures per layout
    of_pictures = np.tile(layouts, 2)
    expected = np.empty(15)
    for fold in np.array_split(np.arange(15), 3):
        x = np.concatenate([real[~np.isin(layouts, fold)], synthetic[~np.isin(of_pictures, fold)]])
        count = 15 - len(fold)
        t, w = np.repeat([1.0, -1.0], [count, 2 * count]), np.repeat([0.5 / count, 0.25 / count], [count, 2 * count])
        mean = w @ x
        deviation = np.sqrt(w @ (x - mean) ** 2)
        z = (x - mean) / deviation

        def solve(keep: NDArray[np.bool_], penalty: float, z: Vectors = z, w: Vectors = w, t: Vectors = t) -> Vectors:
            gram = z[keep].T @ (w[keep, None] * z[keep])
            return np.linalg.solve(gram + penalty * np.eye(4), z[keep].T @ (w[keep] * t[keep]))

        unit = np.trace((z * w[:, None]) @ z.T) / len(z)
        errors = []
        for penalty in PENALTIES * unit:
            predictions = [z[i] @ solve(np.arange(len(z)) != i, penalty) for i in range(len(z))]
            errors.append((w * (t - predictions) ** 2).sum())
        direction = solve(np.ones(len(z), bool), PENALTIES[np.argmin(errors)] * unit)
        for layout in fold:
            told = ((real[layout] - mean) / deviation) @ direction > 0
            others = ((synthetic[of_pictures == layout] - mean) / deviation) @ direction < 0
            expected[layout] = (told + others.mean()) / 2
    np.testing.assert_allclose(detectability(real, synthetic, layouts, of_pictures, folds=3), expected)


def test_features_that_never_change_do_not_count() -> None:
    real, synthetic, layouts = drawn(20, 3, shift=2.0)
    constant = np.full((20, 1), 5.0)
    more = [np.concatenate([one, constant], 1) for one in (real, synthetic)]
    found = detectability(*more, layouts, layouts)
    assert found.tolist() == detectability(real, synthetic, layouts, layouts).tolist()


def test_faults() -> None:
    real, synthetic, layouts = drawn(4, 2)
    with pytest.raises(ValueError, match="5 folds need 5 layouts"):
        detectability(real, synthetic, layouts, layouts)
    with pytest.raises(ValueError, match="each with photographs and pictures"):
        detectability(real, synthetic, layouts, layouts + 1, folds=2)
