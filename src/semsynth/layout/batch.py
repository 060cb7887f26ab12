"""Layouts as networks read them: integers until a level becomes a one-hot tensor or its distinct windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.layout.averaging import average_rectangles, average_squares
from semsynth.layout.encoding import LayoutEncoding
from semsynth.layout.maps import Layout, Size, pixels
from semsynth.ops.boundary import instance_boundary
from semsynth.ops.rectangle import Rectangle
from semsynth.ops.windows import DistinctRows, distinct_rows, distinct_values, window_columns


@dataclass(frozen=True, eq=False)
class LabelWindows:
    """The distinct label windows around the pixels of a level, and the distinct arrangements of such windows.

    Two stacked k x k convolutions see at a pixel one *arrangement*: the k x k label windows centred
    on its k x k neighbours.
    """

    windows: DistinctRows
    """Rows [V,k*k] of symbols; ``num_symbols`` is outside."""
    arrangements: DistinctRows
    """Rows [U,k*k] of indices into ``windows``; V is outside."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> LabelWindows:
        """The same on ``device``."""
        return LabelWindows(self.windows.to(device, non_blocking), self.arrangements.to(device, non_blocking))

    def pin_memory(self) -> LabelWindows:
        """The same in page-locked memory."""
        return LabelWindows(self.windows.pin_memory(), self.arrangements.pin_memory())


