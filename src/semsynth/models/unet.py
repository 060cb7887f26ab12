"""pix2pix's generator: an encoder-decoder with skip connections, over the layout.

Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017: section 3.2
and the appendix ("U-Net decoder"); the row "U-Net" of pix2pixHD's tables 3 and 4.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import LayoutBatch
from semsynth.layout_ops.conv import layout_conv2d
from semsynth.models.description import Sizes
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, check_size, register
from semsynth.ops.conv_norm import AffineNorm
from semsynth.ops.norm import NormKind

KERNEL, STRIDE, PADDING = 4, 2, 1
"""Of all convolutions (appendix: 4 x 4, stride 2)."""
NEGATIVE_SLOPE = 0.2
"""Of the encoder's leaky ReLU (appendix)."""
MAX_FACTOR = 8
"""Layers have at most so many times the first one's channels: C64-C128-C256-C512-C512-..."""
DROPOUT_BLOCKS = 3
"""Decoder blocks with dropout: the first ones, CD512-CD512-CD512-C512-..."""


@register
class UNetConfig(GeneratorConfig):
    """The generator; the defaults are the paper's for 256 x 256."""

    family: Literal["unet"] = "unet"
    width: int = Field(64, ge=1, le=8192)
    """Channels of the first layer; every layer doubles them, up to eight times as many."""
    halvings: int = Field(8, ge=2, le=12)
    """Layers of the encoder; sides of pictures are multiples of 2^halvings."""
    norm: NormKind = "instance"
    """Normalisation, always with a learned scale and bias. The paper's batch norm is used with batches of one picture
    and with the test picture's own statistics, which is ``instance``; ``batch`` keeps running statistics instead."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Share of the values that the first three decoder blocks drop."""
    dropout_at_test: bool = False
    """Whether they do so in evaluation mode, too, from torch's global generator: the paper's only source of noise, on
    in its code. Off here, so that a layout has one picture: the paper found the noise to change little."""

    @property
    def widths(self) -> list[int]:
        """Channels of the encoder's layers."""
        return [self.width * min(2**i, MAX_FACTOR) for i in range(self.halvings)]

    def build(self) -> UNet:
        """The generator, newly initialised."""
        return UNet(self)

    @property
    def sizes(self) -> Sizes:
        """Multiples of 2^halvings."""
        return Sizes(2**self.halvings)

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows of the first layer, for instance in a data-loader worker; returns ``layout``."""
        layout.full.patches(KERNEL, STRIDE, PADDING)
        return layout


class UNet(LayoutGenerator):
    """Layout to image: the encoder's layer i, of 1/2^(i+1) of the size, is also what the decoder reads there."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config: UNetConfig = config
        widths = config.widths
        self.first = nn.Conv2d(config.encoding.num_channels, widths[0], KERNEL, STRIDE, PADDING)
        # The last one halves to a single pixel at the papers' size: normalised, it would always be zero.
        self.down = nn.ModuleList(
            nn.Conv2d(width, wider, KERNEL, STRIDE, PADDING, bias=level == config.halvings - 1)
            for level, (width, wider) in enumerate(pairwise(widths), start=1)
        )
        self.down_norms = nn.ModuleList(AffineNorm(config.norm, width) for width in widths[1:-1])
        inner = list(reversed(widths))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(width * (1 if i == 0 else 2), narrower, KERNEL, STRIDE, PADDING, bias=False)
            for i, (width, narrower) in enumerate(pairwise(inner))
        )
        self.up_norms = nn.ModuleList(AffineNorm(config.norm, width) for width in inner[1:])
        self.to_rgb = nn.ConvTranspose2d(2 * widths[0], 3, KERNEL, STRIDE, PADDING)

    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        """Synthesise.

        Args:
            layout: N layouts whose sides are multiples of 2^halvings.
            style: not read.

        Returns:
            [N,3,H,W] in [-1,1].

        Raises:
            SemsynthError: another size.
        """
        check_size(self.config, layout.size)
        x, *skips = reversed(self._encoded(layout))
        for i, (conv, norm, skip) in enumerate(zip(self.up, self.up_norms, skips, strict=True)):
            x = norm(conv(F.relu(x)))
            if i < DROPOUT_BLOCKS:
                x = F.dropout(x, self.config.dropout, self.training or self.config.dropout_at_test)
            x = torch.cat([x, skip.to(x.dtype)], 1)  # [N,2C,2h,2w]
        return F.tanh(self.to_rgb(F.relu(x)))

    def _encoded(self, layout: LayoutBatch) -> list[Tensor]:
        """The encoder's layers before their activation, the largest first."""
        x = layout_conv2d(layout.full, self.first.weight, self.first.bias, STRIDE, PADDING)
        layers = [x]
        for conv, norm in zip(self.down, (*self.down_norms, nn.Identity()), strict=True):
            x = norm(conv(F.leaky_relu(x, NEGATIVE_SLOPE)))
            layers.append(x)
        return layers
