"""The style encoder of SPADE's variational autoencoder (Park et al. 2019, section 3; official ``encoder.py``)."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.ops.conv_norm import ConvNormKind, conv_norm
from semsynth.ops.spectral_norm import conv2d

WIDTHS = (1, 2, 4, 8, 8, 8)
"""Output channels of the convolutions in units of the encoder's width."""
LAST_SIZE = 4
"""Side of the features that enter the linear layers."""
NEGATIVE_SLOPE = 0.2


class StyleEncoderConfig(Config):
    """The encoder; the defaults are the official ones."""

    width: int = Field(64, ge=1, le=8192)
    """Channels of the first layer."""
    z_dim: int = Field(256, ge=1, le=8192)
    """Length of the style vector."""
    size: Literal[32, 64, 128, 256] = 256
    """Photographs are resized to this many pixels squared; each halving down to 4 is one convolution, 6 at 256."""
    spectral: bool = True
    """Spectral normalisation of the convolutions."""
    norm: ConvNormKind = "instance"
    """Normalisation after the convolutions; these then have no bias."""

    def build(self) -> StyleEncoder:
        """The encoder, newly initialised."""
        return StyleEncoder(self)


class StyleEncoder(nn.Module):
    """Photograph to the mean and log-variance of its style vector."""

    def __init__(self, config: StyleEncoderConfig) -> None:
        super().__init__()
        self.config = config
        bias = config.norm == "none"
        widths = [3, *(config.width * factor for factor in WIDTHS[: self.depth])]
        for i, (width, next_width) in enumerate(pairwise(widths)):
            conv = conv2d(width, next_width, 3, stride=2, padding=1, bias=bias, spectral=config.spectral)
            self.add_module(f"conv_{i}", conv)
            self.add_module(f"norm_{i}", conv_norm(config.norm, next_width))
        self.mu: nn.Linear = nn.Linear(widths[-1] * LAST_SIZE**2, config.z_dim)
        self.logvar: nn.Linear = nn.Linear(widths[-1] * LAST_SIZE**2, config.z_dim)

    @property
    def depth(self) -> int:
        """Number of convolutions."""
        return (self.config.size // LAST_SIZE).bit_length() - 1

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[N,3,H,W] in [-1,1] -> mean and log-variance, [N,z] each."""
        size = self.config.size
        x = image
        if image.shape[2:] != (size, size):
            x = F.interpolate(image, (size, size), mode="bilinear")
        for i in range(self.depth):
            x = self.get_submodule(f"norm_{i}")(self.get_submodule(f"conv_{i}")(x))
            x = F.leaky_relu(x, NEGATIVE_SLOPE)
        features = x.flatten(1)  # [N,widths[-1]*16]
        return self.mu(features), self.logvar(features)


def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor | None = None) -> Tensor:
    """Draw style vectors ``mu + exp(logvar / 2) * eps``.

    Args:
        mu: [N,z].
        logvar: [N,z].
        eps: [N,z] standard normal numbers; None draws them.

    Returns:
        [N,z].
    """
    if eps is None:
        eps = torch.randn_like(mu)
    return mu + (0.5 * logvar).exp() * eps
