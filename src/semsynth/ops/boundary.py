"""Instance boundary maps (pix2pixHD, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor


def instance_boundary(instances: Tensor) -> Tensor:
    """Mark every pixel whose instance differs from one of its four neighbours.

    Both sides of a border are marked; the image's own border is none.

    Args:
        instances: [N,H,W] integers.

    Returns:
        [N,H,W] bool.
    """
    edges = torch.zeros_like(instances, dtype=torch.bool)
    rows = instances[:, 1:] != instances[:, :-1]
    columns = instances[:, :, 1:] != instances[:, :, :-1]
    edges[:, 1:] |= rows
    edges[:, :-1] |= rows
    edges[:, :, 1:] |= columns
    edges[:, :, :-1] |= columns
    return edges
