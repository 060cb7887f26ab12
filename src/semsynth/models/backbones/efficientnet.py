"""EfficientNet-lite0: the features of Projected GAN (Sauer et al. 2021).

Tan and Le, "EfficientNet", ICML 2019; the "lite" variant (TensorFlow, 2020) has ReLU6 and no squeeze-and-excitation.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from semsynth.models.backbones.base import FixedConv, Stage, Tap
from semsynth.models.input_convention import InputConvention
from semsynth.models.weights_file import WeightsFile

NAME = "EfficientNet-lite0"
CONVENTION = InputConvention(low=0, high=255, mean=(127, 127, 127), std=(128, 128, 128))
"""Of the published weights."""
EPSILON = 1e-3
"""Of the batch norms."""
URL = (
    "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
    "tf_efficientnet_lite0-0aa007d2.pth"
)
CHECKSUM = "0aa007d2"
"""TensorFlow's weights as timm publishes them, and the first digits of the file's checksum."""

SIGNS = ("_conv_stem.weight", "conv_stem.weight")
"""A file's tensors by which the network is told."""
STEM = 32
# Blocks, kernel, stride of the first block, expansion, channels.
GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class _Block(nn.Module):
    """Inverted bottleneck: widen, filter each channel, narrow; added to its input where the two have one shape."""

    def __init__(self, layers: list[FixedConv], residual: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C',h',w']."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


def efficientnet_lite0(file: WeightsFile) -> list[Stage]:
    """The network up to the last block, with batch norms folded into convolutions.

    Args:
        file: names as in the PyTorch port of TensorFlow's code (``_blocks.0._depthwise_conv``), or timm's
            (``blocks.0.0.conv_dw``).

    Returns:
        Stages that end at strides 2, 4, 8, 16 and 32 (after blocks 0, 2, 4, 10 and 15).
    """
    read = _Reader(file)
    stem, blocks = read.names.stem
    layers = nn.Sequential(read.conv(stem, blocks, (STEM, 3, 3, 3), 2, relu6=True))
    stages: list[Stage] = []
    channels, total_stride = STEM, 2
    for group, (repeats, kernel, stride, expansion, width) in enumerate(GROUPS):
        if stride == 2:
            stages.append(Stage(Tap(channels, total_stride), layers))
            layers, total_stride = nn.Sequential(), 2 * total_stride
        for position in range(repeats):
            layers.append(
                read.block(group, position, channels, width, kernel, stride if position == 0 else 1, expansion)
            )
            channels = width
    return [*stages, Stage(Tap(channels, total_stride), layers)]


class _Reader:
    """Makes blocks of the tensors of a file."""

    def __init__(self, file: WeightsFile) -> None:
        self.file = file
        self.names = _TimmNames() if "conv_stem.weight" in file.tensors else _PortNames()

    def conv(
        self, name: str, norm: str, shape: tuple[int, ...], stride: int = 1, *, depthwise: bool = False, relu6: bool
    ) -> FixedConv:
        """A convolution with its batch norm folded in."""
        weight = self.file.tensor(f"{name}.weight", *shape, of=NAME)
        gain, shift, mean, variance = (
            self.file.tensor(f"{norm}.{part}", shape[0], of=NAME)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = gain / (variance + EPSILON).sqrt()
        return FixedConv(
            weight * factor.view(-1, 1, 1, 1), shift - mean * factor, stride, depthwise=depthwise, relu6=relu6
        )

    def block(
        self, group: int, position: int, channels: int, width: int, kernel: int, stride: int, expansion: int
    ) -> _Block:
        """The block at a position of a group."""
        names = self.names.block(group, position)
        wide = channels * expansion
        layers = []
        if expansion > 1:
            layers.append(self.conv(*next(names), (wide, channels, 1, 1), relu6=True))
        layers.append(self.conv(*next(names), (wide, 1, kernel, kernel), stride, depthwise=True, relu6=True))
        layers.append(self.conv(*next(names), (width, wide, 1, 1), relu6=False))
        return _Block(layers, residual=stride == 1 and channels == width)


class _PortNames:
    """Convolutions and their batch norms in the port of TensorFlow's code."""

    stem = ("_conv_stem", "_bn0")

    def block(self, group: int, position: int) -> Iterator[tuple[str, str]]:
        """Of one block, in order."""
        number = sum(repeats for repeats, *_ in GROUPS[:group]) + position
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        for name, norm in names if GROUPS[group][3] > 1 else names[1:]:
            yield f"_blocks.{number}.{name}", f"_blocks.{number}.{norm}"


class _TimmNames:
    """The same in timm."""

    stem = ("conv_stem", "bn1")

    def block(self, group: int, position: int) -> Iterator[tuple[str, str]]:
        """Of one block, in order."""
        convs = ("conv_pw", "conv_dw", "conv_pwl") if GROUPS[group][3] > 1 else ("conv_dw", "conv_pw")
        for number, name in enumerate(convs, start=1):
            yield f"blocks.{group}.{position}.{name}", f"blocks.{group}.{position}.bn{number}"
