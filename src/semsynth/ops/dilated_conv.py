"""Dilated convolutions that keep the size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SAFE_CHANNELS = 16
"""Multiples of so many channels are safe in every memory format."""


def dilated_conv2d(conv: nn.Module, x: Tensor) -> Tensor:
    """Apply a 3 x 3 convolution, padded by its dilation.

    On CPUs torch 2.13 (oneDNN) reads beyond its memory, and often crashes, in the weight's gradient of a dilated
    bfloat16 convolution of channels-last tensors, unless the channels are multiples of 16. Others go through contiguous
    tensors.

    Args:
        conv: an ``nn.Conv2d`` of stride 1.
        x: [N,C,h,w].

    Returns:
        [N,O,h,w].
    """
    assert isinstance(conv, nn.Conv2d)
    weight = conv.weight
    if x.device.type == "cpu" and torch.is_grad_enabled() and any(n % SAFE_CHANNELS for n in weight.shape[:2]):
        x, weight = x.contiguous(), weight.contiguous()
    return F.conv2d(x, weight, conv.bias, padding=conv.dilation, dilation=conv.dilation)
