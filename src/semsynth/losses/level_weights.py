"""The factors lambda_l that balance the levels of a content loss (CRN paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

INPUT = "input"
"""The name of the level that is the picture itself."""

TAPS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
"""Activations of VGG-19 that are compared, "conv1.2" .. "conv5.2" in section 3.3."""


def official_weights(*divisors: float) -> Mapping[str, float]:
    """1 for the picture, one over the divisors for the taps, ten times that for the last, as in the official code."""
    *others, last = divisors
    return MappingProxyType(dict(zip((INPUT, *TAPS), (1.0, *(1 / other for other in others), 10 / last), strict=True)))


OFFICIAL_256P = official_weights(1.6, 2.3, 1.8, 2.8, 0.8)
"""Official ``demo_256p.py``."""
OFFICIAL_512P = official_weights(2.6, 4.8, 3.7, 5.6, 1.5)
"""Official ``demo_512p.py`` and ``demo_1024p.py``."""
OFFICIAL_GTA = official_weights(1.4, 1.8, 1.3, 2.2, 0.62)
"""Official code for the GTA dataset."""


class LevelWeights(nn.Module):
    """Fixed factors."""

    values: Tensor

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Take factors by level; their order is that of :attr:`values`."""
        super().__init__()
        self.levels: Sequence[str] = tuple(weights)
        self.register_buffer("values", torch.tensor(list(weights.values())))

    def begin_epoch(self, epoch: int) -> None:
        """Called before every step with the number of times that the data has been gone through."""

    def measure(self, contributions: Tensor, images: int) -> None:
        """Called with what a batch of so many images made of each level, [L]."""


class BalancedWeights(LevelWeights):
    """1 at first, and after some epochs such that every level contributes as much as the first one.

    What levels contribute is their mean over the epoch before. It is kept in buffers, over all processes and
    micro-batches, so that a resumed training has the same weights.
    """

    sums: Tensor
    images: Tensor

    def __init__(
        self, levels: Sequence[str], rescale_after_epochs: int, factors: Mapping[str, float] | None = None
    ) -> None:
        """Begin with ones.

        Args:
            levels: their names.
            rescale_after_epochs: how long the weights stay 1 (100 in the paper).
            factors: of single levels, on their share after that.
        """
        super().__init__(dict.fromkeys(levels, 1.0))
        self.rescale_after_epochs = rescale_after_epochs
        self.factors = [(factors or {}).get(level, 1.0) for level in levels]
        self.register_buffer("sums", torch.zeros(len(levels)))
        self.register_buffer("images", torch.zeros(()))
        self.epoch = 0
        """Times that the data has been gone through; an integer here, so that no step waits for a GPU to read it."""

    def get_extra_state(self) -> dict[str, int]:
        """What a state holds beside buffers."""
        return {"epoch": self.epoch}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Take it back."""
        self.epoch = state["epoch"]

    def begin_epoch(self, epoch: int) -> None:
        """Rescale once, when the epoch has come; begin to measure anew in every epoch until then."""
        before = self.epoch
        if epoch <= before:
            return
        self.epoch = epoch
        if before < self.rescale_after_epochs <= epoch and self.images > 0:
            tiny = torch.finfo(self.sums.dtype).tiny
            shares = self.sums[0] / self.sums.clamp_min(tiny)
            self.values.copy_(shares * shares.new_tensor(self.factors))
        self.sums.zero_()
        self.images.zero_()

    def measure(self, contributions: Tensor, images: int) -> None:
        """Add to the means of this epoch, in all processes alike."""
        if self.epoch >= self.rescale_after_epochs:
            return
        found = torch.cat([contributions * images, contributions.new_full((1,), images)]).to(self.sums.dtype)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(found)
        self.sums += found[:-1]
        self.images += found[-1]
