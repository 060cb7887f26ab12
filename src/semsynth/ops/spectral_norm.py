"""Spectral normalisation with one power iteration per training forward (Miyato et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-12
"""Guards the normalisation of u and v, as in ``torch.nn.utils.spectral_norm``."""


class _SpectrallyNormalized(nn.Module):
    """What both kinds of convolution share: a weight divided by its largest singular value.

    The arithmetic and the moments at which u and v move are those of the official code's
    ``torch.nn.utils.spectral_norm``: one iteration (v, then u) in every training-mode forward,
    stored vectors in evaluation mode. The state is ``weight``, ``bias``, ``u`` [out] and
    ``v`` [in * k * k].
    """

    weight: Tensor
    u: Tensor
    v: Tensor

    def _start(self, outputs_first: Tensor) -> None:
        """Draw the vectors for a weight seen as [out,in,k,k]."""
        self.folded = False
        self.register_buffer("u", F.normalize(torch.randn(len(outputs_first)), dim=0, eps=EPSILON))
        self.register_buffer("v", F.normalize(torch.randn(outputs_first[0].numel()), dim=0, eps=EPSILON))

    def _outputs_first(self) -> Tensor:
        """The weight as [out,in,k,k]."""
        raise NotImplementedError

    def singular_value(self) -> Tensor:
        """Estimate of the weight's largest singular value, a scalar; in training mode u and v move first."""
        # The matrix [out, in*k*k] in the order that the weight has in memory, so that it is a view; v follows it.
        weight = self._outputs_first()
        v = self.v.view_as(weight[0])
        if weight.is_contiguous(memory_format=torch.channels_last):
            weight, v = weight.permute(0, 2, 3, 1), v.permute(1, 2, 0)
        return _singular_value(weight.flatten(1), self.u, v, moves=self.training)

    def normalized_weight(self) -> Tensor:
        """The weight that the convolution applies, in its own order."""
        return self.weight if self.folded else self.weight / self.singular_value()

    def fold(self) -> None:
        """Divide the weight once and for all: for inference, where it saves the division at every call."""
        if not self.folded:
            with torch.no_grad():
                self.weight.div_(torch.dot(self.u, self._outputs_first().flatten(1).mv(self.v)))
            self.folded = True


class SpectralConv2d(_SpectrallyNormalized, nn.Conv2d):
    """A convolution whose weight [out,in,k,k] is divided by its largest singular value."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        nn.Conv2d.__init__(self, in_channels, out_channels, kernel_size, stride, padding, bias=bias)
        self._start(self.weight)

    def _outputs_first(self) -> Tensor:
        return self.weight

    def forward(self, input: Tensor) -> Tensor:
        """[N,in,h,w] -> [N,out,h',w']; divides what is smaller, the weight or the output."""
        positions = input.shape[0] * input.shape[2] * input.shape[3]
        if self.folded or positions > self.weight[0].numel():
            return self._conv_forward(input, self.normalized_weight(), self.bias)  # type: ignore[no-any-return]
        output: Tensor = self._conv_forward(input, self.weight, None) / self.singular_value()
        return output if self.bias is None else output + self.bias.to(output.dtype).view(-1, 1, 1)


class SpectralConvTranspose2d(_SpectrallyNormalized, nn.ConvTranspose2d):
    """A transposed convolution whose weight [in,out,k,k] is divided by its largest singular value."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
    ) -> None:
        nn.ConvTranspose2d.__init__(self, in_channels, out_channels, kernel_size, stride, padding, output_padding)
        self._start(self._outputs_first())

    def _outputs_first(self) -> Tensor:
        return self.weight.transpose(0, 1)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[N,in,h,w] -> [N,out,h',w']."""
        assert isinstance(self.padding, tuple)  # as transposed convolutions always have it
        weight = self.normalized_weight()
        return F.conv_transpose2d(input, weight, self.bias, self.stride, self.padding, self.output_padding)


def _singular_value(matrix: Tensor, u: Tensor, v: Tensor, *, moves: bool) -> Tensor:
    """U' W v of the matrix W [out,M] for u [out] and v of M elements; ``moves``: after one power iteration."""
    if moves:
        with torch.no_grad():
            v.copy_(F.normalize(matrix.t().mv(u), dim=0, eps=EPSILON).view_as(v))
            u.copy_(F.normalize(matrix.mv(v.flatten()), dim=0, eps=EPSILON))
    # The copies let a second forward move u and v before the first one's backward.
    return torch.dot(u.clone(), matrix.mv(v.flatten().clone()))


def applied_weight(conv: nn.Conv2d) -> Tensor:
    """[out,in,k,k]: the weight that a plain or a spectrally normalised convolution applies."""
    return conv.normalized_weight() if isinstance(conv, SpectralConv2d) else conv.weight


def conv2d(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    padding: int = 0,
    bias: bool = True,
    spectral: bool = False,
) -> nn.Conv2d:
    """A plain or a spectrally normalised convolution."""
    if spectral:
        return SpectralConv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=bias)
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=bias)


def conv_transpose2d(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    spectral: bool = False,
) -> nn.ConvTranspose2d:
    """A plain or a spectrally normalised transposed convolution."""
    kind = SpectralConvTranspose2d if spectral else nn.ConvTranspose2d
    return kind(in_channels, out_channels, kernel_size, stride=stride, padding=padding, output_padding=output_padding)


@torch.no_grad()
def iterate_singular_vectors(module: nn.Module, iterations: int) -> None:
    """Let the singular vectors inside ``module``, which is in training mode, catch up with weights that were set."""
    for child in module.modules():
        if isinstance(child, _SpectrallyNormalized):
            for _ in range(iterations):
                child.singular_value()


def fold_spectral_norm(module: nn.Module) -> None:
    """Fold every spectrally normalised convolution inside ``module``; it can only infer afterwards."""
    for child in module.modules():
        if isinstance(child, _SpectrallyNormalized):
            child.fold()
