"""OASIS: a generator with 3D noise, and a discriminator that segments.

Schönfeld, Sushko, Zhang, Gall, Schiele and Khoreva, "You Only Need Adversarial Supervision for Semantic Image
Synthesis", ICLR 2021: section 3.1 (discriminator), 3.3 (generator, noise), appendix (architecture tables).
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.layout import LayoutBatch, LayoutEncoding, Level, Regions, Size
from semsynth.layout.parts import part_of
from semsynth.layout_ops.conv import layout_conv2d, weight_of_vectors
from semsynth.layout_ops.spade_block import NEGATIVE_SLOPE, SPADEResBlock
from semsynth.models.description import Sizes, StyleInput
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, check_size, register
from semsynth.models.local import LocalStage, Run, run_whole
from semsynth.ops.doubled_conv import repeated, repeated_conv2d
from semsynth.ops.norm import NormKind
from semsynth.ops.rectangle import Rectangle
from semsynth.ops.spectral_norm import conv2d
from semsynth.ops.windows import distinct_rows

WIDTHS = (16, 16, 16, 8, 4, 2, 1)
"""Channels before, between and after the six blocks in units of the generator's width."""

STEP = 32
"""The generator's five doublings: its pictures' sides are multiples of it."""

MAX_REGIONS = 1024
"""Regions of equal noise up to which a map of noise goes through layout tables; beyond, densely."""


