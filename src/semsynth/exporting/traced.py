"""Layouts while a graph of a generator is recorded: no shape may depend on what they show.

The layout tables of :mod:`semsynth.ops` find the distinct windows of a layout; how many there are is known only once it
is there. A graph that is recorded once for all layouts reads it at every pixel instead. The results are equal up to
rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, Level


@dataclass(frozen=True, eq=False)
class TracedLevel(Level):
    """A level that is read at every pixel."""

    tabled: ClassVar[bool] = False

    channels: Tensor = field(default_factory=lambda: torch.empty(0))
    """[S+1,C]: what the encoding's S symbols, and "outside", stand for."""
    noise: Tensor | None = None
    """[N,Z,h,w]: channels before the layout's."""
    _dense: dict[torch.dtype, Tensor] = field(default_factory=dict)
    _padded: dict[int, Tensor] = field(default_factory=dict)

    def one_hot(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """[N,Z+C,h,w]; the layout's share is looked up, once."""
        if dtype not in self._dense:
            labels = F.embedding(self.symbols, self.channels.to(dtype)).permute(0, 3, 1, 2)  # [N,C,h,w]
            self._dense[dtype] = labels if self.noise is None else torch.cat([self.noise.to(dtype), labels], 1)
        return self._dense[dtype]

    def sum_of_rows(self, rows: Tensor) -> Tensor:
        """Convolve the layout with "same" padding: a row is looked up for every tap, and they are added up.

        Args:
            rows: [k*k,S+1,O], see :func:`semsynth.layout_ops.conv.symbol_rows`.

        Returns:
            [N,O,h,w].
        """
        kernel = {1: 1, 9: 3, 25: 5}[rows.shape[0]]
        height, width = self.size
        if kernel not in self._padded:
            self._padded[kernel] = F.pad(self.symbols, (kernel // 2,) * 4, value=self.encoding.num_symbols)
        padded, total = self._padded[kernel], None
        for tap, of_tap in enumerate(rows):
            row, column = divmod(tap, kernel)
            seen = F.embedding(padded[:, row : row + height, column : column + width], of_tap)  # [N,h,w,O]
            total = seen if total is None else total + seen
        assert total is not None
        return total.permute(0, 3, 1, 2)  # [N,O,h,w]


@dataclass(frozen=True, eq=False)
class TracedLayouts(LayoutBatch):
    """Layouts whose sides may be symbols: they are only ever divided by whole numbers."""

    full: TracedLevel
    _sampled: dict[int, TracedLevel] = field(default_factory=dict)
    _soft: dict[int, Tensor] = field(default_factory=dict)

    def at(self, height: int, width: int) -> TracedLevel:
        """Every so many-th row and column, which is what nearest sampling takes."""
        step = int(self.size[0] // height)
        if step == 1:
            return self.full
        if step not in self._sampled:
            noise = None if self.full.noise is None else self.full.noise[:, :, ::step, ::step]
            symbols = self.full.symbols[:, ::step, ::step]
            self._sampled[step] = TracedLevel(symbols, self.encoding, channels=self.full.channels, noise=noise)
        return self._sampled[step]

    def beside(self, channels: Tensor) -> TracedLayouts:
        """The layouts with noise [N,Z,H,W] before their own channels at every level."""
        level = TracedLevel(self.full.symbols, self.encoding, channels=self.full.channels, noise=channels)
        return TracedLayouts(level)

    def padded(self, bottom: int, right: int) -> TracedLayouts:
        """The last row and column repeated so many times; of whole numbers only."""
        rows, columns = (
            torch.arange(n + more).clamp_max(n - 1) for n, more in zip(self.size, (bottom, right), strict=True)
        )
        symbols = self.full.symbols[:, rows[:, None], columns]
        return TracedLayouts(TracedLevel(symbols, self.encoding, channels=self.full.channels))

    def averaged(self, height: int, width: int) -> Tensor:
        """Means of 2 x 2 pixels, repeated: sides are halved a whole number of times."""
        return self._halved(int(self.size[0] // height).bit_length() - 1)

    def _halved(self, times: int) -> Tensor:
        if times not in self._soft:
            self._soft[times] = F.avg_pool2d(self._halved(times - 1), 2) if times else self.full.one_hot()
        return self._soft[times]
