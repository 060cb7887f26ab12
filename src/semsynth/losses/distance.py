"""The distance between features that several losses share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def mean_absolute_difference(a: Tensor, b: Tensor) -> Tensor:
    """Mean of ``|a - b|``, in single precision or better: a mean of half-precision numbers is coarse."""
    return F.l1_loss(at_least_single(a), at_least_single(b))


def at_least_single(x: Tensor) -> Tensor:
    """``x`` in float32, or as it is in float64."""
    return x if x.dtype == torch.float64 else x.float()
