"""Sample grids: what the networks make of fixed layouts, as training goes on."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from semsynth.data.sample import Batch, Sample, Samples, Transform
from semsynth.images import save_png, to_uint8
from semsynth.pixel_format import shown as shown_pixels
from semsynth.recipes.base import Networks

ROWS = 6
"""Layouts in a grid."""
_GAP = 4
"""White pixels between pictures."""


@dataclass(frozen=True)
class FixedLayouts:
    """Validation samples that every grid shows, transformed as for evaluation, one batch each."""

    samples: tuple[Sample, ...]
    batches: tuple[Batch, ...]

    @classmethod
    def take(cls, samples: Samples, pipeline: Transform, collate: Callable[[Sequence[Sample]], Batch]) -> FixedLayouts:
        """Spread :data:`ROWS` choices evenly over ``samples``."""
        count = min(ROWS, len(samples))
        chosen = [samples[number * len(samples) // count] for number in range(count)]
        fixed = tuple(pipeline.apply(sample, random.Random(0), train=False) for sample in chosen)
        return cls(fixed, tuple(collate([_with_photo(sample)]) for sample in fixed))

    def write(self, path: Path, shown: Sequence[Networks], picture: Callable[[Networks, Batch], Tensor]) -> None:
        """Save a grid as PNG: a row per layout with its colours, its photo, and a picture of each of ``shown``."""
        rows = []
        for sample, batch in zip(self.samples, self.batches, strict=True):
            pictures = [sample.condition.colors()] + ([] if sample.image is None else [shown_pixels(sample.image)])
            pictures += [shown_pixels(to_uint8(picture(networks, batch))[0]) for networks in shown]
            rows.append(np.concatenate([_framed(one) for one in pictures], axis=1))
        width = max(row.shape[1] for row in rows)
        padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
        save_png(path, np.concatenate(padded))


def _with_photo(sample: Sample) -> Sample:
    """Batches are pairs; where a split has layouts only, a grey picture stands in (nothing looks at it)."""
    if sample.image is not None:
        return sample
    return replace(sample, image=np.full((*sample.size, 3), 128, np.uint8))


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(picture, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
