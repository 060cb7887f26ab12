"""pix2pixHD's coarse-to-fine generator.

Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs", CVPR 2018:
section 3.2 and figure 3 (global generator G1, local enhancers G2, G3, ...), section 3.3 (instance boundaries),
section 3.4 (instance features as additional input channels); official ``models/networks.py``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import overload

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.layout import LayoutBatch, LayoutEncoding, Level
from semsynth.ops.conv_norm import ConvNormKind, conv_norm
from semsynth.ops.layout_conv import layout_conv2d
from semsynth.ops.layout_pyramid import halved, halved_layout
from semsynth.ops.spectral_norm import conv2d, fold_spectral_norm

BORDER = 3
"""Padding of the first and the last convolution, which are 7 x 7."""


class Pix2PixHDGeneratorConfig(Config):
    """The generator; the defaults are G1 of the paper."""

    encoding: LayoutEncoding
    """What the layout's channels mean."""
    width: int = Field(64, ge=1)
    """Channels of the global generator's first layer; each enhancer has half as many as what it enhances."""
    downsamplings: int = Field(4, ge=1)
    """How often the global generator halves its input's size."""
    blocks: int = Field(9, ge=0)
    """Residual blocks of the global generator."""
    enhancers: int = Field(0, ge=0)
    """Local enhancers; each doubles the size: G1 makes 1024 x 512 where G1 and G2 make 2048 x 1024."""
    enhancer_blocks: int = Field(3, ge=0)
    """Residual blocks of each local enhancer."""
    norm: ConvNormKind = "instance"
    """Normalisation after every convolution but the last."""
    spectral: bool = False
    """Spectral normalisation of the convolutions (not in the paper; pix2pixHD++ of the SPADE paper)."""
    features: int = Field(0, ge=0)
    """Channels of instance features beside the layout's (section 3.4: 3); 0: none."""
    image_channels: int = Field(0, ge=0)
    """Channels of an image that is the condition, instead of a layout (official ``label_nc=0``: 3); 0: a layout."""

    @property
    def condition_channels(self) -> int:
        """Channels of the condition, instance features not counted."""
        return self.image_channels + self.encoding.edges if self.image_channels else self.encoding.num_channels

    @property
    def multiple(self) -> int:
        """Sides of a size that all layers halve evenly are multiples of this."""
        return 1 << (self.downsamplings + self.enhancers)

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows that the first layer looks up, for instance in a data-loader worker; returns ``layout``."""
        _padded(layout.full, self.multiple).patches(2 * BORDER + 1, 1, BORDER, reflect=True)
        return layout


class FirstConv(nn.Conv2d):
    """The 7 x 7 convolution over cat[layout, instance features]; the layout's share comes from its windows."""

    def __init__(self, config: Pix2PixHDGeneratorConfig, width: int) -> None:
        super().__init__(config.condition_channels + config.features, width, 2 * BORDER + 1)

    def forward(self, layout: Level | Tensor, features: Tensor | None = None) -> Tensor:
        """A level or its soft form [N,C,h,w], and features [N,F,h,w] -> [N,width,h,w]."""
        if features is None:
            return layout_conv2d(layout, self.weight, self.bias, padding=BORDER, reflect=True)
        of_layout, of_features = self.weight.split([self.weight.shape[1] - features.shape[1], features.shape[1]], 1)
        x = layout_conv2d(layout, of_layout, self.bias, padding=BORDER, reflect=True)
        return x + layout_conv2d(features, of_features, padding=BORDER, reflect=True).to(x.dtype)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside an identity."""

    def __init__(self, width: int, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.conv_0 = conv2d(width, width, 3, spectral=config.spectral)
        self.norm_0 = conv_norm(config.norm, width)
        self.conv_1 = conv2d(width, width, 3, spectral=config.spectral)
        self.norm_1 = conv_norm(config.norm, width)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C,h,w]."""
        dx = F.relu(self.norm_0(self.conv_0(_mirror(x, 1))), inplace=True)
        return x + self.norm_1(self.conv_1(_mirror(dx, 1)))  # type: ignore[no-any-return]


