"""Layouts: label maps as people hold them, and as networks read them.

`Layout` is one map of class ids with optional instances: what files, canvases and requests become.
`LayoutBatch` is the tensor form that every network takes. It stays integer: `at` gives a resolution
level, and only a level can be turned into a dense one-hot tensor or into its distinct windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from semsynth.classes import UNKNOWN, ClassSet
from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.ops.boundary import instance_boundary
from semsynth.ops.windows import DistinctRows, distinct_rows, window_columns

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True, eq=False)
class Layout:
    """A label map.

    Attributes:
        labels: [H,W] uint16, class ids of ``classes``; ``VOID`` where there is no class.
        classes: what the ids mean.
        instances: [H,W] int32, equal within one object; None where objects are not told apart.
    """

    labels: NDArray[np.uint16]
    classes: ClassSet
    instances: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or 0 in self.labels.shape:
            raise SemsynthError(f"a label map needs two axes (height, width), got shape {self.labels.shape}")
        unknown = self.classes.index_of_id[self.labels] == UNKNOWN
        if unknown.any():
            ids, counts = np.unique(self.labels[unknown], return_counts=True)
            found = ", ".join(f"{i} ({n} pixels)" for i, n in zip(ids[:8], counts[:8], strict=True))
            more = f" and {len(ids) - 8} more" if len(ids) > 8 else ""
            raise SemsynthError(
                f"ids outside the class set '{self.classes.name}': {found}{more}; map them to its classes or to void"
            )
        if self.instances is not None and self.instances.shape != self.labels.shape:
            instances, labels = pixels(self.instances.shape), pixels(self.labels.shape)
            raise SemsynthError(f"the instance map is {instances}, the label map {labels}: they must be equal")

    @property
    def size(self) -> Size:
        """(height, width)."""
        height, width = self.labels.shape
        return height, width

    def resized(self, size: Size) -> Layout:
        """Nearest-neighbour resampling to ``size``, with pixel centres aligned as Pillow does."""
        if size == self.size:
            return self
        rows, columns = (_nearest_centres(n, m) for n, m in zip(self.size, size, strict=True))
        pick = np.ix_(rows, columns)
        return Layout(self.labels[pick], self.classes, None if self.instances is None else self.instances[pick])

    def colors(self) -> NDArray[np.uint8]:
        """[H,W,3] uint8: the map drawn in its classes' colours, void black."""
        return self.classes.palette[self.classes.index_of_id[self.labels]]


class LayoutEncoding(Config):
    """How a network's input channels stand for a layout."""

    num_classes: int
    """Classes of the class set."""
    void: Literal["none", "after", "before"] = "none"
    """Void's channel: none (all channels zero there), after the classes (SPADE's "dontcare") or before them (OASIS)."""
    edges: bool = False
    """Whether the last channel marks instance boundaries."""

    @property
    def num_labels(self) -> int:
        """Channels that stand for a class or for void."""
        return self.num_classes + (self.void != "none")

    @property
    def num_channels(self) -> int:
        """All channels."""
        return self.num_labels + self.edges

    @property
    def num_symbols(self) -> int:
        """Distinct values of :attr:`Level.symbols`; one more than the last stands for "outside the image"."""
        return (self.num_labels + 1) * (2 if self.edges else 1)

    def channel_of_index(self) -> NDArray[np.int64]:
        """[K+1]: class index (void last) -> channel; ``num_labels`` means "no channel"."""
        table = np.arange(self.num_classes + 1) + (self.void == "before")
        table[-1] = {"none": self.num_labels, "after": self.num_classes, "before": 0}[self.void]
        return table

    def symbol_channels(self) -> Tensor:
        """[num_symbols + 1, num_channels] float32: the channels that each symbol stands for; the last row is zero."""
        labels = torch.eye(self.num_labels + 1, self.num_labels)  # the last row is "no channel"
        if self.edges:
            labels = labels.repeat_interleave(2, 0)
            labels = torch.cat([labels, torch.tensor([0.0, 1.0]).repeat(self.num_labels + 1)[:, None]], 1)
        return F.pad(labels, (0, 0, 0, 1))


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

    def one_hot(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The dense form: [N,C,h,w], C = ``encoding.num_channels``."""
        table = self.encoding.symbol_channels().to(self.symbols.device, dtype)
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
            rows, columns = (_nearest_floor(n, m) for n, m in zip(self.size, size, strict=True))
            device = self.full.symbols.device
            symbols = self.full.symbols[:, rows.to(device)[:, None], columns.to(device)]
            self._levels[size] = Level(symbols.contiguous(), self.encoding)
        return self._levels[size]

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
        )

    def pin_memory(self) -> LayoutBatch:
        """The same in page-locked memory."""
        return LayoutBatch(
            self.full.pin_memory(),
            {size: level.pin_memory() for size, level in self._levels.items()},
            {key: batch.pin_memory() for key, batch in self._padded.items()},
        )


def _nearest_floor(n: int, m: int) -> Tensor:
    """[m]: source positions of torch's nearest interpolation from n to m samples, its float rounding included."""
    positions = torch.arange(n, dtype=torch.float32)[None, None]
    return F.interpolate(positions, size=m, mode="nearest")[0, 0].long()


def _nearest_centres(n: int, m: int) -> NDArray[np.int64]:
    """[m]: source positions of Pillow's nearest resampling from n to m samples, its float rounding included."""
    steps = np.full(m, n / m)
    steps[0] /= 2
    return np.minimum(np.add.accumulate(steps).astype(np.int64), n - 1)


def pixels(size: tuple[int, ...]) -> str:
    """'WIDTHxHEIGHT', as image programs say it."""
    return f"{size[1]}x{size[0]}"
