"""Masks as pictures: files of black and white, and PNG in base64, with zlib around it or not."""

from __future__ import annotations

import base64
import binascii
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.images import MAX_PIXELS, encode_png, open_image, read_image_bytes
from semsynth.layout.formats import check_lossless

_MOST_BYTES = 2 * MAX_PIXELS
"""Of a mask's PNG."""
_OPAQUE = 255


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
    return _foreground(open_image(data, "its mask"))


def mask_of_file(path: Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask [H,W] in a picture file of black and one other colour, or of an alpha channel.

    Args:
        path: a file of a format that keeps numbers as they are.
        size: (height, width) that it should have.

    Raises:
        ValueError: another size, or more colours.
        SemsynthError: no picture, or JPEG.
    """
    data = read_image_bytes(path)
    image = open_image(data, str(path))
    check_lossless(image, data, "mask")
    if (image.height, image.width) != size:
        raise ValueError(f"its size is {image.width}x{image.height}, and the photo is {size[1]}x{size[0]}")
    colors = image.getcolors(3)
    if colors is None or len(colors) > 2:
        raise ValueError("its pixels have more than two values: a mask is black outside, and of one colour inside")
    return _foreground(image)


def _foreground(image: Image.Image) -> NDArray[np.bool_]:
    """What is not black; of pictures with transparent pixels, what is not fully transparent."""
    if image.mode in ("RGBA", "LA") and image.getchannel("A").getextrema()[0] != _OPAQUE:
        return np.asarray(np.asarray(image.getchannel("A")) != 0)
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGB")
    pixels = np.atleast_3d(np.asarray(image))  # [h,w,channels]
    return np.asarray(pixels.any(2))


def base64_of_mask(mask: NDArray[np.bool_]) -> str:
    """A mask [h,w] as :func:`mask_of_base64` reads it."""
    return base64.b64encode(encode_png(mask.astype(np.uint8) * np.uint8(255))).decode("ascii")
