"""Masks as bits."""

import numpy as np
import pytest

from semsynth.bank import masks


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (64, 64), (100, 70)])
def test_bits_hold_the_mask_and_count_it(size: tuple[int, int]) -> None:
    drawn = np.random.default_rng(1).random((5, *size)) < 0.3
    words = masks.pack(drawn)
    assert words.dtype == np.uint64
    assert words.shape == (5, -(-size[0] * size[1] // 64))
    assert np.array_equal(masks.unpack(words, size), drawn)
    assert masks.count_bits(words).tolist() == drawn.sum((1, 2)).tolist()
    assert masks.count_bits(words[0] & words[1]) == (drawn[0] & drawn[1]).sum()


def test_cells_of_the_coarse_grid_count_the_pixels_in_them() -> None:
    mask = np.zeros((1, 128, 256), np.bool_)
    mask[0, 2:4, 4:9] = True  # cells have 2 rows and 4 columns
    counts = masks.cell_counts(mask).reshape(64, 64)
    assert counts[1, 1:3].tolist() == [8, 2]
    assert counts.sum() == 10
    assert masks.unpack(masks.coarse_bits(mask), (64, 64))[0].nonzero()[1].tolist() == [1, 2]


def test_small_frames_have_a_cell_for_each_pixel() -> None:
    mask = np.random.default_rng(2).random((3, 20, 30)) < 0.5
    assert np.array_equal(masks.cell_counts(mask), mask.reshape(3, -1))
    uneven = np.ones((1, 100, 70), np.bool_)
    assert masks.cell_counts(uneven).sum() == 7000
