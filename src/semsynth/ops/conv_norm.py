"""Normalisation after the convolutions of discriminators and encoders (official ``normalization.py``)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.ops.norm import NormKind, ParameterFreeNorm, normalize_images_

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


def normalized(norm: nn.Module, x: Tensor, *, relu: bool = False, residual: Tensor | None = None) -> Tensor:
    """Apply a layer of :func:`conv_norm` and what follows it.

    Args:
        norm: the layer.
        x: [N,C,h,w], a fresh result of the convolution: it may be overwritten.
        relu: whether negative values become zero.
        residual: [N,C,h,w] to add in the end.

    Returns:
        [N,C,h,w].
    """
    if _fits_in_place(norm, x) and (residual is None or residual.is_contiguous(memory_format=torch.channels_last)):
        return normalize_images_(x, relu=relu, residual=residual)
    value: Tensor = norm(x)
    if relu:
        value = F.relu(value, inplace=value is not x)
    return value if residual is None else residual + value


def _fits_in_place(norm: nn.Module, x: Tensor) -> bool:
    """Whether nobody will want gradients, and the layer has an in-place form."""
    inference = not torch.is_grad_enabled() and x.device.type == "cpu"
    plain = type(norm) is ParameterFreeNorm and norm.kind == "instance"
    return inference and plain and x.is_contiguous(memory_format=torch.channels_last)
