"""Parameter-free normalisation: what SPADE modulates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

NormKind = Literal["batch", "sync_batch", "instance"]
"""Batch statistics of one process, of all processes, or of each image."""

EPSILON = 1e-5
MOMENTUM = 0.1
"""Both are PyTorch's and the official code's defaults."""

CACHED_ELEMENTS = 2**19
"""Numbers that a CPU works on at a time: few enough to stay in its cache."""


class ParameterFreeNorm(nn.Module):
    """Normalise each channel to mean 0 and variance 1, without learned scale or bias.

    Batch kinds keep running statistics for evaluation (the variance unbiased, as PyTorch does).
    ``sync_batch`` is ``batch`` until a process group exists; then sums are reduced over all processes,
    differentiably, on any backend (``nn.SyncBatchNorm`` refuses CPU tensors).
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, kind: NormKind, channels: int) -> None:
        super().__init__()
        self.kind: NormKind = kind
        self.momentum = MOMENTUM
        self.frozen = False
        """Whether training, too, normalises by the running statistics, and leaves them alone."""
        if kind != "instance":
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))

    @property
    def uses_running_statistics(self) -> bool:
        """Whether the result is, at the moment, a fixed scale and shift per channel."""
        return self.kind != "instance" and (self.frozen or not self.training)

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """[C] each: what the running statistics make of x, ``scale * x + shift``."""
        scale = (self.running_var + EPSILON).rsqrt()
        return scale, -self.running_mean * scale

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C,h,w], normalised."""
        return normalize_together(x, self).value

    def track(self, mean: Tensor, var: Tensor) -> None:
        """Move the running statistics towards a batch's mean and unbiased variance, [C] each."""
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(var.to(self.running_var.dtype), self.momentum)


@dataclass(frozen=True, eq=False)
class Normalized:
    """A normalised tensor, and from what it can be had again: ``(x - mean) * rstd``.

    Autograd keeps ``x`` anyway; who needs ``value`` in a backward pass does not have to keep it, too.
    """

    value: Tensor
    """[N,C,h,w]; gradients flow through it."""
    x: Tensor
    """[N,C,h,w]."""
    mean: Tensor
    """[1,C] or [N,C], a constant."""
    rstd: Tensor
    """[1,C] or [N,C], a constant: one over the standard deviation."""


def normalize_together(x: Tensor, norm: ParameterFreeNorm, *others: ParameterFreeNorm) -> Normalized:
    """Normalise ``x`` once for several layers of one kind that would all do the same.

    Only their running statistics are their own: where these are used, batch kinds take no ``others``.
    """
    if norm.kind != "instance" and norm.uses_running_statistics:
        if others:
            raise ValueError("every layer has its own running statistics")
        value = F.batch_norm(x, norm.running_mean, norm.running_var, eps=EPSILON)
        return Normalized(value, x, norm.running_mean[None], (norm.running_var[None] + EPSILON).rsqrt())
    if norm.kind == "sync_batch" and _world_size() > 1:
        value, mean, unbiased, count = _synchronized(x)
        mean, var = mean[None], unbiased[None] * ((count - 1) / count)
    else:
        mean, var = statistics(x.detach(), each_image=norm.kind == "instance")
        value = _Standardized.apply(x, mean, var)  # type: ignore[no-untyped-call]
        count = x.numel() / (x.shape[1] * len(mean))
        unbiased = var[0] * (count / max(1.0, count - 1))
    if norm.kind != "instance":
        for layer in (norm, *others):
            layer.track(mean[0], unbiased)
    return Normalized(value, x, mean, (var + EPSILON).rsqrt())


