"""VGG-19 (Simonyan and Zisserman 2015, configuration E) as a source of features.

Parameter names are torchvision's (``features.N.weight``), and a *prefix* of the network is enough.
Every set of weights comes with the convention of the images it was trained on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.error import URLError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from semsynth.config import Config, validated
from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder

BLOCKS = (2, 2, 4, 4, 4)
"""Convolutions per block; a pooling layer stands between blocks."""
TORCHVISION_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
TORCHVISION_SHA256 = "dcbb9e9d"
"""The first digits of the file's checksum, as torchvision publishes them in its name."""

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


class VGG19(nn.Module):
    """The convolutional part of VGG-19, or its beginning; frozen."""

    def __init__(
        self,
        widths: Sequence[int],
        convention: InputConvention = TORCHVISION,
        pooling: Literal["max", "average"] = "max",
    ) -> None:
        """Build the network with random weights.

        Args:
            widths: output channels of each convolution; up to 16, fewer make a prefix of the network.
            convention: of the weights that will be loaded.
            pooling: ``average`` is what CRN uses.
        """
        super().__init__()
        self.convention = convention
        self.taps: dict[str, int] = {}
        """Index in ``features`` of each activation that exists, ``relu1_1`` .. ``relu5_4``."""
        self.features = nn.Sequential()
        remaining = list(widths)
        channels = 3
        for block, depth in enumerate(BLOCKS, start=1):
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


def load_vgg19(
    path: Path | None = None,
    *,
    convention: InputConvention | None = None,
    pooling: Literal["max", "average"] = "max",
) -> VGG19:
    """Load VGG-19, or the prefix of it that a file holds.

    A ``.safetensors`` file says in its metadata what it expects: JSON of an :class:`InputConvention` under
    ``input_convention``, or a sentence such as "RGB order, range 0..255, minus (123.68,116.779,103.939), no std
    division" under ``input``. A ``.pth`` file is taken to be torchvision's.

    Args:
        path: ``.safetensors`` or ``.pth`` with torchvision's names; None takes torchvision's ImageNet weights from
            the torch hub cache and downloads them (548 MB, checksum verified) when they are not there.
        convention: overrides what the file says.
        pooling: ``max`` as trained, or ``average``.

    Raises:
        SemsynthError: missing or corrupt file, other parameter names, no stated convention, or no network.
    """
    if path is None:
        path = _download()
    state, stated = _read_safetensors(path) if path.suffix == ".safetensors" else (_read_pth(path), TORCHVISION)
    chosen = convention or stated
    if chosen is None:
        raise SemsynthError(
            f"{path} does not say which input it expects: add metadata 'input_convention' with JSON such as {EXAMPLE}"
        )
    widths = _prefix_widths(path, state)
    network = VGG19(widths, chosen, pooling)
    expected = set(network.state_dict())
    network.load_state_dict({name: state[name] for name in expected})
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


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


def _prefix_widths(path: Path, state: Mapping[str, Tensor]) -> list[int]:
    """Output channels of the convolutions that ``state`` holds without a gap from the first on."""
    widths: list[int] = []
    channels, index = 3, 0
    for depth in BLOCKS:
        for _ in range(depth):
            weight, bias = state.get(f"features.{index}.weight"), state.get(f"features.{index}.bias")
            if weight is None or bias is None:
                break
            if weight.shape[1:] != (channels, 3, 3) or bias.shape != weight.shape[:1]:
                raise SemsynthError(f"{path}: features.{index}.weight is {tuple(weight.shape)}, which is not VGG-19's")
            channels = weight.shape[0]
            widths.append(channels)
            index += 2
        else:
            index += 1  # the pooling layer
            continue
        break
    if not widths:
        raise SemsynthError(f"{path} has no 'features.0.weight': expected VGG-19 under torchvision's names")
    return widths


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], InputConvention | None]:
    try:
        with explained(path, "cannot read"), safe_open(path, "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise SemsynthError(f"{path} is corrupt ({error}): copy or download it again") from error
    if "input_convention" in metadata:
        source = f"{path}, metadata 'input_convention'"
        try:
            values = json.loads(metadata["input_convention"])
        except ValueError as error:
            raise SemsynthError(f"{source} is not valid JSON ({error}): write it as {EXAMPLE}") from error
        return state, validated(InputConvention, values, source)
    return state, parse_convention(metadata.get("input", ""))


def _read_pth(path: Path) -> dict[str, Tensor]:
    try:
        with explained(path, "cannot read"):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except SemsynthError:
        raise
    except Exception as error:  # torch raises many kinds, from UnpicklingError to RuntimeError
        raise SemsynthError(f"{path} is no file of plain tensors ({type(error).__name__}): get it again") from error
    if not isinstance(state, dict):
        raise SemsynthError(f"{path} holds a {type(state).__name__}, expected a state dict with 'features.0.weight'")
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _download() -> Path:
    """Path of torchvision's weights, downloaded once."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / TORCHVISION_URL.rsplit("/", 1)[1]
    if not path.exists():
        make_folder(path.parent)
        try:
            torch.hub.download_url_to_file(TORCHVISION_URL, str(path), hash_prefix=TORCHVISION_SHA256, progress=False)
        except (URLError, OSError, RuntimeError) as error:
            raise SemsynthError(
                f"cannot download VGG-19 from {TORCHVISION_URL} ({error}): put the file at {path}, give a local one "
                "with --perceptual-weights FILE, or train with --no-perceptual (crn: --set loss.kind=image_space)"
            ) from error
    return path
