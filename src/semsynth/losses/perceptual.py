"""The perceptual loss: equal features of a network trained to recognise things.

Johnson et al. 2016; taps and weights of pix2pixHD and SPADE (official vgg loss in loss.py). Or, as a named option, a
distance that was fitted to what people see (shift-tolerant LPIPS).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn

from semsynth.errors import SemsynthError
from semsynth.losses.distance import mean_absolute_difference
from semsynth.models.backbones.stlpips import STLPIPS, load_stlpips
from semsynth.models.input_convention import OFFICIAL_SPADE, InputConvention
from semsynth.models.vgg import VGG, VGG16, VGG19, load_vgg

PerceptualInput = Literal["as_trained", "official"]
"""What a VGG network is fed: its own input convention, or [-1,1] straight in as the official code of SPADE does."""
PerceptualNetwork = Literal["vgg19", "vgg16", "stlpips_alex"]
"""What compares images: VGG-19 as in the papers, VGG-16, or shift-tolerant LPIPS."""

PAPER_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0}
)


class PerceptualLoss(nn.Module):
    """Weighted mean absolute differences of a VGG network's activations.

    Activations are divided by the :attr:`~InputConvention.gain` of the network's own convention. The weight of 10
    that papers give this loss was chosen with torchvision's network, whose inputs and activations are of the order
    of 1; those of a network for 0..255 are 57 times as large. Divided, both give a loss of the same size.
    """

    def __init__(
        self,
        vgg: VGG,
        weights: Mapping[str, float] = PAPER_WEIGHTS,
        convention: InputConvention | None = None,
    ) -> None:
        """Set up the loss over the taps that ``vgg`` has.

        Args:
            vgg: the network, possibly only its beginning.
            weights: of each activation.
            convention: what the network is fed; None means its own. ``OFFICIAL_SPADE`` feeds [-1,1] straight in.

        Raises:
            SemsynthError: ``vgg`` has none of the taps.
        """
        super().__init__()
        self.vgg = vgg
        self.weights = {name: weight for name, weight in weights.items() if name in vgg.taps}
        """The weights in use."""
        self.missing = tuple(name for name in weights if name not in vgg.taps)
        """Taps that the network is too short for."""
        self.convention = convention or vgg.convention
        if not self.weights:
            raise SemsynthError(
                f"the {vgg.NAME} weights end before {next(iter(weights))}: give a file with more layers"
            )

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Compare images.

        Args:
            fake: [N,3,H,W] in [-1,1]; gradients flow into it.
            real: [N,3,H,W] in [-1,1]; a constant.

        Returns:
            A scalar, unweighted as a whole.
        """
        with torch.no_grad():
            wanted = self._features(real)
        made = self._features(fake)
        terms = [weight * mean_absolute_difference(made[name], wanted[name]) for name, weight in self.weights.items()]
        return torch.stack(terms).sum() / self.vgg.convention.gain

    def _features(self, image: Tensor) -> dict[str, Tensor]:
        x = self.convention.convert(image).contiguous(memory_format=torch.channels_last)
        return self.vgg(x, self.weights)  # type: ignore[no-any-return]


class PerceptualDistance(nn.Module):
    """The mean distance of pairs of images by shift-tolerant LPIPS."""

    def __init__(self, distance: STLPIPS) -> None:
        super().__init__()
        self.distance = distance

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Compare images: [N,3,H,W] in [-1,1], at least 32 x 32 pixels; gradients flow into ``fake``.

        Returns:
            A scalar.
        """
        return self.distance(fake, real.detach()).mean()  # type: ignore[no-any-return]


Perceptual = PerceptualLoss | PerceptualDistance
"""What recipes compare a picture with its photo by."""


def load_perceptual_loss(
    weight: float, weights: Path | None, fed: PerceptualInput = "as_trained", network: PerceptualNetwork = "vgg19"
) -> Perceptual | None:
    """The loss as recipes use it: None where its ``weight`` is 0, so that nothing is loaded.

    Args:
        weight: of the term in the objective.
        weights: a file with the network, for VGG a prefix of it suffices; None downloads torchvision's VGG.
        fed: what a VGG network is fed.
        network: which one.

    Raises:
        SemsynthError: the weights cannot be had.
    """
    if not weight:
        return None
    if network == "stlpips_alex":
        if weights is None:
            raise SemsynthError(
                "the weights of shift-tolerant LPIPS are not downloaded: give the file of its AlexNet version with "
                "`perceptual_weights`"
            )
        return PerceptualDistance(load_stlpips(weights))
    vgg = load_vgg({"vgg19": VGG19, "vgg16": VGG16}[network], weights)
    return PerceptualLoss(vgg, convention=OFFICIAL_SPADE if fed == "official" else None)
