"""The SPADE generator: a layout modulates every normalisation layer.

Park, Liu, Wang and Zhu, "Semantic Image Synthesis with Spatially-Adaptive Normalization", CVPR 2019:
section 3, figure 3 (block and generator), table 4 (concatenation instead), table 5 (the variants).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, Level, Size
from semsynth.layout.parts import part_of
from semsynth.layout_ops.conv import concat_conv2d, layout_conv2d
from semsynth.layout_ops.spade_block import NEGATIVE_SLOPE, SPADEResBlock, activate
from semsynth.models.description import Sizes, StyleInput
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, check_size, register
from semsynth.models.local import LocalStage, run_whole
from semsynth.ops.conv_norm import conv_norm
from semsynth.ops.noise_injection import NoiseInjection
from semsynth.ops.norm import NormKind, ParameterFreeNorm
from semsynth.ops.rectangle import Rectangle
from semsynth.ops.spectral_norm import conv2d
from semsynth.ops.spread import spread
from semsynth.pixel_format import PixelFormat

WIDTHS = (16, 16, 16, 8, 4, 2, 1)
"""Output channels of head, middle_0, middle_1, up_0 .. up_3 in units of the generator's width (figure 3)."""

SIXTH = 1
"""Which of six doublings five do not have, counted from 0: the one before ``middle_1``."""


