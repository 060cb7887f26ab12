"""VGG-16 and VGG-19 (Simonyan and Zisserman 2015, configurations D and E) as sources of features.

Parameter names are torchvision's (``features.N.weight``), and a *prefix* of the network is enough.
Every set of weights comes with the convention of the images it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import torch
from torch import Tensor, nn

from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.models.input_convention import EXAMPLE, TORCHVISION, InputConvention
from semsynth.models.weights_file import WeightsFile, downloaded, read_weights

Pooling = Literal["max", "average"]


class VGG(nn.Module):
    """The convolutional part of a VGG network, or its beginning; frozen."""

    NAME: ClassVar[str]
    BLOCKS: ClassVar[tuple[int, ...]]
    """Convolutions per block; a pooling layer stands after each."""
    URL: ClassVar[str]
    """Torchvision's ImageNet weights."""
    CHECKSUM: ClassVar[str]
    """The first digits of the file's SHA-256, as torchvision publishes them in its name."""

    def __init__(
        self,
        widths: Sequence[int],
        convention: InputConvention = TORCHVISION,
        pooling: Pooling = "max",
    ) -> None:
        """Build the network with random weights.

        Args:
            widths: output channels of each convolution; fewer than the network has make a prefix of it.
            convention: of the weights that will be loaded.
            pooling: ``average`` is what CRN uses.
        """
        super().__init__()
        self.convention = convention
        self.sha256 = ""
        """Of the weights' file; empty for weights of no file."""
        self.taps: dict[str, int] = {}
        """Index in ``features`` of each activation that exists, ``relu1_1``, ``relu1_2`` and so on."""
        self.features = nn.Sequential()
        remaining = list(widths)
        channels = 3
        for block, depth in enumerate(self.BLOCKS, start=1):
            for position in range(1, depth + 1):
                if not remaining:
                    break
                width = remaining.pop(0)
                self.features.append(nn.Conv2d(channels, width, 3, padding=1))
                self.features.append(nn.ReLU(inplace=True))
                self.taps[f"relu{block}_{position}"] = len(self.features) - 1
                channels = width
            self.features.append(nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor, taps: Iterable[str]) -> dict[str, Tensor]:
        """Compute activations, no further than the last one asked for.

        Args:
            x: [N,3,H,W] in the network's own convention.
            taps: names such as ``relu3_1``; all must be in :attr:`taps`.

        Returns:
            The activations by name.
        """
        wanted = {self.taps[name]: name for name in taps}
        found: dict[str, Tensor] = {}
        for index, layer in enumerate(self.features):
            if index > max(wanted):
                break
            x = layer(x)
            if index in wanted:
                found[wanted[index]] = x
        return found


class VGG19(VGG):
    """Configuration E: 16 convolutions."""

    NAME = "VGG-19"
    BLOCKS = (2, 2, 4, 4, 4)
    URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
    CHECKSUM = "dcbb9e9d"


class VGG16(VGG):
    """Configuration D: 13 convolutions."""

    NAME = "VGG-16"
    BLOCKS = (2, 2, 3, 3, 3)
    URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
    CHECKSUM = "397923af"


V = TypeVar("V", bound=VGG)


def load_vgg19(
    path: Path | None = None, *, convention: InputConvention | None = None, pooling: Pooling = "max"
) -> VGG19:
    """Load VGG-19, or the prefix of it that a file holds: see :func:`load_vgg`."""
    return load_vgg(VGG19, path, convention=convention, pooling=pooling)


def load_vgg(
    kind: type[V], path: Path | None = None, *, convention: InputConvention | None = None, pooling: Pooling = "max"
) -> V:
    """Load a VGG network, or the prefix of it that a file holds.

    A ``.safetensors`` file says in its metadata what it expects, see :meth:`WeightsFile.stated_convention`. A ``.pth``
    file is taken to be torchvision's.

    Args:
        kind: which of them.
        path: ``.safetensors`` or ``.pth`` with torchvision's names; None takes torchvision's ImageNet weights from
            the torch hub cache and downloads them (some 550 MB, checksum verified) when they are not there.
        convention: overrides what the file says.
        pooling: ``max`` as trained, or ``average``.

    Raises:
        SemsynthError: missing or corrupt file, another network's weights, no stated convention, or no connection.
    """
    if path is None:
        path = downloaded(
            kind.URL,
            kind.CHECKSUM,
            kind.NAME,
            "give a local one with `perceptual_weights`, or train without the VGG term (`perceptual=False`; crn: "
            "`overrides=loss.kind=image_space`)",
        )
    file = read_weights(path)
    widths = _prefix_widths(kind, file)
    chosen = convention or (file.stated_convention() if path.suffix == ".safetensors" else TORCHVISION)
    if chosen is None:
        raise SemsynthError(
            f"{path} does not say which input it expects: add metadata 'input_convention' with JSON such as {EXAMPLE}"
        )
    network = kind(widths, chosen, pooling)
    own = network.state_dict()
    network.load_state_dict({name: file.tensor(name, *own[name].shape, of=kind.NAME) for name in own})
    network.sha256 = sha256(path)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _prefix_widths(kind: type[VGG], file: WeightsFile) -> list[int]:
    """Output channels of the convolutions that the file holds without a gap from the first on."""
    widths: list[int] = []
    channels = 3
    places = _places(kind)
    for index in places:
        weight, bias = (file.tensors.get(f"features.{index}.{what}") for what in ("weight", "bias"))
        if weight is None or bias is None:
            break
        if weight.shape[1:] != (channels, 3, 3) or bias.shape != weight.shape[:1]:
            shape = tuple(weight.shape)
            raise SemsynthError(f"{file.path}: features.{index}.weight is {shape}, which is not {kind.NAME}'s")
        channels = weight.shape[0]
        widths.append(channels)
    if not widths:
        raise SemsynthError(f"{file.path} has no 'features.0.weight': expected {kind.NAME} under torchvision's names")
    found = (re.fullmatch(r"features\.(\d+)\.weight", name) for name in file.tensors)
    foreign = [int(match[1]) for match in found if match and int(match[1]) not in places]
    if foreign:
        raise SemsynthError(
            f"{file.path} has 'features.{min(foreign)}.weight', where {kind.NAME} has no convolution: "
            "it is another network's file"
        )
    return widths


def _places(kind: type[VGG]) -> list[int]:
    """Index in ``features`` of every convolution; each has a ReLU after it, and each block a pooling layer."""
    places: list[int] = []
    index = 0
    for depth in kind.BLOCKS:
        places += range(index, index + 2 * depth, 2)
        index += 2 * depth + 1
    return places
