"""The full-resolution network: inverse multi-scale context aggregation over the layout.

Chen and Koltun, "Photographic Image Synthesis with Cascaded Refinement Networks", ICCV 2017, section 4: dilated
convolutions as of Yu and Koltun (ICLR 2016) the other way round, so that the first layer already sees far; the
"full-resolution counterpart" of the cascade.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from semsynth.layout import LayoutBatch
from semsynth.layout_ops.conv import layout_conv2d
from semsynth.models.description import Sizes
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, register
from semsynth.ops.dilated_conv import dilated_conv2d
from semsynth.ops.layer_norm import LayerNormLeakyReLU

KERNEL = 3
NEGATIVE_SLOPE = 0.2
"""Both as in the cascade."""


@register
class FullResolutionConfig(GeneratorConfig):
    """The generator; the defaults are the paper's for 256 x 512: "10 layers and 256 feature maps per layer"."""

    family: Literal["full_resolution"] = "full_resolution"
    width: int = Field(256, ge=1, le=8192)
    """Channels of every layer."""
    layers: int = Field(10, ge=1, le=64)
    """Convolutions before the one that makes the colours."""
    largest_dilation: int = Field(128, ge=1, le=4096)
    """Step between the taps of the first layer, in pixels; every layer halves it until it is 1. With 128 and 10 layers
    a pixel sees 257 pixels in every direction, which covers the paper's height of 256 from any place."""

    @property
    def dilations(self) -> list[int]:
        """Of the layers: 128, 64, ..., 2, 1, 1, 1."""
        return [max(1, self.largest_dilation >> layer) for layer in range(self.layers)]

    def build(self) -> FullResolutionNetwork:
        """The generator, newly initialised."""
        return FullResolutionNetwork(self)

    @property
    def sizes(self) -> Sizes:
        """Any size."""
        return Sizes()

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows of the first layer, for instance in a data-loader worker; returns ``layout``."""
        layout.full.patches(KERNEL, 1, self.largest_dilation, dilation=self.largest_dilation)
        return layout


class FullResolutionNetwork(LayoutGenerator):
    """Layout to image, every layer at the picture's own size."""

    def __init__(self, config: FullResolutionConfig) -> None:
        super().__init__()
        self.config: FullResolutionConfig = config
        width, (first, *others) = config.width, config.dilations
        self.first = nn.Conv2d(
            config.encoding.num_channels, width, KERNEL, padding=first, dilation=first, bias=False
        )  # applied as a table, so only its weight is read
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, KERNEL, padding=dilation, dilation=dilation, bias=False) for dilation in others
        )
        self.norms = nn.ModuleList(LayerNormLeakyReLU(width, NEGATIVE_SLOPE) for _ in config.dilations)
        self.to_rgb = nn.Conv2d(width, 3, 1)

    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        """Synthesise.

        Args:
            layout: N layouts of any size.
            style: not read.

        Returns:
            [N,3,H,W], linear: photographs' values are in [-1,1], single ones may lie beyond.
        """
        reach = self.config.largest_dilation
        x = layout_conv2d(layout.full, self.first.weight, padding=reach, dilation=reach)
        x = self.norms[0](x)
        for conv, norm in zip(self.convs, self.norms[1:], strict=True):
            x = norm(dilated_conv2d(conv, x))
        return self.to_rgb(x)  # type: ignore[no-any-return]
