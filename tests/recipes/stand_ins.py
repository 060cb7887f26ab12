"""Networks of one number, and batches of one colour, for objectives that are checked by hand."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from semsynth.config import override
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES
from semsynth.layout import LayoutBatch
from semsynth.recipes import RECIPES


class Painter(nn.Module):
    """A generator that paints one colour."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, layout: LayoutBatch) -> Tensor:
        return self.value * torch.ones(len(layout), 3, *layout.size)


class Critic(nn.Module):
    """A discriminator, and a segmenter of two classes, whose logits are a picture's mean times a factor."""

    def __init__(self, factor: float, *, conditional: bool) -> None:
        super().__init__()
        self.factor, self.conditional = factor, conditional

    def forward(self, *inputs: Tensor) -> list[list[Tensor]]:
        assert len(inputs) == 1 + self.conditional
        return [[inputs[-1].mean((1, 2, 3)) * self.factor]]


class Brightness(nn.Module):
    """A segmenter: the first class's logit is the brightness, the others' are 0."""

    def forward(self, image: Tensor) -> Tensor:
        bright = image.mean(1, keepdim=True)
        return torch.cat([bright, torch.zeros_like(bright).expand(-1, TOY_CLASSES.num_classes - 1, -1, -1)], 1)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def batch_of(config, photo: float, channel: int = 0) -> Batch:
    """Two layouts of one class, with photos of one colour."""
    layout = LayoutBatch.from_channels(torch.full((2, 4, 4), channel), config.generator.encoding)
    return Batch(layout, torch.full((2, 3, 4, 4), photo), ("a", "b"))


def tiny(system: str, *settings: str):
    return override(
        RECIPES[system].presets["small"](TOY_CLASSES, False), ["generator.width=2", "discriminator.width=2", *settings]
    )
