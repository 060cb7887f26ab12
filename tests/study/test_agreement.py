"""Agreement against statsmodels and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from semsynth.study.agreement import agreement


def test_kappa_equals_statsmodels():
    from statsmodels.stats.inter_rater import fleiss_kappa

    counts = np.random.default_rng(6).multinomial(5, [0.5, 0.3, 0.2], 40)
    assert agreement(counts).kappa == pytest.approx(fleiss_kappa(counts))


def test_agreement_by_hand():
    found = agreement(np.array([[2, 0, 0], [1, 1, 0], [0, 3, 0], [1, 0, 0]]))
    assert found.questions == 3, "one answer agrees with nothing"
    assert found.observed == pytest.approx(2 / 3)
    expected = (3 / 7) ** 2 + (4 / 7) ** 2
    assert found.kappa == pytest.approx((2 / 3 - expected) / (1 - expected))
