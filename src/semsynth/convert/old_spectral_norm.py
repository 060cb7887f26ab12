"""Spectral normalisation as PyTorch saved it before version 1.0.1: one singular vector, and the divided weight.

Later versions save both vectors, and compute the second one when they load an older file
(``torch.nn.utils.spectral_norm``, its pre-hook for loading); so do we.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.ops.spectral_norm import EPSILON

_ORIGINAL = ".weight_orig"


def completed(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """Add the second singular vectors that are missing.

    A stored weight is ``weight_orig`` over its singular value; the vector is scaled so that it gives this very value.

    Args:
        state: by official name; not changed.

    Returns:
        The state with ``weight_v`` [in*k*k] and without divided weights, and the number of layers that were completed.
    """
    result, count = dict(state), 0
    for name, weight in state.items():
        module = name.removesuffix(_ORIGINAL)
        vector = state.get(f"{module}.weight_u")
        if not name.endswith(_ORIGINAL) or vector is None or f"{module}.weight_v" in state:
            continue
        matrix = weight.flatten(1)  # [out,in*k*k]
        if vector.shape != matrix.shape[:1]:
            continue  # whoever loads the tensors finds that they do not fit
        second = F.normalize(matrix.t() @ vector, dim=0, eps=EPSILON)
        divided = result.pop(f"{module}.weight", None)
        if divided is not None and divided.shape == weight.shape:
            second = second * _singular_value(weight, divided) / (vector @ (matrix @ second))
        result[f"{module}.weight_v"] = second
        count += 1
    return result, count


def _singular_value(weight: Tensor, divided: Tensor) -> Tensor:
    """What ``weight`` was divided by: the quotient by least squares, in double precision."""
    weight, divided = weight.double().flatten(), divided.double().flatten()
    return (weight @ divided / (divided @ divided).clamp_min(torch.finfo(torch.float64).tiny)).float()
