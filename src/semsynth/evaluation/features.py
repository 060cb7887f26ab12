"""Feature networks: pictures to vectors, for distances between sets, and to maps, for distances between two pictures.

None of them but Inception makes a distance that may be called FID.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter
from semsynth.extras import require
from semsynth.files import sha256

WITHOUT_INCEPTION = "or choose other features, such as `features=segmenter`, whose distance is not called FID"


class FeatureNetwork(Protocol):
    """Turns pictures into features. Any object with these members will do."""

    name: str
    """Part of every score's name."""
    fingerprint: str
    """SHA-256 of its weights."""

    def vectors(self, images: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> [N,D] float32 on the CPU."""
        ...

    def maps(self, images: Tensor) -> list[Tensor]:
        """[N,3,H,W] in [-1,1] -> per layer [N,C,h,w]; raises SemsynthError where a network has none to give."""
        ...


class SpatialFeatures:
    """Feature maps of a network; a picture's vector is the maps' means over space, layer after layer."""

    def __init__(self, network: nn.Module, name: str, fingerprint: str, device: torch.device | str = "cpu") -> None:
        """Take over a network that maps [N,3,H,W] in [-1,1] to a list of [N,C,h,w]."""
        self.name, self.fingerprint, self.device = name, fingerprint, torch.device(device)
        self.network = network.eval().requires_grad_(False).to(self.device)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Per layer [N,C,h,w]."""
        with torch.inference_mode():
            return list(self.network(images.to(self.device)))

    def vectors(self, images: Tensor) -> Tensor:
        """[N,D]: D is the sum of the layers' channels."""
        return pooled(self.maps(images))


def pooled(maps: list[Tensor]) -> Tensor:
    """Per layer [N,C,h,w] -> [N, sum of C] float32 on the CPU: means over space."""
    return torch.cat([one.float().mean((2, 3)) for one in maps], 1).cpu()


class SegmenterFeatures:
    """The maps of a segmenter's encoder: trained on the dataset's own photos, and there wherever scores are made."""

    def __init__(self, segmenter: HuggingFaceSegmenter) -> None:
        self.segmenter, self.name, self.fingerprint = segmenter, "segmenter", segmenter.fingerprint

    def maps(self, images: Tensor) -> list[Tensor]:
        """The encoder's stages."""
        return self.segmenter.maps(images)

    def vectors(self, images: Tensor) -> Tensor:
        """[N,D]: means over space of all stages."""
        return pooled(self.maps(images))


class RandomNetwork(nn.Module):
    """Four strided convolutions whose weights come from a fixed stream of bits: the same on every machine.

    It knows nothing of photographs, sees colours, contrasts and textures all the same, and needs no file: for classes
    without a segmenter. Random embeddings outside ImageNet's domain: Naeem et al. 2020, section 5.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        bits = np.random.Philox(2026)  # raw bits: NumPy guarantees their stream, not that of its distributions
        channels = (3, *widths)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1, bias=False) for a, b in zip(channels, widths))  # noqa: B905
        for layer in self.convolutions:
            assert isinstance(layer, nn.Conv2d)
            weight = layer.weight.data
            uniform = bits.random_raw(weight.numel()).astype(np.float64) / 2.0**64
            bound = (6 / (weight[0].numel())) ** 0.5  # He et al. 2015: the activations' scale stays
            layer.weight.data = torch.from_numpy((2 * uniform - 1) * bound).float().view_as(weight)

    def forward(self, images: Tensor) -> list[Tensor]:
        """[N,3,H,W] -> four maps, each of half the size before."""
        maps: list[Tensor] = []
        for layer in self.convolutions:
            images = F.leaky_relu(layer(images), 0.1)
            maps.append(images)
        return maps


class Inception:
    """Inception-v3 with the weights of the original FID, as torchmetrics brings it: the only one that makes an FID.

    Pictures are rounded to 8 bits and resized by the network itself, to 299x299 as TensorFlow 1 did: without
    antialiasing.
    """

    name = "inception"

    def __init__(self, weights: Path | None = None, device: torch.device | str = "cpu") -> None:
        """Load the network; without ``weights`` torch-fidelity downloads them once.

        Raises:
            SemsynthError: ``torchmetrics[image]`` is not installed, or the weights cannot be had.
        """
        require("fid", "FID's Inception", "torchmetrics", "torch_fidelity", "torchvision", otherwise=WITHOUT_INCEPTION)
        from torchmetrics.image import fid

        self.device = torch.device(device)
        try:
            self._network = fid.NoTrainInceptionV3(
                "inception-v3-compat", ["2048"], None if weights is None else str(weights), antialias=False
            ).to(self.device)
        except (OSError, RuntimeError) as error:
            raise SemsynthError(
                f"Inception's weights cannot be had ({' '.join(str(error).split())[:120]}): check the network, or "
                "choose other `features`"
            ) from error
        self.fingerprint = fingerprint_of(self._network)

    def vectors(self, images: Tensor) -> Tensor:
        """[N,2048]."""
        pixels = images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        with torch.inference_mode():
            features: Tensor = self._network(pixels.to(self.device))
        return features.float().reshape(len(images), -1).cpu()

    def maps(self, images: Tensor) -> list[Tensor]:
        """None: raises SemsynthError."""
        raise SemsynthError("Inception gives vectors only: choose other features for diversity")


class VGGFeatures:
    """VGG-19, or the beginning of it that a file holds: the last layer before each pooling."""

    name = "vgg19"

    def __init__(self, weights: Path, device: torch.device | str = "cpu") -> None:
        """Read the file as training does (:func:`semsynth.models.vgg.load_vgg19`).

        Raises:
            SemsynthError: missing or corrupt file, or other weights.
        """
        from semsynth.models.vgg import load_vgg19

        self.device = torch.device(device)
        self._network = load_vgg19(weights).to(self.device)
        last = {name.partition("_")[0]: name for name in self._network.taps if name.startswith("relu")}
        self._taps = tuple(last.values())
        self.fingerprint = sha256(weights)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Per block [N,C,h,w]."""
        with torch.inference_mode():
            prepared = self._network.convention.convert(images.to(self.device))
            found = self._network(prepared, self._taps)
        return [found[name] for name in self._taps]

    def vectors(self, images: Tensor) -> Tensor:
        """[N,D]: means over space of all blocks."""
        return pooled(self.maps(images))


def fingerprint_of(network: nn.Module) -> str:
    """SHA-256 of all parameters and buffers, names included."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def random_features(device: torch.device | str = "cpu") -> SpatialFeatures:
    """The built-in network."""
    network = RandomNetwork()
    return SpatialFeatures(network, "random", fingerprint_of(network), device)
