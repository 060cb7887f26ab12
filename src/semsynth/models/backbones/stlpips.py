"""The AlexNet of shift-tolerant LPIPS (Ghildyal and Liu, "Shift-tolerant Perceptual Similarity Metric", ECCV 2022).

Every reduction of resolution is a blur (Zhang, "Making Convolutional Networks Shift-Invariant Again", 2019), its border
reflected two pixels deep; the first convolution has stride 1 and is blurred before its ReLU.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.models.backbones.base import Backbone, Stage, Tap
from semsynth.models.input_convention import InputConvention
from semsynth.models.weights_file import WeightsFile, read_weights

NAME = "shift-tolerant LPIPS (AlexNet)"
SIGNS = ("net.slice1.0.weight",)
"""A file's tensors by which the network is told."""
EPSILON = 1e-10
"""Least length of a feature vector."""
CHANNELS = (64, 192, 384, 256, 256)
# Per stage: name of its convolution and of the blur, kernel, padding, stride of the features.
_STAGES = (
    ("net.slice1.0", "net.slice1.1", 11, 2, 2),
    ("net.slice2.5", "net.slice2.4", 5, 2, 4),
    ("net.slice3.9", "net.slice3.8", 3, 1, 8),
    ("net.slice4.11", None, 3, 1, 8),
    ("net.slice5.13", None, 3, 1, 8),
)


class _Conv(nn.Module):
    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, padding: int) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """[N,I,h,w] -> [N,O,h',w']."""
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)


class _Blur(nn.Module):
    """Half the resolution, each channel filtered."""

    kernel: Tensor

    def __init__(self, kernel: Tensor) -> None:
        super().__init__()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C,h',w'], h' = h // 2 + 1."""
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), self.kernel, stride=2, groups=len(self.kernel))


def stlpips_alex(file: WeightsFile) -> list[Stage]:
    """The five convolutions, each with its ReLU.

    Args:
        file: the publisher's names, ``net.slice1.0`` and so on.

    Returns:
        Stages that end at strides 2, 4, 8, 8 and 8.
    """
    stages, inputs = [], 3
    for number, ((name, blur, kernel, padding, stride), channels) in enumerate(zip(_STAGES, CHANNELS, strict=True)):
        weight = file.tensor(f"{name}.weight", channels, inputs, kernel, kernel, of=NAME)
        conv = _Conv(weight, file.tensor(f"{name}.bias", channels, of=NAME), padding)
        layers: list[nn.Module] = [conv]
        if blur is not None:
            filtered = channels if number == 0 else inputs
            halved = _Blur(file.tensor(f"{blur}.filt", filtered, 1, 3, 3, of=NAME))
            layers = [conv, halved] if number == 0 else [nn.MaxPool2d(3, stride=1), halved, conv]
        stages.append(Stage(Tap(channels, stride), nn.Sequential(*layers, nn.ReLU())))
        inputs = channels
    return stages


def convention(file: WeightsFile) -> InputConvention:
    """[-1,1] minus a shift over a scale, both of which the file holds."""
    shift, scale = (file.tensor(f"scaling_layer.{name}", 1, 3, 1, 1, of=NAME) for name in ("shift", "scale"))
    return InputConvention(low=-1, high=1, mean=tuple(shift.flatten().tolist()), std=tuple(scale.flatten().tolist()))


def load_stlpips(path: Path) -> STLPIPS:
    """Load the distance from a file of its network and its weights of features.

    Raises:
        SemsynthError: no such file, a truncated one, or one of another network.
    """
    file = read_weights(path)
    chosen = file.stated_convention() or convention(file)
    return STLPIPS(
        Backbone("stlpips_alex", stlpips_alex(file), chosen, path),
        [
            file.tensor(f"lin{number}.model.1.weight", 1, channels, 1, 1, of=NAME).flatten()
            for number, channels in enumerate(CHANNELS)
        ],
    )


class STLPIPS(nn.Module):
    """The distance: weighted squared differences of features of length 1 at every pixel."""

    def __init__(self, backbone: Backbone, weights: Sequence[Tensor]) -> None:
        """Take the network and, per tap, the weights [C] of its channels."""
        super().__init__()
        self.backbone = backbone
        self._count = len(weights)
        for number, weight in enumerate(weights):
            self.register_buffer(f"weight{number}", weight, persistent=False)

    @property
    def weights(self) -> list[Tensor]:
        """Per tap [C]: what a channel's squared difference counts."""
        return [self.get_buffer(f"weight{number}") for number in range(self._count)]

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Compare images pair by pair.

        Args:
            a: [N,3,H,W] in [-1,1], at least 32 x 32 pixels.
            b: the same.

        Returns:
            [N]: 0 for equal images, some 0.7 for unrelated photos.
        """
        total = a.new_zeros(len(a), dtype=next(self.buffers()).dtype)
        for of_a, of_b, weight in zip(self.backbone(a), self.backbone(b), self.weights, strict=True):
            difference = (_unit_length(of_a) - _unit_length(of_b)).square()
            total = total + torch.einsum("nchw,c->nhw", difference, weight).mean((1, 2))
        return total


def _unit_length(x: Tensor) -> Tensor:
    """[N,C,h,w], each pixel's vector divided by its length; safe to differentiate where the vector is zero."""
    return x * x.square().sum(1, keepdim=True).clamp_min(EPSILON**2).rsqrt()
