"""ESPNet's published weights as segmenters of Cityscapes and CamVid, from one file each.

The authors train on pictures of 1024x512 (Cityscapes) and 480x360 (CamVid); the network takes any size, and is best
near these.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.checkpoint import Card
from semsynth.classes import ClassSet, builtin
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.models.espnet import NAME, SIGN, STRIDE, espnet
from semsynth.models.input_convention import InputConvention
from semsynth.models.weights_file import WeightsFile, read_weights


@dataclass(frozen=True)
class _Published:
    """What the authors' code says of a data set."""

    class_set: str
    data: str
    mean: tuple[float, float, float]
    """Of red, green and blue."""
    std: tuple[float, float, float]

    @property
    def convention(self) -> InputConvention:
        """0..255 minus the mean over the deviation, then a 255th of that; blue first."""
        red, green, blue = (255 * one for one in self.std)
        return InputConvention(low=0, high=255, mean=self.mean, std=(red, green, blue), order="BGR")


PUBLISHED = {
    20: _Published("cityscapes_19", "Cityscapes", (73.15835921, 82.90891754, 72.39239876), (44.9148, 46.1529, 45.3192)),
    12: _Published("camvid", "CamVid", (104.702, 108.033, 109.797), (78.108, 79.106, 77.980)),
}
"""By number of outputs; the last output means none of the classes. CamVid's mean and deviation are those of its
training photos: its authors measure them when a training begins."""


class ESPNetSegmenter:
    """ESPNet with the classes that its outputs stand for."""

    def __init__(self, file: WeightsFile, device: torch.device) -> None:
        """Build the network.

        Raises:
            SemsynthError: weights of another network, or of classes that nobody published.
        """
        network = espnet(file)
        outputs = network.classifier.out_channels
        if outputs not in PUBLISHED:
            known = " or ".join(f"{count} ({one.data})" for count, one in PUBLISHED.items())
            raise SemsynthError(f"{file.path} holds {NAME} with {outputs} outputs; the published ones have {known}")
        published = PUBLISHED[outputs]
        self.name, self.fingerprint = file.path.name, sha256(file.path)
        self.classes: ClassSet = builtin(published.class_set)
        self.trained_on = published.data
        self.card = Card(name=self.name, data=published.data)
        self.device = device
        self._convention, self._network = published.convention, network.to(device)

    def logits(self, images: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> [N,K,h,w], h and w the nearest multiples of 8."""
        size = [max(STRIDE, round(side / STRIDE) * STRIDE) for side in images.shape[2:]]
        images = images.to(self.device)
        if size != list(images.shape[2:]):
            images = F.interpolate(images, size=size, mode="bilinear", antialias=True)
        with torch.inference_mode():
            scores: Tensor = self._network(self._convention.convert(images))
        return scores[:, : self.classes.num_classes]


def read_espnet(path: Path, device: torch.device) -> ESPNetSegmenter:
    """Read ESPNet's weights, decoder included, from a ``.safetensors`` or ``.pth`` file.

    Raises:
        SemsynthError: no such file, a damaged one, or one of another network.
    """
    file = read_weights(path)
    if SIGN not in file.tensors:
        raise SemsynthError(
            f"{path} holds no segmenter that can be read from one file ({NAME}): give a folder with config.json"
        )
    return ESPNetSegmenter(file, device)