@dataclass(frozen=True, eq=False)
class Level:
    """A batch of layouts at one resolution."""

    tabled: ClassVar[bool] = True
    """Whether convolutions go through the distinct windows, whose number depends on the layout; else they are dense."""

    symbols: Tensor
    """[N,h,w] int32: the label channel, or ``2 * channel + edge`` where the encoding has an edge channel."""
    encoding: LayoutEncoding
    _label_windows: dict[int, LabelWindows] = field(default_factory=dict)
    _patches: dict[tuple[int, int, int, bool, int], DistinctRows] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.symbols.shape[1], self.symbols.shape[2]

    @property
    def num_pixels(self) -> int:
        """N*h*w."""
        return self.symbols.numel()

    def cut(self, area: Rectangle) -> Tensor:
        """[N,h',w']: the symbols of a rectangle."""
        return area.of(self.symbols)

    def one_hot(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The dense form: [N,C,h,w], C = ``encoding.num_channels``."""
        table = self.encoding.symbol_channels(self.symbols.device, dtype)
        return F.embedding(self.symbols, table).permute(0, 3, 1, 2)  # [N,C,h,w], channels-last in memory

    def windows(self, kernel: int) -> LabelWindows:
        """Distinct windows for two stacked ``kernel`` x ``kernel`` convolutions with "same" padding; computed once."""
        if kernel not in self._label_windows:
            outside = self.encoding.num_symbols
            windows = distinct_rows(window_columns(self.symbols, kernel, padding=kernel // 2, outside=outside))
            centres = windows.index.view(self.symbols.shape)
            arrangements = window_columns(centres, kernel, padding=kernel // 2, outside=windows.count)
            self._label_windows[kernel] = LabelWindows(windows, distinct_rows(arrangements))
        return self._label_windows[kernel]

    def patches(self, kernel: int, stride: int, padding: int, reflect: bool = False, dilation: int = 1) -> DistinctRows:
        """Distinct windows for one convolution, zero-padded unless ``reflect`` is set; computed once."""
        key = kernel, stride, padding, reflect, dilation
        if key not in self._patches:
            outside = None if reflect else self.encoding.num_symbols
            columns = window_columns(self.symbols, kernel, stride, padding, dilation=dilation, outside=outside)
            self._patches[key] = distinct_rows(columns)
        return self._patches[key]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Level:
        """The same on ``device``, windows included."""
        return Level(
            self.symbols.to(device, non_blocking=non_blocking),
            self.encoding,
            {k: w.to(device, non_blocking) for k, w in self._label_windows.items()},
            {k: p.to(device, non_blocking) for k, p in self._patches.items()},
        )

    def pin_memory(self) -> Level:
        """The same in page-locked memory."""
        return Level(
            self.symbols.pin_memory(),
            self.encoding,
            {k: w.pin_memory() for k, w in self._label_windows.items()},
            {k: p.pin_memory() for k, p in self._patches.items()},
        )


@dataclass(frozen=True, eq=False)
class LayoutBatch:
    """Layouts of one size, as every network takes them."""

    full: Level
    """The layouts at their own resolution."""
    _levels: dict[Size, Level] = field(default_factory=dict)
    _padded: dict[Size, LayoutBatch] = field(default_factory=dict)
    _averaged: dict[Size, Tensor] = field(default_factory=dict)
    _regions: list[Regions] = field(default_factory=list)

    @classmethod
    def from_layouts(cls, layouts: Sequence[Layout], encoding: LayoutEncoding) -> LayoutBatch:
        """Encode layouts of equal size.

        Raises:
            SemsynthError: sizes differ, another class set, or missing instances where edges are asked for.
        """
        for layout in layouts:
            if layout.size != layouts[0].size:
                sizes = f"{pixels(layout.size)} and {pixels(layouts[0].size)}"
                raise SemsynthError(f"layouts of one batch must have one size, got {sizes}")
            if layout.classes.num_classes != encoding.num_classes:
                count = layout.classes.num_classes
                raise SemsynthError(
                    f"the class set '{layout.classes.name}' has {count} classes, the network {encoding.num_classes}"
                )
            if encoding.edges and layout.instances is None:
                raise SemsynthError("this network reads instance boundaries: give an instance map with each label map")
        table = encoding.channel_of_index()
        labels = np.stack([table[layout.classes.index_of_id[layout.labels]] for layout in layouts])
        instances = [layout.instances for layout in layouts if layout.instances is not None] if encoding.edges else []
        return cls.from_channels(
            torch.from_numpy(labels), encoding, torch.from_numpy(np.stack(instances)) if instances else None
        )

    @classmethod
    def from_channels(cls, channels: Tensor, encoding: LayoutEncoding, instances: Tensor | None = None) -> LayoutBatch:
        """Build a batch from label channels.

        Args:
            channels: [N,H,W] integers, 0..num_labels; ``num_labels`` means "no channel".
            encoding: what the channels mean.
            instances: [N,H,W] integers; needed if, and only if, the encoding has an edge channel.
        """
        symbols = channels.int()
        if encoding.edges:
            if instances is None:
                raise SemsynthError("this network reads instance boundaries: give an instance map with each label map")
            symbols = 2 * symbols + instance_boundary(instances).int()
        return cls(Level(symbols, encoding))

    @property
    def size(self) -> Size:
        """(height, width) of the layouts."""
        return self.full.size

    @property
    def encoding(self) -> LayoutEncoding:
        """What the channels mean."""
        return self.full.encoding

    def __len__(self) -> int:
        """N, the number of layouts."""
        return self.full.symbols.shape[0]

    def at(self, height: int, width: int) -> Level:
        """The layouts at another resolution, sampled as torch's nearest interpolation does; computed once."""
        size = height, width
        if size == self.size:
            return self.full
        if size not in self._levels:
            rows, columns = (nearest_floor(n, m) for n, m in zip(self.size, size, strict=True))
            device = self.full.symbols.device
            symbols = self.full.symbols[:, rows.to(device)[:, None], columns.to(device)]
            self._levels[size] = Level(symbols.contiguous(), self.encoding)
        return self._levels[size]

    def averaged(self, height: int, width: int) -> Tensor:
        """The layouts at a lower resolution as soft labels, the mean over each pixel's area; computed once.

        Args:
            height: H halved as many times as ``width`` is W: means of 2 x 2 pixels, repeated, which are exact; or any
                other, for means over overlapping rectangles of whole pixels.
            width: in pixels.

        Returns:
            [N,C,height,width] float32.
        """
        size = height, width
        if size not in self._averaged:
            (rows, odd_rows), (columns, odd_columns) = map(divmod, self.size, size)
            if size == self.size:
                self._averaged[size] = self.full.one_hot()
            elif rows == columns == 2 and not (odd_rows or odd_columns):
                self._averaged[size] = average_squares(self.full.symbols, self.encoding)
            elif rows == columns and rows & (rows - 1) == 0 and rows > 2 and not (odd_rows or odd_columns):
                self._averaged[size] = F.avg_pool2d(self.averaged(2 * height, 2 * width), 2)
            else:
                self._averaged[size] = average_rectangles(self.full.symbols, self.encoding, height, width)
        return self._averaged[size]

    def regions(self) -> Regions:
        """The layouts with the labels of each image told apart from those of the others; made once."""
        if not self._regions:
            count = self.encoding.num_symbols
            first = torch.arange(len(self), device=self.full.symbols.device)[:, None, None] * count
            self._regions.append(Regions.of(self, distinct_values(first + self.full.symbols)))
        return self._regions[0]

    def beside(self, channels: Tensor) -> Tensor | LayoutBatch:
        """Dense ``channels`` [N,Z,H,W], then the layouts': [N,Z+C,H,W], or layouts whose levels are such."""
        return torch.cat([channels, self.full.one_hot(channels.dtype)], 1)

    def padded(self, bottom: int, right: int) -> LayoutBatch:
        """The layouts with their last row and column repeated so many times; made once."""
        key = bottom, right
        if key not in self._padded:
            rows, columns = (
                torch.arange(n + more, device=self.full.symbols.device).clamp_max(n - 1)
                for n, more in zip(self.size, key, strict=True)
            )
            self._padded[key] = LayoutBatch(Level(self.full.symbols[:, rows[:, None], columns], self.encoding))
        return self._padded[key]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> LayoutBatch:
        """The same on ``device``, with everything computed so far."""
        return LayoutBatch(
            self.full.to(device, non_blocking),
            {size: level.to(device, non_blocking) for size, level in self._levels.items()},
            {key: batch.to(device, non_blocking) for key, batch in self._padded.items()},
            {size: soft.to(device, non_blocking=non_blocking) for size, soft in self._averaged.items()},
            [regions.to(device, non_blocking) for regions in self._regions],
        )

    def pin_memory(self) -> LayoutBatch:
        """The same in page-locked memory."""
        return LayoutBatch(
            self.full.pin_memory(),
            {size: level.pin_memory() for size, level in self._levels.items()},
            {key: batch.pin_memory() for key, batch in self._padded.items()},
            {size: soft.pin_memory() for size, soft in self._averaged.items()},
            [regions.pin_memory() for regions in self._regions],
        )


@dataclass(frozen=True, eq=False)
class Regions:
    """Layouts whose pixels are grouped: a group has one label, and whatever else its pixels have in common."""

    layout: LayoutBatch
    """N layouts of H x W whose labels are the numbers 0..R-1 of the groups."""
    first: Tensor
    """[R] int64: a pixel of each group, among all N*H*W."""
    symbols: Tensor
    """[R] int64: the symbol of each group, see :attr:`Level.symbols`."""

    @classmethod
    def of(cls, layout: LayoutBatch, groups: DistinctRows) -> Regions:
        """From the group of each pixel of ``layout``."""
        first = groups.order[groups.offsets].long()
        numbers = groups.index.view(layout.full.symbols.shape)
        grouped = LayoutBatch.from_channels(numbers, LayoutEncoding(num_classes=groups.count))
        return cls(grouped, first, layout.full.symbols.flatten()[first].long())

    @property
    def images(self) -> Tensor:
        """[R] int64: the image that each group, or its first pixel, is in."""
        height, width = self.layout.size
        return self.first // (height * width)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Regions:
        """The same on ``device``."""
        first, symbols = (one.to(device, non_blocking=non_blocking) for one in (self.first, self.symbols))
        return Regions(self.layout.to(device, non_blocking), first, symbols)

    def pin_memory(self) -> Regions:
        """The same in page-locked memory."""
        return Regions(self.layout.pin_memory(), self.first.pin_memory(), self.symbols.pin_memory())


def nearest_floor(n: int, m: int) -> Tensor:
    """[m]: source positions of torch's nearest interpolation from n to m samples, its float rounding included."""
    positions = torch.arange(n, dtype=torch.float32)[None, None]
    return F.interpolate(positions, size=m, mode="nearest")[0, 0].long()
