"""A family that was made up for tests: the colours of a pixel's labels, and of the patch that it is in.

Tests find it as they would find ``semsynth/models/patchwork.py``: nothing else in the package knows of it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import LayoutBatch
from semsynth.layout_ops.conv import layout_conv2d
from semsynth.models.description import Sizes, StyleInput
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, check_size, register


@register
class PatchworkConfig(GeneratorConfig):
    """The generator."""

    family: Literal["patchwork"] = "patchwork"
    width: int = Field(8, ge=1)
    patch: int = Field(6, ge=1)
    reads: Literal["nothing", "vector", "noise", "features"] = "nothing"
    style_length: int = Field(3, ge=1)

    @property
    def sizes(self) -> Sizes:
        return Sizes(self.patch)

    @property
    def style(self) -> StyleInput | None:
        return None if self.reads == "nothing" else StyleInput(self.reads, self.style_length)

    def build(self) -> Patchwork:
        return Patchwork(self)

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        layout.full.patches(3, 1, 1)
        return layout


class Patchwork(LayoutGenerator):
    """The network."""

    def __init__(self, config: PatchworkConfig) -> None:
        super().__init__()
        self.config: PatchworkConfig = config
        self.first = nn.Conv2d(config.encoding.num_channels, config.width, 3, padding=1)
        self.mix = nn.Conv2d(config.style_length, config.width, 1, bias=False) if config.style else None
        self.to_rgb = nn.Conv2d(config.width, 3, 1)

    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        """[N,3,H,W] in [-1,1]."""
        check_size(self.config, layout.size)
        x = layout_conv2d(layout.full, self.first.weight, self.first.bias, padding=1)
        if self.mix is not None:
            assert style is not None
            x = x + self.mix(style[:, :, None, None] if style.dim() == 2 else style)
        patches = F.avg_pool2d(x, self.config.patch)
        x = x + F.interpolate(patches, scale_factor=float(self.config.patch), mode="nearest")
        return F.tanh(self.to_rgb(F.relu(x)))
