"""Borders of masks, bands around them, and pixels that are taken out of a band at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
"""[H,W]."""


def border(mask: Mask) -> Mask:
    """Where a mask begins or ends: the pixels on both sides of its outline, at which a Sobel filter is not 0.

    The edge of the frame is not a border.
    """
    values = mask.astype(np.int16)
    found: Mask = (ndimage.sobel(values, 0, mode="nearest") != 0) | (ndimage.sobel(values, 1, mode="nearest") != 0)
    return found


def dilated(mask: Mask, side: int) -> Mask:
    """A mask enlarged by a square of ``side`` pixels; 1 and less leave it as it is."""
    if side < 2 or not mask.any():
        return mask
    enlarged: Mask = ndimage.maximum_filter(mask.astype(np.uint8), side, mode="constant") > 0
    return enlarged


def band(mask: Mask, side: int) -> Mask:
    """The pixels near the outline of a mask, inside and outside: its border enlarged by a square of ``side`` pixels.

    A square without a pixel leaves no band.
    """
    found = np.zeros_like(mask)
    if side > 0 and mask.any():
        margin = side // 2 + 2
        window = tuple(slice(max(0, one.start - margin), one.stop + margin) for one in bounding_box(mask))
        found[window] = dilated(border(mask[window]), side)
    return found


def bounding_box(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of a mask that is not empty."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def random_half(mask: Mask, rng: np.random.Generator) -> Mask:
    """Each pixel of a mask with probability 1/2."""
    drawn = np.zeros_like(mask)
    drawn[mask] = rng.random(np.count_nonzero(mask)) < 0.5
    return drawn


def side_of(share: float, height: int) -> int:
    """The side of a square in pixels, from its share of the picture's height: rounded down."""
    return int(share * height)
