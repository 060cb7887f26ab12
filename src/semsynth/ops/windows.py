"""Distinct windows of integer maps: what makes layout convolutions and layout tables possible.

A convolution over a one-hot layout depends, at a pixel, on nothing but the window of ids around it,
and a real layout has few *distinct* windows. The functions here find them, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def distinct_rows(columns: Sequence[Tensor]) -> DistinctRows:
    """Find the distinct rows of a matrix that is given by its columns; it is never put together.

    Rows are compared by one 64-bit hash each; the result is verified against the columns and hashed
    again with other multipliers in the (never yet seen) case of a collision, so it is exact.

    Args:
        columns: integer tensors of one shape, M elements each, that are read in row-major order.
    """
    generator = torch.Generator().manual_seed(0)
    while True:
        multipliers = torch.randint(-(2**62), 2**62, (len(columns),), generator=generator) | 1
        keys = torch.zeros(columns[0].shape, dtype=torch.int64, device=columns[0].device)
        for column, multiplier in zip(columns, multipliers.tolist(), strict=True):
            keys.add_(column, alpha=multiplier)
        order, offsets, index = _groups(keys.flatten())
        first = order[offsets]
        rows = torch.stack([column.flatten()[first].long() for column in columns], 1)  # [U,k]
        if all(torch.equal(rows[:, i].to(c.dtype)[index], c.flatten()) for i, c in enumerate(columns)):
            return DistinctRows(rows, index.int(), order.int(), offsets.int())


def distinct_values(values: Tensor) -> DistinctRows:
    """The distinct numbers of an int64 tensor, ascending, as rows of length 1."""
    order, offsets, index = _groups(values.flatten())
    return DistinctRows(values.flatten()[order[offsets]][:, None], index.int(), order.int(), offsets.int())


def _groups(keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Order that sorts [M] keys, where each group of equal ones begins in it, and the group of each key."""
    ordered, order = torch.sort(keys, stable=True)
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    index = torch.empty_like(order)
    index[order] = starts.cumsum(0) - 1
    return order, starts.nonzero().squeeze(1), index


def window_columns(
    ids: Tensor, kernel: int, stride: int = 1, padding: int = 0, *, dilation: int = 1, outside: int | None = None
) -> list[Tensor]:
    """The ``kernel`` x ``kernel`` windows of integer maps, tap by tap.

    Args:
        ids: [N,h,w] integers.
        kernel: side of a window.
        stride: step between windows.
        padding: how far windows may reach over the border.
        dilation: step between the taps of a window.
        outside: the id that stands there; None: the map is mirrored at its outermost pixels.

    Returns:
        For each tap, in row-major order, a view [N,h',w'] of the padded maps.
    """
    padded = _mirrored(ids, padding) if outside is None else F.pad(ids, (padding,) * 4, value=outside)
    reach = dilation * (kernel - 1)
    height, width = (n - reach for n in padded.shape[1:])
    return [
        padded[:, row : row + height : stride, column : column + width : stride]
        for row in range(0, reach + 1, dilation)
        for column in range(0, reach + 1, dilation)
    ]


def _mirrored(ids: Tensor, padding: int) -> Tensor:
    """Reflection padding, which torch has for floating point only."""
    rows, columns = (
        n - 1 - (n - 1 - torch.arange(-padding, n + padding, device=ids.device).abs()).abs() for n in ids.shape[1:]
    )
    return ids[:, rows[:, None], columns]
