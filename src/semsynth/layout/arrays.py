"""Pixels as programs hold them: NumPy arrays, tensors on any device, nested lists."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from torch import Tensor

Pixels: TypeAlias = "NDArray[np.generic] | Tensor | Sequence[Any]"
"""What :func:`as_array` takes."""


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Whether it is a tensor; torch, which takes seconds, is not imported for the question."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def as_array(pixels: object, accepted: str) -> NDArray[Any]:
    """What somebody holds pixels in, as an array; arrays stay as they are, read-only ones too.

    Args:
        pixels: an array, a tensor, nested lists, or what NumPy can make an array of.
        accepted: what messages say is taken.

    Raises:
        SemsynthError: nothing of it, or lists of different lengths.
    """
    try:
        array = pixels.detach().cpu().numpy() if is_tensor(pixels) else np.asarray(pixels)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:  # bfloat16, ragged lists, sparse tensors
        raise SemsynthError(f"{accepted}: got {described(pixels)}") from error
    if array.dtype.kind not in "biuf":
        raise SemsynthError(f"{accepted}: got {described(pixels)}")
    return array


def described(value: object) -> str:
    """Kind and shape of a value that was refused."""
    if isinstance(value, np.ndarray) or is_tensor(value):
        kind = "" if isinstance(value, np.ndarray) else "a tensor of "
        return f"{kind}{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    return f"a {type(value).__name__}"
