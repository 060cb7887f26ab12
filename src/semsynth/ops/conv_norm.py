"""Normalisation after the convolutions of discriminators and encoders (official ``normalization.py``)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from semsynth.ops.norm import NormKind, ParameterFreeNorm

ConvNormKind = Literal["instance", "batch", "sync_batch", "none"]
"""Instance norm without parameters, batch norm with scale and bias (of one or of all processes), or nothing."""


class AffineNorm(ParameterFreeNorm):
    """Normalisation with a learned scale and bias per channel; the scale starts near 1, as officially."""

    def __init__(self, kind: NormKind, channels: int) -> None:
        super().__init__(kind, channels)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(channels), 1.0, 0.02))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C,h,w]."""
        column = (-1, 1, 1)
        return super().forward(x) * self.weight.view(column).to(x.dtype) + self.bias.view(column).to(x.dtype)


def conv_norm(kind: ConvNormKind, channels: int) -> nn.Module:
    """The layer after a convolution; the convolution needs a bias with ``none`` only."""
    if kind == "none":
        return nn.Identity()
    return ParameterFreeNorm(kind, channels) if kind == "instance" else AffineNorm(kind, channels)
