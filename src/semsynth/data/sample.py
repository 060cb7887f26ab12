"""One training pair, and a batch of them as networks take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.images import to_tensor
from semsynth.layout import Layout, LayoutBatch, LayoutEncoding
from semsynth.ops.objects import ObjectMap


@dataclass(frozen=True, eq=False)
class Sample:
    """A layout with the photograph it describes.

    Attributes:
        name: the file name without suffix.
        layout: labels and, where they exist, instances.
        image: [H,W,3] uint8; None in label-only folders.
    """

    name: str
    layout: Layout
    image: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        if self.image is not None and self.image.shape[:2] != self.layout.size:
            (height, width), (rows, columns) = self.layout.size, self.image.shape[:2]
            raise SemsynthError(
                f"'{self.name}': the photo is {columns}x{rows}, the label map {width}x{height}; they must be equal"
            )


class Samples(Protocol):
    """A dataset: a length and samples by number."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, index: int, /) -> Sample:
        """One sample, as it is on disk."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Encoded layouts with their photographs.

    Attributes:
        layout: N layouts.
        image: [N,3,H,W] float in [-1,1].
        names: the samples' names.
        objects: the layouts' objects, for networks that read features of each; None for others.
    """

    layout: LayoutBatch
    image: Tensor
    names: tuple[str, ...]
    objects: ObjectMap | None = None

    @classmethod
    def from_samples(cls, samples: Sequence[Sample], encoding: LayoutEncoding) -> Batch:
        """Encode samples of equal size.

        Raises:
            SemsynthError: a sample without photo, or layouts that the encoding or the batch cannot take.
        """
        images = []
        for sample in samples:
            if sample.image is None:
                raise SemsynthError(f"'{sample.name}' has no photo: a training batch needs pairs")
            images.append(to_tensor(sample.image))
        layout = LayoutBatch.from_layouts([sample.layout for sample in samples], encoding)
        return cls(layout, torch.stack(images), tuple(sample.name for sample in samples))

    def __len__(self) -> int:
        """N."""
        return len(self.names)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same on ``device``."""
        objects = None if self.objects is None else self.objects.to(device, non_blocking)
        image = self.image.to(device, non_blocking=non_blocking)
        return Batch(self.layout.to(device, non_blocking), image, self.names, objects)

    def pin_memory(self) -> Batch:
        """The same in page-locked memory."""
        objects = None if self.objects is None else self.objects.pin_memory()
        return Batch(self.layout.pin_memory(), self.image.pin_memory(), self.names, objects)
