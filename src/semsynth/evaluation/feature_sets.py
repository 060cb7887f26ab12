"""Features of networks that were trained on photographs: vectors with mean and deviation of every layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.models.backbones import Backbone, BackboneName, load_backbone, recognised
from semsynth.models.backbones.stlpips import load_stlpips

BLOCK = 1024
"""Rows of a file of features that are held at a time."""


class BackboneFeatures:
    """A feature network of :mod:`semsynth.models.backbones`.

    A picture's vector holds, layer after layer, the mean and the deviation over space of every channel. Distances
    between sets are taken after :func:`equalise`.
    """

    def __init__(
        self, backbone: Backbone, device: torch.device | str = "cpu", channel_weights: Sequence[Tensor] | None = None
    ) -> None:
        """Take over a network.

        Args:
            backbone: the network.
            device: where it runs.
            channel_weights: per layer [C], the weights of squared differences that people's judgements gave LPIPS;
                None where there are none.
        """
        self.name: str = backbone.name
        self.fingerprint = backbone.sha256
        self.device = torch.device(device)
        self.layers = tuple(2 * tap.channels for tap in backbone.taps)
        """Entries of a vector per layer."""
        self.channel_weights = None if channel_weights is None else [one.to(self.device) for one in channel_weights]
        self._backbone = backbone.to(self.device)

    @classmethod
    def load(cls, name: BackboneName, weights: Path | None, device: torch.device | str = "cpu") -> BackboneFeatures:
        """Load a network by name.

        Args:
            name: which one.
            weights: its file; None downloads it where its publisher has it.
            device: where it runs.

        Raises:
            SemsynthError: no such file, a truncated one, or one of another network.
        """
        if name == "stlpips_alex" and weights is not None:
            distance = load_stlpips(weights)
            return cls(distance.backbone, device, distance.weights)
        return cls(load_backbone(name, weights), device)

    @classmethod
    def from_file(cls, weights: Path, device: torch.device | str = "cpu") -> BackboneFeatures:
        """Load the network whose weights a file holds.

        Raises:
            SemsynthError: no such file, or none of the networks that are known here.
        """
        return cls.load(recognised(weights), weights, device)

    def maps(self, images: Tensor) -> list[Tensor]:
        """[N,3,H,W] in [-1,1] -> per layer [N,C,h,w]."""
        with torch.inference_mode():
            return self._backbone(images.to(self.device))  # type: ignore[no-any-return]

    def vectors(self, images: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> [N,D] float32 on the CPU."""
        parts = []
        for one in self.maps(images):
            parts += [one.mean((2, 3)), one.std((2, 3), correction=0)]
        return torch.cat(parts, 1).cpu()


def layer_scales(real: NDArray[np.floating], layers: Sequence[int]) -> NDArray[np.float32]:
    """[D]: factors that bring every layer of ``real`` [n,D] to mean square 1, so that none outweighs the others."""
    squares = np.zeros(real.shape[1])
    for start in range(0, len(real), BLOCK):
        squares += (real[start : start + BLOCK].astype(np.float64) ** 2).sum(0)
    means = [part.mean() / len(real) for part in np.split(squares, np.cumsum(layers)[:-1])]
    factors = [1 / np.sqrt(mean) if mean > 0 else 1.0 for mean in means]
    return np.repeat(factors, layers).astype(np.float32)


def equalise(features: NDArray[np.float32], scales: NDArray[np.float32]) -> None:
    """Multiply the rows of ``features`` [n,D], which may be a memory-mapped file, in place."""
    for start in range(0, len(features), BLOCK):
        features[start : start + BLOCK] *= scales
