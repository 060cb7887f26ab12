"""Intervals and tests against SciPy, statsmodels and known answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from semsynth.study.preference import (
    ClusterBootstrap,
    exact_p,
    holm,
    percentile_interval,
    percentile_p,
    wilson_interval,
)


@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_equals_statsmodels(wins: int, losses: int, level: float):
    from statsmodels.stats.proportion import proportion_confint

    if wins + losses == 0:
        assert wilson_interval(0, 0, level) == (0, 1)
        return
    expected = proportion_confint(wins, wins + losses, alpha=1 - level, method="wilson")
    assert wilson_interval(wins, wins + losses, level) == pytest.approx(expected, abs=1e-12)


def test_exact_test_by_hand():
    assert exact_p(0, 5) == pytest.approx(2 / 32)
    assert exact_p(9, 10) == pytest.approx(2 * 11 / 1024)
    assert exact_p(0, 0) == 1


@pytest.mark.parametrize("count", [1, 2, 7])
def test_holm_equals_statsmodels(count: int):
    from statsmodels.stats.multitest import multipletests

    p_values = np.random.default_rng(count).random(count) ** 3
    assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_holm_with_equal_values_and_one():
    assert holm([0.02, 1.0, 0.02, 0.01]) == pytest.approx([0.06, 1.0, 0.06, 0.04])


def test_weights_count_people_times_pictures():
    rng = np.random.default_rng(0)
    worker, image = rng.integers(0, 5, 60), rng.integers(0, 7, 60)
    values = rng.random(60)
    bootstrap = ClusterBootstrap(worker, image, rng, replicates=50)
    expected = [
        sum(people[w] * pictures[g] * value for w, g, value in zip(worker, image, values, strict=True))
        for people, pictures in zip(bootstrap._worker_weights, bootstrap._image_weights, strict=True)
    ]
    assert bootstrap.sums(values) == pytest.approx(np.array(expected))
    assert (bootstrap._worker_weights.sum(1) == 5).all()


def test_interval_is_wider_where_people_differ():
    rng = np.random.default_rng(1)
    worker, image = (codes.ravel() for codes in np.indices((20, 50)))
    everyone = np.ones(1000, bool)
    same = (rng.random(1000) < 0.6).astype(float)
    taste = np.repeat(rng.permutation([0.0] * 8 + [1.0] * 12), 50)  # each person always answers alike
    wilson = np.ptp(wilson_interval(600, 1000, 0.95))
    widths = [
        np.ptp(percentile_interval(ClusterBootstrap(worker, image, rng).shares(outcome, everyone), 0.95))
        for outcome in (same, taste)
    ]
    assert widths[0] < 2 * wilson
    assert widths[1] == pytest.approx(2 * 1.96 * np.sqrt(0.6 * 0.4 / 20), rel=0.1)


def test_percentile_p_inverts_the_interval():
    rng = np.random.default_rng(2)
    for centre in (0.5, 0.52, 0.56, 0.7):
        replicates = rng.normal(centre, 0.03, 4999)
        p = percentile_p(replicates)
        low, high = percentile_interval(replicates, 1 - p - 0.002)
        assert not low < 0.5 < high
        if 0.01 < p < 0.99:
            low, high = percentile_interval(replicates, 1 - p + 0.004)
            assert low < 0.5 < high


def coverage(worker_deviation: float, image_deviation: float, studies: int, replicates: int) -> float:
    """Share of simulated studies (40 people x 100 pictures, crossed) whose 95 % interval holds the true preference."""
    rng = np.random.default_rng(20190318)
    mean = 0.4
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    spread = np.hypot(worker_deviation, image_deviation)
    truth = float((weights * expit(mean + spread * nodes)).sum() / weights.sum())
    worker, image = (codes.ravel() for codes in np.indices((40, 100)))
    bootstrap = ClusterBootstrap(worker, image, rng, replicates)
    held = 0
    for _ in range(studies):
        logits = mean + rng.normal(0, worker_deviation, (40, 1)) + rng.normal(0, image_deviation, (1, 100))
        answers = (rng.random((40, 100)) < expit(logits)).astype(float).ravel()
        low, high = percentile_interval(bootstrap.shares(answers, np.ones(4000, bool)), 0.95)
        held += low <= truth <= high
    return held / studies


@pytest.mark.parametrize(("worker_deviation", "image_deviation"), [(0.5, 0.5)])
def test_coverage_of_the_clustered_interval(worker_deviation: float, image_deviation: float):
    assert coverage(worker_deviation, image_deviation, 400, 599) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("worker_deviation", "image_deviation"), [(0.0, 0.0), (0.5, 0.5), (1.0, 0.5), (0.5, 1.0)])
def test_coverage_of_more_variances(
    worker_deviation: float, image_deviation: float, record_property: Callable[[str, object], None]
):
    held = coverage(worker_deviation, image_deviation, 1000, 1999)
    record_property("coverage", held)
    assert held >= 0.93


def test_scipy_agrees_on_the_exact_test():
    assert exact_p(61, 100) == stats.binomtest(61, 100).pvalue
