"""The residual block of generators whose normalisations are SPADE layers.

Park, Liu, Wang and Zhu, "Semantic Image Synthesis with Spatially-Adaptive Normalization", CVPR 2019: figure 3.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import Level
from semsynth.layout_ops.spade_layer import SPADE
from semsynth.ops.norm import NormKind, normalize_together
from semsynth.ops.spectral_norm import conv2d

NEGATIVE_SLOPE = 0.2
"""Of every leaky ReLU (official generator.py and architecture.py of SPADE and of OASIS)."""


class BlockConfig(Protocol):
    """What a generator's configuration says about its blocks."""

    @property
    def label_channels(self) -> int:
        """Channels that SPADE layers read."""

    @property
    def norm(self) -> NormKind:
        """The parameter-free normalisation that is modulated."""

    @property
    def frozen_statistics(self) -> bool:
        """Whether training, too, normalises by the running statistics."""

    @property
    def kernel_size(self) -> int:
        """Of the three convolutions of every SPADE layer."""

    @property
    def hidden(self) -> int:
        """Channels between a SPADE layer's two convolutions."""

    @property
    def spectral(self) -> bool:
        """Spectral normalisation of the block's convolutions."""


class SPADEResBlock(nn.Module):
    """Residual block whose three normalisations are SPADE layers (figure 3, left)."""

    def __init__(self, in_channels: int, out_channels: int, config: BlockConfig) -> None:
        super().__init__()
        middle = min(in_channels, out_channels)
        self.in_channels = in_channels
        self.learned_shortcut = in_channels != out_channels
        self.norm_0 = _spade(in_channels, config)
        self.conv_0 = conv2d(in_channels, middle, 3, padding=1, spectral=config.spectral)
        self.norm_1 = _spade(middle, config)
        self.conv_1 = conv2d(middle, out_channels, 3, padding=1, spectral=config.spectral)
        if self.learned_shortcut:
            self.norm_s = _spade(in_channels, config)
            self.conv_s = conv2d(in_channels, out_channels, 1, bias=False, spectral=config.spectral)

    @property
    def products(self) -> int:
        """Multiplications of its convolutions for a pixel."""
        convolutions = [self.conv_0, self.conv_1, *([self.conv_s] if self.learned_shortcut else [])]
        return sum(one.weight.numel() for one in convolutions)

    def reaches(self, level: Level | Tensor) -> tuple[int, int]:
        """How far the result looks around a pixel: into the features, and into the layout.

        Two convolutions follow a SPADE layer. Where modulation is dense its own convolutions, too, see zeros beyond the
        border of a part.
        """
        of_modulation = 2 * (self.norm_0.kernel_size // 2)
        dense = isinstance(level, Tensor) or self.norm_0.path == "dense"
        return 2 + (of_modulation if dense else 0), 2 + of_modulation

    def forward(self, x: Tensor, level: Level | Tensor, vectors: Tensor | None = None) -> Tensor:
        """[N,in,h,w] and the layout at h x w, as :class:`SPADE` takes it -> [N,out,h,w]."""
        normalized = None
        if self.learned_shortcut and not self.norm_0.norm.uses_running_statistics:
            normalized = normalize_together(x, self.norm_0.norm, self.norm_s.norm)
        dx = self.conv_0(activate(self.norm_0(x, level, normalized, vectors)))
        dx = self.conv_1(activate(self.norm_1(dx, level, None, vectors)))
        shortcut = self.conv_s(self.norm_s(x, level, normalized, vectors)) if self.learned_shortcut else x
        return dx.add_(shortcut)  # type: ignore[no-any-return]


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU in place."""
    return F.leaky_relu(x, NEGATIVE_SLOPE, inplace=True)


def _spade(channels: int, config: BlockConfig) -> SPADE:
    layer = SPADE(
        channels,
        config.label_channels,
        norm=config.norm,
        kernel_size=config.kernel_size,
        hidden=config.hidden,
    )
    layer.norm.frozen = config.frozen_statistics
    return layer
