"""A rectangle of a level whose windows know what lies around it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.layout.batch import LabelWindows, Level
from semsynth.ops.rectangle import Rectangle
from semsynth.ops.windows import DistinctRows, distinct_rows, window_columns


@dataclass(frozen=True, eq=False)
class LevelPart(Level):
    """Layouts in a rectangle of a level: windows reach over its border into the level, as those of the whole do."""

    whole: Level = field(kw_only=True)
    area: Rectangle = field(kw_only=True)

    @classmethod
    def of(cls, whole: Level, area: Rectangle) -> LevelPart:
        """The part of ``whole`` in ``area``."""
        return cls(whole.cut(area).contiguous(), whole.encoding, whole=whole, area=area)

    def windows(self, kernel: int) -> LabelWindows:
        """See :meth:`Level.windows`: of the part's pixels, as they are found in the whole level."""
        if kernel not in self._label_windows:
            reach, outside = kernel // 2, self.encoding.num_symbols
            windows = distinct_rows(window_columns(self._around(2 * reach), kernel, outside=outside))
            height, width = self.size
            centres = windows.index.view(-1, height + 2 * reach, width + 2 * reach)
            inside = self._inside(reach, centres.device)
            centres = torch.where(inside, centres, centres.new_tensor(windows.count))
            arrangements = window_columns(centres, kernel, outside=windows.count)
            self._label_windows[kernel] = LabelWindows(windows, distinct_rows(arrangements))
        return self._label_windows[kernel]

    def patches(self, kernel: int, stride: int, padding: int, reflect: bool = False, dilation: int = 1) -> DistinctRows:
        """See :meth:`Level.patches`; for "same" convolutions with a border of zeros alone.

        Raises:
            ValueError: of another convolution.
        """
        if (stride, padding, reflect, dilation) != (1, kernel // 2, False, 1):
            raise ValueError("parts of a level have the windows of convolutions that keep the size")
        key = kernel, stride, padding, reflect, dilation
        if key not in self._patches:
            columns = window_columns(self._around(padding), kernel, outside=self.encoding.num_symbols)
            self._patches[key] = distinct_rows(columns)
        return self._patches[key]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> LevelPart:
        """The same on ``device``."""
        return LevelPart.of(self.whole.to(device, non_blocking), self.area)

    def pin_memory(self) -> LevelPart:
        """The same in page-locked memory."""
        return LevelPart.of(self.whole.pin_memory(), self.area)

    def _around(self, pixels: int) -> Tensor:
        """[N,h+2*pixels,w+2*pixels]: the part and what surrounds it; "outside" beyond the level's border."""
        near = self.area.grown(pixels, self.whole.size)
        return F.pad(self.whole.cut(near), self._missing(near, pixels), value=self.encoding.num_symbols)

    def _inside(self, pixels: int, device: torch.device) -> Tensor:
        """[h+2*pixels,w+2*pixels]: whether a pixel of the surroundings lies in the level."""
        near = self.area.grown(pixels, self.whole.size)
        return F.pad(torch.ones(near.size, dtype=torch.bool, device=device), self._missing(near, pixels))

    def _missing(self, near: Rectangle, pixels: int) -> tuple[int, int, int, int]:
        """How many of ``pixels`` the level lacks at the left, right, top and bottom."""
        area = self.area
        return (
            pixels - (area.left - near.left),
            pixels - (near.right - area.right),
            pixels - (area.top - near.top),
            pixels - (near.bottom - area.bottom),
        )


def part_of(level: Level | Tensor, area: Rectangle | None) -> Level | Tensor:
    """A level, or its dense form [N,C,h,w], in ``area``; None: all of it."""
    if area is None:
        return level
    return area.of(level) if isinstance(level, Tensor) else LevelPart.of(level, area)
