"""Random weights in the files' own names, for tests that need no real network."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from semsynth.models.backbones.efficientnet import GROUPS
from semsynth.models.backbones.mobilenet import PAIRS

REAL = {
    "efficientnet_lite0": "efficientnet_lite0.fp16.safetensors",
    "mobilenet_v1": "mobilenet_v1_0.25_128.safetensors",
    "vgg16": "vgg16_conv1_1-conv5_3.fp16.safetensors",
    "stlpips_alex": "stlpips_alex.fp16.safetensors",
}
"""Files in the shared folder."""


def _drawn(*shape: int) -> Tensor:
    fan_in = shape[1] * shape[2] * shape[3]
    return torch.randn(shape) * (2 / fan_in) ** 0.5


def efficientnet_state() -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}

    def add(prefix: str, conv: str, norm: str, *shape: int) -> None:
        state[f"{prefix}{conv}.weight"] = _drawn(*shape)
        for part, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.5)):
            state[f"{prefix}{norm}.{part}"] = torch.rand(shape[0]) + low

    add("", "_conv_stem", "_bn0", 32, 3, 3, 3)
    number, channels = 0, 32
    for repeats, kernel, _, expansion, width in GROUPS:
        for _ in range(repeats):
            prefix, wide = f"_blocks.{number}.", channels * expansion
            if expansion > 1:
                add(prefix, "_expand_conv", "_bn0", wide, channels, 1, 1)
            add(prefix, "_depthwise_conv", "_bn1", wide, 1, kernel, kernel)
            add(prefix, "_project_conv", "_bn2", width, wide, 1, 1)
            number, channels = number + 1, width
    return state


def mobilenet_state(width: float = 0.125) -> dict[str, Tensor]:
    channels = round(32 * width)
    state = {"conv0.weight": _drawn(channels, 3, 3, 3), "conv0.bias": torch.zeros(channels)}
    for number, (full, _) in enumerate(PAIRS, start=1):
        out = round(full * width)
        state[f"dw{number}.weight"] = _drawn(channels, 1, 3, 3)
        state[f"dw{number}.bias"] = torch.randn(channels) * 0.1
        state[f"pw{number}.weight"] = _drawn(out, channels, 1, 1)
        state[f"pw{number}.bias"] = torch.randn(out) * 0.1
        channels = out
    return state


def save_mobilenet(folder: Path, name: str = "mobilenet.safetensors") -> Path:
    """Write a thin MobileNet; its features have 8, 16, 32, 64 and 128 channels."""
    save_file(mobilenet_state(), folder / name)
    return folder / name
