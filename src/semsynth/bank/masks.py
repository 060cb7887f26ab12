"""Masks as bits: whole frames in machine words, and coarse grids that bound how far two masks can overlap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from semsynth.layout import Size

COARSE = 64
"""Cells along each side of the coarse grid; frames have up to 4096 pixels along a side."""
_WORD = 64
"""Bits of a word."""

Words = NDArray[np.uint64]


def words_of(size: int) -> int:
    """How many words hold ``size`` bits."""
    return -(-size // _WORD)


def words_of_rows(start: int, end: int, size: Size) -> tuple[int, int]:
    """The first word with a pixel of the rows from ``start`` to before ``end``, and the one after the last."""
    return start * size[1] // _WORD, words_of(end * size[1])


def pack(masks: NDArray[np.bool_]) -> Words:
    """[...,H,W] -> [...,words]: the pixels row by row, zeros after them."""
    *before, height, width = masks.shape
    flat = masks.reshape(*before, height * width)
    packed = np.packbits(flat, axis=-1)
    missing = 8 * words_of(flat.shape[-1]) - packed.shape[-1]
    padded = np.pad(packed, [(0, 0)] * (packed.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(padded).view(np.uint64)


def unpack(words: Words, size: Size) -> NDArray[np.bool_]:
    """[...,words] -> [...,H,W], the inverse of :func:`pack`."""
    height, width = size
    flat = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=-1, count=height * width)
    return flat.reshape(*words.shape[:-1], height, width).view(np.bool_)


def bits_as_numbers(words: Words, count: int) -> NDArray[np.float32]:
    """[n,words] -> [n,count]: the bits as 0 and 1."""
    return np.unpackbits(words.view(np.uint8), axis=-1, count=count).astype(np.float32)


def count_bits(words: Words) -> NDArray[np.int64]:
    """[...,words] -> [...]: how many bits are set."""
    counted: NDArray[np.int64] = np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
    return counted


def grid(size: Size) -> Size:
    """Rows and columns of the coarse grid; frames below ``COARSE`` have a cell for each pixel."""
    return min(size[0], COARSE), min(size[1], COARSE)


@cache
def _cells_of(length: int) -> NDArray[np.float32]:
    """[cells,length]: 1 where a pixel along one side belongs to a cell."""
    cells = min(length, COARSE)
    cell = np.arange(length) * cells // length
    belongs: NDArray[np.float32] = (np.arange(cells)[:, None] == cell).astype(np.float32)
    return belongs


def cell_counts(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """[n,H,W] -> [n,cells]: pixels of each mask in the cells of the coarse grid."""
    _, height, width = masks.shape
    rows, columns = _cells_of(height), _cells_of(width)
    counts: NDArray[np.float32] = rows @ (masks.astype(np.float32) @ columns.T)  # [n,rows,columns]
    return counts.reshape(len(masks), len(rows) * len(columns))


def coarse_bits(masks: NDArray[np.bool_]) -> Words:
    """[n,H,W] -> [n,words]: which cells of the coarse grid hold a pixel of the mask."""
    return pack((cell_counts(masks) > 0)[:, None, :])


def place(cropped: Sequence[NDArray[np.bool_]], boxes: NDArray[np.integer], size: Size) -> NDArray[np.bool_]:
    """[n,H,W]: masks in the boxes [n,4] (top, left, height, width) of frames of ``size``."""
    full = np.zeros((len(cropped), *size), np.bool_)
    for frame, mask, (top, left, height, width) in zip(full, cropped, boxes.tolist(), strict=True):
        frame[top : top + height, left : left + width] = mask
    return full
