"""Layouts at half the resolution as discriminators and pix2pixHD's coarse-to-fine generator see them: soft labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.layout import Level
from semsynth.ops.windows import window_columns


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
    channels = layout.encoding.symbol_channels(windows.device, dtype)  # its last row, "outside", is zero
    sums = F.embedding_bag(windows, channels, mode="sum")  # [N*h'*w',C]
    means = sums / (windows != outside).sum(1, keepdim=True)
    height, width = taps[0].shape[1:]
    return means.view(-1, height, width, means.shape[1]).permute(0, 3, 1, 2)
