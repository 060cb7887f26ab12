"""Layers as an exported graph has them: without what no layout changes.

Spectral norms are divided out, the statistics of SPADE's batch norms go into the convolutions of gamma and beta, and
norms that are tuned for a CPU's cache in Python become the few plain operations that every runtime knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.exporting.traced import TracedLevel
from semsynth.layout_ops.spade_layer import SPADE
from semsynth.models.generator import LayoutGenerator
from semsynth.ops import layer_norm
from semsynth.ops.conv_norm import AffineNorm
from semsynth.ops.layer_norm import LayerNormLeakyReLU
from semsynth.ops.norm import EPSILON, Normalized, ParameterFreeNorm
from semsynth.ops.spectral_norm import SpectralConv2d, SpectralConvTranspose2d

if TYPE_CHECKING:
    from semsynth.layout import LayoutEncoding, Level


FEW_CHANNELS = 32
"""Channels of a layout up to which a convolution of its one-hot form is faster than looking rows up (ONNX Runtime)."""


class FoldedSPADE(SPADE):
    """:class:`SPADE` with one convolution for scale and shift.

    With batch statistics ``norm(x) = a x + b``, so that ``norm(x) * (1 + gamma) + beta`` is
    ``x * a (1 + gamma) + (beta + b (1 + gamma))``: both factors are convolutions of the same hidden channels.
    """

    def __init__(self, layer: SPADE, encoding: LayoutEncoding) -> None:
        """Take over the weights of ``layer``, which reads layouts of ``encoding``."""
        nn.Module.__init__(self)  # it has none of the layers of what it stands for
        self.norm = _Done(layer.norm)  # type: ignore[assignment]
        shared = layer.shared
        self.first = shared if encoding.num_channels <= FEW_CHANNELS else _RowSum(shared, encoding)
        self.kernel_size = layer.kernel_size
        channels, hidden, kernel, _ = layer.gamma.weight.shape
        self.modulation = nn.Conv2d(hidden, 2 * channels, kernel, padding=kernel // 2)
        (weight, bias), (shift_weight, shift_bias) = layer.modulation_weights(folded=layer.norm.kind != "instance")
        self.modulation.weight.copy_(torch.cat([weight, shift_weight]))
        assert self.modulation.bias is not None
        self.modulation.bias.copy_(torch.cat([bias, shift_bias]))

    def forward(
        self,
        x: Tensor,
        level: Level | Tensor,
        normalized: Normalized | None = None,
        vectors: Tensor | None = None,
    ) -> Tensor:
        """[N,C,h,w] and the layout at h x w -> [N,C,h,w]; the last two arguments are of other paths."""
        assert isinstance(level, TracedLevel)
        hidden = self.first(level) if isinstance(self.first, _RowSum) else self.first(level.one_hot(x.dtype))
        scale, shift = self.modulation(F.relu(hidden)).chunk(2, 1)  # [N,C,h,w] each
        return self.norm(x) * scale + shift  # type: ignore[no-any-return]


class _RowSum(nn.Module):
    """The first convolution of a SPADE layer without a one-hot form; noise, where there is any, is convolved."""

    rows: Tensor
    noise_weight: Tensor | None
    bias: Tensor

    def __init__(self, conv: nn.Conv2d, encoding: LayoutEncoding) -> None:
        super().__init__()
        noise = conv.in_channels - encoding.num_channels
        assert conv.bias is not None
        self.padding = conv.kernel_size[0] // 2
        channels = encoding.symbol_channels(conv.weight.device, conv.weight.dtype)  # [S+1,C]
        rows = torch.einsum("ocyx,sc->yxso", conv.weight[:, noise:], channels).flatten(0, 1)  # [k*k,S+1,O]
        self.register_buffer("rows", rows.contiguous())
        self.register_buffer("noise_weight", conv.weight[:, :noise].clone() if noise else None)
        self.register_buffer("bias", conv.bias.view(-1, 1, 1))

    def forward(self, level: TracedLevel) -> Tensor:
        """[N,O,h,w]."""
        hidden = level.sum_of_rows(self.rows) + self.bias
        if self.noise_weight is None or level.noise is None:
            return hidden
        return hidden + F.conv2d(level.noise, self.noise_weight, padding=self.padding)


class _Done(nn.Module):
    """What is left of a parameter-free norm inside a SPADE layer."""

    uses_running_statistics = True  # a block that asks has nothing to share between its layers

    def __init__(self, norm: ParameterFreeNorm) -> None:
        super().__init__()
        self.per_image = norm.kind == "instance"

    def forward(self, x: Tensor) -> Tensor:
        return _instance_norm(x) if self.per_image else x


class PlainNorm(nn.Module):
    """:class:`ParameterFreeNorm` or :class:`AffineNorm` in evaluation mode."""

    def __init__(self, norm: ParameterFreeNorm) -> None:
        super().__init__()
        self.per_image = norm.kind == "instance"
        scale: Tensor | None = None
        shift: Tensor | None = None
        if not self.per_image:
            scale, shift = norm.scale_and_shift()
        if isinstance(norm, AffineNorm):
            shift = norm.bias if shift is None else norm.bias + norm.weight * shift
            scale = norm.weight if scale is None else norm.weight * scale
        self.register_buffer("scale", None if scale is None else scale.detach().view(-1, 1, 1))
        self.register_buffer("shift", None if shift is None else shift.detach().view(-1, 1, 1))

    scale: Tensor | None
    shift: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C,h,w]."""
        if self.per_image:
            x = _instance_norm(x)
        return x if self.scale is None or self.shift is None else x * self.scale + self.shift


class PlainLayerNormLeakyReLU(nn.Module):
    """:class:`LayerNormLeakyReLU` in plain operations: means of channels first, as long sums in float32 lose digits."""

    def __init__(self, layer: LayerNormLeakyReLU) -> None:
        super().__init__()
        self.negative_slope = layer.negative_slope
        self.register_buffer("weight", layer.weight.detach().view(-1, 1, 1))
        self.register_buffer("bias", layer.bias.detach().view(-1, 1, 1))

    weight: Tensor
    bias: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,h,w] -> [N,C,h,w]."""
        wide = x.float()
        centred = wide - _mean(wide)
        rstd = (_mean(centred.square()) + layer_norm.EPSILON).rsqrt()
        value = (centred * rstd).to(x.dtype) * self.weight + self.bias
        return F.leaky_relu(value, self.negative_slope)


def fold(generator: LayoutGenerator) -> None:
    """Replace the layers inside ``generator``, which can only be exported afterwards; in float32."""
    generator.eval().requires_grad_(False)
    generator.freeze(torch.float32)
    encoding = generator.config.encoding
    inside = {id(module.norm) for module in generator.modules() if isinstance(module, SPADE)}
    for name, module in list(generator.named_modules()):
        plain: nn.Module
        if isinstance(module, SPADE):
            plain = FoldedSPADE(module, encoding)
        elif isinstance(module, LayerNormLeakyReLU):
            plain = PlainLayerNormLeakyReLU(module)
        elif isinstance(module, ParameterFreeNorm) and id(module) not in inside:
            plain = PlainNorm(module)
        else:
            if isinstance(module, SpectralConv2d | SpectralConvTranspose2d):
                del module.u, module.v  # nothing reads them any more
            continue
        generator.set_submodule(name, plain.requires_grad_(False))


def _instance_norm(x: Tensor) -> Tensor:
    return F.instance_norm(x, eps=EPSILON)


def _mean(x: Tensor) -> Tensor:
    """[N,C,h,w] -> [N,1,1,1]."""
    return x.mean((2, 3), keepdim=True).mean(1, keepdim=True)
