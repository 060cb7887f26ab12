"""Styles as users hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.styles.choice import VectorStyles, photo_or_vector, read_photo, vector_of

NUMBERS = [0.5, -1.0, 2.0]


def read_only(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values


@pytest.mark.parametrize(
    "vector",
    [
        NUMBERS,
        tuple(NUMBERS),
        np.array(NUMBERS),
        np.array(NUMBERS, np.float32),
        read_only(np.array(NUMBERS)),
        np.array(NUMBERS).repeat(2)[::2],
        torch.tensor(NUMBERS),
        torch.tensor(NUMBERS, requires_grad=True),
        [torch.tensor(number) for number in NUMBERS],
    ],
)
def test_vectors(vector: Any) -> None:
    chosen = VectorStyles(3, None, torch.device("cpu")).choose(photo_or_vector(vector), None, None)
    assert chosen.tolist() == NUMBERS
    assert vector_of(vector).tolist() == NUMBERS


def test_vectors_do_not_share_memory() -> None:
    numbers = np.array(NUMBERS, np.float32)
    vector = vector_of(numbers)
    numbers[:] = 9
    assert vector.tolist() == NUMBERS


@pytest.mark.parametrize("vector", [[0.5], np.zeros(4), torch.zeros(4)])
def test_vectors_of_another_length_are_refused(vector: Any) -> None:
    with pytest.raises(SemsynthError, match=r"a style vector has shape \(3,\) here"):
        VectorStyles(3, None, torch.device("cpu")).choose(photo_or_vector(vector), None, None)


@pytest.mark.parametrize("style", [["a"], {"a": 1}, [[1], [2, 3]], object(), 3.5, [None]])
def test_what_is_no_style_is_refused_with_what_is(style: Any) -> None:
    with pytest.raises(SemsynthError, match=r"a style (photo )?is "):
        photo_or_vector(style)


def test_photos() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    for photo in (pixels, read_only(pixels.copy()), torch.tensor(pixels), pixels.tolist(), Image.fromarray(pixels)):
        opened = photo_or_vector(photo)
        assert opened is not None
        assert np.array_equal(read_photo(opened), pixels)


@pytest.mark.parametrize("photo", [np.zeros((4, 5, 3)), torch.zeros(3, 4, 5), np.zeros((4, 5, 4), np.uint8)])
def test_pixels_that_are_no_photo_are_refused(photo: Any) -> None:
    with pytest.raises(SemsynthError, match=r"a style photo is \[H,W,3\] or \[H,W\] uint8, 0 to 255: got "):
        photo_or_vector(photo)
