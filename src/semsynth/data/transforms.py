"""Paired transforms: what a sample's photo, labels and instances go through together before a network.

Labels and instances are sampled nearest, photos and pictures that are conditions bicubic with antialiasing (Pillow).

Differences from the official pipelines (SPADE ``data/base_dataset.py``, pix2pixHD ``data/base_dataset.py``),
which ``official`` switches back on to the bit:

* ``scale_shortside`` scales the short side. The official code leaves it alone and changes the long side to the
  length it should have had, and places the crop in a picture of yet another size.
* A picture smaller than the crop is enlarged until it covers it. SPADE pads black and with label 0; pix2pixHD
  leaves such a picture as it is.
* Outside training nothing is random: crops are central and the ``*_and_crop`` modes scale to the crop size. The
  official code draws random crops at test time, too.
* Crops keep ``aspect_ratio``; the official ones are square.
* Sides are rounded to whole pixels, not truncated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from semsynth.classes import UNKNOWN, VOID
from semsynth.config import Config
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError
from semsynth.images import MAX_PIXELS, Pixels, resize_image
from semsynth.layout import ConditionPicture, Layout, Size

T = TypeVar("T", bound=np.generic)

Mode = Literal[
    "resize_and_crop",
    "crop",
    "scale_width",
    "scale_width_and_crop",
    "scale_shortside",
    "scale_shortside_and_crop",
    "fixed",
    "none",
]


@dataclass(frozen=True)
class Draw:
    """The random part of one application."""

    x: int
    """Left column of the crop."""
    y: int
    """Top row of the crop."""
    flip: bool
    """Whether to mirror left and right (if the pipeline flips at all)."""


class Pipeline(Config):
    """From a sample as stored to a sample as networks take it."""

    mode: Mode = "resize_and_crop"
    """The official codes' name of the way to a size: what the picture is scaled to, and whether it is cropped."""
    load_size: int = Field(286, ge=1, le=2**14)
    """Scaled width or short side before cropping, in pixels."""
    crop_size: int = Field(256, ge=1, le=2**14)
    """Width of crops and of ``fixed``, in pixels."""
    aspect_ratio: float = Field(1.0, ge=1 / 64, le=64)
    """Width / height of crops and of ``fixed``."""
    multiple: int = Field(32, ge=1, le=2**14)
    """What both sides become multiples of in mode ``none`` (pix2pixHD: 2^downsamplings, 16 for its global network)."""
    flip: bool = True
    """Whether half of the training samples are mirrored."""
    official: Literal[False, "spade", "pix2pixhd"] = False
    """Whose code to repeat exactly, faults included; False: this module's reading."""

    @property
    def output_size(self) -> Size | None:
        """(height, width) of every result; None where it depends on the picture."""
        if self.mode != "fixed" and "crop" not in self.mode:
            return None
        return self._shape(self.crop_size, square=self.official is not False and self.mode != "fixed")

    def size_of(self, size: Size) -> Size:
        """(height, width) of the result for a picture of ``size``, in training."""
        height, width = self._official_scaled_size(size) if self.official else self._scaled_size(size, True)
        scaled = max(1, height), max(1, width)
        cropped = self.output_size is not None and "crop" in self.mode and not self._leaves_small(scaled)
        return self.output_size if cropped and self.output_size is not None else scaled

    def apply(self, sample: Sample, rng: random.Random, train: bool) -> Sample:
        """Transform ``sample``.

        Args:
            sample: as stored.
            rng: source of crop position and mirroring; advanced by the same three draws in every mode.
            train: whether to augment.

        Raises:
            SemsynthError: so long and thin a picture that scaling it would fill the memory.
        """
        size = sample.size
        height, width = self._official_scaled_size(size) if self.official else self._scaled_size(size, train)
        scaled = max(1, height), max(1, width)
        draw = self.draw(size, rng, train)
        sample = _resized(sample, scaled)
        if self.output_size and "crop" in self.mode and not self._leaves_small(scaled):
            sample = _cropped(sample, draw, self.output_size)
        return _mirrored(sample) if train and self.flip and draw.flip else sample

    def draw(self, size: Size, rng: random.Random, train: bool) -> Draw:
        """Draw x, y and flip, in this order, for a picture of ``size``; the crop is central outside training."""
        if self.official:
            # The official test pipelines crop at random, too.
            height, width = self._official_crop_range(size)
            crop_height = crop_width = self.crop_size
        else:
            height, width = self._scaled_size(size, train)
            crop_height, crop_width = self.output_size or (height, width)
        right, bottom = max(0, width - crop_width), max(0, height - crop_height)
        x, y, flip = rng.randint(0, right), rng.randint(0, bottom), rng.random() > 0.5
        return Draw(x, y, flip) if train or self.official else Draw(right // 2, bottom // 2, False)

    def _shape(self, width: int, square: bool = False) -> Size:
        """(height, width) with the aspect ratio."""
        return (width if square else max(1, round(width / self.aspect_ratio))), width

    def _scaled_size(self, size: Size, train: bool) -> Size:
        height, width = size
        load_size = self.load_size if train or "crop" not in self.mode else self.crop_size
        if self.mode == "fixed":
            return self._shape(self.crop_size)
        if self.mode == "none":
            return _multiples(size, self.multiple)
        if self.mode == "resize_and_crop":
            return self._shape(max(load_size, self.crop_size))
        if self.mode == "crop":
            scale = 1.0
        elif self.mode in ("scale_width", "scale_width_and_crop"):
            scale = load_size / width
        else:
            scale = load_size / min(size)
        if self.output_size is not None:
            crop_height, crop_width = self.output_size
            scale = max(scale, crop_height / height, crop_width / width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    def _official_scaled_size(self, size: Size) -> Size:
        height, width = size
        if self.mode == "fixed":
            return self._shape(self.crop_size)
        if self.mode == "none":
            return _multiples(size, self.multiple)
        if self.mode == "resize_and_crop":
            return self.load_size, self.load_size
        if self.mode in ("scale_width", "scale_width_and_crop"):
            return size if width == self.load_size else (int(self.load_size * height / width), self.load_size)
        if self.mode in ("scale_shortside", "scale_shortside_and_crop"):
            return size if min(size) == self.load_size else self._official_short_side(size)
        return size

    def _official_short_side(self, size: Size) -> Size:
        """``__scale_shortside``: the short side stays as it was."""
        height, width = size
        long = int(self.load_size * max(size) / min(size))
        return (long, width) if width <= height else (height, long)

    def _official_crop_range(self, size: Size) -> Size:
        """``get_params``: the size that the crop position is drawn for."""
        height, width = size
        if self.mode == "resize_and_crop":
            return self.load_size, self.load_size
        if self.mode == "scale_width_and_crop":
            return self.load_size * height // width, self.load_size
        return self._official_short_side(size) if self.mode == "scale_shortside_and_crop" else size

    def _leaves_small(self, size: Size) -> bool:
        """pix2pixHD's ``__crop`` does nothing to a picture that exceeds the crop in neither direction."""
        return self.official == "pix2pixhd" and max(size) <= self.crop_size


def _multiples(size: Size, base: int) -> Size:
    """Both sides rounded (half to even, as Python does) to multiples of ``base``, at least one of it."""
    height, width = (max(1, round(side / base)) * base for side in size)
    return height, width


def _resized(sample: Sample, size: Size) -> Sample:
    if size == sample.size:
        return sample
    height, width = size
    if height * width > MAX_PIXELS:
        rows, columns = sample.size
        raise SemsynthError(
            f"'{sample.name}' of {columns}x{rows} would have to be scaled to {width}x{height}, beyond {MAX_PIXELS:,} "
            "pixels: cut it into less narrow pictures"
        )
    image = None if sample.image is None else resize_image(sample.image, size)
    return Sample(sample.name, sample.condition.resized(size), image)


def _cropped(sample: Sample, draw: Draw, size: Size) -> Sample:
    """The window at (``draw.y``, ``draw.x``); what lies outside is black, and label and instance 0, as Pillow pads."""
    height, width = size

    def window(array: NDArray[T], outside: int) -> NDArray[T]:
        inside = array[draw.y : draw.y + height, draw.x : draw.x + width]
        below, right = height - inside.shape[0], width - inside.shape[1]
        if below or right:
            margins = [(0, below), (0, right)] + [(0, 0)] * (array.ndim - 2)
            return np.pad(inside, margins, constant_values=outside)
        return np.ascontiguousarray(inside)

    return _changed(sample, window)


def _mirrored(sample: Sample) -> Sample:
    def mirror(array: NDArray[T], outside: int) -> NDArray[T]:
        return np.ascontiguousarray(array[:, ::-1])

    return _changed(sample, mirror)


class _Change(Protocol):
    """Moves the pixels of an array [H,W,...]; ``outside`` is what lies beyond its border."""

    def __call__(self, array: NDArray[T], outside: int, /) -> NDArray[T]: ...


def _changed(sample: Sample, change: _Change) -> Sample:
    """The sample with everything in it changed alike."""
    image = None if sample.image is None else cast("Pixels", change(sample.image, 0))
    condition = sample.condition
    if isinstance(condition, ConditionPicture):
        return Sample(sample.name, ConditionPicture(change(condition.pixels, 0)), image)
    outside = 0 if condition.classes.index_of_id[0] != UNKNOWN else VOID
    instances = None if condition.instances is None else change(condition.instances, 0)
    return Sample(sample.name, Layout(change(condition.labels, outside), condition.classes, instances), image)
