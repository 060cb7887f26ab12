from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from semsynth.data.annotations.outlines import (
    Patch,
    ellipse,
    filled,
    filled_to_outline,
    joined,
    placed,
    rectangle,
    ring,
    rings,
)

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9))


def whole(patch: Patch, size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size, np.bool_)
    mask[patch.box] = patch.mask
    return mask


def test_a_pixel_is_inside_if_its_centre_is() -> None:
    triangle = ring([(0, 0), (4, 0), (0, 4)])  # centres on the long side, x + y = 4, are its first outside
    assert whole(filled([triangle], (4, 5)), (4, 5)).astype(int).tolist() == [
        [1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    assert whole(filled([rectangle(0.6, 0.4, 2.5, 1.6)], (3, 4)), (3, 4)).astype(int).tolist() == [
        [0, 1, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
    ]


def test_a_ring_in_a_ring_is_a_hole_and_the_outside_is_cut_off() -> None:
    mask = whole(filled([rectangle(-9, -9, 3, 99), rectangle(1, 1, 2, 2)], (3, 4)), (3, 4))
    assert mask.astype(int).tolist() == [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]]
    assert filled([rectangle(50, 0, 60, 5)], (3, 4)).mask.size == 0
    assert filled([rectangle(0, -5, 3, 0)], (3, 4)).mask.size == 0


def test_the_area_of_an_ellipse_and_of_a_turned_rectangle() -> None:
    assert filled([ellipse(50, 50, 40, 20)], (100, 100)).mask.sum() == pytest.approx(np.pi * 800, rel=0.01)
    turned = filled([rectangle(20, 40, 80, 60, 90)], (100, 100))
    assert (turned.top, turned.left, turned.mask.shape) == (20, 40, (60, 20))
    assert turned.mask.all()
    around_corner = filled([rectangle(40, 20, 60, 50, 90, corner=True)], (100, 100))
    assert (around_corner.top, around_corner.left, around_corner.mask.shape) == (20, 10, (20, 30))
    for wrong in (float("inf"), float("nan"), 1e308):
        with pytest.raises(ValueError, match="far outside"):
            ellipse(0, 0, wrong, 1)
        with pytest.raises(ValueError, match="far outside"):
            rectangle(0, 0, 1, 1, wrong)


@settings(max_examples=60, deadline=None)
@given(MASKS)
def test_outlines_along_pixels_become_the_same_pixels(mask: np.ndarray) -> None:
    outline = rings(mask)
    if not mask.any():
        assert outline == []
        return
    assert (whole(filled(outline, mask.shape), mask.shape) == mask).all()
    assert (whole(filled([joined(outline)], mask.shape), mask.shape) == mask).all()
    for one in outline:
        sides = np.abs(np.roll(one, -1, 0) - one)
        assert ((sides > 0).sum(1) == 1).all()  # along the borders, and nowhere straight on
        assert ((np.roll(sides, -1, 0) > 0) != (sides > 0)).all()


@settings(max_examples=25, deadline=None)
@given(MASKS)
def test_rings_are_components_and_holes(mask: np.ndarray) -> None:
    from scipy import ndimage

    components = ndimage.label(mask)[1]
    outside = ndimage.label(np.pad(~mask, 1, constant_values=True), np.ones((3, 3)))[1]
    assert len(rings(mask)) == components + outside - 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 15), st.floats(-5, 15)), min_size=3, max_size=8))
def test_filling_is_the_even_odd_rule(points: list[tuple[float, float]]) -> None:
    outline = ring(points)
    mask = whole(filled([outline], (10, 10)), (10, 10))
    (x0, y0), (x1, y1) = outline.T, np.roll(outline, -1, 0).T
    for row, column in np.ndindex(10, 10):
        x, y = column + 0.5, row + 0.5
        crossed = (np.minimum(y0, y1) <= y) & (y < np.maximum(y0, y1))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        if (np.abs(at[crossed] - x) < 1e-9).any():
            continue  # the border itself
        assert mask[row, column] == (crossed & (at < x)).sum() % 2


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(0, 0), (1, 1)], "its outline has 2 points, and an area needs 3"),
        ([(0, 0), (1, float("nan")), (2, 2)], "not numbers"),
        ([(0, 0), (1, 1e30), (2, 2)], "far outside"),
        ([(0, 0), (1,), (2, 2)], "not pairs of numbers"),
        ([1, 2, 3], "not pairs of numbers"),
        ([("a", "b")] * 3, "not pairs of numbers"),
    ],
)
def test_what_is_no_outline(points: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ring(points)


def test_an_outline_that_would_take_minutes_is_refused() -> None:
    zigzag = np.stack([np.arange(40_000) % 7, np.arange(40_000) % 2 * 4000.0], 1)
    with pytest.raises(ValueError, match="too many edges"):
        filled([zigzag], (4000, 4000))


def test_a_mask_is_cut_to_the_picture() -> None:
    patch = placed(np.ones((4, 4), np.bool_), -1, 3, (5, 5))
    assert (patch.top, patch.left, patch.mask.shape) == (0, 3, (3, 2))
    assert placed(np.ones((4, 4), np.bool_), 9, 0, (5, 5)).mask.size == 0
    assert placed(np.ones((4, 4), np.bool_), -9, 0, (5, 5)).mask.size == 0


def test_outlines_of_pixel_indices_are_included() -> None:
    square = filled_to_outline(ring([(1, 1), (3, 1), (3, 4), (1, 4)]), (6, 5))
    expected = np.zeros((6, 5), np.bool_)
    expected[1:5, 1:4] = True
    assert (square.mask == expected).all()
    triangle = filled_to_outline(ring([(0, 0), (3, 3), (0, 3)]), (4, 4))
    assert (triangle.mask == np.tri(4, dtype=np.bool_)).all()
    flat = filled_to_outline(ring([(1, 2), (3, 2), (2, 2)]), (4, 5))
    assert np.argwhere(flat.mask).tolist() == [[2, 1], [2, 2], [2, 3]]


def test_outlines_of_pixel_indices_are_cut_off_at_the_picture() -> None:
    far = filled_to_outline(ring([(-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6)]), (3, 4))
    assert far.mask.all()
    beside = filled_to_outline(ring([(9, 9), (12, 9), (9, 12)]), (3, 4))
    assert not beside.mask.any()
    diagonal = filled_to_outline(ring([(-100, -100), (100, 100), (-100, -100)]), (3, 4))
    assert np.argwhere(diagonal.mask).tolist() == [[0, 0], [1, 1], [2, 2]]
