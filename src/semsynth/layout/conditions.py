"""What a generator is told to make a photograph of: a layout, or a picture that stands in its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.images import decode_image, resize_image, to_rgb
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
    def open(cls, source: Path | str | Image.Image | NDArray[np.integer]) -> ConditionPicture:
        """Read a picture.

        Args:
            source: its path, or its pixels: [H,W,3] or grey [H,W] uint8.

        Raises:
            SemsynthError: not a picture, or not of 8 bits per channel.
        """
        if isinstance(source, str | Path):
            return cls(decode_image(Path(source)))
        if isinstance(source, Image.Image):
            return cls(to_rgb(source, "the given picture"))
        if source.dtype != np.uint8 or not (source.ndim == 2 or (source.ndim == 3 and source.shape[2] == 3)):
            raise SemsynthError(f"a picture is [H,W,3] or [H,W] uint8: got {source.dtype} {list(source.shape)}")
        return cls(to_rgb(Image.fromarray(source), "the given array"))


Condition = Layout | ConditionPicture
"""What a generator is told to make a photograph of."""