def statistics(x: Tensor, *, each_image: bool) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel, over the pixels of each image or of all images.

    On CPUs torch's own statistics of a channels-last batch add up hundreds of thousands of numbers one by one, and are
    off by 1e-4 at 1024 x 512 in single precision. Here each part that fits into the cache is added up pairwise, and
    the parts in double precision.

    Args:
        x: [N,C,h,w].
        each_image: whether each image has statistics of its own.

    Returns:
        [N or 1,C] each, float32 (or float64 as ``x``).
    """
    if x.device.type != "cpu" or not x.is_contiguous(memory_format=torch.channels_last):
        var, mean = torch.var_mean(_wide(x), (2, 3) if each_image else (0, 2, 3), correction=0, keepdim=True)
        return mean[..., 0, 0], var[..., 0, 0]
    rows = x.permute(0, 2, 3, 1).flatten(1, 2) if each_image else x.permute(0, 2, 3, 1).flatten(0, 2)[None]
    found = [_statistics_of_rows(one) for one in rows]  # [N or 1] times [M,C]
    return torch.stack([mean for mean, _ in found]), torch.stack([var for _, var in found])


def _statistics_of_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of the columns of [M,C]."""
    wide = torch.float64 if rows.dtype == torch.float64 else torch.float32
    parts = rows.split(max(1, CACHED_ELEMENTS // rows.shape[1]))
    origin = parts[0].to(wide).mean(0)  # near the mean: little is lost in the difference of squares
    total, squares = torch.zeros(2, rows.shape[1], dtype=torch.float64)
    for part in parts:
        centred = part.to(wide) - origin
        total += centred.sum(0)
        squares += centred.square_().sum(0)
    mean = total / len(rows)
    var = (squares / len(rows) - mean.square()).clamp_min_(0)
    return (mean + origin).to(wide), var.to(wide)


class _Standardized(torch.autograd.Function):
    """``(x - mean) / sqrt(var + EPSILON)`` whose gradient knows that mean and variance are those of ``x``."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        ctx.save_for_backward(x, mean, (var + EPSILON).rsqrt())
        images = x[None] if len(mean) == 1 else x.split(1)
        made = [F.batch_norm(one, m, v, eps=EPSILON) for one, m, v in zip(images, mean, var, strict=True)]
        return made[0] if len(made) == 1 else torch.cat(made)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, None, None]:
        x, mean, rstd = ctx.saved_tensors  # type: ignore[attr-defined]
        # The order of x: with one that differs torch (2.13) returns wrong gradients on CPUs.
        like_x = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        grad, x = grads[0].contiguous(memory_format=like_x), x.contiguous(memory_format=like_x)
        images = [(grad, x)] if len(mean) == 1 else zip(grad.split(1), x.split(1), strict=True)
        made = [
            torch.ops.aten.native_batch_norm_backward(
                upstream, one, None, None, None, *of, True, EPSILON, [True, False, False]
            )[0]
            for (upstream, one), *of in zip(images, mean, rstd, strict=True)
        ]
        return (made[0] if len(made) == 1 else torch.cat(made)), None, None


@torch.no_grad()
def normalize_images_(x: Tensor, *, relu: bool = False, residual: Tensor | None = None) -> Tensor:
    """Instance norm in place, with what follows it, one part of an image at a time while it is in the cache.

    For inference on CPUs, where fresh memory and every further pass over a large image cost as much as the arithmetic.

    Args:
        x: [N,C,h,w], channels-last; it is overwritten.
        relu: whether negative values become zero.
        residual: [N,C,h,w] to add in the end, channels-last.

    Returns:
        ``x``.
    """
    mean, var = statistics(x, each_image=True)
    scale = (var + EPSILON).rsqrt()
    shift = -mean * scale
    image_rows = x.permute(0, 2, 3, 1).flatten(1, 2)  # [N,M,C], a view
    step = max(1, CACHED_ELEMENTS // x.shape[1])
    for number, rows in enumerate(image_rows):
        others = None if residual is None else residual[number].permute(1, 2, 0).flatten(0, 1)
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            value = torch.addcmul(shift[number], part.to(shift.dtype), scale[number])
            if relu:
                value.relu_()
            if others is not None:
                value += others[start : start + step]
            part.copy_(value)
    return x


def _synchronized(x: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """Normalised x, mean, unbiased variance and number of values per channel, over all processes."""
    wide = _wide(x)
    count = wide.new_tensor([x.numel() / x.shape[1]])
    total = _sum_over_processes(torch.cat([wide.sum((0, 2, 3)), count]))
    n = float(total[-1].detach())
    mean = total[:-1] / n  # [C]
    centred = wide - mean[:, None, None]
    var = _sum_over_processes(centred.square().sum((0, 2, 3))) / n
    normalized = (centred * (var + EPSILON).rsqrt()[:, None, None]).to(x.dtype)
    return normalized, mean.detach(), (var * (n / (n - 1))).detach(), n


class _SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: FunctionCtx, tensor: Tensor) -> Tensor:
        """[...] -> [...], the same in all processes."""
        total = tensor.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensor:
        """Differentiable in its turn."""
        return _sum_over_processes(grad)


def _sum_over_processes(tensor: Tensor) -> Tensor:
    # torch.distributed.nn has this, too, and warns at every call that it will be removed.
    total: Tensor = _SumOverProcesses.apply(tensor)  # type: ignore[no-untyped-call]
    return total


def _wide(x: Tensor) -> Tensor:
    """At least float32."""
    return x if x.dtype == torch.float64 else x.float()


def _world_size() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if distributed else 1
