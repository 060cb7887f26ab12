from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.evaluation.metrics import memorisation
from semsynth.evaluation.metrics.memorisation import distance_ratio, nearest_photos, shares_nearer


def test_nearest_by_hand() -> None:
    training = np.array([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0]])
    found = nearest_photos(np.array([[3.0, 4.0], [9.0, 0.0], [0.0, -2.0]]), training)
    assert found.index.tolist() == [1, 2, 0]
    assert found.distance.tolist() == [0, 1, 2]


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pictures, training = rng.normal(size=(11, 6)), rng.normal(size=(20, 6))
    every = np.linalg.norm(pictures[:, None] - training, axis=2)
    monkeypatch.setattr(memorisation, "BLOCK", 4)
    found = nearest_photos(pictures, training)
    np.testing.assert_array_equal(found.index, every.argmin(1))
    np.testing.assert_allclose(found.distance, every.min(1))


def test_shares_by_hand() -> None:
    held_out = np.array([4.0, 1.0, 2.0, 2.0])
    assert shares_nearer(np.array([0.0, 1.0, 2.0, 3.0, 9.0]), held_out).tolist() == [1, 0.875, 0.5, 0.25, 0]
    assert distance_ratio(np.array([1.0, 0.5, 1.5]), held_out) == 1 / 2.25
    assert np.isnan(distance_ratio(np.array([1.0]), np.zeros(3)))


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_held_out_photos_themselves_are_at_one_half(distances: list[float]) -> None:
    assert shares_nearer(np.array(distances), np.array(distances)).mean() == pytest.approx(0.5)


def test_a_model_that_repeats_its_photos_is_found() -> None:
    rng = np.random.default_rng(1)
    training, held_out = rng.normal(size=(100, 8)), rng.normal(size=(40, 8))
    of_held_out = nearest_photos(held_out, training).distance
    copies = nearest_photos(training[:30] + 0.01 * rng.normal(size=(30, 8)), training)
    assert copies.index.tolist() == list(range(30))
    assert shares_nearer(copies.distance, of_held_out).mean() == 1
    assert distance_ratio(copies.distance, of_held_out) < 0.05
    fresh = nearest_photos(rng.normal(size=(40, 8)), training).distance
    assert shares_nearer(fresh, of_held_out).mean() == pytest.approx(0.5, abs=0.15)
