"""Edge maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from semsynth.data.edges import EdgeSettings, edge_map

CANNY = EdgeSettings()


def square() -> np.ndarray:
    """White, from pixel 4 to pixel 11, on black 16x20."""
    image = np.zeros((16, 20, 3), np.uint8)
    image[4:12, 4:12] = 255
    return image


def test_canny_gives_a_squares_outline() -> None:
    outline = np.zeros((16, 20), np.uint8)
    outline[4:12, 4:12] = 255
    outline[5:11, 5:11] = 0
    found = edge_map(square(), CANNY)
    assert found.dtype == np.uint8
    assert np.array_equal(found, outline)
    faint = (square() // 255 * 3 + 100).astype(np.uint8)  # a step of 3 grey levels
    assert not edge_map(faint, CANNY).any()
    assert np.array_equal(edge_map(faint, EdgeSettings(low=0.001, high=0.01)), outline)


def test_sobel_of_a_step_and_of_a_slope() -> None:
    step = np.zeros((6, 8, 3), np.uint8)
    step[:, 4:] = 255
    expected = np.zeros((6, 8), np.uint8)
    expected[:, 3:5] = round(255 / math.sqrt(2))
    assert np.array_equal(edge_map(step, EdgeSettings(method="sobel", sigma=0, high=1)), expected)
    slope = np.tile((5 * np.arange(8, dtype=np.uint8))[:, None], (6, 1, 3))  # 5 grey levels per pixel
    unit = math.sqrt(2) * 5 / 255
    for low, high, value in ((0, 2.55 * unit, 100), (0.5 * unit, 3 * unit, 51), (unit * 1.01, 2, 0), (0, 0.01, 255)):
        inner = edge_map(slope, EdgeSettings(method="sobel", sigma=0, low=low, high=high))[:, 1:-1]
        assert np.array_equal(inner, np.full_like(inner, value))


def test_settings_fill_in_the_methods_thresholds() -> None:
    assert (CANNY.low, CANNY.high) == (0.1, 0.2)
    sobel = EdgeSettings(method="sobel", low=0.05)
    assert (sobel.low, sobel.high) == (0.05, 0.3)
    with pytest.raises(ValidationError, match=r"low=0.5 must be less than high=0.2"):
        EdgeSettings(low=0.5)
