"""What streets are made of: houses with windows and doors, cars, trees. Lengths are metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semsynth.data.street_view import Points, StreetView, Wall

CAR_LENGTH, CAR_WIDTH = 4.3, 1.75

_SALOON = ((0, 0.3), (0, 0.8), (0.2, 0.92), (0.9, 1.0), (1.5, 1.42), (2.9, 1.45), (3.6, 1.0), (4.2, 0.85), (4.3, 0.3))
_HATCHBACK = ((0, 0.3), (0, 0.9), (0.3, 1.4), (0.6, 1.5), (2.6, 1.5), (3.3, 1.02), (4.1, 0.85), (4.3, 0.6), (4.3, 0.3))
_VAN = ((0, 0.35), (0, 1.9), (0.1, 2.0), (3.1, 2.0), (3.7, 1.2), (4.2, 1.0), (4.3, 0.35))
_PROFILES = (_SALOON, _HATCHBACK, _VAN)
"""Side views, (along, up)."""
_WHEELS = (((0.45, 0.35), (0.5, 0.0), (0.95, 0.0), (1.0, 0.35)), ((3.3, 0.35), (3.35, 0.0), (3.8, 0.0), (3.85, 0.35)))


@dataclass(frozen=True)
class HouseStyle:
    """How the front of a house is divided."""

    floors: int
    storey: float
    """Height of a floor."""
    bay: float
    """Width of a window's cell."""
    window_width: float
    """Share of the cell's."""
    window_height: float
    """Share of the floor's."""
    labelled: float
    """Share of the windows that are there: annotators left some out, and bays are blind here and there."""
    roof: str
    """``flat``, ``slope`` or ``gable``."""
    doors: int
    shops: float
    """Share of the bays on the ground floor that are shop windows."""

    @property
    def height(self) -> float:
        """Up to the eaves."""
        return self.floors * self.storey + 0.6


def random_house(rng: np.random.Generator, low: bool) -> HouseStyle:
    """Draw the style of a house, of few floors where ``low``."""
    return HouseStyle(
        floors=int(rng.integers(1, 4) if low else rng.integers(3, 7)),
        storey=rng.uniform(2.9, 3.8),
        bay=rng.uniform(1.9, 4.2),
        window_width=rng.uniform(0.26, 0.45),
        window_height=rng.uniform(0.33, 0.5),
        labelled=float(rng.choice((0.0, 0.25, rng.uniform(0.4, 0.8), 1.0), p=(0.2, 0.3, 0.28, 0.22))),
        roof=str(rng.choice(("flat", "slope", "gable"), p=(0.5, 0.4, 0.1) if not low else (0.3, 0.45, 0.25))),
        doors=int(rng.choice((0, 1, 2), p=(0.45, 0.47, 0.08))),
        shops=float(rng.choice((0.0, rng.uniform(0.3, 1.0)), p=(0.88, 0.12))),
    )


def add_house(view: StreetView, rng: np.random.Generator, front: Wall, inwards: float, style: HouseStyle) -> None:
    """A house behind its front.

    Args:
        view: what to paint into.
        rng: draws which windows are there, and where the doors are.
        front: its wall along the street.
        inwards: metres from the front to the back, negative to the left of the street.
        style: how it looks.
    """
    back = front.x_0 + inwards
    for z in sorted((front.z_0, front.z_1), key=abs, reverse=True):
        _add_wall(view, Wall(front.x_0, z, back, z), style)
    view.add("building", _roof(front, inwards, style))
    _add_wall(view, front, style)
    bays = max(1, round(front.width / style.bay))
    edges = np.linspace(0.3, front.width - 0.3, bays + 1)
    _add_windows(view, rng, front, edges, style)
    _add_ground_floor(view, rng, front, edges, style)


def _add_wall(view: StreetView, wall: Wall, style: HouseStyle) -> None:
    view.add("building", wall.rectangle(0, 0, wall.width, style.height))


def _roof(front: Wall, inwards: float, style: HouseStyle) -> Points:
    """[M,N,3]: what is seen of the roof above the front."""
    width, top = front.width, style.height
    if style.roof == "gable":
        peak = top + min(5.0, 0.4 * width)
        return front.points(np.array([[0, width / 2, width]]), np.array([[top, peak, top]]))
    if style.roof == "slope":
        ridge, back = np.array([inwards / 2, 0.3 * abs(inwards), 0]), np.array([inwards, 0, 0])
        eaves = front.points(np.array([0, width]), np.array([top, top]))  # [2,3]
        slope = np.concatenate([eaves, eaves[::-1] + ridge])  # [4,3]
        gables = [np.stack([end, end + ridge, end + back, end]) for end in eaves]
        return np.stack([slope, *gables])
    chimney = 0.2 * width
    return front.rectangle(chimney, top, chimney + 0.9, top + 1.4)


