from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from semsynth.data.annotations.runs import (
    counted,
    counts_of_mask,
    counts_of_string,
    mask_of_brush,
    mask_of_counts,
    string_of_counts,
)

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))


def packed(values: np.ndarray, repeat: bool = True) -> list[int]:
    """What Label Studio's editor writes: 8-bit words, runs of 3, 4, 8 or 16 bits."""
    sizes = (3, 4, 8, 16)
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    place = 0
    while place < len(values):
        different = np.flatnonzero(values[place:] != values[place])
        length = int(different[0]) if len(different) else len(values) - place
        length = min(length if repeat else len(values) - place, 2**16)
        kind = next(index for index, size in enumerate(sizes) if length <= 2**size)
        bits += f"{int(repeat)}{kind:02b}{length - 1:0{sizes[kind]}b}"
        bits += "".join(
            f"{value:08b}" for value in (values[place : place + 1] if repeat else values[place : place + length])
        )
        place += length
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def test_runs_by_hand() -> None:
    mask = np.array([[0, 1, 1], [0, 0, 1]], np.bool_)
    assert counts_of_mask(mask, by_columns=True).tolist() == [2, 1, 1, 2]
    assert counts_of_mask(mask, by_columns=False).tolist() == [1, 2, 2, 1]
    assert counts_of_mask(~mask, by_columns=False).tolist() == [0, 1, 2, 2, 1]
    assert (mask_of_counts(np.array([2, 1, 1, 2]), (2, 3), by_columns=True) == mask).all()
    assert string_of_counts(np.array([2, 1, 1, 2])) == "2111"  # the fourth is stored as its difference from the second


@settings(max_examples=40, deadline=None)
@given(MASKS, st.booleans())
def test_masks_as_runs_and_back(mask: np.ndarray, by_columns: bool) -> None:
    counts = counts_of_mask(mask, by_columns=by_columns)
    assert (mask_of_counts(counts, mask.shape, by_columns=by_columns) == mask).all()
    assert counts_of_string(string_of_counts(counts)).tolist() == counts.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**30), min_size=1, max_size=30))
def test_strings_are_those_of_pycocotools(numbers: list[int]) -> None:
    counts = np.array(numbers)
    assert counts_of_string(string_of_counts(counts)).tolist() == numbers


def test_compressed_runs_equal_pycocotools() -> None:
    api = pytest.importorskip("pycocotools.mask")
    for seed in range(20):
        mask = np.random.default_rng(seed).random((17, 33)) < 0.1 + 0.04 * seed
        theirs = api.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
        assert string_of_counts(counts_of_mask(mask, by_columns=True)) == theirs
        assert (mask_of_counts(counts_of_string(theirs), mask.shape, by_columns=True) == mask).all()


@pytest.mark.parametrize("repeat", [True, False])
def test_the_brush_of_label_studio(repeat: bool) -> None:
    mask = np.random.default_rng(0).random((5, 7)) < 0.4
    assert (mask_of_brush(packed(np.repeat(mask.ravel() * 255, 4), repeat), (5, 7)) == mask).all()
    wide = np.zeros((300, 300), np.bool_)  # runs of more than 2^16 values
    wide[120:130, 5:200] = True
    assert (mask_of_brush(packed(np.repeat(wide.ravel() * 255, 4)), wide.shape) == wide).all()


def test_damaged_runs() -> None:
    good = packed(np.repeat((np.arange(12) % 5 == 0) * 255, 4))
    with pytest.raises(ValueError, match="cut off"):
        mask_of_brush(good[:-3], (3, 4))
    with pytest.raises(ValueError, match="4x4 pixels of 4 channels have more or fewer"):
        mask_of_brush(good, (4, 4))
    with pytest.raises(ValueError, match="not bytes"):
        mask_of_brush([256, *good], (3, 4))
    with pytest.raises(ValueError, match="5 pixels and the mask is 2x2"):
        mask_of_counts(np.array([3, 2]), (2, 2), by_columns=True)
    for wrong in (["a"], [-1], [1.5], [[1], [1, 2]], [2**70], {"a": 1}, "12"):
        with pytest.raises(ValueError, match="not a list of whole numbers"):
            counted(wrong)
    for text in ("o", "\x01", "~~~~", "é", "oooooooooooooooo0"):
        with pytest.raises(ValueError, match=r"damaged|whole numbers"):
            counts_of_string(text)