@register
class SPADEGeneratorConfig(GeneratorConfig):
    """The generator's variants (table 5; the paper's 61M, 96M and 141M parameters differ in ``width``)."""

    family: Literal["spade"] = "spade"
    width: int = Field(64, ge=1, le=8192)
    """Channels of the last block; the first has 16 times as many."""
    crop_size: int = Field(256, ge=32, le=2**14)
    """Width of the images the generator makes, in pixels."""
    aspect_ratio: float = Field(1.0, ge=1 / 64, le=64)
    """Width / height of the images."""
    upsamplings: Literal[5, 6, 7] = 5
    """How often resolution doubles (official "normal", "more", "most"); the seventh adds the block ``up_4``."""
    norm: NormKind = "sync_batch"
    """The parameter-free normalisation that is modulated."""
    frozen_statistics: bool = False
    """Normalise by the running statistics in training, too: to go on with a trained generator and styles where batches
    are small. Statistics of two images take away what they have in common, such as a colour."""
    kernel_size: Literal[1, 3, 5] = 3
    """Of the three convolutions of every SPADE layer."""
    hidden: int = Field(128, ge=1, le=8192)
    """Channels between a SPADE layer's two convolutions (128 in the official code)."""
    layout_at_every_layer: Literal["spade", "concat"] = "spade"
    """How every block reads the layout: by SPADE layers, or beside the features that enter its convolutions, after
    norms with a learned scale and bias (table 4, "Concat w/o SPADE")."""
    spectral: bool = True
    """Spectral normalisation of the residual blocks' convolutions."""
    input: Literal["layout", "noise"] = "layout"
    """What enters the first layer: the downsampled layout or a random vector."""
    z_dim: int = Field(256, ge=1, le=8192)
    """Length of the random vector."""
    noise_injection: bool = False
    """Noise with a learned scale for each channel after every doubling of the resolution (StyleGAN): texture in regions
    where the layout is constant. Not in the paper."""

    pixels: PixelFormat = PixelFormat()
    """What the pictures hold: that of the data set they are trained on."""

    @property
    def pixel_format(self) -> PixelFormat:
        """See :attr:`pixels`."""
        return self.pixels

    @property
    def start_size(self) -> Size:
        """(height, width) of the first features; rounds half to even as the official code does."""
        width = self.crop_size // 2**self.upsamplings
        return round(width / self.aspect_ratio), width

    @property
    def output_size(self) -> Size:
        """(height, width) of the images."""
        height, width = self.start_size
        return height * 2**self.upsamplings, width * 2**self.upsamplings

    @property
    def label_channels(self) -> int:
        """Channels that SPADE layers read."""
        return self.encoding.num_channels

    @property
    def half_size(self) -> SPADEGeneratorConfig | None:
        """One doubling less: the sixth has no weights of its own, the seventh has a block."""
        if self.upsamplings != 6:
            return None
        return self.model_copy(update={"crop_size": self.crop_size // 2, "upsamplings": 5})

    def build(self) -> SPADEGenerator:
        """The generator, newly initialised."""
        return SPADEGenerator(self)

    @property
    def sizes(self) -> Sizes:
        """Multiples of the first features' pixels from a layout; one size from noise."""
        return Sizes(2**self.upsamplings, only=self.output_size if self.input == "noise" else None)

    @property
    def large_sizes(self) -> Sizes:
        """Multiples of the first features' pixels: those that are made of noise are repeated."""
        return Sizes(2**self.upsamplings)

    @property
    def style(self) -> StyleInput | None:
        """The random vector, for ``input="noise"``."""
        return StyleInput("vector", self.z_dim) if self.input == "noise" else None

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows that a generator will look up, for instance in a data-loader worker; returns ``layout``."""
        height, width = self.start_size
        if self.input == "layout":
            layout.at(height, width).patches(3, 1, 1)
        wide = 2 if self.upsamplings >= 6 else 1  # the last level with only blocks that keep the number of channels
        for doublings in range(self.upsamplings + 1):
            level = layout.at(height * 2**doublings, width * 2**doublings)
            if self.layout_at_every_layer == "spade":
                level.windows(self.kernel_size)
                continue
            level.patches(3, 1, 1)
            if doublings > wide:
                level.patches(1, 1, 0)
        return layout


class ConcatResBlock(nn.Module):
    """The same block without SPADE: its convolutions read cat[layout, normalised features]."""

    def __init__(self, in_channels: int, out_channels: int, config: SPADEGeneratorConfig) -> None:
        super().__init__()
        middle, labels = min(in_channels, out_channels), config.encoding.num_channels
        self.in_channels = in_channels
        self.learned_shortcut = in_channels != out_channels
        self.norm_0 = _affine_norm(in_channels, config)
        self.conv_0 = conv2d(labels + in_channels, middle, 3, padding=1, spectral=config.spectral)
        self.norm_1 = _affine_norm(middle, config)
        self.conv_1 = conv2d(labels + middle, out_channels, 3, padding=1, spectral=config.spectral)
        if self.learned_shortcut:
            self.norm_s = _affine_norm(in_channels, config)
            self.conv_s = conv2d(labels + in_channels, out_channels, 1, bias=False, spectral=config.spectral)

    @property
    def products(self) -> int:
        """Multiplications of its convolutions for a pixel, those of the layout included."""
        convolutions = [self.conv_0, self.conv_1, *([self.conv_s] if self.learned_shortcut else [])]
        return sum(one.weight.numel() for one in convolutions)

    def reaches(self, level: Level | Tensor) -> tuple[int, int]:
        """How far the result looks around a pixel: into the features, and into the layout."""
        return 2, 2

    def forward(self, x: Tensor, level: Level | Tensor) -> Tensor:
        """[N,in,h,w] and the layout at h x w -> [N,out,h,w]."""
        dx = concat_conv2d(self.conv_0, level, activate(self.norm_0(x)))
        dx = concat_conv2d(self.conv_1, level, activate(self.norm_1(dx)))
        shortcut = concat_conv2d(self.conv_s, level, self.norm_s(x)) if self.learned_shortcut else x
        return dx.add_(shortcut)


Block = SPADEResBlock | ConcatResBlock


class SPADEGenerator(LayoutGenerator):
    """Layout (and a random vector) to image (figure 3, right)."""

    is_local = True

    def __init__(self, config: SPADEGeneratorConfig) -> None:
        super().__init__()
        self.config: SPADEGeneratorConfig = config
        widths = [config.width * factor for factor in WIDTHS]
        height, width = config.start_size
        if config.input == "noise":
            self.fc: nn.Linear | nn.Conv2d = nn.Linear(config.z_dim, widths[0] * height * width)
        else:
            self.fc = nn.Conv2d(config.encoding.num_channels, widths[0], 3, padding=1)
        block = ConcatResBlock if config.layout_at_every_layer == "concat" else SPADEResBlock
        self.head = block(widths[0], widths[0], config)
        self.middle_0 = block(widths[0], widths[1], config)
        self.middle_1 = block(widths[1], widths[2], config)
        self.up_0 = block(widths[2], widths[3], config)
        self.up_1 = block(widths[3], widths[4], config)
        self.up_2 = block(widths[4], widths[5], config)
        self.up_3 = block(widths[5], widths[6], config)
        last = widths[6]
        if config.upsamplings == 7:
            self.up_4 = block(last, last // 2, config)
            last //= 2
        self.to_rgb = nn.Conv2d(last, config.pixels.channels, 3, padding=1)
        self.noises = nn.ModuleList(self._noises() if config.noise_injection else ())

    def _noises(self) -> Iterator[NoiseInjection]:
        height, width = self.config.start_size
        for block, double in self.stages:
            if double:
                height, width = 2 * height, 2 * width
                yield NoiseInjection(block.in_channels, height, width)

    @property
    def stages(self) -> list[tuple[Block, bool]]:
        """The blocks in order, each with whether resolution doubles before it."""
        stages: list[tuple[Block, bool]] = [
            (self.head, False),
            (self.middle_0, True),
            (self.middle_1, self.config.upsamplings >= 6),
            (self.up_0, True),
            (self.up_1, True),
            (self.up_2, True),
            (self.up_3, True),
        ]
        return [*stages, (self.up_4, True)] if self.config.upsamplings == 7 else stages

    def forward(self, layout: LayoutBatch, z: Tensor | None = None, size: Size | None = None) -> Tensor:
        """Synthesise.

        Args:
            layout: N layouts of any size; every level is sampled from them.
            z: [N,z_dim] random vectors, for ``input="noise"`` only.
            size: (height, width) of the images, multiples of ``2**upsamplings``; None: the configuration's. At another
                one, first features that are made of noise are repeated (:func:`semsynth.ops.spread.spread`).

        Returns:
            [N,C,H,W] in [-1,1], C = ``config.pixels.channels``.

        Raises:
            SemsynthError: a size that the generator does not make.
        """
        return run_whole(self.local_stages(layout, z, size))

    def local_stages(self, layout: LayoutBatch, z: Tensor | None, size: Size | None) -> list[LocalStage]:
        """See :meth:`LayoutGenerator.local_stages`."""
        height, width = self._start_size(size)
        first = layout.at(height, width)
        read = first if self.config.input == "layout" else None
        found = [LocalStage(partial(self._first_features, first, z), reach=1, layout=read, layout_reach=1)]
        noises: Iterator[NoiseInjection] = iter(self.noises)  # type: ignore[arg-type]
        for block, doubles in self.stages:
            height, width = (2 * height, 2 * width) if doubles else (height, width)
            level = layout.at(height, width)
            noise = next(noises) if doubles and self.noises else None
            run = partial(_through_block, block, noise, level)
            reach, layout_reach = block.reaches(level)
            found.append(LocalStage(run, reach, doubles, level, layout_reach, products=block.products))
        return [*found, LocalStage(self._picture, reach=1, products=self.to_rgb.weight.numel())]

    def _picture(self, x: Tensor | None, area: Rectangle | None) -> Tensor:
        assert x is not None
        return F.tanh(self.to_rgb(F.leaky_relu(x, NEGATIVE_SLOPE)))

    def _start_size(self, size: Size | None) -> Size:
        if size is None:
            return self.config.start_size
        check_size(self.config, size)
        return size[0] // self.config.sizes.step, size[1] // self.config.sizes.step

    def at_half_size(self) -> SPADEGenerator:
        """The generator without its sixth doubling, which comes second."""
        view = super().at_half_size()
        assert isinstance(view, SPADEGenerator)
        view._modules = {**self._modules, "noises": self.noises[:SIXTH] + self.noises[SIXTH + 1 :]}
        return view

    def extended(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a generator of half the size or without injected noise; new noise is scaled by zero."""
        own = {key: value for key, value in self.state_dict().items() if key.startswith("noises.")}
        trained = {key: value for key, value in state.items() if key.startswith("noises.")}
        if self.config.half_size is not None and trained and len(trained) < len(own):
            moved = {_after_sixth(key): value for key, value in trained.items()}
            # What is kept of noise is drawn anew: it covers the picture, which is larger now.
            own |= {key: value for key, value in moved.items() if key.endswith(".scale")}
            return {key: value for key, value in state.items() if key not in trained} | own
        return {key: value for key, value in own.items() if key not in state} | state

    @property
    def style_layer(self) -> nn.Linear | None:
        """The first layer, where it reads the random vector."""
        return self.fc if isinstance(self.fc, nn.Linear) else None

    def _first_features(self, level: Level, z: Tensor | None, x: Tensor | None, area: Rectangle | None) -> Tensor:
        if isinstance(self.fc, nn.Conv2d):
            return layout_conv2d(part_of(level, area), self.fc.weight, self.fc.bias, padding=1)
        if z is None:
            raise ValueError("this generator starts from a random vector: give z")
        features = self.fc(z).view(-1, 16 * self.config.width, *self.config.start_size)
        return spread(features, level.size, area).to(memory_format=torch.channels_last)


def _through_block(
    block: Block, noise: NoiseInjection | None, level: Level, x: Tensor | None, area: Rectangle | None
) -> Tensor:
    assert x is not None
    features: Tensor = block(x if noise is None else noise(x, area), part_of(level, area))
    return features


def _affine_norm(channels: int, config: SPADEGeneratorConfig) -> nn.Module:
    norm = conv_norm(config.norm, channels)
    if isinstance(norm, ParameterFreeNorm):
        norm.frozen = config.frozen_statistics
    return norm


def _after_sixth(key: str) -> str:
    """The name of an injected noise's tensor, once the sixth doubling stands among the others."""
    name, number, rest = key.split(".", 2)
    return f"{name}.{int(number) + (int(number) >= SIXTH)}.{rest}"
