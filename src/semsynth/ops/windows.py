"""Distinct windows of integer maps: what makes layout convolutions and layout tables possible.

A convolution over a one-hot layout depends, at a pixel, on nothing but the window of ids around it,
and a real layout has few *distinct* windows. The functions here find them, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, eq=False)
class DistinctRows:
    """The distinct rows of an integer matrix and where each occurs.

    ``rows[index]`` is the matrix itself. ``order`` and ``offsets`` list the occurrences of row ``u``
    as ``order[offsets[u]:offsets[u + 1]]``: a sum over them is a segment sum, which is deterministic
    and parallel where a scatter-add is not.
    """

    rows: Tensor
    """[U,k] int64, the distinct rows."""
    index: Tensor
    """[M] int32, the row that stands at each place."""
    order: Tensor
    """[M] int32, places sorted by row."""
    offsets: Tensor
    """[U] int32, where the places of each row begin in ``order``."""

    @property
    def count(self) -> int:
        """U, the number of distinct rows."""
        return self.rows.shape[0]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """The same on ``device``."""
        return type(self)(*(getattr(self, f.name).to(device, non_blocking=non_blocking) for f in fields(self)))

    def pin_memory(self) -> Self:
        """The same in page-locked memory."""
        return type(self)(*(getattr(self, f.name).pin_memory() for f in fields(self)))


def distinct_rows(matrix: Tensor) -> DistinctRows:
    """Find the distinct rows of ``matrix``, [M,k] int64.

    Rows are compared by one 64-bit hash each; the result is verified against the matrix and hashed
    again with other multipliers in the (never yet seen) case of a collision, so it is exact.
    """
    length = matrix.shape[1]
    generator = torch.Generator().manual_seed(0)
    while True:
        multipliers = torch.randint(-(2**62), 2**62, (length,), generator=generator) | 1
        keys = torch.zeros(matrix.shape[0], dtype=torch.int64, device=matrix.device)
        for column, multiplier in enumerate(multipliers.tolist()):
            keys += matrix[:, column] * multiplier
        ordered, order = torch.sort(keys, stable=True)
        starts = torch.ones_like(ordered, dtype=torch.bool)
        starts[1:] = ordered[1:] != ordered[:-1]
        offsets = starts.nonzero().squeeze(1)  # [U]
        index = torch.empty_like(order)
        index[order] = starts.cumsum(0) - 1  # [M]
        rows = matrix[order[offsets]]
        if torch.equal(rows[index], matrix):
            return DistinctRows(rows, index.int(), order.int(), offsets.int())


def unfold_windows(ids: Tensor, kernel: int, stride: int = 1, padding: int = 0, *, outside: int) -> Tensor:
    """The ``kernel`` x ``kernel`` windows of integer maps.

    Args:
        ids: [N,h,w] integers.
        kernel: side of a window.
        stride: step between windows.
        padding: how far windows may reach over the border.
        outside: the id that stands there.

    Returns:
        [N*h'*w', kernel*kernel] int64, rows in row-major order of the windows' positions.
    """
    padded = F.pad(ids.long(), (padding,) * 4, value=outside)
    windows = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)  # [N,h',w',k,k]
    return windows.reshape(-1, kernel * kernel)
