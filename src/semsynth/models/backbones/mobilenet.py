"""MobileNet v1 (Howard et al. 2017) of any width, as TF-Slim publishes it with its batch norms folded."""

from __future__ import annotations

from torch import nn

from semsynth.models.backbones.base import FixedConv, Stage, Tap
from semsynth.models.input_convention import InputConvention
from semsynth.models.weights_file import WeightsFile

NAME = "MobileNet v1"
CONVENTION = InputConvention(low=0, high=255, mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
"""Of the published weights: [-1,1]."""
SIGNS = ("pw13.weight",)
"""A file's tensors by which the network is told."""
STEM = 32
# Channels and stride of each pair of a depthwise and a pointwise convolution, at full width.
PAIRS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1),
)  # fmt: skip


def mobilenet_v1(file: WeightsFile) -> list[Stage]:
    """All convolutions; the width is that of the file.

    Args:
        file: ``conv0``, ``dw1``, ``pw1`` .. ``dw13``, ``pw13``.

    Returns:
        Stages that end at strides 2, 4, 8, 16 and 32 (``pw1``, ``pw3``, ``pw5``, ``pw11`` and ``pw13``).
    """

    def conv(name: str, *shape: int, stride: int = 1, depthwise: bool = False) -> FixedConv:
        weight = file.tensor(f"{name}.weight", *shape, of=NAME)
        bias = file.tensor(f"{name}.bias", shape[0], of=NAME)
        return FixedConv(weight, bias, stride, depthwise=depthwise, relu6=True)

    first = file.tensors.get("conv0.weight")
    channels = STEM if first is None else len(first)
    layers = nn.Sequential(conv("conv0", channels, 3, 3, 3, stride=2))
    stages: list[Stage] = []
    factor, total_stride = channels / STEM, 2
    for number, (full_width, stride) in enumerate(PAIRS, start=1):
        if stride == 2:
            stages.append(Stage(Tap(channels, total_stride), layers))
            layers, total_stride = nn.Sequential(), 2 * total_stride
        width = round(full_width * factor)
        layers.append(conv(f"dw{number}", channels, 1, 3, 3, stride=stride, depthwise=True))
        layers.append(conv(f"pw{number}", width, channels, 1, 1))
        channels = width
    return [*stages, Stage(Tap(channels, total_stride), layers)]