def _add_windows(view: StreetView, rng: np.random.Generator, front: Wall, edges: Points, style: HouseStyle) -> None:
    """Rows of windows over the ground floor."""
    if style.floors < 2:
        return
    middles = (edges[:-1] + edges[1:]) / 2
    half = style.window_width * (edges[1] - edges[0]) / 2
    floors = np.arange(1, style.floors)
    sills = floors * style.storey + (1 - style.window_height) * 0.55 * style.storey
    x, y = (grid.ravel() for grid in np.meshgrid(middles, sills))
    there = rng.random(x.size) < style.labelled
    x, y = x[there], y[there]
    view.add("window", front.rectangles(x - half, y, x + half, y + style.window_height * style.storey))


def _add_ground_floor(
    view: StreetView, rng: np.random.Generator, front: Wall, edges: Points, style: HouseStyle
) -> None:
    """Doors that stand on the ground, and shop windows or windows between them."""
    kinds = np.full(len(edges) - 1, "window")
    kinds[rng.random(kinds.size) < style.shops] = "shop"
    doors = rng.permutation(kinds.size)[: style.doors]
    kinds[doors] = "door"
    middles, cell = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    there = rng.random(kinds.size) < style.labelled
    half, height = style.window_width * cell / 2, style.window_height * style.storey
    x = middles[(kinds == "window") & there]
    view.add("window", front.rectangles(x - half, x * 0 + 1.0, x + half, x * 0 + 1.0 + height))
    x, half = middles[kinds == "shop"], 0.43 * cell
    view.add("window", front.rectangles(x - half, x * 0 + 0.5, x + half, x * 0 + 0.8 * style.storey))
    x, half = middles[doors], min(rng.uniform(0.5, 1.1), 0.45 * cell)
    view.add("door", front.rectangles(x - half, x * 0, x + half, x * 0 + rng.uniform(2.1, 2.8)))


def add_car(view: StreetView, rng: np.random.Generator, x: float, z: float) -> None:
    """A car along the street, of either direction, whose left near corner is at (x, z)."""
    profile = np.array(_PROFILES[rng.choice(3, p=(0.46, 0.46, 0.08))])
    wheels = np.array(_WHEELS)
    if rng.random() < 0.5:
        profile, wheels = ((one * (-1, 1) + (CAR_LENGTH, 0)) for one in (profile, wheels))
    for side in (x, x + CAR_WIDTH):
        for outline in (profile[None], wheels):
            view.add("car", _beside(outline, side, x + CAR_WIDTH / 2, z))
    left, right = (_beside(profile, side, x + CAR_WIDTH / 2, z) for side in (x, x + CAR_WIDTH))
    view.add("car", np.stack([left, np.roll(left, -1, 0), np.roll(right, -1, 0), right], 1))


def _beside(outline: Points, x: float, middle: float, z: float) -> Points:
    """[...,3] of (along, up) [...,2] on a car's side; it leans towards the car's middle above the doors."""
    along, up = outline[..., 0], outline[..., 1]
    return np.stack([x + (middle - x) * 0.55 * (up - 0.9).clip(min=0), up, z + along], -1)


def add_tree(view: StreetView, rng: np.random.Generator, x: float, z: float, height: float) -> None:
    """A tree that is ``height`` high: trunk, and a crown of some bulges."""
    radius = height * rng.uniform(0.24, 0.36)
    trunk = rng.uniform(0.012, 0.022) * height
    crown = height - radius
    view.add_upright(
        "vegetation", (x, 0, z), np.array([[-trunk, 0], [trunk, 0], [trunk * 0.7, crown], [-trunk * 0.7, crown]])
    )
    for _ in range(int(rng.integers(2, 5))):
        shift = rng.uniform(-0.5, 0.5, 2) * radius
        outline = _leaves(rng, radius * rng.uniform(0.6, 0.95)) + shift
        view.add_upright("vegetation", (x, crown, z), outline)


def add_bush(view: StreetView, rng: np.random.Generator, middle: tuple[float, float, float], radius: float) -> None:
    """Leaves around (x, y, z) that reach down to the ground at most."""
    outline = _leaves(rng, radius)
    outline[:, 1] = outline[:, 1].clip(min=-middle[1])
    view.add_upright("vegetation", middle, outline)


def _leaves(rng: np.random.Generator, radius: float) -> Points:
    """[48,2]: the outline of leaves, metres around the middle."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    waves = np.arange(2, 9)
    phases = rng.uniform(0, 2 * np.pi, waves.size)
    bumps = (np.sin(angle[:, None] * waves + phases) * 0.12 / np.sqrt(waves)).sum(1) + rng.normal(0, 0.03, angle.size)
    return np.asarray(radius * (1 + bumps)[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1))
