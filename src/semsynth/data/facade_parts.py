"""What house fronts are made of: rectangles of the ``cmp_facades`` classes, the style of a floor, windows and doors.

As in the CMP labels, mouldings are the bands that run along the front, cornices the hoods above windows, and the
classes overlap in a fixed order.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import builtin

PAINT_ORDER = (
    "background",
    "facade",
    "molding",
    "pillar",
    "cornice",
    "window",
    "door",
    "sill",
    "blind",
    "balcony",
    "shop",
    "deco",
)
"""What covers what, bottom first."""


class Box(NamedTuple):
    """A rectangle; 0..1 is the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """In shares of the picture."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """In shares of the picture."""
        return self.bottom - self.top

    def part(self, left: float, top: float, right: float, bottom: float) -> Box:
        """A rectangle given in this one's coordinates, where 0..1 is this one; it may reach beyond."""
        return Box(
            self.left + left * self.width,
            self.top + top * self.height,
            self.left + right * self.width,
            self.top + bottom * self.height,
        )


class Front:
    """Collects the rectangles of one front."""

    def __init__(self, rng: random.Random, size: int) -> None:
        self.rng, self.size = rng, size
        self._boxes: dict[str, list[Box]] = {name: [] for name in PAINT_ORDER}

    def add(self, name: str, box: Box) -> None:
        """Put a rectangle of class ``name``; parts outside the picture are cut off."""
        self._boxes[name].append(box)

    def chance(self, probability: float) -> bool:
        """True with ``probability``."""
        return self.rng.random() < probability

    def labels(self) -> NDArray[np.uint16]:
        """[size,size] uint16."""
        classes = builtin("cmp_facades")
        labels = np.full((self.size, self.size), classes["background"].id, np.uint16)
        for name in PAINT_ORDER:
            for box in self._boxes[name]:
                left, top, right, bottom = (max(0, round(edge * self.size)) for edge in box)
                if right > left and bottom > top:
                    labels[top:bottom, left:right] = classes[name].id
        return labels


@dataclass(frozen=True)
class FloorStyle:
    """How the cells of one floor look; lengths are shares of a cell."""

    window: Box
    """The window in its cell."""
    panes: int
    """Windows side by side in a cell."""
    gap: float
    """Wall between two of them."""
    hood: float
    """Height of the cornice above the window; 0: none."""
    sill: float
    """Height of the sill; 0: none."""
    overhang: float
    """How far hood and sill reach beyond the window on each side."""
    blinds: Literal["none", "shutters", "rollers"]
    balconies: Literal["none", "cells", "continuous"]
    balcony_cells: frozenset[int]
    """Bays that have a balcony of their own."""
    balcony_height: float
    """In shares of the window's height."""
    deco: Literal["none", "above", "between", "below"]


def random_style(front: Front, bays: int) -> FloorStyle:
    """Draw the style of a floor of ``bays`` bays."""
    rng = front.rng
    width, height = rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.64)
    top = rng.uniform(0.14, min(0.34, 0.92 - height))
    every = rng.choice((1, 1, 2, 3))
    start = rng.randrange(every)
    cells = {bay for bay in range(bays) if bay % every == start or (bays - 1 - bay) % every == start}
    blinds: Literal["none", "shutters", "rollers"] = "none"
    if front.chance(0.2):
        blinds = "shutters" if front.chance(0.6) else "rollers"
    return FloorStyle(
        window=Box(0.5 - width / 2, top, 0.5 + width / 2, top + height),
        panes=rng.choices((1, 2, 3), (60, 32, 8))[0],
        gap=rng.uniform(0.03, 0.1),
        hood=rng.uniform(0.08, 0.26) if front.chance(0.42) else 0.0,
        sill=rng.uniform(0.06, 0.19) if front.chance(0.5) else 0.0,
        overhang=rng.uniform(0.02, 0.12),
        blinds=blinds,
        balconies=rng.choices(("none", "cells", "continuous"), (64, 28, 8))[0],
        balcony_cells=frozenset(cells),
        balcony_height=rng.uniform(0.4, 0.8),
        deco=rng.choices(("none", "above", "between", "below"), (76, 8, 8, 8))[0],
    )


def add_window(front: Front, cell: Box, style: FloorStyle, bay: int) -> None:
    """One window in bay number ``bay``, with what belongs to it."""
    left, top, right, bottom = style.window
    opening = cell.part(left, top, right, bottom)
    pane = (1 - style.gap * (style.panes - 1)) / style.panes
    rolled = front.rng.choice((0.0, 0.0, 0.3, 0.5, 0.75)) if style.blinds == "rollers" else 0.0
    for index in range(style.panes):
        start = index * (pane + style.gap)
        front.add("window", opening.part(start, 0, start + pane, 1))
        front.add("blind", opening.part(start, 0, start + pane, rolled))
    if style.blinds == "shutters":
        for edge in (-0.3, 1.0):
            front.add("blind", opening.part(edge, 0, edge + 0.3, 1))
    if style.hood:
        front.add("cornice", cell.part(left - style.overhang, top - style.hood, right + style.overhang, top))
    if style.sill:
        front.add("sill", cell.part(left - style.overhang, bottom, right + style.overhang, bottom + style.sill))
    if style.balconies == "cells" and bay in style.balcony_cells:
        high = bottom - style.balcony_height * (bottom - top)
        front.add("balcony", cell.part(left - 0.12, high, right + 0.12, bottom + 0.06))
    middle = (left + right) / 2
    if style.deco == "above":
        front.add("deco", cell.part(middle - 0.12, top - style.hood - 0.12, middle + 0.12, top - style.hood / 2))
    if style.deco == "between":
        front.add("deco", cell.part(-0.09, top + 0.05, 0.09, top + 0.25))
    if style.deco == "below":
        front.add("deco", cell.part(left, bottom + style.sill, right, min(1.0, bottom + style.sill + 0.12)))


def add_door(front: Front, cell: Box) -> None:
    """A door that stands on the cell's lower edge, often with a trim."""
    rng = front.rng
    width, top = rng.uniform(0.4, 0.75), rng.uniform(0.22, 0.42)
    left, right = 0.5 - width / 2, 0.5 + width / 2
    front.add("door", cell.part(left, top, right, 1))
    trim = rng.random()
    if trim < 0.3:
        front.add("deco", cell.part(left - 0.06, top - 0.16, right + 0.06, top + 0.02))
    elif trim < 0.5:
        front.add("cornice", cell.part(left - 0.1, top - 0.1, right + 0.1, top))
    elif trim < 0.65:
        for edge in (left - 0.12, right):
            front.add("pillar", cell.part(edge, top, edge + 0.12, 1))