class Halving(nn.Module):
    """A convolution of stride 2 that doubles the channels."""

    def __init__(self, width: int, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.conv = conv2d(width, 2 * width, 3, stride=2, padding=1, spectral=config.spectral)
        self.norm = conv_norm(config.norm, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,2C,h/2,w/2]."""
        return F.relu(self.norm(self.conv(x)), inplace=True)


class Doubling(nn.Module):
    """A transposed convolution of stride 2 that halves the channels."""

    def __init__(self, width: int, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1)
        self.norm = conv_norm(config.norm, width // 2)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C/2,2h,2w]."""
        return F.relu(self.norm(self.conv(x)), inplace=True)


class GlobalGenerator(nn.Module):
    """G1 without its last layer: front-end, residual blocks, back-end."""

    def __init__(self, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        widths = [config.width * 2**i for i in range(config.downsamplings + 1)]
        self.first = FirstConv(config, widths[0])
        self.first_norm = conv_norm(config.norm, widths[0])
        self.front = nn.Sequential(*(Halving(width, config) for width in widths[:-1]))
        self.blocks = nn.Sequential(*(ResidualBlock(widths[-1], config) for _ in range(config.blocks)))
        self.back = nn.Sequential(*(Doubling(width, config) for width in widths[:0:-1]))

    def forward(self, layout: Level | Tensor, features: Tensor | None = None) -> Tensor:
        """A level or its soft form [N,C,h,w], and features [N,F,h,w] -> [N,width,h,w]."""
        x = F.relu(self.first_norm(self.first(layout, features)), inplace=True)
        return self.back(self.blocks(self.front(x)))  # type: ignore[no-any-return]


class LocalEnhancer(nn.Module):
    """G2, G3, ...: adds detail at twice the resolution of the features it is given."""

    def __init__(self, width: int, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.first = FirstConv(config, width)
        self.first_norm = conv_norm(config.norm, width)
        self.front = Halving(width, config)
        self.blocks = nn.Sequential(*(ResidualBlock(2 * width, config) for _ in range(config.enhancer_blocks)))
        self.back = Doubling(2 * width, config)

    def forward(self, layout: Level | Tensor, features: Tensor | None, coarse: Tensor) -> Tensor:
        """A layout and features at 2h x 2w, and coarse features [N,2*width,h,w] -> [N,width,2h,2w]."""
        x = F.relu(self.first_norm(self.first(layout, features)), inplace=True)
        return self.back(self.blocks(self.front(x) + coarse))  # type: ignore[no-any-return]


class Pix2PixHDGenerator(nn.Module):
    """G = {G1, G2, ...}: layout (and instance features) to image."""

    def __init__(self, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width // 2**i for i in range(config.enhancers + 1)]
        if any(wide != 2 * narrow for wide, narrow in pairwise(widths)):
            raise ValueError(f"width {config.width} cannot be halved for {config.enhancers} enhancers")
        self.coarse = GlobalGenerator(config)
        self.enhancers = nn.ModuleList(LocalEnhancer(width, config) for width in widths[1:])
        self.to_rgb = nn.Conv2d(widths[-1], 3, 2 * BORDER + 1)

    def forward(self, layout: LayoutBatch | Tensor, features: Tensor | None = None) -> Tensor:
        """Synthesise.

        Sides that the layers cannot halve evenly are padded with the outermost pixels and cut back.

        Args:
            layout: N layouts of H x W, or a conditioning image [N,C,H,W] in [-1,1].
            features: [N,F,H,W] instance features, where the configuration has any.

        Returns:
            [N,3,H,W] in [-1,1].
        """
        condition = layout if isinstance(layout, Tensor) else layout.full
        height, width = condition.shape[2:] if isinstance(condition, Tensor) else condition.size
        x = self.last_features(condition, features)
        image = F.tanh(self.to_rgb(_mirror(x, BORDER)))
        return image[:, :, :height, :width]

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Fold spectral norm into the weights, and compute in ``dtype`` from now on: for inference only."""
        fold_spectral_norm(self)
        self.to(dtype or self.to_rgb.weight.dtype)

    def last_features(self, condition: Level | Tensor, features: Tensor | None = None) -> Tensor:
        """What the last layer reads, [N,C,H',W'] with sides that are multiples of ``config.multiple``."""
        if (features is not None) != bool(self.config.features):
            wanted = f"[N,{self.config.features},H,W]" if self.config.features else "no"
            raise ValueError(f"this generator takes {wanted} instance features")
        multiple = self.config.multiple
        pyramid: list[tuple[Level | Tensor, Tensor | None]] = [
            (_padded(condition, multiple), None if features is None else _padded(features, multiple))
        ]
        for _ in self.enhancers:
            finer, finer_features = pyramid[-1]
            soft = halved_layout(finer, self.to_rgb.weight.dtype)
            pyramid.append((soft, None if finer_features is None else halved(finer_features)))
        x: Tensor = self.coarse(*pyramid.pop())
        for enhancer in self.enhancers:
            x = enhancer(*pyramid.pop(), x)
        return x


@overload
def _padded(x: Tensor, multiple: int) -> Tensor: ...
@overload
def _padded(x: Level, multiple: int) -> Level: ...
@overload
def _padded(x: Level | Tensor, multiple: int) -> Level | Tensor: ...
def _padded(x: Level | Tensor, multiple: int) -> Level | Tensor:
    """Repeat the last rows and columns until both sides are multiples of ``multiple``, and at least two of it.

    The innermost features are mirrored by a pixel, so they need two.
    """
    height, width = x.shape[2:] if isinstance(x, Tensor) else x.size
    bottom, right = (max(-side % multiple, 2 * multiple - side) for side in (height, width))
    if not bottom and not right:
        return x
    if isinstance(x, Tensor):
        return F.pad(x, (0, right, 0, bottom), mode="replicate")
    return x.padded(bottom, right)


def _mirror(x: Tensor, width: int) -> Tensor:
    return F.pad(x, (width,) * 4, mode="reflect")
