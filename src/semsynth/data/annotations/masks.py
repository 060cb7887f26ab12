"""Masks as pictures inside of text: PNG in base64, with zlib around it or not."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsynth.images import MAX_PIXELS, encode_png, open_image

_MOST_BYTES = 2 * MAX_PIXELS
"""Of a mask's PNG."""


def mask_of_base64(text: Any, *, compressed: bool = False) -> NDArray[np.bool_]:
    """The mask [h,w] of a PNG in base64: what is not 0, and of pictures with an alpha channel what is not transparent.

    Args:
        text: base64.
        compressed: whether zlib was applied to the PNG (Supervisely).

    Raises:
        ValueError: no text, damaged, or larger than any picture.
        SemsynthError: no picture.
    """
    if not isinstance(text, str):
        raise ValueError("its mask is missing or not base64")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("its mask is not base64") from error
    if compressed:
        unpacker = zlib.decompressobj()
        try:
            data = unpacker.decompress(data, _MOST_BYTES)
        except zlib.error as error:
            raise ValueError("its mask is not compressed with zlib, or damaged") from error
        if not unpacker.eof:
            raise ValueError("its mask is cut off, or larger than any picture")
    image = open_image(data, "its mask")
    if image.mode in ("RGBA", "LA"):
        image = image.getchannel("A")
    pixels = np.atleast_3d(np.asarray(image))  # [h,w,channels]
    return np.asarray(pixels.any(2))


def base64_of_mask(mask: NDArray[np.bool_]) -> str:
    """A mask [h,w] as :func:`mask_of_base64` reads it."""
    return base64.b64encode(encode_png(mask.astype(np.uint8) * np.uint8(255))).decode("ascii")
