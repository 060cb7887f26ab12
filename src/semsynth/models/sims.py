"""The synthesis network of SIMS: a U-Net that repairs a canvas of photo pieces under a layout.

Qi, Chen, Jia and Koltun, "Semi-parametric Image Synthesis", CVPR 2018; the official TensorFlow code's networks for
256 x 512, 512 x 1024 and 1024 x 2048. Layout and canvas enter in the encoder's first stage and in every stage of the
decoder, and a second head finds the layout in the picture.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self, overload

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, Size
from semsynth.models.description import Sizes, StyleInput
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, check_size, register
from semsynth.ops.doubled_conv import doubled, doubled_conv2d
from semsynth.ops.initialization import initialize_glorot_uniform
from semsynth.ops.layer_norm import LayerNormLeakyReLU

NEGATIVE_SLOPE = 0.2
"""Of every leaky ReLU (official code)."""
CONVOLUTIONS = (2, 2, 3, 3, 3, 3)
"""Of the encoder's stages; stages of the decoder have two (official code)."""
PAPER_ENCODER = (64, 128, 256, 512, 512, 512)
"""Feature maps of the encoder's stages, the finest first (official code)."""
PAPER_DECODER = (256, 512, 512, 512, 512, 512)
"""Feature maps of the decoder's stages, the finest first (official code)."""
CANVAS_CHANNELS = 4
"""Of a canvas: red, green and blue from 0 to 1, and 1 where it is filled."""

Widths = tuple[Annotated[int, Field(ge=1, le=8192)], ...]


