"""How different pictures look: distances between feature maps, as LPIPS measures them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor


def perceptual_distances(
    maps: Sequence[Tensor], others: Sequence[Tensor], weights: Sequence[Tensor] | None = None
) -> Tensor:
    """Distances of N pairs of pictures.

    Activations are scaled to unit length over channels, squared differences summed over channels, averaged over space
    and added over layers (Zhang et al. 2018, equation 1).

    Args:
        maps: per layer [N,C,h,w].
        others: the same shapes.
        weights: per layer [C], of the squared differences; None: all 1, as there is no calibration to human judgements
            for other networks than LPIPS' own. Without it this is not LPIPS itself.

    Returns:
        [N] float64; 0 for equal pictures, without weights at most 4 per layer.
    """
    total = torch.zeros(len(maps[0]), dtype=torch.float64)
    for number, (one, other) in enumerate(zip(maps, others, strict=True)):
        squares = (_unit(one) - _unit(other)).square()
        if weights is not None:
            squares = squares * weights[number].to(squares).view(-1, 1, 1)
        total += squares.sum(1).mean((1, 2)).cpu()
    return total


def mean_pairwise_distance(maps: Sequence[Tensor], weights: Sequence[Tensor] | None = None) -> float:
    """Mean over all pairs of N >= 2 pictures of one layout."""
    pairs = list(combinations(range(len(maps[0])), 2))
    left, right = (torch.tensor(side) for side in zip(*pairs, strict=True))
    pairs_of_maps = [one[left] for one in maps], [one[right] for one in maps]
    return float(perceptual_distances(*pairs_of_maps, weights).mean())


def _unit(activations: Tensor) -> Tensor:
    values = activations.double()
    unit: Tensor = values / values.norm(dim=1, keepdim=True).clamp_min(1e-10)
    return unit
