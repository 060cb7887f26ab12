"""Convolution of an image enlarged to twice its size, with fewer products, exactly.

*Bilinear*: enlarging mixes pixels, a tap of a convolution mixes channels: the two commute. So every tap's product is
taken of the *small* image, a quarter of the work, and the nine products are enlarged, shifted and added up. Enlarging
is separable: the products of a row of taps are added up as soon as they have their full width, and only these three
sums are enlarged to full height.

*Nearest neighbours*: of a 3 x 3 window only 2 x 2 pixels differ, whose weights can be added up beforehand: four
products instead of nine. What remains is a transposed convolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from semsynth.ops.spectral_norm import applied_weight

WORTHWHILE_CHANNELS = 128
"""Input channels from which on fewer products outweigh the additions (measured on CPUs, ``benchmarks/crn.py``)."""

WORTHWHILE_PIXELS = 2048
"""Input pixels, of all images, from which on a transposed convolution is faster (the same)."""
SUMS_OF_TAPS = ((0, 0, 1), (0, 1, 1), (1, 1, 0), (1, 0, 0))
"""Which of an axis' three taps meet the same pixel, for each of the four positions of a transposed kernel."""
ELEMENTS_AT_A_TIME = 1 << 23
"""Of an enlarged image: small enough that its memory is used again and again."""
FEWEST_CHANNELS = 64
"""That matrix products still run well with."""


def doubled(x: Tensor) -> Tensor:
    """[N,C,h,w] -> [N,C,2h,2w], bilinear, corners aligned."""
    return _resized(x, (2 * x.shape[2], 2 * x.shape[3]))


def doubled_conv2d(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve :func:`doubled` of ``x`` with a border of zeros, up to float rounding.

    Args:
        x: [N,C,h,w].
        weight: [O,C,3,3].

    Returns:
        [N,O,2h,2w].
    """
    # Recorded graphs are for other machines and sizes, too.
    if x.device.type != "cpu" or torch.compiler.is_compiling() or x.shape[1] < WORTHWHILE_CHANNELS:
        return F.conv2d(doubled(x), weight, padding=1)
    if torch.is_autocast_enabled("cpu"):  # which a function of one's own does not see
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
    return _DoubledConv.apply(x, weight)  # type: ignore[no-any-return, no-untyped-call]


def repeated(x: Tensor) -> Tensor:
    """[N,C,h,w] -> [N,C,2h,2w]: every pixel four times (nearest neighbours)."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def repeated_conv2d(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a 3 x 3 convolution with a border of zeros to :func:`repeated` of ``x``, up to float rounding.

    Args:
        conv: of stride 1 and padding 1, with or without spectral normalisation.
        x: [N,C,h,w].

    Returns:
        [N,O,2h,2w].
    """
    if x.device.type != "cpu" or torch.compiler.is_compiling() or x.numel() < WORTHWHILE_PIXELS * x.shape[1]:
        return conv(repeated(x))  # type: ignore[no-any-return]
    weight = applied_weight(conv)
    sums = torch.tensor(SUMS_OF_TAPS, dtype=weight.dtype)
    kernel = torch.einsum("ocyx,ky,lx->cokl", weight, sums, sums)  # [C,O,4,4]
    return F.conv_transpose2d(x, kernel, conv.bias, stride=2, padding=1)


class _DoubledConv(torch.autograd.Function):
    """Both directions tap by tap: a tap of the weight is a 1 x 1 convolution of the small image."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        x = x.contiguous(memory_format=torch.channels_last)
        height, width = x.shape[2:]
        made = _zeros(x, len(weight), 2 * height, 2 * width)
        count = _channels_at_a_time(x)
        for some, weights in zip(made.split(count, 1), weight.split(count), strict=True):
            for dy in range(3):
                row = _zeros(x, len(weights), height, 2 * width)
                for dx in range(3):
                    product = F.conv2d(x, _tap(weights, dy, dx))
                    _under(row, 3, dx).add_(_under(_resized(product, (height, 2 * width)), 3, 2 - dx))
                _under(some, 2, dy).add_(_under(_resized(row, (2 * height, 2 * width)), 2, 2 - dy))
        return made

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        x = x.contiguous(memory_format=torch.channels_last)
        height, width = x.shape[2:]
        of_x, of_weight = torch.zeros_like(x), torch.empty_like(weight)
        for dy in range(3):
            of_row = _resized_back(_moved(grads[0], 2, dy), (height, 2 * width))
            for dx in range(3):
                of_product = _resized_back(_moved(of_row, 3, dx), (height, width))
                part, of_tap = _product_back(of_product, x, _tap(weight, dy, dx))
                of_x += part
                _tap(of_weight, dy, dx).copy_(of_tap)
        return of_x, of_weight


def _tap(weight: Tensor, dy: int, dx: int) -> Tensor:
    """[O,C,3,3] -> [O,C,1,1]."""
    return weight[:, :, dy : dy + 1, dx : dx + 1]


def _product_back(grad: Tensor, x: Tensor, tap: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of image and weight of a 1 x 1 convolution."""
    sizes: tuple[object, ...] = ([1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    of_x, of_tap, _ = torch.ops.aten.convolution_backward(grad, x, tap, None, *sizes, (True, True, False))
    return of_x, of_tap


def _channels_at_a_time(x: Tensor) -> int:
    """Output channels whose enlarged images stay small, but enough for efficient products."""
    return max(FEWEST_CHANNELS, ELEMENTS_AT_A_TIME * x.shape[1] // (4 * x.numel()))


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


def _resized_back(grad: Tensor, size: tuple[int, int]) -> Tensor:
    """The adjoint of :func:`_resized`, to an image of ``size``."""
    shape = (*grad.shape[:2], *size)
    return torch.ops.aten.upsample_bilinear2d_backward(grad, grad.shape[2:], shape, True, None, None)  # type: ignore[no-any-return]


def _under(image: Tensor, axis: int, tap: int) -> Tensor:
    """The outputs (rows or columns) for which a tap of a 3 x 3 window lies on the image, not on its border of zeros."""
    length = image.shape[axis]
    return image.narrow(axis, max(0, 1 - tap), length - abs(tap - 1))


def _moved(grad: Tensor, axis: int, tap: int) -> Tensor:
    """The gradient of what a tap has read, of that of the outputs."""
    moved = _zeros(grad, *grad.shape[1:])
    _under(moved, axis, 2 - tap).copy_(_under(grad, axis, tap))
    return moved


def _zeros(like: Tensor, channels: int, height: int, width: int) -> Tensor:
    """[N,channels,height,width], channels-last."""
    return like.new_zeros(len(like), height, width, channels).permute(0, 3, 1, 2)
