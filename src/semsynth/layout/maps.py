"""Label maps as people hold them: what files, canvases and requests become."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import UNKNOWN, ClassSet
from semsynth.errors import SemsynthError

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


def _nearest_centres(n: int, m: int) -> NDArray[np.int64]:
    """[m]: source positions of Pillow's nearest resampling from n to m samples, its float rounding included."""
    steps = np.full(m, n / m)
    steps[0] /= 2
    return np.minimum(np.add.accumulate(steps).astype(np.int64), n - 1)


def pixels(size: tuple[int, ...]) -> str:
    """'WIDTHxHEIGHT', as image programs say it."""
    return f"{size[1]}x{size[0]}"
