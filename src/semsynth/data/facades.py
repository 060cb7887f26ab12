"""A small facade grammar: random plausible house fronts as layouts of the ``cmp_facades`` classes.

A front is a frame in the picture, cut into floors and bays; every floor has a style, every cell of the floor gets
a window with the style's parts, and the ground floor gets shops and doors. The shares of the classes are set to look
like the real layouts of the CMP Facade Database (mean share of pixels there and here: background 0.14, 0.13; facade
0.40, 0.45; window 0.13, 0.13; molding 0.11, 0.10; the others within 0.02). Not imitated: void, which is not a part of
a building, and maps so dense that windows are a few pixels wide.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from semsynth.classes import builtin
from semsynth.data.facade_parts import Box, Front, add_door, add_window, random_style
from semsynth.layout import Layout


def draw_facade(seed: int, size: int = 256) -> Layout:
    """Draw a front.

    Args:
        seed: the same seed gives the same front, at every size.
        size: width and height in pixels.

    Returns:
        A layout of the class set ``cmp_facades``, without void and without instances.
    """
    front = Front(random.Random(seed), size)
    frame = _frame(front)
    front.add("facade", frame)
    _neighbours(front, frame)
    wall = _roof(front, frame)
    floors = _floors(front, wall)
    bays = _bays(front, wall, floors)
    _upper_floors(front, floors[:-1], bays)
    _ground_floor(front, floors[-1], bays)
    _pillars(front, floors, bays)
    return Layout(front.labels(), builtin("cmp_facades"))


def _frame(front: Front) -> Box:
    """Where the front stands: filling the picture, or with sky above and neighbours beside it."""
    rng = front.rng
    if front.chance(0.45):
        edges = [rng.choice((0.0, rng.uniform(0, 0.03))) for _ in range(4)]
    else:
        edges = [
            rng.choice((0.0, rng.uniform(0.01, 0.16))),
            rng.choice((rng.uniform(0, 0.1), rng.uniform(0.05, 0.3))),
            rng.choice((0.0, rng.uniform(0.01, 0.16))),
            rng.uniform(0, 0.08),
        ]
    left, top, right, bottom = edges
    return Box(left, top, 1 - right, 1 - bottom)


def _neighbours(front: Front, frame: Box) -> None:
    """A few windows of the houses beside the frame."""
    rng = front.rng
    for left, right in ((0.0, frame.left), (frame.right, 1.0)):
        if right - left < 0.05 or not front.chance(0.4):
            continue
        side = Box(left, frame.top, right, frame.bottom)
        width = rng.uniform(0.35, 0.7)
        start = rng.uniform(0, 1 - width)
        rows = rng.randint(2, 4)
        kind = rng.choice(("window", "window", "balcony", "cornice"))
        for row in range(rows):
            top = (row + rng.uniform(0.25, 0.35)) / rows
            front.add(kind, side.part(start, top, start + width, top + 0.4 / rows))


def _roof(front: Front, frame: Box) -> Box:
    """The band along the roof, sometimes with brackets and dormers above; returns the wall below it."""
    rng = front.rng
    top = 0.0
    if front.chance(0.25):
        top = rng.uniform(0.1, 0.18)
        count = rng.randint(2, 5)
        for index in range(count):
            dormer = frame.part((index + 0.32) / count, 0.02, (index + 0.68) / count, top)
            front.add("window", dormer.part(0.1, 0.25, 0.9, 0.95))
            if front.chance(0.7):
                front.add("cornice", dormer.part(-0.1, 0.05, 1.1, 0.3))
    if not front.chance(0.85):
        return frame.part(0, top, 1, 1)
    band = rng.uniform(0.03, 0.11)
    side = rng.choice((0.0, 0.0, rng.uniform(0, 0.03)))
    roof = frame.part(-side, top, 1 + side, top + band)
    front.add("molding", roof)
    if front.chance(0.3):
        count = rng.randint(5, 16)
        share = rng.uniform(0.2, 0.45)
        for index in range(count):
            front.add(
                "deco", roof.part((index + 0.5 - share / 2) / count, 0.45, (index + 0.5 + share / 2) / count, 1.25)
            )
    return frame.part(0, top + band, 1, 1)


def _floors(front: Front, wall: Box) -> list[Box]:
    """Cut the wall into floors, top first; the last one is the ground floor."""
    rng = front.rng
    count = rng.choices((2, 3, 4, 5, 6, 7), (10, 28, 30, 20, 8, 4))[0]
    heights = [1 + rng.uniform(-0.06, 0.06) for _ in range(count - 1)] + [rng.uniform(0.95, 1.45)]
    heights[0] *= rng.choice((1.0, rng.uniform(0.75, 1.0)))
    edges = np.cumsum([0.0, *heights]) / sum(heights)
    return [wall.part(0, top, 1, bottom) for top, bottom in pairwise(edges.tolist())]


def _bays(front: Front, wall: Box, floors: Sequence[Box]) -> list[tuple[float, float]]:
    """(left, right) of every bay in shares of the wall, symmetric about the middle."""
    rng = front.rng
    cell = rng.uniform(0.62, 1.35) * floors[0].height
    count = min(12, max(2, round(wall.width / cell)))
    side = [1 + rng.choice((0.0, rng.uniform(-0.15, 0.25))) for _ in range((count + 1) // 2)]
    widths = side + side[::-1] if count % 2 == 0 else side[:-1] + side[::-1]
    margin = rng.uniform(0, 0.06)
    edges = margin + np.cumsum([0.0, *widths]) / sum(widths) * (1 - 2 * margin)
    return list(pairwise(edges.tolist()))


def _upper_floors(front: Front, floors: Sequence[Box], bays: Sequence[tuple[float, float]]) -> None:
    rng = front.rng
    base = random_style(front, len(bays))
    bands = front.chance(0.6)
    thickness = rng.uniform(0.06, 0.24)
    for index, floor in enumerate(floors):
        style = base
        if front.chance(0.35):
            other = random_style(front, len(bays))
            style = replace(other, window=base.window, panes=base.panes, gap=base.gap, blinds=base.blinds)
        elif front.chance(0.3):
            style = replace(base, hood=0.0 if base.hood else 0.1, balconies="none")
        for bay, (left, right) in enumerate(bays):
            add_window(front, floor.part(left, 0, right, 1), style, bay)
        if style.balconies == "continuous":
            bottom = style.window.bottom
            _along(front, "balcony", floor, bottom - style.balcony_height * style.window.height, bottom + 0.1)
        if bands and index and front.chance(0.8):
            _along(front, "molding", floor, -thickness / 2, thickness / 2)


def _along(front: Front, name: str, floor: Box, top: float, bottom: float) -> None:
    """A band along the whole floor."""
    front.add(name, floor.part(0, top, 1, bottom))


def _ground_floor(front: Front, floor: Box, bays: Sequence[tuple[float, float]]) -> None:
    """Windows or shops, and a door in most fronts."""
    rng = front.rng
    if front.chance(0.8):
        thickness = rng.uniform(0.06, 0.26)
        _along(front, "molding", floor, -thickness / 2, thickness / 2)
    doors: set[int] = set()
    if front.chance(0.65):
        doors = {rng.choice((len(bays) // 2, len(bays) // 2, rng.randrange(len(bays))))}
        if len(bays) > 5 and front.chance(0.35):
            doors.add(rng.randrange(len(bays)))
    shops = rng.choices((0.0, rng.uniform(0.2, 0.7), 1.0), (46, 28, 26))[0]
    awning = front.chance(0.25)
    style = replace(random_style(front, len(bays)), balconies="none")
    for bay, (left, right) in enumerate(bays):
        cell = floor.part(left, 0, right, 1)
        if bay in doors:
            add_door(front, cell)
        elif front.chance(shops):
            front.add("shop", cell.part(rng.uniform(0.06, 0.14), 0.36, rng.uniform(0.86, 0.94), rng.uniform(0.94, 1.0)))
            if awning:
                front.add("blind" if front.chance(0.3) else "shop", cell.part(0.03, 0.24, 0.97, 0.4))
        else:
            add_window(front, cell, style, bay)


def _pillars(front: Front, floors: Sequence[Box], bays: Sequence[tuple[float, float]]) -> None:
    """Pilasters between bays, over some of the floors."""
    rng = front.rng
    if not front.chance(0.42):
        return
    first = rng.randrange(len(floors))
    last = rng.randrange(first, len(floors))
    width = rng.uniform(0.06, 0.22)
    edges = [left for left, _ in bays] + [bays[-1][1]]
    if front.chance(0.35):
        edges = [edges[0], edges[-1]]
    for floor in floors[first : last + 1]:
        for edge in edges:
            half = width * (bays[0][1] - bays[0][0]) / 2
            front.add("pillar", floor.part(edge - half, 0.04, edge + half, 0.98))
