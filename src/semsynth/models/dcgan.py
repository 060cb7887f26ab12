"""Networks after DCGAN: strided convolutions and batch norm, from a layout to a picture and from a picture to logits.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", ICLR 2016, section 3 and figure 1: what "GAN and semantic segmentation", a baseline of Chen and Koltun, ICCV
2017, section 4, follows. There the generator reads a layout instead of a random vector.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.layout import LayoutBatch
from semsynth.layout_ops.conv import layout_conv2d
from semsynth.models.description import Sizes
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, check_size, register
from semsynth.ops.conv_norm import AffineNorm
from semsynth.ops.norm import NormKind

KERNEL, STRIDE, PADDING = 5, 2, 2
"""Of all strided convolutions (figure 1)."""
NEGATIVE_SLOPE = 0.2
"""Of leaky ReLU (section 4)."""
START = 4
"""Side of the first features of DCGAN's generator, and of the last of its discriminator."""


@register
class DCGANGeneratorConfig(GeneratorConfig):
    """The generator; the defaults are figure 1's widths."""

    family: Literal["dcgan"] = "dcgan"
    width: int = Field(128, ge=1, le=8192)
    """Channels of the decoder's last hidden layer; the innermost has 2^(halvings-1) times as many."""
    halvings: int = Field(4, ge=1, le=12)
    """Strided convolutions that read the layout, and fractionally strided ones that make the picture (figure 1: 4)."""
    norm: NormKind = "sync_batch"
    """Normalisation, with a learned scale and bias, after all layers but the first and the last."""

    @property
    def widths(self) -> list[int]:
        """Channels of the layers that read the layout."""
        return [self.width * 2**i for i in range(self.halvings)]

    def build(self) -> DCGANGenerator:
        """The generator, newly initialised."""
        return DCGANGenerator(self)

    @property
    def sizes(self) -> Sizes:
        """Multiples of 2^halvings."""
        return Sizes(2**self.halvings)

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows of the first layer, for instance in a data-loader worker; returns ``layout``."""
        layout.full.patches(KERNEL, STRIDE, PADDING)
        return layout


class DCGANGenerator(LayoutGenerator):
    """Layout to image through features of 1/2^halvings of the size; nothing goes past them."""

    def __init__(self, config: DCGANGeneratorConfig) -> None:
        super().__init__()
        self.config: DCGANGeneratorConfig = config
        widths = config.widths
        self.first = nn.Conv2d(config.encoding.num_channels, widths[0], KERNEL, STRIDE, PADDING)
        self.down = nn.ModuleList(
            nn.Conv2d(width, wider, KERNEL, STRIDE, PADDING, bias=False) for width, wider in pairwise(widths)
        )
        self.down_norms = nn.ModuleList(AffineNorm(config.norm, width) for width in widths[1:])
        inner = widths[::-1]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(width, narrower, KERNEL, STRIDE, PADDING, output_padding=1, bias=False)
            for width, narrower in pairwise(inner)
        )
        self.up_norms = nn.ModuleList(AffineNorm(config.norm, width) for width in inner[1:])
        self.to_rgb = nn.ConvTranspose2d(widths[0], 3, KERNEL, STRIDE, PADDING, output_padding=1)

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
        x = F.leaky_relu(
            layout_conv2d(layout.full, self.first.weight, self.first.bias, STRIDE, PADDING), NEGATIVE_SLOPE
        )
        for conv, norm in zip(self.down, self.down_norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), NEGATIVE_SLOPE)  # [N,2C,h/2,w/2]
        for conv, norm in zip(self.up, self.up_norms, strict=True):
            x = F.relu(norm(conv(x)))  # [N,C/2,2h,2w]
        return F.tanh(self.to_rgb(x))


class DCGANDiscriminatorConfig(Config):
    """The discriminator: the generator's decoder the other way round."""

    width: int = Field(128, ge=1, le=8192)
    """Channels of the first layer; every layer doubles them."""
    halvings: int = Field(4, ge=1, le=12)
    """Strided convolutions before the logits."""
    norm: NormKind = "sync_batch"
    """Normalisation, with a learned scale and bias, after all layers but the first and the last."""

    @property
    def smallest_side(self) -> int:
        """Pixels that pictures have at least along both sides."""
        return START << self.halvings


class DCGANDiscriminator(nn.Module):
    """Judges pictures alone, without their layouts: one logit for 64 x 64, several for larger ones."""

    def __init__(self, config: DCGANDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * 2**i for i in range(config.halvings)]
        self.first = nn.Conv2d(3, widths[0], KERNEL, STRIDE, PADDING)
        self.down = nn.ModuleList(
            nn.Conv2d(width, wider, KERNEL, STRIDE, PADDING, bias=False) for width, wider in pairwise(widths)
        )
        self.down_norms = nn.ModuleList(AffineNorm(config.norm, width) for width in widths[1:])
        self.logits = nn.Conv2d(widths[-1], 1, START)

    def forward(self, image: Tensor) -> list[list[Tensor]]:
        """Judge pictures.

        Args:
            image: [N,3,H,W] in [-1,1], both sides at least ``config.smallest_side``.

        Returns:
            The logits [N,1,h,w] as the only output of a single scale.
        """
        x = F.leaky_relu(self.first(image), NEGATIVE_SLOPE)
        for conv, norm in zip(self.down, self.down_norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), NEGATIVE_SLOPE)  # [N,2C,h/2,w/2]
        return [[self.logits(x)]]
