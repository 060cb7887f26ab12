"""A small street grammar: random street scenes as layouts of the ``labelmefacade`` classes.

A street runs along a straight line through its vanishing point: a road, pavements, a row of houses on both sides,
something at its end, trees and parked cars. The camera looks along it, at a row of houses, or somewhere between. The
shares of the classes are set to look like the real label maps of LabelMeFacade (:data:`REAL_SHARES`). Not imitated:
void, which is what annotators left out, and pictures that show a single wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from semsynth.classes import builtin
from semsynth.data.street_parts import CAR_LENGTH, CAR_WIDTH, add_bush, add_car, add_house, add_tree, random_house
from semsynth.data.street_view import Camera, Points, StreetView, Wall
from semsynth.layout import Layout, Size

REAL_SHARES = {
    "building": 0.467,
    "car": 0.041,
    "door": 0.009,
    "pavement": 0.064,
    "road": 0.166,
    "sky": 0.131,
    "vegetation": 0.083,
    "window": 0.039,
}
"""Of the labelled pixels of LabelMeFacade's 945 label maps."""

DEFAULT_SIZE = (256, 256)
"""(height, width) of the scenes unless another is asked for: what the bundled model ``streets`` makes."""

_FAR = 150.0
"""Metres along the street up to which there are houses."""


@dataclass(frozen=True)
class _Street:
    """What runs along the whole street; metres."""

    camera: Camera
    road: float
    """Half its width."""
    left: float
    """From the road to the houses, to the left."""
    right: float
    garden: float
    """Of that, in front of the houses: grass."""
    low: bool
    """Whether the houses have few floors."""
    sides: tuple[int, ...]
    """Where there are houses: -1 to the left, 1 to the right."""

    def houses_at(self, side: int) -> float:
        """Where the row of houses is: x."""
        return side * (self.road + (self.right if side > 0 else self.left))


def draw_street(seed: int, size: Size = DEFAULT_SIZE) -> Layout:
    """Draw a street scene.

    Args:
        seed: the same seed gives the same scene, at every size of one shape.
        size: (height, width) in pixels.

    Returns:
        A layout of the class set ``labelmefacade``, without void and without instances.
    """
    rng = np.random.default_rng(seed)
    street = _street(rng)
    view = StreetView(street.camera, builtin("labelmefacade"), size, "sky")
    _ground(view, rng, street)
    _end(view, rng, street)
    _houses(view, rng, street)
    _things(view, rng, street)
    return Layout(view.labels(), builtin("labelmefacade"))


def _street(rng: np.random.Generator) -> _Street:
    """Along the street, or towards one of its sides: then the camera may stand far back, and that side is alone."""
    road = rng.uniform(2.8, 6.0)
    bare = rng.random() < 0.22  # no pavement: the road reaches the houses
    left, right = (0.3 if bare else rng.uniform(1.5, 5.5) for _ in range(2))
    garden = rng.uniform(1.0, 5.0) if rng.random() < 0.15 else 0.0
    side = int(rng.choice((-1, 1)))
    degrees = rng.choice((rng.uniform(-18, 18), rng.uniform(18, 55), rng.uniform(55, 90)), p=(0.38, 0.37, 0.25))
    frontal = degrees >= 55
    back = rng.uniform(4.0, 14.0) if frontal else rng.uniform(-0.8 * road, 0.9 * road)
    camera = Camera(
        x=-side * back,
        yaw=side * math.radians(degrees),
        focal=rng.uniform(0.9, 1.3),
        horizon=rng.uniform(0.55, 0.72),
        eye=rng.uniform(1.4, 1.9),
    )
    sides = (side,) if frontal else (-1, 1)
    return _Street(camera, road, left + garden, right + garden, garden, bool(rng.random() < 0.22), sides)


def _strip(left: float, right: float, near: float = -60.0, far: float = 400.0) -> Points:
    """[1,4,3]: a part of the ground."""
    return np.array([[[left, 0, near], [right, 0, near], [right, 0, far], [left, 0, far]]])


def _ground(view: StreetView, rng: np.random.Generator, street: _Street) -> None:
    """Everything up to the horizon, then pavements, gardens, the road, and perhaps one that crosses it."""
    other = str(rng.choice(("road", "pavement", "vegetation"), p=(0.5, 0.35, 0.15)))
    view.add(other, _strip(-400, 400))
    left, right = street.houses_at(-1), street.houses_at(1)
    view.add("pavement", _strip(left, right))
    if street.garden:
        view.add("vegetation", _strip(left, left + street.garden))
        view.add("vegetation", _strip(right - street.garden, right))
    view.add("road", _strip(-street.road, street.road))
    if rng.random() < 0.15:
        z = rng.uniform(8, 40)
        view.add("road", _strip(-200, 200, z, z + rng.uniform(5, 10)))


