from __future__ import annotations

import numpy as np
import pytest
from normal_vectors import vectors

from semsynth.evaluation.metrics.neighbours import neighbourhoods


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
