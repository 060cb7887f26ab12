"""Spatially-adaptive normalisation (SPADE).

Park, Liu, Wang and Zhu, "Semantic Image Synthesis with Spatially-Adaptive Normalization", CVPR 2019: section 3,
equations 1-3 and figure 2.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import Level
from semsynth.layout_ops.conv import weight_of_vectors
from semsynth.layout_ops.tables import Projection, hidden_vectors, modulate, project
from semsynth.ops.norm import Normalized, NormKind, ParameterFreeNorm, normalize_together

ModulationPath = Literal["tables", "dense"]
"""How modulation is computed: by layout tables or by dense convolutions; the results are equal up to rounding."""


class SPADE(nn.Module):
    """Spatially-adaptive normalisation (equation 1).

    ``norm(x) * (1 + gamma) + beta``, where gamma and beta come from the layout by two convolutions.
    """

    path: ModulationPath = "tables"

    def __init__(
        self,
        channels: int,
        label_channels: int,
        *,
        norm: NormKind = "sync_batch",
        kernel_size: int = 3,
        hidden: int = 128,
    ) -> None:
        """Make the layer.

        Args:
            channels: of the features.
            label_channels: of the layout.
            norm: the parameter-free normalisation that is modulated.
            kernel_size: of the three convolutions, odd.
            hidden: channels between the two convolutions (128 in the official code).
        """
        super().__init__()
        self._frozen: tuple[Projection, Projection] | None = None
        self.kernel_size = kernel_size
        self.norm = ParameterFreeNorm(norm, channels)
        self.shared = nn.Conv2d(label_channels, hidden, kernel_size, padding=kernel_size // 2)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.beta = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)

    def forward(
        self,
        x: Tensor,
        level: Level | Tensor,
        normalized: Normalized | None = None,
        vectors: Tensor | None = None,
    ) -> Tensor:
        """Modulate.

        Args:
            x: [N,C,h,w].
            level: the layout at h x w, or its dense form [N,K,h,w].
            normalized: x normalised, where the caller has it already.
            vectors: [R,K], what each of a level's R labels stands for; None: a channel of its own.

        Returns:
            [N,C,h,w].
        """
        if self.path == "tables" and not isinstance(level, Tensor):
            return self._from_tables(x, level, normalized, vectors)
        dense = level if isinstance(level, Tensor) else _dense(level, x.dtype, vectors)  # [N,K,h,w]
        hidden = F.relu(self.shared(dense))  # [N,H,h,w]
        gamma, beta = self.gamma(hidden), self.beta(hidden)
        value = self.norm(x) if normalized is None else normalized.value
        return value * (1 + gamma) + beta  # type: ignore[no-any-return]

    def freeze(self, dtype: torch.dtype) -> None:
        """Compute what does not depend on the layout once and for all, and keep it in ``dtype``: for inference only."""
        if self.norm.uses_running_statistics:
            with torch.no_grad():
                gamma, beta = self._projections(folded=True)
                self._frozen = gamma.to(dtype), beta.to(dtype)

    def modulation_weights(self, *, folded: bool) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The second convolutions, which make ``1 + gamma`` and ``beta`` of the hidden channels.

        Args:
            folded: whether they are to modulate x and not norm(x), where running statistics make that one scale and
                shift for each channel, ``a x + b``: then they make ``a (1 + gamma)`` and ``beta + b (1 + gamma)``.

        Returns:
            Weight [C,H,k,k] and bias [C] of each.
        """
        weight, bias = self.gamma.weight, _bias(self.gamma) + 1
        shift_weight, shift_bias = self.beta.weight, _bias(self.beta)
        if folded:
            scale, shift = self.norm.scale_and_shift()
            shift_weight, shift_bias = shift_weight + weight * shift.view(-1, 1, 1, 1), shift_bias + bias * shift
            weight, bias = weight * scale.view(-1, 1, 1, 1), bias * scale
        return (weight, bias), (shift_weight, shift_bias)

    def _from_tables(self, x: Tensor, level: Level, normalized: Normalized | None, vectors: Tensor | None) -> Tensor:
        source: Tensor | Normalized
        if normalized is None and self.norm.uses_running_statistics:
            (gamma, beta), source = self._frozen or self._projections(folded=True), x
        else:
            gamma, beta = self._projections(folded=False)
            source = normalized or normalize_together(x, self.norm)
        weight = self.shared.weight if vectors is None else weight_of_vectors(self.shared.weight, vectors)
        hidden = hidden_vectors(level, weight, _bias(self.shared))
        places = level.windows(self.shared.kernel_size[0]).arrangements
        return modulate(source, project(hidden, places, gamma), project(hidden, places, beta), places)

    def _projections(self, *, folded: bool) -> tuple[Projection, Projection]:
        gamma, beta = self.modulation_weights(folded=folded)
        return Projection.of(*gamma), Projection.of(*beta)


def choose_path(network: nn.Module, path: ModulationPath) -> None:
    """Choose how every SPADE layer inside ``network`` is computed; the result is the same up to rounding."""
    for module in network.modules():
        if isinstance(module, SPADE):
            module.path = path


def freeze_modulation(network: nn.Module, dtype: torch.dtype) -> None:
    """:meth:`SPADE.freeze` for every SPADE layer inside ``network``."""
    for module in network.modules():
        if isinstance(module, SPADE):
            module.freeze(dtype)


def _dense(level: Level, dtype: torch.dtype, vectors: Tensor | None) -> Tensor:
    """[N,K,h,w]: one-hot labels, or the vectors that they stand for."""
    if vectors is None:
        return level.one_hot(dtype)
    return F.embedding(level.symbols, vectors.to(dtype)).permute(0, 3, 1, 2)


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
