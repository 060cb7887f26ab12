"""What every frozen network of features has in common: stages, taps, an input convention, and no parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.models.input_convention import InputConvention

BackboneName = Literal["efficientnet_lite0", "mobilenet_v1", "vgg16", "stlpips_alex"]
"""The networks that features can come from."""


@dataclass(frozen=True)
class Tap:
    """A place in a network where features are taken."""

    channels: int
    stride: int
    """Pixels of the image per pixel of the features."""


@dataclass(frozen=True)
class Stage:
    """The layers that lead from one tap to the next one."""

    tap: Tap
    layers: nn.Module


class Backbone(nn.Module):
    """A frozen network that gives features of several resolutions.

    Its weights are constants: buffers that move between devices, but are not parameters and stay out of states. A
    checkpoint of what is trained on the features identifies the network by :attr:`sha256` instead of holding it.
    """

    def __init__(self, name: BackboneName, stages: Sequence[Stage], convention: InputConvention, path: Path) -> None:
        """Join the stages.

        Args:
            name: of the network.
            stages: from the image on.
            convention: of images.
            path: the file that the weights are from.
        """
        super().__init__()
        self.name: BackboneName = name
        self.convention = convention
        self.path = path
        self.taps = tuple(stage.tap for stage in stages)
        """Channels and stride of each of the features."""
        self.sha256 = sha256(path)
        """Of the weights' file."""
        self.stages = nn.ModuleList(stage.layers for stage in stages)
        self.eval()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute the features, in the precision of the weights even under autocast.

        Args:
            images: [N,3,H,W], RGB in [-1,1].

        Returns:
            Per tap [N,C,h,w].
        """
        x = self.convention.convert(images.to(next(self.buffers()).dtype))
        x = x.contiguous(memory_format=torch.channels_last)
        features = []
        with torch.autocast(images.device.type, enabled=False):
            for stage in self.stages:
                x = stage(x)
                features.append(x)
        return features


class FixedConv(nn.Module):
    """A convolution with given weights and a ReLU6 after it if asked for."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, stride: int = 1, *, depthwise: bool = False, relu6: bool) -> None:
        """Take the weights.

        Args:
            weight: [O,I,k,k].
            bias: [O].
            stride: between windows. The border is TensorFlow's "same" one: where an odd number of pixels is added, the
                bottom and the right get one more.
            depthwise: each channel has a kernel of its own.
            relu6: whether the output is cut to 0..6.
        """
        super().__init__()
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last), persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        self.stride, self.relu6 = stride, relu6
        self.groups = len(weight) if depthwise else 1

    def forward(self, x: Tensor) -> Tensor:
        """[N,I,h,w] -> [N,O,ceil(h/stride),ceil(w/stride)]."""
        kernel = self.weight.shape[-1]
        bottom, right = (max((-(-n // self.stride) - 1) * self.stride + kernel - n, 0) for n in x.shape[2:])
        padding = (bottom // 2, right // 2)
        if bottom % 2 or right % 2:
            top, left = padding
            x, padding = F.pad(x, (left, right - left, top, bottom - top)), (0, 0)
        x = F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
        return F.relu6(x) if self.relu6 else x


def chosen_stages(stages: Sequence[Stage], strides: Sequence[int] | None, path: Path) -> list[Stage]:
    """Stages that end at the taps of the wanted strides; layers beyond the last of these are left out.

    Args:
        stages: of the network, one per stride.
        strides: ascending; None keeps all stages.
        path: of the weights, for the message.

    Raises:
        SemsynthError: the network, or the part of it in the file, has no tap of such a stride.
    """
    if strides is None:
        return list(stages)
    have = [stage.tap.stride for stage in stages]
    absent = [stride for stride in strides if stride not in have]
    if absent:
        raise SemsynthError(
            f"{path} gives features of strides {', '.join(map(str, have))}, none of stride {absent[0]}: choose other "
            "strides, or a file with more layers"
        )
    chosen, layers = [], nn.Sequential()
    for stage in stages:
        layers.append(stage.layers)
        if stage.tap.stride in strides:
            chosen.append(Stage(stage.tap, layers))
            layers = nn.Sequential()
    return chosen
