"""One training pair, and a batch of them as networks take it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.images import Pixels, to_tensor
from semsynth.layout import Condition, ConditionPicture, Layout, LayoutBatch, LayoutEncoding, Size
from semsynth.layout_ops.objects import ObjectMap
from semsynth.pixel_format import rgb

IMAGE, LABEL, INSTANCE, CONDITION = "image", "label", "instance", "condition"
"""What samples consist of; in shards, a member's suffix up to its first dot."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A layout, or another condition, with its photograph.

    Attributes:
        name: the file name without suffix.
        condition: labels and, where they exist, instances; or a picture.
        image: [H,W,C] uint8 or uint16 over their full range; None in folders without photos.
    """

    name: str
    condition: Condition
    image: Pixels | None = None

    def __post_init__(self) -> None:
        if self.image is not None and self.image.shape[:2] != self.size:
            (height, width), (rows, columns) = self.size, self.image.shape[:2]
            other = "label map" if isinstance(self.condition, Layout) else "condition"
            turned = ". Photos are read upright, as their EXIF orientation says" if (columns, rows) == self.size else ""
            sizes = f"the photo is {columns}x{rows}, the {other} {width}x{height}"
            raise SemsynthError(f"'{self.name}': {sizes}; they must be equal{turned}")

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """The photo as [H,W,3] uint8.

        Raises:
            SemsynthError: there is none, or it is not 8-bit RGB.
        """
        if self.image is None:
            raise SemsynthError(f"'{self.name}' has no photo: photos are needed here")
        return rgb(self.image, f"the photo of '{self.name}'")

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.condition.size

    @property
    def layout(self) -> Layout:
        """The condition of all systems but one.

        Raises:
            SemsynthError: it is a picture.
        """
        if isinstance(self.condition, Layout):
            return self.condition
        raise SemsynthError(
            f"the condition of '{self.name}' is a picture, and label maps are needed here: take a dataset folder with "
            "labels/, or train pix2pixhd with the preset edges"
        )

    @property
    def picture(self) -> ConditionPicture:
        """The condition where it is a picture.

        Raises:
            SemsynthError: it is a layout.
        """
        if isinstance(self.condition, ConditionPicture):
            return self.condition
        raise SemsynthError(
            f"the condition of '{self.name}' is a label map, and pictures are needed here: take a dataset folder with "
            "conditions/ ('semsynth data import edges' makes them), or another preset"
        )


class Samples(Protocol):
    """A dataset: a length and samples by number."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, index: int, /) -> Sample:
        """One sample, as it is on disk."""


class Transform(Protocol):
    """From a sample as stored to a sample as networks take it."""

    def apply(self, sample: Sample, rng: random.Random, train: bool) -> Sample:
        """Transform ``sample``; everything is drawn from ``rng``, and ``train`` says whether to augment."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Encoded layouts with their photographs.

    Attributes:
        layout: N layouts, or [N,3,H,W] float in [-1,1] where pictures are the condition.
        image: [N,C,H,W] float in [-1,1].
        names: the samples' names.
        objects: the layouts' objects, for networks that read features of each; None for others.
    """

    layout: LayoutBatch | Tensor
    image: Tensor
    names: tuple[str, ...]
    objects: ObjectMap | None = None

    @classmethod
    def from_samples(cls, samples: Sequence[Sample], encoding: LayoutEncoding) -> Batch:
        """Encode samples of equal size.

        Raises:
            SemsynthError: a sample without photo, or layouts that the encoding or the batch cannot take.
        """
        layout = LayoutBatch.from_layouts([sample.layout for sample in samples], encoding)
        return cls(layout, _photos(samples), tuple(sample.name for sample in samples))

    @classmethod
    def from_pictures(cls, samples: Sequence[Sample]) -> Batch:
        """Join samples of equal size whose conditions are pictures.

        Raises:
            SemsynthError: a sample without photo, or with a label map as its condition.
        """
        pictures = torch.stack([to_tensor(sample.picture.pixels) for sample in samples])  # [N,3,H,W]
        return cls(pictures, _photos(samples), tuple(sample.name for sample in samples))

    def __len__(self) -> int:
        """N."""
        return len(self.names)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same on ``device``."""
        objects = None if self.objects is None else self.objects.to(device, non_blocking)
        image = self.image.to(device, non_blocking=non_blocking)
        return Batch(self.layout.to(device, non_blocking=non_blocking), image, self.names, objects)

    def pin_memory(self) -> Batch:
        """The same in page-locked memory."""
        objects = None if self.objects is None else self.objects.pin_memory()
        return Batch(self.layout.pin_memory(), self.image.pin_memory(), self.names, objects)

    def double(self) -> Batch:
        """The same with pictures in float64."""
        layout = self.layout.double() if isinstance(self.layout, Tensor) else self.layout
        return replace(self, layout=layout, image=self.image.double())


def _photos(samples: Sequence[Sample]) -> Tensor:
    """[N,C,H,W] in [-1,1]."""
    images = []
    for sample in samples:
        if sample.image is None:
            raise SemsynthError(f"'{sample.name}' has no photo: a training batch needs pairs")
        images.append(to_tensor(sample.image))
    return torch.stack(images)
