"""Layouts at half the resolution: soft labels.

Means over 3 x 3 pixels, as the discriminators and pix2pixHD's coarse-to-fine generator see them, and over 2 x 2 pixels,
as cascaded refinement networks do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.ops.windows import window_columns

if TYPE_CHECKING:
    from semsynth.layout import Level


def halved(x: Tensor) -> Tensor:
    """[N,C,h,w] -> [N,C,ceil(h/2),ceil(w/2)]: 3 x 3 means of what lies inside the image (official networks.py)."""
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


def halved_layout(layout: Level | Tensor, dtype: torch.dtype) -> Tensor:
    """Equals ``halved(level.one_hot())``, soft labels, without that tensor at full resolution.

    Args:
        layout: N layouts of h x w on C channels, or soft ones already, [N,C,h,w].
        dtype: of the result.

    Returns:
        [N,C,ceil(h/2),ceil(w/2)].
    """
    if not isinstance(layout, Tensor) and not layout.tabled:
        layout = layout.one_hot(dtype)
    if isinstance(layout, Tensor):
        return halved(layout)
    outside = layout.encoding.num_symbols
    taps = window_columns(layout.symbols, 3, stride=2, padding=1, outside=outside)
    windows = torch.stack(taps, -1).flatten(0, 2)  # [N*h'*w',9]
    channels = layout.encoding.symbol_channels().to(windows.device, dtype)  # its last row, "outside", is zero
    sums = F.embedding_bag(windows, channels, mode="sum")  # [N*h'*w',C]
    means = sums / (windows != outside).sum(1, keepdim=True)
    height, width = taps[0].shape[1:]
    return means.view(-1, height, width, means.shape[1]).permute(0, 3, 1, 2)


def averaged_layout(layout: Level | Tensor) -> Tensor:
    """Means over squares of 2 x 2 pixels (official CRN code: ``resize_area`` to half the size), exact in float32.

    Args:
        layout: N layouts of h x w on C channels, both even, or soft ones already, [N,C,h,w].

    Returns:
        [N,C,h/2,w/2] float32, channels-last in memory.
    """
    if isinstance(layout, Tensor):
        return F.avg_pool2d(layout, 2)
    taps = window_columns(layout.symbols, 2, stride=2, outside=layout.encoding.num_symbols)
    squares = torch.stack(taps, -1).flatten(0, 2)  # [N*h/2*w/2,4]
    means = F.embedding_bag(squares, layout.encoding.symbol_channels().to(squares.device), mode="mean")
    height, width = taps[0].shape[1:]
    return means.view(-1, height, width, means.shape[1]).permute(0, 3, 1, 2)
