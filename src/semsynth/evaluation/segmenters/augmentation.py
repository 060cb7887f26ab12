"""What a segmenter's training does to photographs and label maps."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from semsynth.config import Config
from semsynth.data.sample import Sample
from semsynth.data.transforms import Pipeline


class SegmenterAugmentation(Config):
    """Scale, crop, flip and colour."""

    crop_size: int = Field(256, ge=32, le=2**14)
    """Width of crops, in pixels; validation sees whole pictures at this width."""
    aspect_ratio: float = Field(1.0, ge=1 / 64, le=64)
    """Width / height of crops."""
    max_scale: float = Field(1.6, ge=1, le=64)
    """Pictures are scaled to between 1 and so many times the crop's size before they are cropped."""
    flip: bool = True
    """Whether half of the pictures are mirrored."""
    color: float = Field(0.3, ge=0, lt=1)
    """Largest relative change of brightness, contrast and saturation."""

    def apply(self, sample: Sample, rng: random.Random) -> Sample:
        """A random view of ``sample``, photo and layout alike, of the crop's size."""
        load_size = round(self.crop_size * rng.uniform(1, self.max_scale))
        view = self._pipeline("resize_and_crop", load_size).apply(sample, rng, train=True)
        factors = [rng.uniform(1 - self.color, 1 + self.color) for _ in range(3)]
        return Sample(view.name, view.condition, _recolored(view.rgb, *factors))

    def whole(self, sample: Sample) -> Sample:
        """The whole picture at the crop's size, as validation sees it."""
        return self._pipeline("fixed", self.crop_size).apply(sample, random.Random(0), train=False)

    def _pipeline(self, mode: str, load_size: int) -> Pipeline:
        return Pipeline.model_validate(
            {
                "mode": mode,
                "load_size": load_size,
                "crop_size": self.crop_size,
                "aspect_ratio": self.aspect_ratio,
                "flip": self.flip,
            }
        )


def _recolored(image: NDArray[np.uint8], brightness: float, contrast: float, saturation: float) -> NDArray[np.uint8]:
    """[H,W,3] uint8 with all three changed; luma weights of ITU-R BT.601."""
    values = image.astype(np.float32) * brightness
    grey = values @ np.array([0.299, 0.587, 0.114], np.float32)
    values = grey[..., None] + saturation * (values - grey[..., None])
    values = grey.mean() + contrast * (values - grey.mean())
    changed: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return changed
