"""Parameter-free normalisation: what SPADE modulates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributed import nn as dist_nn
from torch.nn import functional as F

NormKind = Literal["batch", "sync_batch", "instance"]
"""Batch statistics of one process, of all processes, or of each image."""

EPSILON = 1e-5
MOMENTUM = 0.1
"""Both are PyTorch's and the official code's defaults."""


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
    if norm.kind == "instance":
        var, mean = torch.var_mean(_wide(x.detach()), (2, 3), correction=0)  # [N,C]
        return Normalized(_instance_norm(x), x, mean, (var + EPSILON).rsqrt())
    if norm.uses_running_statistics:
        if others:
            raise ValueError("every layer has its own running statistics")
        value = F.batch_norm(x, norm.running_mean, norm.running_var, eps=EPSILON)
        return Normalized(value, x, norm.running_mean[None], (norm.running_var[None] + EPSILON).rsqrt())
    if norm.kind == "sync_batch" and _world_size() > 1:
        value, mean, var, count = _synchronized(x)
    else:
        # Momentum 1 makes these two the batch's own mean and unbiased variance.
        mean, var = torch.zeros_like(norm.running_mean), torch.ones_like(norm.running_var)
        value = F.batch_norm(x, mean, var, training=True, momentum=1.0, eps=EPSILON)
        count = x.numel() / x.shape[1]
    for layer in (norm, *others):
        layer.track(mean, var)
    return Normalized(value, x, mean[None], (var[None] * ((count - 1) / count) + EPSILON).rsqrt())


def _instance_norm(x: Tensor) -> Tensor:
    """Normalise each channel of each image.

    For one image that is what batch statistics do, and takes their way: on CPUs the backward pass of torch's
    ``instance_norm`` (2.13) is wrong for N = 1 where the gradient arrives channels-last.
    """
    if x.shape[0] == 1:
        return F.batch_norm(x, None, None, training=True, eps=EPSILON)
    return F.instance_norm(x, eps=EPSILON)


def _synchronized(x: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """Normalised x, mean, unbiased variance and number of values per channel, over all processes."""
    wide = _wide(x)
    count = wide.new_tensor([x.numel() / x.shape[1]])
    total = dist_nn.all_reduce(torch.cat([wide.sum((0, 2, 3)), count]))
    n = float(total[-1])
    mean = total[:-1] / n  # [C]
    centred = wide - mean[:, None, None]
    var = dist_nn.all_reduce(centred.square().sum((0, 2, 3))) / n
    normalized = (centred * (var + EPSILON).rsqrt()[:, None, None]).to(x.dtype)
    return normalized, mean.detach(), (var * (n / (n - 1))).detach(), n


def _wide(x: Tensor) -> Tensor:
    """At least float32."""
    return x if x.dtype == torch.float64 else x.float()


def _world_size() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if distributed else 1
