"""How many judgements a study needs."""

from __future__ import annotations

import pytest
from scipy import stats

from semsynth.study.power import binomial_power, required_judgements


@pytest.mark.parametrize(("preference", "judgements"), [(0.6, 50), (0.7, 31), (0.35, 117), (0.5, 200)])
def test_power_is_that_of_the_exact_test(preference: float, judgements: int):
    rejected = [k for k in range(judgements + 1) if stats.binomtest(k, judgements).pvalue <= 0.05]
    assert binomial_power(preference, judgements) == pytest.approx(
        stats.binom.pmf(rejected, judgements, preference).sum(), abs=1e-12
    )


@pytest.mark.parametrize(
    ("preference", "expected"), [(0.6, range(194, 220)), (0.9, range(9, 20)), (0.4, range(194, 220))]
)
def test_required_judgements(preference: float, expected: range):
    count = required_judgements(preference)
    assert count in expected
    assert binomial_power(preference, count) >= 0.8
    assert binomial_power(preference, count - 1) < 0.8