@register
class OASISGeneratorConfig(GeneratorConfig):
    """The generator and its noise."""

    family: Literal["oasis"] = "oasis"
    width: int = Field(64, ge=1, le=8192)
    """Channels of the last block; the first has 16 times as many."""
    crop_size: int = Field(256, ge=STEP, le=2**14)
    """Width of the images the generator makes, in pixels."""
    aspect_ratio: float = Field(1.0, ge=1 / 64, le=64)
    """Width / height of the images."""
    z_dim: int = Field(64, ge=0, le=8192)
    """Channels of the noise, before the labels'; 0: none, and one picture of a layout."""
    norm: NormKind = "sync_batch"
    """The parameter-free normalisation that is modulated."""
    frozen_statistics: bool = False
    """Normalise by the running statistics in training, too."""
    kernel_size: Literal[1, 3, 5] = 3
    """Of the three convolutions of every SPADE layer."""
    hidden: int = Field(128, ge=1, le=8192)
    """Channels between a SPADE layer's two convolutions."""
    spectral: bool = True
    """Spectral normalisation of the residual blocks' convolutions."""

    @property
    def label_channels(self) -> int:
        """Channels that SPADE layers read: noise, then labels."""
        return self.z_dim + self.encoding.num_channels

    @property
    def start_size(self) -> Size:
        """(height, width) of the first features; rounds half to even as the official code does."""
        width = self.crop_size // STEP
        return round(width / self.aspect_ratio), width

    @property
    def output_size(self) -> Size:
        """(height, width) of the images."""
        height, width = self.start_size
        return height * STEP, width * STEP

    @property
    def half_size(self) -> OASISGeneratorConfig | None:
        """Half the first features; the blocks are the same."""
        if any(side % 2 for side in self.start_size):
            return None
        return self.model_copy(update={"crop_size": self.crop_size // 2})

    def build(self) -> OASISGenerator:
        """The generator, newly initialised."""
        return OASISGenerator(self)

    @property
    def sizes(self) -> Sizes:
        """Multiples of the first features' pixels."""
        return Sizes(STEP)

    @property
    def style(self) -> StyleInput | None:
        """The noise, where there is any."""
        return StyleInput("noise", self.z_dim) if self.z_dim else None

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows that a generator will look up, for instance in a data-loader worker; returns ``layout``."""
        read = layout.regions().layout if self.z_dim else layout
        height, width = self.start_size
        read.at(height, width).patches(3, 1, 1)
        for doublings in range(6):
            read.at(height * 2**doublings, width * 2**doublings).windows(self.kernel_size)
        return layout

    @model_validator(mode="after")
    def _has_rows(self) -> OASISGeneratorConfig:
        if self.start_size[0] < 1:
            raise ValueError(f"crop_size={self.crop_size} and aspect_ratio={self.aspect_ratio:g} make no row of pixels")
        return self


class OASISGenerator(LayoutGenerator):
    """Layout and noise to image.

    Noise that is the same at all pixels of a region goes through layout tables: of a region, not of a class, every
    window is looked up, and a region stands for its noise beside its label. That is exact, see
    :func:`semsynth.layout_ops.conv.weight_of_vectors`.
    """

    is_local = True

    def __init__(self, config: OASISGeneratorConfig) -> None:
        super().__init__()
        self.config: OASISGeneratorConfig = config
        widths = [config.width * factor for factor in WIDTHS]
        self.fc = nn.Conv2d(config.label_channels, widths[0], 3, padding=1)
        self.body = nn.ModuleList(SPADEResBlock(widths[i], widths[i + 1], config) for i in range(6))
        self.to_rgb = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, layout: LayoutBatch, z: Tensor | None = None, size: Size | None = None) -> Tensor:
        """Synthesise.

        Args:
            layout: N layouts of any size; every level is sampled from them.
            z: noise, [N,z_dim] for one vector in each image, or [N,z_dim,H,W] of the layouts' size, sampled at every
                level as they are.
            size: (height, width) of the images, multiples of 32; None: the configuration's.

        Returns:
            [N,3,H,W] in [-1,1].

        Raises:
            SemsynthError: a size that the generator does not make.
        """
        return run_whole(self.local_stages(layout, z, size))

    def local_stages(self, layout: LayoutBatch, z: Tensor | None, size: Size | None) -> list[LocalStage]:
        """See :meth:`LayoutGenerator.local_stages`."""
        height, width = self._start_size(size)
        read = self._with_noise(layout, z)
        first = read.at(height, width)
        run: Run = partial(self._first_features, first, read.vectors)
        found = [LocalStage(run, reach=1, layout=first, layout_reach=1, vectors=read.vectors)]
        for number, block in enumerate(self.body):
            assert isinstance(block, SPADEResBlock)
            level = read.at(height * 2**number, width * 2**number)
            reach, layout_reach = block.reaches(level)
            through: Run = partial(_through_block, block, level, read.vectors)
            found.append(
                LocalStage(through, reach, number > 0, level, layout_reach, read.vectors, products=block.products)
            )
        return [*found, LocalStage(self._picture, reach=1, products=self.to_rgb.weight.numel())]

    def _picture(self, x: Tensor | None, area: Rectangle | None) -> Tensor:
        assert x is not None
        return F.tanh(self.to_rgb(F.leaky_relu(x, NEGATIVE_SLOPE)))

    def _start_size(self, size: Size | None) -> Size:
        if size is None:
            return self.config.start_size
        check_size(self.config, size)
        return size[0] // STEP, size[1] // STEP

    def _with_noise(self, layout: LayoutBatch, z: Tensor | None) -> _Conditions:
        if not self.config.z_dim:
            return _Conditions(layout, None)
        if z is None:
            raise ValueError("this generator reads noise: give z")
        if z.dim() == 2:
            regions = layout.regions()
            return self._of_regions(regions, z[regions.images])
        groups = _equal_noise(layout, z) if layout.full.tabled else None
        if groups is None:
            return _Conditions(layout.beside(z), None)
        pixels = z.permute(0, 2, 3, 1).flatten(0, 2)  # [N*H*W,z_dim]
        return self._of_regions(groups, pixels[groups.first])

    def _of_regions(self, regions: Regions, noise: Tensor) -> _Conditions:
        """Regions that stand for noise [R,z_dim] and their label's channels."""
        labels = self.config.encoding.symbol_channels(noise.device, noise.dtype)[regions.symbols]
        return _Conditions(regions.layout, torch.cat([noise, labels], 1))

    def _first_features(
        self, level: Level | Tensor, vectors: Tensor | None, x: Tensor | None, area: Rectangle | None
    ) -> Tensor:
        weight = self.fc.weight if vectors is None else weight_of_vectors(self.fc.weight, vectors)
        return layout_conv2d(part_of(level, area), weight, self.fc.bias, padding=1)


def _through_block(
    block: SPADEResBlock, level: Level | Tensor, vectors: Tensor | None, x: Tensor | None, area: Rectangle | None
) -> Tensor:
    features: Tensor = block(x, part_of(level, area), vectors)
    return features


class _Conditions:
    """What every layer reads: labels, labels that stand for vectors, or pixels."""

    def __init__(self, source: LayoutBatch | Tensor, vectors: Tensor | None) -> None:
        self.source, self.vectors = source, vectors

    def at(self, height: int, width: int) -> Level | Tensor:
        """The same at another resolution."""
        if isinstance(self.source, Tensor):
            return F.interpolate(self.source, (height, width), mode="nearest")
        return self.source.at(height, width)


def _equal_noise(layout: LayoutBatch, noise: Tensor) -> Regions | None:
    """Groups of pixels with equal label and equal noise [N,z_dim,H,W]; None if they are too many for tables."""
    whole = {2: torch.int16, 4: torch.int32, 8: torch.int64}[noise.element_size()]
    groups = distinct_rows([layout.full.symbols, *noise.detach().contiguous().view(whole).unbind(1)])
    return Regions.of(layout, groups) if groups.count <= MAX_REGIONS else None


class OASISDiscriminatorConfig(Config):
    """The segmenting discriminator."""

    encoding: LayoutEncoding
    """What its classes are, beside the first, "fake"."""
    width: int = Field(128, ge=2, le=8192)
    """Channels at half resolution; four times as many at the lowest."""
    last_width: int | None = Field(None, ge=1, le=8192)
    """Channels of the last block, at full resolution; None: half of ``width``, as the official code's 64 of 128."""
    spectral: bool = True
    """Spectral normalisation of the blocks' convolutions."""

    @model_validator(mode="after")
    def _no_edges(self) -> OASISDiscriminatorConfig:
        if self.encoding.edges:
            raise ValueError("a channel of instance boundaries is no class: set encoding.edges=false")
        return self


class OASISDiscriminator(nn.Module):
    """U-Net that says of each pixel which class it is of, or that it is fake."""

    STEP = 64
    """Its six halvings: sides of images are multiples of it."""

    def __init__(self, config: OASISDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        down = (3, w, w, 2 * w, 2 * w, 4 * w, 4 * w)
        up = (4 * w, 2 * w, 2 * w, w, w, config.last_width or w // 2)
        beside = (0, *reversed(down[1:6]))  # channels that come over from the way down
        before = (down[-1], *up[:-1])
        self.down = nn.ModuleList(_DownBlock(down[i], down[i + 1], config.spectral, first=i == 0) for i in range(6))
        self.up = nn.ModuleList(_UpBlock(beside[i] + before[i], up[i], config.spectral) for i in range(6))
        self.to_logits = nn.Conv2d(up[-1], config.encoding.num_channels + 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> logits [N,1+C,H,W]: fake, then the encoding's C channels."""
        features = []
        x = image
        for block in self.down:
            x = block(x)
            features.append(x)
        x = self.up[0](x)
        for block, beside in zip(self.up[1:], reversed(features[:-1]), strict=True):
            x = block(torch.cat([beside, x], 1))
        return self.to_logits(x)  # type: ignore[no-any-return]


class _DownBlock(nn.Module):
    """Residual block that halves resolution; the first one has no activation before its convolution."""

    def __init__(self, in_channels: int, out_channels: int, spectral: bool, first: bool) -> None:
        super().__init__()
        self.first = first
        self.conv_0 = conv2d(in_channels, out_channels, 3, padding=1, spectral=spectral)
        self.conv_1 = conv2d(out_channels, out_channels, 3, padding=1, spectral=spectral)
        learned = in_channels != out_channels
        self.shortcut = conv2d(in_channels, out_channels, 1, spectral=spectral) if learned else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[N,in,h,w] -> [N,out,h/2,w/2]."""
        dx = self.conv_0(x if self.first else F.leaky_relu(x, NEGATIVE_SLOPE))
        dx = self.conv_1(F.leaky_relu(dx, NEGATIVE_SLOPE))
        # Means and 1 x 1 convolutions commute; the official code pools first in the first block only.
        return F.avg_pool2d(dx, 2) + self.shortcut(F.avg_pool2d(x, 2))  # type: ignore[no-any-return]


class _UpBlock(nn.Module):
    """Residual block that doubles resolution."""

    def __init__(self, in_channels: int, out_channels: int, spectral: bool) -> None:
        super().__init__()
        self.conv_0 = conv2d(in_channels, out_channels, 3, padding=1, spectral=spectral)
        self.conv_1 = conv2d(out_channels, out_channels, 3, padding=1, spectral=spectral)
        learned = in_channels != out_channels
        self.shortcut = conv2d(in_channels, out_channels, 1, spectral=spectral) if learned else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[N,in,h,w] -> [N,out,2h,2w]."""
        dx = repeated_conv2d(self.conv_0, F.leaky_relu(x, NEGATIVE_SLOPE))
        dx = self.conv_1(F.leaky_relu(dx, NEGATIVE_SLOPE))
        return dx + repeated(self.shortcut(x))  # type: ignore[no-any-return]
