"""The content loss of cascaded refinement networks, of one picture or of the best of a collection.

Chen and Koltun 2017: equation 1 (perceptual loss), equations 2 and 3 (collections), equation 4 (pixels alone); official
``demo_256p.py`` (``compute_error`` and ``G_loss``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.losses.distance import at_least_single
from semsynth.losses.level_weights import INPUT, TAPS, LevelWeights
from semsynth.models.input_convention import InputConvention
from semsynth.models.vgg import VGG19

MATCONVNET = InputConvention(low=0, high=255, mean=(123.68, 116.779, 103.939), std=(1, 1, 1))
"""Of the official VGG-19, ``imagenet-vgg-verydeep-19.mat``: its numbers are what the official weights fit."""

PIXEL_RANGE = 255.0
"""Pictures are compared as numbers from 0 to this."""


@dataclass(frozen=True, eq=False)
class Content:
    """What a comparison of pictures found."""

    loss: Tensor
    """A scalar, the levels weighted."""
    contributions: Tensor
    """[L], a constant: what each level is before its weight, of the pictures that were chosen as the best."""


class ContentLoss(nn.Module):
    """Mean absolute differences of pictures and of VGG-19's activations, level by level.

    All levels are brought to the scale of the official network, so that its weights mean the same for others: networks
    trained on images of another scale have activations of another scale (:attr:`InputConvention.gain`).
    """

    def __init__(
        self,
        vgg: VGG19 | None,
        weights: LevelWeights,
        diversity: Literal["class_wise", "hindsight"] = "class_wise",
        mean_share: float = 0.0,
    ) -> None:
        """Set up the loss.

        Args:
            vgg: with average pooling; None where only the picture itself is compared.
            weights: of the levels that are compared.
            diversity: of collections, the best picture of each class counts (equation 3), or the best one (2).
            mean_share: share of the mean over the collection, in place of the best (official code: 0.001).
        """
        super().__init__()
        self.vgg = vgg
        self.weights = weights
        self.diversity = diversity
        self.mean_share = mean_share
        self.missing = () if vgg is None else tuple(tap for tap in TAPS if tap not in vgg.taps)
        """Taps that the network is too short for."""

    def forward(self, fake: Tensor, real: Tensor, layout: LayoutBatch) -> Content:
        """Compare pictures.

        Args:
            fake: [N*k,3,H,W] in or near [-1,1], the k pictures of a layout together; gradients flow into it.
            real: [N,3,H,W] in [-1,1]; a constant.
            layout: N layouts of H x W.
        """
        costs = self.costs(fake, real, layout)  # [L,N,k,P]
        weighted = (self.weights.values.to(costs.dtype)[:, None, None, None] * costs).sum(0)  # [N,k,P]
        best, chosen = weighted.min(1)  # [N,P]
        loss = best.sum(1).mean()
        if self.mean_share and weighted.shape[1] > 1:
            loss = torch.lerp(loss, weighted.mean(1).sum(1).mean(), self.mean_share)
        picked = chosen[None, :, None].expand(len(costs), -1, 1, -1)
        contributions = costs.detach().gather(2, picked).sum((2, 3)).mean(1)  # [L]
        return Content(loss, contributions)

    def costs(self, fake: Tensor, real: Tensor, layout: LayoutBatch) -> Tensor:
        """Compare every picture of a collection, class by class where that matters.

        Returns:
            [L,N,k,P], unweighted: P classes (and void, where it has a channel), or 1 where classes do not matter.
        """
        taps = [level for level in self.weights.levels if level != INPUT]
        with torch.no_grad():
            wanted = self._activations(real, taps)
        made = self._activations(fake, taps)
        with torch.autocast(fake.device.type, enabled=False):
            costs = [self._cost(made[level], wanted[level], layout) for level in self.weights.levels]
        scale = 1.0 if self.vgg is None else MATCONVNET.gain / self.vgg.convention.gain
        return torch.stack(
            [cost if level == INPUT else cost * scale for level, cost in zip(self.weights.levels, costs, strict=True)]
        )

    def _activations(self, image: Tensor, taps: list[str]) -> dict[str, Tensor]:
        found = {INPUT: image * (PIXEL_RANGE / 2)}
        if self.vgg is None or not taps:
            return found
        x = self.vgg.convention.convert(image).contiguous(memory_format=torch.channels_last)
        activations: dict[str, Tensor] = self.vgg(x, taps)
        return found | activations

    def _cost(self, made: Tensor, wanted: Tensor, layout: LayoutBatch) -> Tensor:
        """[N*k,C,h,w] and [N,C,h,w] -> [N,k,P]."""
        made = at_least_single(made).unflatten(0, (len(wanted), -1))  # [N,k,C,h,w]
        difference = (made - at_least_single(wanted)[:, None]).abs()
        if self.diversity == "hindsight" or made.shape[1] == 1:
            return difference.mean((2, 3, 4))[..., None]
        errors = difference.mean(2)  # [N,k,h,w]
        height, width = errors.shape[2:]
        labels = layout.averaged(height, width)[:, : layout.encoding.num_labels].to(errors.dtype)
        return torch.einsum("nkhw,nphw->nkp", errors, labels) / (height * width)


def existing_levels(vgg: VGG19) -> tuple[str, ...]:
    """The levels that (a prefix of) VGG-19 has.

    Raises:
        SemsynthError: it has none but the picture itself.
    """
    taps = tuple(tap for tap in TAPS if tap in vgg.taps)
    if not taps:
        raise SemsynthError(f"the VGG-19 weights end before {TAPS[0]}: give a file with more layers")
    return (INPUT, *taps)
