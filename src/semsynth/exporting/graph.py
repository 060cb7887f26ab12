"""The graph that is exported: label ids in, photographs out."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.classes import UNKNOWN, VOID, VOID_8BIT, ClassSet
from semsynth.exporting.folding import fold
from semsynth.exporting.record import TensorRecord
from semsynth.exporting.traced import TracedLayouts, TracedLevel
from semsynth.layout import LayoutEncoding, Size
from semsynth.models.description import Sizes, StyleKind
from semsynth.models.generator import GeneratorConfig, LayoutGenerator

STYLES: dict[StyleKind, tuple[str, str]] = {
    "vector": ("style", "standard normal numbers, or what the style encoder found in a photo"),
    "noise": ("noise", "standard normal numbers, the same at all pixels of an image or of a region"),
    "features": ("features", "every pixel has the features of its object"),
    "canvas": ("canvas", "pieces of photos: red, green and blue from 0 to 1, then 1 where there is a piece"),
}
"""Name of the input that varies the photographs, and what it holds."""


class GeneratorGraph(nn.Module):
    """A generator as the outside sees it."""

    def __init__(self, generator: LayoutGenerator, classes: ClassSet, dtype: torch.dtype) -> None:
        """Copy and fold a generator.

        Args:
            generator: it stays as it is.
            classes: what the label ids mean.
            dtype: of weights and arithmetic.
        """
        super().__init__()
        self.config = generator.config
        self.dtype = dtype
        folded = copy.deepcopy(generator).cpu()
        with torch.no_grad():
            fold(folded)
        folded.to(dtype=dtype, memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        folded.config = _Unchecked(generator.config)  # type: ignore[assignment]
        self.generator = folded
        self.register_buffer("channel_of_id", _channel_of_id(classes, generator.config.encoding))
        self.register_buffer("channels", generator.config.encoding.symbol_channels(dtype=dtype).clone())

    channel_of_id: Tensor
    channels: Tensor

    def forward(self, condition: Tensor, instances: Tensor | None = None, style: Tensor | None = None) -> Tensor:
        """Synthesise.

        Args:
            condition: [N,H,W] integers, class ids as in label maps; or [N,3,H,W] pictures in [-1,1].
            instances: [N,H,W] integers, for generators that read boundaries.
            style: what :func:`inputs_of` says.

        Returns:
            [N*k,3,H,W] float32.
        """
        given = None if style is None else style.to(self.dtype)
        read = condition.to(self.dtype) if self.config.picture_channels else self._layouts(condition, instances)
        return self.generator.synthesize(read, given, (condition.shape[-2], condition.shape[-1])).float()

    def _layouts(self, labels: Tensor, instances: Tensor | None) -> TracedLayouts:
        ids = labels.clamp(0, len(self.channel_of_id) - 1)
        channels = F.embedding(ids, self.channel_of_id[:, None])[..., 0]  # [N,H,W]
        symbols = channels.int()
        if instances is not None:
            symbols = 2 * symbols + _boundary(instances)
        return TracedLayouts(TracedLevel(symbols, self.config.encoding, channels=self.channels))


def _boundary(instances: Tensor) -> Tensor:
    """:func:`semsynth.ops.boundary.instance_boundary` without writing in place: [N,H,W] int32."""
    rows = (instances[:, 1:] != instances[:, :-1]).int()
    columns = (instances[:, :, 1:] != instances[:, :, :-1]).int()
    borders = F.pad(rows, (0, 0, 0, 1)) + F.pad(rows, (0, 0, 1, 0)) + F.pad(columns, (0, 1)) + F.pad(columns, (1, 0))
    return (borders > 0).int()


class _Unchecked:
    """A configuration for recording: sizes may be symbols, of which no question can be asked."""

    def __init__(self, config: GeneratorConfig) -> None:
        self._config = config
        self.sizes = self.large_sizes = _AnySize(config.sizes.step)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._config, name)


class _AnySize(Sizes):
    def nearest(self, size: Size) -> list[Size]:
        return [size]


def inputs_of(config: GeneratorConfig, classes: ClassSet) -> list[TensorRecord]:
    """What the graph of a generator reads, in order."""
    whole = ("N", "H", "W")
    if config.picture_channels:
        shape = ("N", config.picture_channels, "H", "W")
        return [TensorRecord(name="picture", dtype="float32", shape=shape, about="RGB, from -1 to 1")]
    void = VOID_8BIT if classes.fits_8bit else VOID
    about = f"ids of the class set '{classes.name}', {void} for void, as in label maps"
    inputs = [TensorRecord(name="labels", dtype="int32", shape=whole, about=about)]
    if config.encoding.edges:
        inputs += [TensorRecord(name="instances", dtype="int32", shape=whole, about="equal within one object")]
    if config.style is not None:
        name, about = STYLES[config.style.kind]
        places = () if config.style.kind == "vector" else ("H", "W")
        shape = ("N", config.style.channels, *places)
        inputs += [TensorRecord(name=name, dtype="float32", shape=shape, about=about)]
    return inputs


def _channel_of_id(classes: ClassSet, encoding: LayoutEncoding) -> Tensor:
    """[256 or 65536] int32: the last one is void, and ids that the class set lacks are void, too."""
    count = (VOID_8BIT if classes.fits_8bit else VOID) + 1
    index = classes.index_of_id[:count].copy()
    index[index == UNKNOWN] = classes.num_classes
    index[-1] = classes.num_classes
    return torch.from_numpy(encoding.channel_of_index()[index].astype(np.int32))
