from __future__ import annotations

import math

import numpy as np
import pytest

from semsynth.evaluation.metrics.bootstrap import (
    PoissonBootstrap,
    bootstrap_sums,
    mean_interval,
    normal_interval,
    percentile_interval,
)


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
