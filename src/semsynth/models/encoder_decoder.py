"""The encoder-decoder of the CRN paper's baselines: the U-Net of Ronneberger, Fischer and Brox, MICCAI 2015.

Chen and Koltun, "Photographic Image Synthesis with Cascaded Refinement Networks", ICCV 2017, section 4, which says no
more of it than "the u-net": levels of two 3 x 3 convolutions, max pooling between them on the way down, learned 2 x 2
up-convolutions and the features of the same level on the way up (figure 1 of the U-Net paper).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, Level
from semsynth.layout_ops.conv import concat_conv2d
from semsynth.models.description import Sizes
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, check_size, register
from semsynth.ops.layer_norm import LayerNormLeakyReLU

NEGATIVE_SLOPE = 0.2
"""As in the cascade."""


@register
class EncoderDecoderConfig(GeneratorConfig):
    """The generator; the defaults are the U-Net's widths."""

    family: Literal["encoder_decoder"] = "encoder_decoder"
    width: int = Field(64, ge=1, le=8192)
    """Channels at full resolution; every level doubles them."""
    halvings: int = Field(4, ge=1, le=12)
    """Levels below full resolution; sides of pictures are multiples of 2^halvings."""

    def build(self) -> EncoderDecoder:
        """The generator, newly initialised."""
        return EncoderDecoder(self)

    @property
    def sizes(self) -> Sizes:
        """Multiples of 2^halvings."""
        return Sizes(2**self.halvings)

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows of the first layer, for instance in a data-loader worker; returns ``layout``."""
        layout.full.patches(3, 1, 1)
        return layout


class DoubleConv(nn.Module):
    """Two 3 x 3 convolutions, each with layer norm and leaky ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm_0 = LayerNormLeakyReLU(out_channels, NEGATIVE_SLOPE)
        self.conv_1 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm_1 = LayerNormLeakyReLU(out_channels, NEGATIVE_SLOPE)

    def forward(self, x: Tensor | Level) -> Tensor:
        """[N,in,h,w], or layouts of h x w -> [N,out,h,w]."""
        x = self.norm_0(self.conv_0(x) if isinstance(x, Tensor) else concat_conv2d(self.conv_0, x))
        return self.norm_1(self.conv_1(x))  # type: ignore[no-any-return]


class EncoderDecoder(LayoutGenerator):
    """Layout to image."""

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__()
        self.config: EncoderDecoderConfig = config
        widths = [config.width * 2**level for level in range(config.halvings + 1)]
        channels = [config.encoding.num_channels, *widths]
        self.down = nn.ModuleList(DoubleConv(width, wider) for width, wider in pairwise(channels))
        inner = list(pairwise(reversed(widths)))
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(width, narrower, 2, stride=2) for width, narrower in inner)
        self.up = nn.ModuleList(DoubleConv(2 * narrower, narrower) for _, narrower in inner)
        self.to_rgb = nn.Conv2d(config.width, 3, 1)

    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        """Synthesise.

        Args:
            layout: N layouts whose sides are multiples of 2^halvings.
            style: not read.

        Returns:
            [N,3,H,W], linear: photographs' values are in [-1,1], single ones may lie beyond.

        Raises:
            SemsynthError: another size.
        """
        check_size(self.config, layout.size)
        levels: list[Tensor] = [self.down[0](layout.full)]
        for block in self.down[1:]:
            levels.append(block(F.max_pool2d(levels[-1], 2)))  # [N,2C,h/2,w/2]
        x = levels.pop()
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            skip = levels.pop()
            x = block(torch.cat([skip, enlarge(x).to(skip.dtype)], 1))  # [N,C/2,2h,2w]
        return self.to_rgb(x)  # type: ignore[no-any-return]
