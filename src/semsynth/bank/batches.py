"""Samples and batches that carry canvases, made in the data workers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.bank.canvas import Canvas
from semsynth.bank.filling import fill, find_choices
from semsynth.bank.memory import MemoryBank
from semsynth.bank.pairs import PairRules, make_pair
from semsynth.bank.settings import CanvasSettings
from semsynth.data.sample import Batch, Sample
from semsynth.data.transforms import Pipeline
from semsynth.layout import LayoutBatch, LayoutEncoding


@dataclass(frozen=True, eq=False)
class CanvasSample(Sample):
    """A layout with its photograph, and the canvas that the network repairs."""

    canvas: Canvas | None = None
    """Its labels are what the network reads; those of the sample are the true ones."""


@dataclass(frozen=True, eq=False)
class CanvasBatch(Batch):
    """A batch with canvases; ``layout`` are the true layouts."""

    canvas: Tensor | None = None
    """[N,4,H,W]: red, green and blue, 0..1, and 1 where the canvas is filled."""
    changed: LayoutBatch | None = None
    """The layouts that the network reads where these are not the true ones."""

    @property
    def true_layout(self) -> LayoutBatch:
        """What the photos show."""
        assert isinstance(self.layout, LayoutBatch)
        return self.layout

    @property
    def shown(self) -> LayoutBatch:
        """What the network reads."""
        return self.changed or self.true_layout

    def to(self, device: torch.device | str, non_blocking: bool = False) -> CanvasBatch:
        """The same on ``device``."""
        canvas = None if self.canvas is None else self.canvas.to(device, non_blocking=non_blocking)
        changed = None if self.changed is None else self.changed.to(device, non_blocking)
        return self._with(super().to(device, non_blocking), canvas, changed)

    def pin_memory(self) -> CanvasBatch:
        """The same in page-locked memory."""
        canvas = None if self.canvas is None else self.canvas.pin_memory()
        changed = None if self.changed is None else self.changed.pin_memory()
        return self._with(super().pin_memory(), canvas, changed)

    @staticmethod
    def _with(batch: Batch, canvas: Tensor | None, changed: LayoutBatch | None) -> CanvasBatch:
        return CanvasBatch(batch.layout, batch.image, batch.names, batch.objects, canvas, changed)

    def double(self) -> CanvasBatch:
        """The same with pictures and canvases in float64."""
        canvas = None if self.canvas is None else self.canvas.double()
        return replace(self, image=self.image.double(), canvas=canvas)


@dataclass(frozen=True)
class CanvasPipeline:
    """A pipeline that adds canvases: training pairs in training, retrieved pieces otherwise."""

    pipeline: Pipeline
    bank: MemoryBank
    pairs: PairRules
    settings: CanvasSettings

    def apply(self, sample: Sample, rng: random.Random, train: bool) -> CanvasSample:
        """Transform ``sample`` as :meth:`Pipeline.apply` does, and make its canvas from the same random numbers.

        Raises:
            SemsynthError: as :meth:`Pipeline.apply`, a training sample without photo, or other classes than the bank's.
        """
        sample = self.pipeline.apply(sample, rng, train)
        if train:
            numbers = np.random.default_rng(rng.getrandbits(63))
            canvas = make_pair(sample, self.bank, self.pairs, self.settings.faithful, numbers)
        else:
            choices = find_choices(sample.layout, self.bank, self.settings)
            canvas = fill(sample.layout, self.bank, choices, 0, self.settings)
        return CanvasSample(sample.name, sample.condition, sample.image, canvas)


@dataclass(frozen=True)
class CanvasCollate:
    """Samples with canvases to a batch; runs in the data workers."""

    encoding: LayoutEncoding
    faithful: bool
    """Whether the network reads the true layouts."""

    def __call__(self, samples: Sequence[Sample]) -> CanvasBatch:
        """Encode samples of one size, all with canvases."""
        batch = Batch.from_samples(samples, self.encoding)
        canvases = [sample.canvas for sample in samples if isinstance(sample, CanvasSample) and sample.canvas]
        changed = None
        if not self.faithful:
            layouts = [replace(one.layout, labels=canvas.labels) for one, canvas in zip(samples, canvases, strict=True)]
            changed = LayoutBatch.from_layouts(layouts, self.encoding)
        tensor = torch.from_numpy(np.stack([channels(canvas) for canvas in canvases]))
        return CanvasBatch(batch.layout, batch.image, batch.names, canvas=tensor, changed=changed)


def channels(canvas: Canvas) -> NDArray[np.float32]:
    """[4,H,W]: what the network reads of a canvas."""
    return np.concatenate([canvas.colour.transpose(2, 0, 1), canvas.filled[None].astype(np.float32)])
