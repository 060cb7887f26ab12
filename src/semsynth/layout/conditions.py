"""What a generator is told to make a photograph of: a layout, or a picture that stands in its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.images import decode_image, resize_image, to_rgb
from semsynth.layout.arrays import Pixels, as_array, described, is_tensor
from semsynth.layout.maps import Layout, Size


@dataclass(frozen=True, eq=False)
class ConditionPicture:
    """A picture that stands where others have a layout: an edge map, say (pix2pixHD's ``label_nc=0``).

    Attributes:
        pixels: [H,W,3] uint8.
    """

    pixels: NDArray[np.uint8]

    @property
    def size(self) -> Size:
        """(height, width)."""
        height, width, _ = self.pixels.shape
        return height, width

    def resized(self, size: Size) -> ConditionPicture:
        """Bicubic, as photographs are (official ``aligned_dataset.py``)."""
        return ConditionPicture(resize_image(self.pixels, size))

    def colors(self) -> NDArray[np.uint8]:
        """[H,W,3] uint8: what people are shown, the pixels themselves."""
        return self.pixels

    @classmethod
    def open(cls, source: Path | str | Image.Image | Pixels) -> ConditionPicture:
        """Read a picture.

        Args:
            source: its path, or its pixels: [H,W,3] or grey [H,W] uint8, as an array, a tensor or nested lists.

        Raises:
            SemsynthError: not a picture, or not of 8 bits per channel.
        """
        if isinstance(source, str | Path):
            return cls(decode_image(Path(source)))
        if isinstance(source, Image.Image):
            return cls(to_rgb(source, "the given picture"))
        return cls(picture_of(source, "a picture"))


def picture_of(pixels: Pixels, called: str) -> NDArray[np.uint8]:
    """[H,W,3] uint8 of the pixels of a picture, [H,W,3] or grey [H,W].

    Args:
        pixels: as an array, a tensor or nested lists of 0 to 255.
        called: what messages call it.

    Raises:
        SemsynthError: pixels of another kind.
    """
    accepted = f"{called} is [H,W,3] or [H,W] uint8, 0 to 255"
    array = as_array(pixels, accepted)
    if not (isinstance(pixels, np.ndarray) or is_tensor(pixels)) and array.dtype.kind in "iu" and array.size:
        array = array.astype(np.uint8) if array.min() >= 0 and array.max() <= 255 else array
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or not array.size:
        raise SemsynthError(f"{accepted}: got {described(pixels)}")
    return np.repeat(array[..., None], 3, 2) if array.ndim == 2 else array


Condition = Layout | ConditionPicture
"""What a generator is told to make a photograph of."""
