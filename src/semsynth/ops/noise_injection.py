"""Noise as a source of texture.

Karras, Laine and Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks", CVPR 2019:
section 3.2.

Inside a large region of one class everything that a layout tells a generator is constant. What varies there, such as
leaves or plaster, must grow out of something: here, of noise that each channel takes in as much of as it learned to.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from semsynth.ops.rectangle import Rectangle

TILE = 256
"""Side of the noise that is kept, in pixels; wider features repeat it."""


class NoiseInjection(nn.Module):
    """Add noise to features, scaled for each channel.

    The scales begin as zero: a trained network that gets this layer goes on where it was. Training draws new noise
    every time, else the network would learn marks at fixed places. Afterwards one noise stays with the weights, so that
    a layout and a style make one picture.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        """Make the layer.

        Args:
            channels: of the features.
            height: of the features; others can follow.
            width: of the features.
        """
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels))
        self.register_buffer("noise", torch.randn(min(height, TILE), min(width, TILE)))

    noise: Tensor

    def forward(self, x: Tensor, area: Rectangle | None = None) -> Tensor:
        """[N,C,h,w] -> [N,C,h,w]; ``area`` says which part of the features ``x`` is, None: all of them."""
        if self.training:
            noise = torch.randn(len(x), *x.shape[2:], device=x.device)
        else:
            first = (0, 0) if area is None else (area.top, area.left)
            rows, columns = (
                (torch.arange(x.shape[i + 2], device=x.device) + first[i]) % self.noise.shape[i] for i in (0, 1)
            )
            noise = self.noise[rows[:, None], columns]
        # The product is channels-last in memory, as features are.
        return x + (noise[..., None] * self.scale).movedim(-1, -3).to(x.dtype)
