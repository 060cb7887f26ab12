"""Convolution of a layout without its one-hot tensor, exactly.

A convolution over one-hot channels adds up one weight column per tap. So: re-order the weight into a
table with a row per (tap, symbol), add up the rows of every *distinct* window once, and look the
result up at each position. The weight keeps ``nn.Conv2d``'s shape.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from semsynth.layout import Level
from semsynth.ops.spectral_norm import applied_weight
from semsynth.ops.windows import DistinctRows


def symbol_rows(level: Level, weight: Tensor) -> Tensor:
    """Re-order a convolution's weight into rows per tap and symbol.

    Args:
        level: gives the encoding, S symbols on C channels.
        weight: [O,C,k,k].

    Returns:
        [k*k*(S+1),O]: row ``tap * (S + 1) + symbol``; symbol S is "outside" and its rows are zero.
    """
    encoding = level.encoding
    columns = weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[1], weight.shape[0])  # [k*k,C,O]
    rows = F.pad(columns[:, : encoding.num_labels], (0, 0, 0, 1))  # [k*k,labels+1,O], "no channel" last
    if encoding.edges:
        rows = torch.stack([rows, rows + columns[:, -1:]], 2).flatten(1, 2)  # [k*k,S,O]
    return F.pad(rows, (0, 0, 0, 1)).flatten(0, 1)


def weight_of_vectors(weight: Tensor, vectors: Tensor) -> Tensor:
    """A convolution of labels that stand for vectors as one of one-hot labels: linear, so exact.

    Args:
        weight: [O,C,k,k].
        vectors: [R,C], what each of R labels stands for.

    Returns:
        [O,R,k,k].
    """
    return torch.einsum("ocyx,rc->oryx", weight, vectors)


def sum_rows(selection: Tensor, table: Tensor) -> Tensor:
    """Add up one row of a table per tap.

    Args:
        selection: [U,T] integers in 0..R-1, the row to take at each tap.
        table: [T*R,O], the R rows of tap 0 first.

    Returns:
        [U,O].
    """
    taps = selection.shape[1]
    offsets = torch.arange(taps, device=selection.device) * (table.shape[0] // taps)
    return F.embedding_bag(selection + offsets, table, mode="sum")


class _LookUp(torch.autograd.Function):
    """``table[places.index]`` whose backward is a segment sum: deterministic and parallel on CPU and GPU."""

    @staticmethod
    def forward(ctx: FunctionCtx, table: Tensor, places: DistinctRows) -> Tensor:
        ctx.places = places  # type: ignore[attr-defined]
        return F.embedding(places.index, table)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, None]:
        return segment_sum(grads[0], ctx.places), None  # type: ignore[attr-defined]


def look_up(table: Tensor, places: DistinctRows) -> Tensor:
    """[U,O] -> [M,O]: the row of each place."""
    return _LookUp.apply(table, places)  # type: ignore[no-any-return, no-untyped-call]


def segment_sum(values: Tensor, places: DistinctRows) -> Tensor:
    """[M,O] -> [U,O]: the sum over all places of each distinct row (the adjoint of :func:`look_up`)."""
    return F.embedding_bag(places.order, values.contiguous(), places.offsets, mode="sum")


def layout_conv2d(
    layout: Level | Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    *,
    reflect: bool = False,
    dilation: int = 1,
) -> Tensor:
    """Convolve a layout, through its distinct windows where it has any.

    Equals ``F.conv2d`` of the level's one-hot form up to float rounding.

    Args:
        layout: a level, N layouts of h x w on C channels; or its dense form [N,C,h,w] where it is soft.
        weight: [O,C,k,k].
        bias: [O] or None.
        stride: step between windows.
        padding: width of the border that is added.
        reflect: whether the border mirrors the layout; else it is zero.
        dilation: step between the taps of a window.

    Returns:
        [N,O,h',w'], channels-last in memory for a level.
    """
    if not isinstance(layout, Tensor) and not layout.tabled:
        layout = layout.one_hot(weight.dtype)
    if isinstance(layout, Tensor):
        if reflect:
            layout, padding = F.pad(layout, (padding,) * 4, mode="reflect"), 0
        return F.conv2d(layout, weight, bias, stride, padding, dilation)
    kernel = weight.shape[-1]
    patches = layout.patches(kernel, stride, padding, reflect, dilation)
    table = sum_rows(patches.rows, symbol_rows(layout, weight))  # [U,O]
    if bias is not None:
        table = table + bias
    reach = dilation * (kernel - 1)
    height, width = ((n + 2 * padding - reach - 1) // stride + 1 for n in layout.size)
    return look_up(table, patches).view(layout.symbols.shape[0], height, width, -1).permute(0, 3, 1, 2)


def concat_conv2d(conv: nn.Conv2d, layout: Level | Tensor, x: Tensor | None = None, *, reflect: bool = False) -> Tensor:
    """Apply a "same" convolution to cat[layout, x], the layout's share through its distinct windows.

    Args:
        conv: stride 1, with or without spectral normalisation; its own padding does not count.
        layout: a level, N layouts of h x w on C channels; or its dense form [N,C,h,w].
        x: [N,D,h,w], or None where the convolution reads nothing but the layout.
        reflect: whether the border mirrors both; else it is zero.

    Returns:
        [N,O,h,w].
    """
    weight, padding = applied_weight(conv), conv.kernel_size[0] // 2
    if x is None:
        return layout_conv2d(layout, weight, conv.bias, padding=padding, reflect=reflect)
    of_layout, of_x = weight.split([weight.shape[1] - x.shape[1], x.shape[1]], 1)
    share = layout_conv2d(x, of_x, padding=padding, reflect=reflect)
    return share + layout_conv2d(layout, of_layout, conv.bias, padding=padding, reflect=reflect).to(share.dtype)
