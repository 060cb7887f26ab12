"""Layouts at a lower resolution as cascaded refinement networks see them: each pixel is a mean over its area."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.layout.encoding import LayoutEncoding
from semsynth.ops.windows import window_columns


def average_squares(symbols: Tensor, encoding: LayoutEncoding) -> Tensor:
    """Means over squares of 2 x 2 pixels (official CRN code: ``resize_area`` to half the size), exact in float32.

    Args:
        symbols: [N,h,w] as in :attr:`Level.symbols`, h and w even.
        encoding: what the symbols stand for.

    Returns:
        [N,C,h/2,w/2] float32 soft labels, channels-last in memory.
    """
    taps = window_columns(symbols, 2, stride=2, outside=encoding.num_symbols)
    squares = torch.stack(taps, -1).flatten(0, 2)  # [N*h/2*w/2,4]
    means = F.embedding_bag(squares, encoding.symbol_channels().to(squares.device), mode="mean")
    height, width = taps[0].shape[1:]
    return means.view(-1, height, width, means.shape[1]).permute(0, 3, 1, 2)
