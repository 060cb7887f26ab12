"""Layouts at a lower resolution as soft labels: each pixel is a mean over its area."""

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
    means = F.embedding_bag(squares, encoding.symbol_channels(squares.device), mode="mean")
    height, width = taps[0].shape[1:]
    return means.view(-1, height, width, means.shape[1]).permute(0, 3, 1, 2)


def average_rectangles(symbols: Tensor, encoding: LayoutEncoding, height: int, width: int) -> Tensor:
    """Means over rectangles of whole pixels, which overlap where the sizes don't divide each other.

    Equals ``F.adaptive_avg_pool2d`` of the one-hot form, without that tensor.

    Args:
        symbols: [N,H,W] as in :attr:`Level.symbols`.
        encoding: what the symbols stand for.
        height: of the result.
        width: of the result.

    Returns:
        [N,C,height,width] float32 soft labels, channels-last in memory.
    """
    (rows, row_is_inside), (columns, column_is_inside) = (
        _spans(old, new) for old, new in zip(symbols.shape[1:], (height, width), strict=True)
    )
    device = symbols.device
    pixels = symbols[:, rows[:, None, :, None].to(device), columns[:, None].to(device)]  # [N,height,width,a,b]
    inside = (row_is_inside[:, None, :, None] & column_is_inside[:, None]).to(device)  # [height,width,a,b]
    pixels = torch.where(inside, pixels, encoding.num_symbols).flatten(0, 2).flatten(1)
    sums = F.embedding_bag(pixels, encoding.symbol_channels(device), mode="sum")  # [N*height*width,C]
    means = sums.view(-1, height, width, sums.shape[1]) / inside.sum((2, 3))[..., None]
    return means.permute(0, 3, 1, 2)


def _spans(old: int, new: int) -> tuple[Tensor, Tensor]:
    """[new,a]: the positions among ``old`` that each of ``new`` averages, and which of the a places are among them."""
    index = torch.arange(new)
    begin, end = index * old // new, -(-(index + 1) * old // new)
    widest = max(-(-(place + 1) * old // new) - place * old // new for place in range(new))
    positions = begin[:, None] + torch.arange(widest)
    return positions.clamp_max(old - 1), positions < end[:, None]