def _end(view: StreetView, rng: np.random.Generator, street: _Street) -> None:
    """What closes the street far away: houses or trees, sometimes nothing."""
    if rng.random() < 0.2:
        return
    z, x = rng.uniform(60, _FAR), -60.0
    leaves = rng.random() < 0.4
    while x < 60:
        width = rng.uniform(8, 20)
        if leaves:
            add_bush(view, rng, (x, rng.uniform(1, 4), z), rng.uniform(4, 9))
        else:
            wall = Wall(x, z, x + width, z)
            view.add("building", wall.rectangle(0, 0, width, rng.uniform(5, 18)))
        x += width * (0.4 if leaves else 1.0)


def _houses(view: StreetView, rng: np.random.Generator, street: _Street) -> None:
    """Rows of houses on the street's sides, the far ones first."""
    rows = []
    for side in street.sides:
        z, x = rng.uniform(-45, -30), street.houses_at(side)
        while z < _FAR:
            width = rng.uniform(7, 24)
            setback = rng.choice((0.0, rng.uniform(0, 1.5)), p=(0.7, 0.3))
            rows.append((Wall(x + side * setback, z, x + side * setback, z + width), side))
            gap = rng.choice((0.0, rng.uniform(1, 4), rng.uniform(5, 10)), p=(0.78, 0.12, 0.1))
            if gap:
                _close(view, rng, Wall(x + side * 9, z + width, x + side * 9, z + width + gap))
            z += width + gap
    kinds = [random_house(rng, street.low) for _ in range(4)]
    for front, side in sorted(rows, key=_distance, reverse=True):
        style = kinds[rng.integers(len(kinds))]
        add_house(view, rng, front, side * rng.uniform(7, 12), style)


def _close(view: StreetView, rng: np.random.Generator, gap: Wall) -> None:
    """What is seen between two houses: another one behind, or trees."""
    wide = Wall(gap.x_0, gap.z_0 - 8, gap.x_1, gap.z_1 + 8)
    if rng.random() < 0.4:
        view.add("building", wide.rectangle(0, 0, wide.width, rng.uniform(3, 12)))
        return
    for z in np.arange(wide.z_0, wide.z_1, 2.5).tolist():
        add_bush(view, rng, (gap.x_0, rng.uniform(0.5, 3), z), rng.uniform(2, 3.5))


def _distance(row: tuple[Wall, int]) -> float:
    """Metres along the street from the camera to a house's nearest point."""
    front = row[0]
    return max(front.z_0, -front.z_1, 0.0)


def _things(view: StreetView, rng: np.random.Generator, street: _Street) -> None:
    """Cars and trees, the far ones first; nothing hides them but one another, for they stand between the houses."""
    things = [(z, x, False) for z, x in _cars(rng, street)] + [(z, x, True) for z, x in _trees(rng, street)]
    tall = rng.uniform(4, 13)
    camera = street.camera.of_street
    for z, x, tree in sorted(things, key=lambda one: -camera(np.array([one[1], 0, one[0]]))[2]):
        if tree:
            add_tree(view, rng, x, z, tall * rng.uniform(0.8, 1.2))
        else:
            add_car(view, rng, x, z)


def _cars(rng: np.random.Generator, street: _Street) -> list[tuple[float, float]]:
    """(z, x) of the cars parked along the road, and of one or two that drive."""
    if rng.random() < 0.15:
        return []
    places = []
    for side in (-1, 1):
        if rng.random() < 0.3:
            continue
        x = side * (street.road - 0.3) - (CAR_WIDTH if side > 0 else 0)
        filled = rng.choice((0.15, 0.5, 0.9))
        starts = np.arange(rng.uniform(-12, -6), 70, CAR_LENGTH + rng.uniform(0.7, 1.6))
        places += [(z, x) for z in starts[rng.random(starts.size) < filled].tolist()]
    if rng.random() < 0.2:
        places.append((rng.uniform(8, 40), rng.uniform(0.2, max(0.3, street.road - 2.5))))
    return [(z, x) for z, x in places if not _in_the_way(street, x, z)]


def _trees(rng: np.random.Generator, street: _Street) -> list[tuple[float, float]]:
    """(z, x) of trees in a row beside the road, or of single ones."""
    if rng.random() < 0.32:
        return []
    places = []
    for side in street.sides:
        if rng.random() < 0.35:
            continue
        x = side * (street.road + rng.uniform(0.4, 1.0) * min(street.left, street.right))
        first, apart = rng.uniform(-10, 12), rng.choice((rng.uniform(6, 12), rng.uniform(20, 60)))
        places += [(z, x) for z in np.arange(first, 80, apart).tolist()]
    return [(z, x) for z, x in places if not _in_the_way(street, x, z)]


def _in_the_way(street: _Street, x: float, z: float) -> bool:
    """Whether something would stand right in front of the camera."""
    return math.hypot(x - street.camera.x, z) < 4.5
