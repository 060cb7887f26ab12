"""A small semantic segmentation network, for losses that ask whether a picture shows its layout.

Strided convolutions and a context module of dilated ones after Yu and Koltun, "Multi-Scale Context Aggregation by
Dilated Convolutions", ICLR 2016, whose networks the baseline "GAN and semantic segmentation" uses (Chen and Koltun,
ICCV 2017, section 4).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.ops.conv_norm import conv_norm
from semsynth.ops.dilated_conv import dilated_conv2d

NEGATIVE_SLOPE = 0.2
"""Of every leaky ReLU, so that gradients reach the picture everywhere."""


class SegmentationNetworkConfig(Config):
    """The segmenter."""

    width: int = Field(32, ge=1, le=8192)
    """Channels of the first layer; the strided ones double them."""
    halvings: int = Field(2, ge=1, le=12)
    """Strided convolutions."""
    dilations: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = (1, 2, 4, 8, 1)
    """Of the convolutions after them (Yu and Koltun, table 1, end at 16 and begin at twice the size)."""


class SegmentationNetwork(nn.Module):
    """Picture to logits of the classes.

    Its norms keep no statistics, so that it is the same network in training and in evaluation mode.
    """

    def __init__(self, config: SegmentationNetworkConfig, num_classes: int) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * 2**i for i in range(config.halvings)]
        self.first = nn.Conv2d(3, widths[0], 3, stride=2, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.context = nn.ModuleList(
            nn.Conv2d(widths[-1], widths[-1], 3, padding=dilation, dilation=dilation) for dilation in config.dilations
        )
        self.norm = conv_norm("instance", widths[-1])
        self.logits = nn.Conv2d(widths[-1], num_classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> [N,K,h,w] logits, h = ceil(H / 2^halvings)."""
        x = F.leaky_relu(self.first(image), NEGATIVE_SLOPE)
        for conv in self.down:
            x = F.leaky_relu(self.norm(conv(x)), NEGATIVE_SLOPE)  # [N,2C,h/2,w/2]
        for conv in self.context:
            x = x + F.leaky_relu(self.norm(dilated_conv2d(conv, x)), NEGATIVE_SLOPE)
        return self.logits(x)  # type: ignore[no-any-return]
