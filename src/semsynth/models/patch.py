"""Patch discriminators on several scales, conditioned on the layout.

Isola et al. 2017 (the patch discriminator), Wang et al., "High-Resolution Image Synthesis and Semantic
Manipulation with Conditional GANs", CVPR 2018, section 3.2 (several scales), Park et al., "Semantic Image
Synthesis with Spatially-Adaptive Normalization", CVPR 2019, section 4; official ``discriminator.py`` (spectral
and instance norm).
"""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.layout import LayoutBatch, LayoutEncoding, Level
from semsynth.layout_ops.conv import layout_conv2d
from semsynth.layout_ops.pyramid import halved, halved_layout
from semsynth.ops.conv_norm import ConvNormKind, conv_norm
from semsynth.ops.spectral_norm import conv2d

KERNEL = 4
PADDING = 2
NEGATIVE_SLOPE = 0.2
"""All three from the official discriminator.py."""


class PatchDiscriminatorConfig(Config):
    """The discriminator of pix2pixHD and SPADE; the defaults are SPADE's."""

    encoding: LayoutEncoding
    """What the layout's channels mean."""
    width: int = Field(64, ge=1, le=8192)
    """Channels of the first layer; every layer doubles them."""
    layers: int = Field(4, ge=1, le=64)
    """Convolutions before the one that makes the logits; all but the last of them have stride 2."""
    scales: int = Field(2, ge=1, le=8)
    """Discriminators, each of which sees half the resolution of the one before."""
    spectral: bool = True
    """Spectral normalisation of the middle convolutions (official; the paper says of all layers)."""
    norm: ConvNormKind = "instance"
    """Normalisation after the middle convolutions; these then have no bias."""
    bias: bool = False
    """Whether they have one nevertheless (pix2pixHD: a norm follows that takes it away again)."""
    image_channels: int = Field(0, ge=0, le=8192)
    """Channels of an image that is the condition, instead of a layout; 0: a layout."""
    picture_channels: int = Field(3, ge=1, le=256)
    """Channels of the pictures that are judged."""
    max_width: int = Field(512, ge=1, le=8192)
    """Upper bound of the channels."""

    @property
    def condition_channels(self) -> int:
        """Channels of the condition."""
        return self.image_channels + self.encoding.edges if self.image_channels else self.encoding.num_channels

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows of the first layer, for instance in a data-loader worker; returns ``layout``."""
        layout.full.patches(KERNEL, 2, PADDING)
        return layout


class PatchDiscriminator(nn.Module):
    """Judges the patches of one scale."""

    def __init__(self, config: PatchDiscriminatorConfig) -> None:
        super().__init__()
        widths = [config.width]
        for _ in range(1, config.layers):
            widths.append(min(2 * widths[-1], config.max_width))
        convs = [
            conv2d(config.condition_channels + config.picture_channels, widths[0], KERNEL, stride=2, padding=PADDING)
        ]
        for i, (width, next_width) in enumerate(pairwise(widths), start=2):
            stride = 1 if i == config.layers else 2
            options = {"bias": config.bias or config.norm == "none", "spectral": config.spectral}
            convs.append(conv2d(width, next_width, KERNEL, stride=stride, padding=PADDING, **options))
        convs.append(conv2d(widths[-1], 1, KERNEL, padding=PADDING))
        self.convs = nn.ModuleList(convs)
        self.norms = nn.ModuleList(conv_norm(config.norm, width) for width in widths[1:])

    def forward(self, layout: Level | Tensor, image: Tensor) -> list[Tensor]:
        """Judge images under their layouts.

        Args:
            layout: a level of N layouts, or their dense form [N,C,h,w] where it is soft.
            image: [M,3,h,w] in [-1,1], M a multiple of N: the images repeat the layouts in order.

        Returns:
            The outputs of all layers, after normalisation and activation; the logits come last.
        """
        x = F.leaky_relu(self._first(layout, image), NEGATIVE_SLOPE)
        outputs = [x]
        for conv, norm in zip(self.convs[1:-1], self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), NEGATIVE_SLOPE)
            outputs.append(x)
        return [*outputs, self.convs[-1](x)]

    def _first(self, layout: Level | Tensor, image: Tensor) -> Tensor:
        """The first convolution, over cat[layout, image]; the layout's share is computed once per layout."""
        conv = self.convs[0]
        assert isinstance(conv, nn.Conv2d)
        of_layout, of_image = conv.weight.tensor_split([conv.in_channels - image.shape[1]], 1)
        share = F.conv2d(image, of_image, stride=2, padding=PADDING)  # [M,O,h',w']
        common = layout_conv2d(layout, of_layout, conv.bias, stride=2, padding=PADDING)  # [N,O,h',w']
        repeated = share.view(-1, *common.shape) + common.to(share.dtype)  # [M/N,N,O,h',w']
        return repeated.flatten(0, 1)


class MultiScaleDiscriminator(nn.Module):
    """One patch discriminator per scale, the first on the full resolution."""

    def __init__(self, config: PatchDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.scales = nn.ModuleList(PatchDiscriminator(config) for _ in range(config.scales))

    def forward(self, layout: LayoutBatch | Tensor, image: Tensor) -> list[list[Tensor]]:
        """Judge images under their layouts.

        Args:
            layout: N layouts, or conditioning images [N,C,H,W].
            image: [M,3,H,W] in [-1,1] of the layouts' size; M is a multiple of N and the images repeat the
                layouts in order, for example ``torch.cat([fake, real])``.

        Returns:
            Per scale, the finest first, the outputs of all layers, logits last.
        """
        conditions = layout if isinstance(layout, Tensor) else layout.full
        size = conditions.shape[2:] if isinstance(conditions, Tensor) else conditions.size
        if image.shape[2:] != size or image.shape[0] % len(layout):
            raise ValueError(f"{tuple(image.shape)} images do not fit {len(layout)} layouts of {tuple(size)}")
        outputs: list[list[Tensor]] = []
        for index, scale in enumerate(self.scales):
            if index:
                conditions = halved_layout(conditions, image.dtype)
                image = halved(image)
            outputs.append(scale(conditions, image))
        return outputs
