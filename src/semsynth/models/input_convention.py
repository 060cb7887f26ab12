"""What a trained network expects an image to be: range, means, deviations and channel order."""

from __future__ import annotations

import re
from typing import Literal

from torch import Tensor

from semsynth.config import Config

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

Triple = tuple[float, float, float]


class InputConvention(Config):
    """The numbers a network expects for an image: ``(value - mean) / std``, values from ``low`` to ``high``."""

    low: float = 0.0
    """The value of black."""
    high: float = 1.0
    """The value of white."""
    mean: Triple = _IMAGENET_MEAN
    """Subtracted from red, green and blue."""
    std: Triple = _IMAGENET_STD
    """Then divides them."""
    order: Literal["RGB", "BGR"] = "RGB"
    """The channels' order in the network's first convolution; ``mean`` and ``std`` are RGB all the same."""

    @property
    def gain(self) -> float:
        """How much larger than torchvision's the numbers are, and with them a network's features.

        A network of convolutions, ReLUs and pooling is positively homogeneous: inputs ``gain`` times as large with
        biases ``gain`` times as large make features ``gain`` times as large. 1 for torchvision's convention,
        57 for 0..255 minus means.
        """
        return (self.high - self.low) * sum(_IMAGENET_STD) / sum(self.std)

    def convert(self, image: Tensor) -> Tensor:
        """[N,3,H,W] RGB in [-1,1] -> the numbers and the order that the network expects."""
        half = (self.high - self.low) / 2
        factor = image.new_tensor([half / std for std in self.std]).view(3, 1, 1)
        shift = image.new_tensor(
            [(self.low + half - mean) / std for mean, std in zip(self.mean, self.std, strict=True)]
        ).view(3, 1, 1)
        converted = image * factor + shift
        return converted.flip(1) if self.order == "BGR" else converted


TORCHVISION = InputConvention()
"""0..1 minus the mean over the deviation of ImageNet."""
EXAMPLE = TORCHVISION.model_dump_json()
OFFICIAL_SPADE = InputConvention(low=-1, high=1, mean=(0, 0, 0), std=(1, 1, 1))
"""[-1,1] straight in: what the official SPADE code feeds to torchvision's weights."""


def parse_convention(sentence: str) -> InputConvention | None:
    """Read a sentence such as "RGB order, range 0..255, minus (123.68,116.779,103.939), no std division".

    Returns:
        None where it names no range.
    """
    number = r"(-?\d+(?:\.\d+)?)"
    span = re.search(rf"{number}\s*(?:\.\.|to)\s*{number}", sentence)
    if span is None:
        return None
    triple = rf"\(\s*{number}\s*,\s*{number}\s*,\s*{number}\s*\)"
    mean = re.search(rf"(?:minus|mean)\D*?{triple}", sentence, re.IGNORECASE)
    std = re.search(rf"(?:std|over|divided by|/)\D*?{triple}", sentence, re.IGNORECASE)
    return InputConvention.model_validate(
        {
            "low": span[1],
            "high": span[2],
            "mean": mean.groups() if mean else (0, 0, 0),
            "std": std.groups() if std else (1, 1, 1),
            "order": "BGR" if "BGR" in sentence else "RGB",
        }
    )
