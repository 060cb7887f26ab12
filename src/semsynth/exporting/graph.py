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
from semsynth.models.generator import GeneratorConfig, LayoutGenerator
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig


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
        self.register_buffer("channels", generator.config.encoding.symbol_channels().to(dtype))

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
        if condition.dim() == 4:
            return self.generator(condition.to(self.dtype), given).float()  # type: ignore[no-any-return]
        noise = given if isinstance(self.config, OASISGeneratorConfig) else None
        layouts = self._layouts(condition, instances, noise)
        if isinstance(self.config, OASISGeneratorConfig):
            images: Tensor = self.generator(layouts, None, layouts.size)
        elif isinstance(self.config, SPADEGeneratorConfig):
            images = self.generator(layouts, given, None if self.config.input == "noise" else layouts.size)
        else:
            images = self.generator(layouts, given)
        return images.float()

    def _layouts(self, labels: Tensor, instances: Tensor | None, noise: Tensor | None) -> TracedLayouts:
        ids = labels.clamp(0, len(self.channel_of_id) - 1)
        channels = F.embedding(ids, self.channel_of_id[:, None])[..., 0]  # [N,H,W]
        symbols = channels.int()
        if instances is not None:
            symbols = 2 * symbols + _boundary(instances)
        return TracedLayouts(TracedLevel(symbols, self.config.encoding, channels=self.channels, noise=noise))


def _boundary(instances: Tensor) -> Tensor:
    """:func:`semsynth.ops.boundary.instance_boundary` without writing in place: [N,H,W] int32."""
    rows = (instances[:, 1:] != instances[:, :-1]).int()
    columns = (instances[:, :, 1:] != instances[:, :, :-1]).int()
    borders = F.pad(rows, (0, 0, 0, 1)) + F.pad(rows, (0, 0, 1, 0)) + F.pad(columns, (0, 1)) + F.pad(columns, (1, 0))
    return (borders > 0).int()


class _Unchecked:
    """A configuration for recording: sizes may be symbols, of which no question can be asked."""

    output_size = None
    z_dim = 0  # of OASIS: noise comes with the layouts

    def __init__(self, config: GeneratorConfig) -> None:
        self._config = config

    def nearest_sizes(self, size: Size) -> list[Size]:
        return [size]

    def check_size(self, size: Size) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._config, name)


def inputs_of(config: GeneratorConfig, classes: ClassSet) -> list[TensorRecord]:
    """What the graph of a generator reads, in order."""
    whole = ("N", "H", "W")
    if isinstance(config, Pix2PixHDGeneratorConfig) and config.image_channels:
        return [TensorRecord(name="picture", dtype="float32", shape=("N", 3, "H", "W"), about="RGB, from -1 to 1")]
    void = VOID_8BIT if classes.fits_8bit else VOID
    about = f"ids of the class set '{classes.name}', {void} for void, as in label maps"
    inputs = [TensorRecord(name="labels", dtype="int32", shape=whole, about=about)]
    if config.encoding.edges:
        inputs += [TensorRecord(name="instances", dtype="int32", shape=whole, about="equal within one object")]
    style = _style_input(config)
    return inputs if style is None else [*inputs, style]


def _style_input(config: GeneratorConfig) -> TensorRecord | None:
    if isinstance(config, SPADEGeneratorConfig) and config.input == "noise":
        about = "standard normal numbers, or what the style encoder found in a photo"
        return TensorRecord(name="style", dtype="float32", shape=("N", config.z_dim), about=about)
    if isinstance(config, OASISGeneratorConfig) and config.z_dim:
        about = "standard normal numbers, the same at all pixels of an image or of a region"
        return TensorRecord(name="noise", dtype="float32", shape=("N", config.z_dim, "H", "W"), about=about)
    if isinstance(config, Pix2PixHDGeneratorConfig) and config.features:
        about = "every pixel has the features of its object"
        return TensorRecord(name="features", dtype="float32", shape=("N", config.features, "H", "W"), about=about)
    return None


def _channel_of_id(classes: ClassSet, encoding: LayoutEncoding) -> Tensor:
    """[256 or 65536] int32: the last one is void, and ids that the class set lacks are void, too."""
    count = (VOID_8BIT if classes.fits_8bit else VOID) + 1
    index = classes.index_of_id[:count].copy()
    index[index == UNKNOWN] = classes.num_classes
    index[-1] = classes.num_classes
    return torch.from_numpy(encoding.channel_of_index()[index].astype(np.int32))
