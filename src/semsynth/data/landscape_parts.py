"""Parts of drawn landscapes: uneven lines, crowns of trees, boulders, paths; painted from far to near.

Positions are shares of the picture, x from the left and y from the top, 0 to 1, so that the same parts come out at
every size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID, ClassSet
from semsynth.layout import Size

Line = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""The height y of a line at positions x."""
_OCTAVES = 8


@dataclass(frozen=True)
class Waves:
    """A random curve: waves of rising frequency and falling height."""

    frequencies: NDArray[np.float64]
    heights: NDArray[np.float64]
    phases: NDArray[np.float64]
    peaked: bool
    """Whether crests come to a point, as those of mountains do."""

    @classmethod
    def draw(
        cls, rng: np.random.Generator, height: float, first: float = 1.0, roughness: float = 0.5, peaked: bool = False
    ) -> Waves:
        """Draw a curve.

        Args:
            rng: where it comes from.
            height: of the longest wave.
            first: how many of the longest waves go into the picture's width.
            roughness: height of each wave relative to the one that is twice as long.
            peaked: whether crests come to a point.
        """
        octaves = np.arange(_OCTAVES, dtype=np.float64)
        frequencies = first * 2.0**octaves * rng.uniform(0.8, 1.25, _OCTAVES)
        return cls(frequencies, height * roughness**octaves, rng.uniform(0, 2 * np.pi, _OCTAVES), peaked)

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its values at positions of any shape; about -1.5 to 1.5 times the height."""
        waves = np.sin(2 * np.pi * self.frequencies * x[..., None] + self.phases)
        if self.peaked:
            waves = 1 - 2 * np.abs(waves)
        heights: NDArray[np.float64] = (waves * self.heights).sum(-1)
        return heights


class Painting:
    """A label map that is painted from far to near."""

    def __init__(self, classes: ClassSet, size: Size, background: str) -> None:
        self._ids = {item.name: item.id for item in classes.classes}
        height, width = size
        self.aspect = width / height
        self._y = ((np.arange(height) + 0.5) / height)[:, None]  # [H,1]
        self._x = ((np.arange(width) + 0.5) / width)[None]  # [1,W]
        self._labels = np.full(size, self._ids[background], np.uint16)

    def labels(self) -> NDArray[np.uint16]:
        """[H,W] class ids."""
        return self._labels

    def fill_below(self, name: str, line: Line, only: str | None = None) -> None:
        """Paint everything below ``line``; with ``only``, where that class is now."""
        self._paint(name, self._y >= line(self._x), only)

    def fill_between(self, name: str, upper: Line, lower: Line) -> None:
        """Paint what lies below one line and above another."""
        self._paint(name, (self._y >= upper(self._x)) & (self._y < lower(self._x)))

    def blob(self, rng: np.random.Generator, name: str, x: float, y: float, width: float, height: float) -> None:
        """Paint a rounded shape with an uneven outline around its centre, as a crown or a boulder is."""
        lobes = np.arange(2, 16)
        heights, phases = 0.22 / lobes**0.85, rng.uniform(0, 2 * np.pi, lobes.size)
        across, up = (self._x - x) / (width / 2), (self._y - y) / (height / 2)
        angle = np.arctan2(up, across)  # [H,W]
        outline = (np.sin(lobes * angle[..., None] + phases) * heights).sum(-1)
        self._paint(name, np.hypot(across, up) <= 1 + outline.clip(-0.5, 0.5))

    def at(self, x: float, y: float) -> int:
        """The id at a point; void outside the picture."""
        height, width = self._labels.shape
        row, column = int(y * height), int(x * width)
        return int(self._labels[row, column]) if 0 <= row < height and 0 <= column < width else VOID

    def column(self, name: str, x: float, top: float, bottom: float, width: float) -> None:
        """Paint an upright bar, as a trunk is."""
        self._paint(name, (np.abs(self._x - x) <= width / 2) & (self._y >= top) & (self._y <= bottom))

    def cone(self, rng: np.random.Generator, name: str, x: float, top: float, bottom: float, width: float) -> None:
        """Paint a conifer: wider towards the ground, with branches that stick out."""
        along = ((self._y - top) / (bottom - top)).clip(0, 1)  # [H,1]
        branches = 1 + 0.5 * Waves.draw(rng, 0.3, first=8, roughness=0.6)(along)
        inside = (self._y >= top) & (self._y <= bottom)
        self._paint(name, inside & (np.abs(self._x - x) <= width / 2 * along * branches))

    def path(self, name: str, horizon: float, end: float, start: float, width: float, bend: float) -> None:
        """Paint a way that narrows from the lower border towards a point on the horizon.

        Args:
            name: its class.
            horizon: y of its end.
            end: x of its end.
            start: x of its middle at the lower border.
            width: at the lower border.
            bend: how far it leaves the straight line.
        """
        near = ((self._y - horizon) / (1 - horizon)).clip(0, 1)  # [H,1]
        middle = end + (start - end) * near + bend * np.sin(np.pi * near)
        self._paint(name, (self._y > horizon) & (np.abs(self._x - middle) <= width / 2 * near**1.3 + 0.006))

    def _paint(self, name: str, where: NDArray[np.bool_], only: str | None = None) -> None:
        if only is not None:
            where = where & (self._labels == self._ids[only])
        self._labels[np.broadcast_to(where, self._labels.shape)] = self._ids[name]


def level(y: float) -> Line:
    """The horizontal line at ``y``."""
    return lambda x: np.full_like(x, y)


def uneven(y: float, waves: Waves, slope: float = 0.0) -> Line:
    """A line around ``y`` that rises and falls by ``waves`` and leans by ``slope`` from left to right."""
    return lambda x: y + slope * (x - 0.5) - waves(x)
