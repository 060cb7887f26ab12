"""Sample grids: what the networks make of fixed layouts, as training goes on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semsynth.data.sample import Batch, Sample
from semsynth.data.transforms import Pipeline
from semsynth.images import to_uint8
from semsynth.training.data import Samples

ROWS = 6
"""Layouts in a grid."""
_GAP = 4
"""White pixels between pictures."""

Generate = Callable[[Mapping[str, nn.Module], Batch], Tensor]


@dataclass(frozen=True)
class FixedLayouts:
    """Validation samples that every grid shows, transformed as for evaluation, one batch each."""

    samples: tuple[Sample, ...]
    batches: tuple[Batch, ...]

    @classmethod
    def take(cls, samples: Samples, pipeline: Pipeline, collate: Callable[[Sequence[Sample]], Batch]) -> FixedLayouts:
        """Spread :data:`ROWS` choices evenly over ``samples``."""
        count = min(ROWS, len(samples))
        chosen = [samples[number * len(samples) // count] for number in range(count)]
        fixed = tuple(pipeline.apply(sample, random.Random(0), train=False) for sample in chosen)
        return cls(fixed, tuple(collate([_with_photo(sample)]) for sample in fixed))

    def grid(self, columns: Sequence[Callable[[Batch], Tensor]]) -> NDArray[np.uint8]:
        """[H,W,3] uint8: a row per layout with its colours, its photo, and a picture from each of ``columns``."""
        rows = []
        for sample, batch in zip(self.samples, self.batches, strict=True):
            pictures = [sample.layout.colors()] + ([] if sample.image is None else [sample.image])
            pictures += [to_uint8(column(batch).float().cpu())[0] for column in columns]
            rows.append(np.concatenate([_framed(picture) for picture in pictures], axis=1))
        width = max(row.shape[1] for row in rows)
        return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows])


@torch.no_grad()
def generate_for_inference(networks: Mapping[str, nn.Module], generate: Generate, batch: Batch) -> Tensor:
    """Pictures in evaluation mode; the networks go back to the mode they were in."""
    modes = {name: network.training for name, network in networks.items()}
    try:
        for network in networks.values():
            network.eval()
        return generate(networks, batch)
    finally:
        for name, network in networks.items():
            network.train(modes[name])


def _with_photo(sample: Sample) -> Sample:
    """Batches are pairs; where a split has layouts only, a grey picture stands in (nothing looks at it)."""
    if sample.image is not None:
        return sample
    return Sample(sample.name, sample.layout, np.full((*sample.layout.size, 3), 128, np.uint8))


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(picture, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
