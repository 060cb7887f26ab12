"""Where two layouts differ, as a layer of a network reads them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from semsynth.layout.batch import Level
from semsynth.ops.rectangle import Rectangle


@dataclass(frozen=True, eq=False)
class Reading:
    """What a layer reads of N layouts, without their windows."""

    values: Tensor
    """[N,h,w] labels, or [N,C,h,w] channels."""
    vectors: Tensor | None = None
    """[R,K], what each of R labels stands for; None: a channel of its own."""

    @classmethod
    def of(cls, level: Level | Tensor, vectors: Tensor | None = None) -> Reading:
        """Of layouts at one resolution."""
        if isinstance(level, Tensor):
            return cls(level)
        return cls(level.symbols, vectors)

    def difference(self, other: Reading) -> Rectangle | None:
        """The smallest rectangle with all pixels that differ in any of N layouts; None: there are none.

        Labels that stand for vectors are equal where these are, whatever their numbers.

        Args:
            other: of N layouts of the same size. Where it is of another kind, everything differs.
        """
        if self.values.shape != other.values.shape or (self.vectors is None) != (other.vectors is None):
            return Rectangle(0, 0, *self.values.shape[-2:])
        if self.values.dim() == 4:
            return Rectangle.around((self.values != other.values).flatten(0, 1).any(0))
        mine, others = self.values, other.values
        if self.vectors is not None and other.vectors is not None:
            _, same = torch.cat([self.vectors, other.vectors]).double().unique(dim=0, return_inverse=True)
            of_mine, of_others = same.split([len(self.vectors), len(other.vectors)])
            mine, others = of_mine[mine], of_others[others]
        return Rectangle.around((mine != others).any(0))
