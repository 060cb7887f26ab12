"""How different pictures look: distances between feature maps, as LPIPS measures them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor


def perceptual_distances(maps: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """Distances of N pairs of pictures.

    Activations are scaled to unit length over channels, squared differences summed over channels, averaged over space
    and added over layers (Zhang et al. 2018, equation 1, with all weights 1: there is no calibration to human
    judgements for other networks than theirs, so this is not LPIPS itself).

    Args:
        maps: per layer [N,C,h,w].
        others: the same shapes.

    Returns:
        [N] float64; 0 for equal pictures, at most 4 per layer.
    """
    total = torch.zeros(len(maps[0]), dtype=torch.float64)
    for one, other in zip(maps, others, strict=True):
        difference = _unit(one) - _unit(other)
        total += difference.square().sum(1).mean((1, 2)).cpu()
    return total


def mean_pairwise_distance(maps: Sequence[Tensor]) -> float:
    """Mean over all pairs of N >= 2 pictures of one layout."""
    pairs = list(combinations(range(len(maps[0])), 2))
    left, right = (torch.tensor(side) for side in zip(*pairs, strict=True))
    return float(perceptual_distances([one[left] for one in maps], [one[right] for one in maps]).mean())


def _unit(activations: Tensor) -> Tensor:
    values = activations.double()
    unit: Tensor = values / values.norm(dim=1, keepdim=True).clamp_min(1e-10)
    return unit
