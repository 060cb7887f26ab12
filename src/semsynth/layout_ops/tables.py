"""Layout tables: SPADE's modulation evaluated once per distinct label window, exactly.

Gamma and beta at a pixel depend on nothing but the window of labels that two stacked k x k
convolutions see there (5 x 5 for k = 3), and a layout has few distinct ones. Two stages, both exact:

1. the hidden vector of every distinct k x k label window: k*k rows of the re-ordered shared weight;
2. these few vectors projected once per tap of the second convolution; gamma and beta of every
   distinct arrangement of windows are then a sum of k*k such projections.

A look-up per pixel finishes the job. Neither the one-hot tensor nor the 128-channel activation nor
gamma nor beta ever exists at full resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from semsynth.layout import Level
from semsynth.layout_ops.conv import segment_sum, sum_rows, symbol_rows
from semsynth.ops.norm import Normalized
from semsynth.ops.windows import DistinctRows

_CHUNK_ELEMENTS_CPU = 2**19
"""Elements that are modulated at a time: few enough that the gathered rows stay in a CPU's cache."""
_CHUNK_ELEMENTS = 2**26
"""The same on other devices: large, but bounding the memory of the gathered rows."""


@dataclass(frozen=True, eq=False)
class Projection:
    """A "same" convolution [H] -> [C] as a matrix that gives all its taps at once."""

    taps: Tensor
    """[k*k,C,H]."""
    bias: Tensor
    """[C]."""

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Projection:
        """From a convolution's weight [C,H,k,k] and bias [C]; a view where the weight is channels-last in memory."""
        return cls(weight.permute(2, 3, 0, 1).flatten(0, 1), bias)

    def to(self, dtype: torch.dtype) -> Projection:
        """The same in another number format."""
        return Projection(self.taps.to(dtype), self.bias.to(dtype))


def hidden_vectors(level: Level, weight: Tensor, bias: Tensor) -> Tensor:
    """Evaluate "same" convolution and ReLU for every distinct label window.

    Args:
        level: the layout at the layer's resolution.
        weight: [H,C,k,k].
        bias: [H].

    Returns:
        [V+1,H] or some rows more; row V, zeros, is what the next convolution reads outside the image. The rows after it
        are zeros that nothing reads.
    """
    windows = level.windows(weight.shape[-1]).windows
    hidden = F.relu(sum_rows(windows.rows, symbol_rows(level, weight)) + bias)
    count = _few_row_counts(len(hidden) + 1, hidden)
    return F.pad(hidden, (0, 0, 0, count - len(hidden)))


def _few_row_counts(count: int, matrix: Tensor) -> int:
    """``count``, or up to an eighth (and 15) more where a library compiles code for every number of rows that it meets.

    In bfloat16 on CPUs that is oneDNN: code for one more number takes time and 0.6 MB, which are never freed, and every
    stroke in an editor makes another number of windows.
    """
    if matrix.device.type != "cpu" or matrix.dtype == torch.float32:
        return count
    step = max(16, 1 << max(0, count.bit_length() - 4))
    return -(-count // step) * step


def project(hidden: Tensor, arrangements: DistinctRows, projection: Projection) -> Tensor:
    """Evaluate the second convolution for every distinct arrangement of windows.

    Args:
        hidden: [V+1,H] or more rows, of :func:`hidden_vectors`.
        arrangements: rows [U,k*k] of indices into ``hidden``.
        projection: the convolution.

    Returns:
        [U,C].
    """
    taps = projection.taps.transpose(1, 2)  # [k*k,H,C]
    projected = torch.bmm(hidden.expand(len(taps), -1, -1), taps)  # [k*k,V+1,C]
    return sum_rows(arrangements.rows, projected.flatten(0, 1)) + projection.bias


class _Modulate(torch.autograd.Function):
    """``value * gamma[index] + beta[index]`` at every pixel; saves what ``value`` was made from, not ``value``.

    Images go in and come out as [N,C,h,w]: were the result a view of rows in autograd's eyes, the activation that
    follows in place would cost the backward pass two copies of it.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, value: Tensor, gamma: Tensor, beta: Tensor, places: DistinctRows, source: tuple[Tensor, ...]
    ) -> Tensor:
        ctx.save_for_backward(gamma, *source)
        ctx.places = places  # type: ignore[attr-defined]
        out = torch.empty(value.shape, dtype=value.dtype, device=value.device, memory_format=torch.channels_last)
        rows, out_rows = _rows(value), _rows(out)
        for part in _chunks(rows):
            index = places.index[part]
            torch.addcmul(F.embedding(index, beta), rows[part], F.embedding(index, gamma), out=out_rows[part])
        return out

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gamma, x, *statistics = ctx.saved_tensors  # type: ignore[attr-defined]
        places: DistinctRows = ctx.places  # type: ignore[attr-defined]
        grad = _rows(grads[0])
        # In this order, and in place, no more than one temporary of the size of x exists at a time.
        if statistics:
            mean, rstd = (statistic.to(x.dtype)[:, None] for statistic in statistics)  # [1 or N,1,C]
            products = x.view(len(mean), -1, x.shape[1]).sub(mean).mul_(rstd).view(x.shape).mul_(grad)
        else:
            products = grad * x
        grad_gamma = segment_sum(products, places)
        del products
        grad_beta = segment_sum(grad, places)
        grad_value = None
        if ctx.needs_input_grad[0]:  # type: ignore[attr-defined]
            grad_value = torch.empty_like(grads[0], memory_format=torch.channels_last)
            rows = _rows(grad_value)
            for part in _chunks(rows):
                torch.mul(grad[part], F.embedding(places.index[part], gamma), out=rows[part])
        return grad_value, grad_gamma, grad_beta, None, None


def modulate(normalized: Tensor | Normalized, gamma: Tensor, beta: Tensor, places: DistinctRows) -> Tensor:
    """Scale and shift every pixel by its rows of two tables.

    Args:
        normalized: [N,C,h,w], best channels-last.
        gamma: [U,C].
        beta: [U,C].
        places: the row of each of the N*h*w pixels.

    Returns:
        [N,C,h,w], channels-last.
    """
    source: tuple[Tensor, ...]
    if isinstance(normalized, Normalized):
        value = normalized.value
        source = _rows(normalized.x.detach()), normalized.mean, normalized.rstd
    else:
        value = normalized
        source = (_rows(value.detach()),)
    tables = gamma.to(value.dtype), beta.to(value.dtype)
    return _Modulate.apply(value, *tables, places, source)  # type: ignore[no-any-return, no-untyped-call]


def _rows(x: Tensor) -> Tensor:
    """[N,C,h,w] -> [N*h*w,C]; a view where it is channels-last."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _chunks(rows: Tensor) -> list[slice]:
    count, channels = rows.shape
    step = max(1, (_CHUNK_ELEMENTS_CPU if rows.device.type == "cpu" else _CHUNK_ELEMENTS) // channels)
    return [slice(start, start + step) for start in range(0, count, step)]