@register
class SIMSGeneratorConfig(GeneratorConfig):
    """The network; the defaults are the published ones for 256 x 512."""

    family: Literal["sims"] = "sims"
    encoder_widths: Widths = PAPER_ENCODER
    """Feature maps of the encoder's six stages, the finest first."""
    decoder_widths: Widths = PAPER_DECODER
    """Feature maps of the decoder's six stages, the finest first."""
    final_width: int = Field(256, ge=1, le=8192)
    """Feature maps at the full size of the U-Net."""
    enlarged_width: int = Field(128, ge=1, le=8192)
    """Feature maps at twice that size, where there is such a stage."""
    width_scale: float = Field(1.0, gt=0, le=64)
    """Factor on all widths, for small machines."""
    doublings: int = Field(0, ge=0, le=2)
    """How often pictures are larger than the U-Net's: 0 for 256 x 512, 1 for 512 x 1024, 2 for 1024 x 2048."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.encoder_widths) != len(CONVOLUTIONS) or len(self.decoder_widths) != len(CONVOLUTIONS):
            raise ValueError(f"encoder_widths and decoder_widths need {len(CONVOLUTIONS)} numbers each")
        if self.encoding.void != "after" or self.encoding.edges:
            raise ValueError("sims reads void as a class after the others, and no boundaries: set encoding.void=after")
        return self

    def scaled(self, width: int) -> int:
        """A width of the table, for this network."""
        return max(1, round(width * self.width_scale))

    @property
    def sizes(self) -> Sizes:
        """Multiples of a pixel of the coarsest stage."""
        return Sizes(1 << (len(CONVOLUTIONS) + self.doublings))

    @property
    def style(self) -> StyleInput:
        """The canvas."""
        return StyleInput("canvas", CANVAS_CHANNELS)

    def build(self) -> SIMSGenerator:
        """The generator, newly initialised."""
        return SIMSGenerator(self)


class Stage(nn.Module):
    """3 x 3 convolutions without bias, each with layer norm and leaky ReLU."""

    def __init__(self, in_channels: int, width: int, convolutions: int) -> None:
        super().__init__()
        widths = (in_channels, *[width] * convolutions)
        self.convs = nn.ModuleList(nn.Conv2d(*two, 3, padding=1, bias=False) for two in pairwise(widths))
        self.norms = nn.ModuleList(LayerNormLeakyReLU(width, NEGATIVE_SLOPE) for _ in range(convolutions))

    def forward(self, here: Tensor, below: Tensor | None = None) -> Tensor:
        """Convolve ``cat[here, doubled(below)]``.

        Args:
            here: [N,A,h,w].
            below: [N,B,h/2,w/2]; None where the stage reads nothing else.

        Returns:
            [N,width,h,w].
        """
        weight = self.convs[0].weight
        assert isinstance(weight, Tensor)
        if below is None:
            x = F.conv2d(here, weight, padding=1)
        else:
            of_here, of_below = weight.split([here.shape[1], below.shape[1]], 1)
            x = F.conv2d(here, of_here, padding=1)
            x = x + doubled_conv2d(below, of_below).to(x.dtype)
        x = self.norms[0](x)
        for conv, norm in zip(self.convs[1:], self.norms[1:], strict=True):
            x = norm(conv(x))
        features: Tensor = x
        return features


class SIMSGenerator(LayoutGenerator):
    """Layout and canvas to image."""

    def __init__(self, config: SIMSGeneratorConfig) -> None:
        super().__init__()
        self.config: SIMSGeneratorConfig = config
        read = config.encoding.num_channels + CANVAS_CHANNELS
        down = [config.scaled(width) for width in config.encoder_widths]
        up = [config.scaled(width) for width in config.decoder_widths]
        final = config.scaled(config.final_width)
        self.encoder = nn.ModuleList(
            Stage(before, width, count) for before, width, count in zip((read, *down), down, CONVOLUTIONS, strict=False)
        )
        self.decoder = nn.ModuleList(
            Stage(read + skip + below, width, 2) for skip, width, below in zip(down, up, (*up[1:], 0), strict=True)
        )
        self.final = Stage(read + up[0], final, 2)
        if config.doublings:
            wide = final
            final = config.scaled(config.enlarged_width)
            self.enlarged = Stage(read + wide, final, 2)
        self.to_rgb = nn.Conv2d(final, 3, 1)
        self.to_labels = nn.Conv2d(final, config.encoding.num_channels, 1)
        if config.doublings == 2:
            self.to_full = nn.Conv2d(read + 3, 3, 1)
        initialize_glorot_uniform(self)

    @overload
    def forward(
        self, layout: LayoutBatch, style: Tensor | None = None, *, segment: Literal[False] = False
    ) -> Tensor: ...

    @overload
    def forward(
        self, layout: LayoutBatch, style: Tensor | None = None, *, segment: Literal[True]
    ) -> tuple[Tensor, Tensor]: ...

    def forward(
        self, layout: LayoutBatch, style: Tensor | None = None, *, segment: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Synthesise.

        Args:
            layout: N layouts of H x W, multiples of ``config.sizes.step``.
            style: [N,4,H,W]: the canvas, see :data:`CANVAS_CHANNELS`.
            segment: whether the segmenting head runs, too.

        Returns:
            [N,3,H,W] near [-1,1] but not limited to it. With ``segment`` also the logits of the label channels, void
            last: [N,C,H,W], or half that size where the configuration has two doublings.

        Raises:
            SemsynthError: a size that the network does not make.
            ValueError: there is no canvas.
        """
        check_size(self.config, layout.size)
        if style is None:
            raise ValueError("the network repairs a canvas: give one")
        read = torch.cat([layout.full.one_hot(style.dtype), style], 1)  # [N,C+4,H,W]
        if self.config.doublings < 2:
            features = self._features(read)
            picture = self.to_rgb(features)
        else:
            features = self._features(_halved(read))
            small = doubled(self.to_rgb(features))
            picture = self.to_full(torch.cat([read, small.to(read.dtype)], 1))
        return (picture, self.to_labels(features)) if segment else picture

    def extended(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A smaller network's tensors, with new ones for the stages that it lacks and for heads of another width."""
        own = self.state_dict()
        new = [name for name in ("enlarged.", "to_full.") if not any(key.startswith(name) for key in state)]
        if "enlarged." in new and self.config.doublings:
            new += ["to_rgb.", "to_labels."]
        kept = {key: value for key, value in state.items() if not key.startswith(tuple(new))}
        return kept | {key: value for key, value in own.items() if key.startswith(tuple(new))}

    def _features(self, read: Tensor) -> Tensor:
        """[N,C+4,h,w] -> [N,F,h,w]: what the heads read."""
        if not self.config.doublings:
            return self._unet(read)
        features: Tensor = self.enlarged(read, self._unet(_halved(read)))
        return features

    def _unet(self, read: Tensor) -> Tensor:
        """[N,C+4,h,w] -> the features of the final stage, [N,F,h,w]."""
        x, pooled = read, []
        for stage in self.encoder:
            x = F.avg_pool2d(stage(x), 3, 2, ceil_mode=True)  # TensorFlow's "SAME": what lies outside does not count
            pooled.append(x)
        below: Tensor | None = None
        for level in range(len(CONVOLUTIONS), 0, -1):
            skip = pooled[level - 1]
            here = _resized(read, (skip.shape[2], skip.shape[3])).to(skip.dtype)
            below = self.decoder[level - 1](torch.cat([here, skip], 1), below)
        features: Tensor = self.final(read, below)
        return features


def _resized(x: Tensor, size: Size) -> Tensor:
    """[N,C,H,W] at (height, width) ``size``: bilinear, corners aligned, as the official code resizes everything."""
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


def _halved(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=True)
