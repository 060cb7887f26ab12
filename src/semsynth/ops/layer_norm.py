"""Layer norm of images with the activation that follows it, as cascaded refinement networks have it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from semsynth.ops.norm import CACHED_ELEMENTS

EPSILON = 1e-12
"""Of TensorFlow's ``slim.layer_norm``."""


class LayerNormLeakyReLU(nn.Module):
    """Normalise each image over all its pixels and channels, scale and shift each channel, then leaky ReLU.

    Source: ``slim.layer_norm`` in official CRN code (biased variance, scale and shift per channel, not per pixel).
    Equals ``GroupNorm(1, channels)`` and a leaky ReLU. torch's own group norm is used on GPUs; on CPUs it is off by
    2e-4 for channels-last images of 1024 x 512, and this one is exact to rounding and keeps a tensor less.
    """

    def __init__(self, channels: int, negative_slope: float) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C,h,w]; ``x`` is overwritten where nobody wants gradients."""
        if x.device.type != "cpu":
            value = F.group_norm(x, 1, self.weight, self.bias, EPSILON)
            return F.leaky_relu(value, self.negative_slope, inplace=True).to(x.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        if torch.is_grad_enabled():
            return _Activated.apply(x, self.weight, self.bias, self.negative_slope)  # type: ignore[no-any-return, no-untyped-call]
        mean, rstd = _image_statistics(x)
        return _activate(x, x, mean, rstd, (self.weight, self.bias), self.negative_slope)


class _Activated(torch.autograd.Function):
    """Keeps input and output; the output's sign says where the activation bent."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor, slope: float) -> Tensor:
        mean, rstd = _image_statistics(x)
        y = _activate(x, torch.empty_like(x), mean, rstd, (weight, bias), slope)
        ctx.save_for_backward(x, y, weight, mean, rstd)
        ctx.slope = slope  # type: ignore[attr-defined]
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, y, weight, mean, rstd = ctx.saved_tensors  # type: ignore[attr-defined]
        slope: float = ctx.slope  # type: ignore[attr-defined]
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        grad_x = torch.empty_like(x)
        scale = weight.to(mean.dtype)
        of_weight, of_bias = torch.zeros(2, len(weight), dtype=torch.float64)
        for image in range(len(x)):
            rows = [tensor[image].permute(1, 2, 0).flatten(0, 1) for tensor in (grad, x, y)]  # [M,C] each
            parts = list(zip(*(one.split(_rows_at_a_time(x)) for one in rows), strict=True))
            through, along = torch.zeros(2, len(weight), dtype=torch.float64)
            for part_grad, part_x, part_y in parts:
                before = _before_activation(part_grad, part_y, slope, scale.dtype)
                through += before.sum(0)
                along += (part_x.to(scale.dtype) - mean[image]).mul_(before).sum(0)
            along *= rstd[image]
            of_weight += along
            of_bias += through
            count = x[image].numel()
            lift = (scale * through).sum() / count * rstd[image]
            tilt = ((scale * along).sum() / count * rstd[image].square()).to(scale.dtype)
            target = grad_x[image].permute(1, 2, 0).flatten(0, 1)
            gain, shift = scale * rstd[image], (tilt * mean[image] - lift).to(scale.dtype)
            for (part_grad, part_x, part_y), out in zip(parts, target.split(_rows_at_a_time(x)), strict=True):
                before = _before_activation(part_grad, part_y, slope, scale.dtype)
                out.copy_(torch.addcmul(shift, part_x.to(scale.dtype), -tilt).addcmul_(before, gain))
        return grad_x, of_weight.to(weight.dtype), of_bias.to(weight.dtype), None


def _image_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of each image and one over its standard deviation, [N] each, at least float32; sums of parts in float64."""
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    count = x[0].numel()
    mean, variance = torch.zeros(2, len(x), dtype=torch.float64)
    for image in range(len(x)):
        parts = x[image].permute(1, 2, 0).flatten().split(CACHED_ELEMENTS)
        mean[image] = sum(part.to(wide).sum().double() for part in parts) / count
        origin = mean[image].to(wide)
        variance[image] = sum((part.to(wide) - origin).square_().sum().double() for part in parts) / count
        variance[image] -= (mean[image] - origin).square()
    return mean.to(wide), (variance.clamp_min(0) + EPSILON).rsqrt().to(wide)


def _activate(
    x: Tensor, out: Tensor, mean: Tensor, rstd: Tensor, affine: tuple[Tensor, Tensor], slope: float
) -> Tensor:
    """Write the activated image, [N,C,h,w], into ``out`` (perhaps ``x`` itself) while parts of it are in the cache."""
    weight, bias = (parameter.to(mean.dtype) for parameter in affine)
    for image in range(len(x)):
        scale = weight * rstd[image]
        shift = bias - mean[image] * scale
        source, target = (tensor[image].permute(1, 2, 0).flatten(0, 1) for tensor in (x, out))  # [M,C] views
        for part, made in zip(source.split(_rows_at_a_time(x)), target.split(_rows_at_a_time(x)), strict=True):
            made.copy_(F.leaky_relu_(torch.addcmul(shift, part.to(scale.dtype), scale), slope))
    return out


def _before_activation(grad: Tensor, y: Tensor, slope: float, dtype: torch.dtype) -> Tensor:
    """The gradient of what entered the leaky ReLU."""
    return torch.ops.aten.leaky_relu_backward(grad, y, slope, True).to(dtype)  # type: ignore[no-any-return]


def _rows_at_a_time(x: Tensor) -> int:
    return max(1, CACHED_ELEMENTS // x.shape[1])
