"""A small landscape grammar: random scenes of nature as layouts of the ``ade_landscapes`` classes.

A scene is painted from far to near: sky, ridges of mountains and hills, a belt of trees, the ground up to the horizon
with a lake, a sea or a river in it, a path, and in front trees at the sides and boulders. Scenes are of a few kinds
(:data:`KINDS`); the shares of the classes are set to look like those of the real label maps (:data:`REAL_SHARES`). Not
imitated: void, which is what annotators left out, and pictures of a single thing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semsynth.classes import builtin
from semsynth.data.landscape_parts import Painting, Waves, level, uneven
from semsynth.layout import Layout, Size

REAL_SHARES = {
    "sky": 0.214,
    "tree": 0.256,
    "grass": 0.143,
    "mountain": 0.070,
    "rock": 0.074,
    "water": 0.138,
    "ground": 0.051,
    "snow": 0.009,
    "road": 0.034,
    "building": 0.011,
}
"""Of the labelled pixels of the 479 label maps of nature photographs of ADE20K."""

DEFAULT_SIZE = (256, 256)
"""(height, width) of the scenes unless another is asked for."""


@dataclass(frozen=True)
class Kind:
    """A kind of scene."""

    chance: float
    horizon: tuple[float, float]
    """Range of its height, from the top."""
    ground: str
    """The class of the ground."""
    mountains: float = 0.0
    """Chance of a ridge of mountains."""
    belt: float = 0.0
    """Chance of a belt of trees along the horizon."""
    water: str = "none"
    """``lake`` (with a far shore), ``sea`` (up to the horizon), ``river`` or ``none``."""
    path: float = 0.0
    """Chance of a way that leads to the horizon."""
    trees: tuple[int, int] = (0, 0)
    """Range of the number of trees in front."""
    boulders: tuple[int, int] = (0, 0)
    """Range of the number of boulders in front."""


KINDS = {
    "meadow": Kind(0.22, (0.35, 0.55), "grass", mountains=0.4, belt=0.85, path=0.45, trees=(0, 3), boulders=(0, 1)),
    "lake": Kind(0.17, (0.35, 0.52), "grass", mountains=0.8, belt=0.9, water="lake", trees=(0, 3), boulders=(0, 4)),
    "coast": Kind(0.14, (0.2, 0.45), "ground", mountains=0.3, water="sea", boulders=(1, 6)),
    "forest": Kind(0.2, (0.45, 0.62), "grass", belt=1.0, path=0.55, trees=(5, 12), boulders=(0, 2)),
    "river": Kind(0.1, (0.35, 0.5), "rock", mountains=0.4, belt=0.9, water="river", trees=(1, 4), boulders=(3, 8)),
    "valley": Kind(0.12, (0.5, 0.7), "grass", mountains=1.0, belt=0.6, path=0.2, trees=(0, 4), boulders=(1, 5)),
    "desert": Kind(0.02, (0.3, 0.55), "ground", mountains=0.6, path=0.3, boulders=(1, 6)),
    "winter": Kind(0.03, (0.45, 0.65), "snow", mountains=0.8, belt=0.6, trees=(0, 4), boulders=(0, 3)),
}
"""By name. Chances add up to 1."""


def draw_landscape(seed: int, size: Size = DEFAULT_SIZE) -> Layout:
    """Draw a scene.

    Args:
        seed: the same seed gives the same scene at every size.
        size: (height, width) in pixels.

    Returns:
        A layout of the class set ``ade_landscapes``, without void and without instances.
    """
    rng = np.random.default_rng(seed)
    kind = list(KINDS.values())[rng.choice(len(KINDS), p=[kind.chance for kind in KINDS.values()])]
    painting = Painting(builtin("ade_landscapes"), size, "sky")
    horizon = rng.uniform(*kind.horizon)
    _far(painting, rng, kind, horizon)
    _ground(painting, rng, kind, horizon)
    _water(painting, rng, kind, horizon)
    if rng.random() < kind.path:
        _path(painting, rng, horizon)
    _front(painting, rng, kind, horizon)
    return Layout(painting.labels(), builtin("ade_landscapes"))


def _far(painting: Painting, rng: np.random.Generator, kind: Kind, horizon: float) -> None:
    """Ridges and a belt of trees above the horizon."""
    if rng.random() < kind.mountains:
        height = rng.uniform(0.15, 0.42)
        for number in range(int(rng.integers(1, 3))):
            ridge = Waves.draw(rng, height * 0.22, first=rng.uniform(0.7, 1.6), roughness=0.48, peaked=True)
            name = "rock" if number and rng.random() < 0.5 else "mountain"
            painting.fill_below(name, uneven(horizon - height * (1 - 0.5 * number), ridge, rng.uniform(-0.12, 0.12)))
    if rng.random() < kind.belt:
        height = rng.uniform(0.03, 0.16)
        crowns = Waves.draw(rng, height * 0.22, first=rng.uniform(1.5, 5), roughness=0.72)
        painting.fill_below("tree", uneven(horizon - height, crowns, rng.uniform(-0.15, 0.15)))


def _ground(painting: Painting, rng: np.random.Generator, kind: Kind, horizon: float) -> None:
    """Everything below the horizon, with patches of something else."""
    bumps = Waves.draw(rng, rng.uniform(0.002, 0.015), first=1.0, roughness=0.55)
    painting.fill_below(kind.ground, uneven(horizon, bumps, rng.uniform(-0.05, 0.05)))
    if rng.random() < 0.3:
        other = str(rng.choice(("grass", "ground", "rock"), p=(0.4, 0.35, 0.25)))
        y = rng.uniform(horizon + 0.12, 1.0)
        edge = Waves.draw(rng, 0.05, first=0.8, roughness=0.5)
        painting.fill_below(other, uneven(y, edge, rng.uniform(-0.4, 0.4)), only=kind.ground)


def _water(painting: Painting, rng: np.random.Generator, kind: Kind, horizon: float) -> None:
    """A lake behind a far shore, a sea up to the horizon, or a river through stones."""
    depth = 1 - horizon
    if kind.water == "sea":
        shore = Waves.draw(rng, 0.03, first=0.6, roughness=0.4)
        near = uneven(horizon + depth * rng.uniform(0.45, 1.1), shore, rng.uniform(-0.7, 0.7))
        painting.fill_between("water", level(horizon), near)
        if rng.random() < 0.35:  # a headland of rock
            x = float(rng.choice((rng.uniform(-0.1, 0.2), rng.uniform(0.8, 1.1))))
            painting.blob(rng, "rock", x, horizon, rng.uniform(0.4, 0.9), rng.uniform(0.15, 0.5))
    elif kind.water == "lake":
        far = uneven(horizon + depth * rng.uniform(0.03, 0.2), Waves.draw(rng, 0.006, first=1.0))
        near = Waves.draw(rng, 0.04, first=0.7, roughness=0.5)
        line = uneven(horizon + depth * rng.uniform(0.55, 1.15), near, rng.uniform(-0.5, 0.5))
        painting.fill_between("water", far, line)
    elif kind.water == "river":
        painting.path(
            "water",
            horizon + depth * 0.05,
            rng.uniform(0.3, 0.7),
            rng.uniform(0.3, 0.7),
            rng.uniform(0.5, 1.1),
            rng.uniform(-0.25, 0.25),
        )


def _path(painting: Painting, rng: np.random.Generator, horizon: float) -> None:
    name = str(rng.choice(("road", "ground"), p=(0.75, 0.25)))
    painting.path(
        name,
        horizon + 0.01,
        rng.uniform(0.25, 0.75),
        rng.uniform(0.2, 0.8),
        rng.uniform(0.25, 0.75),
        rng.uniform(-0.2, 0.2),
    )


def _front(painting: Painting, rng: np.random.Generator, kind: Kind, horizon: float) -> None:
    """Boulders and trees, the far ones first."""
    depth, water = 1 - horizon, builtin("ade_landscapes")["water"].id
    things = [
        (float(rng.uniform(0.05, 1) ** 1.5), "boulder") for _ in range(rng.integers(*kind.boulders, endpoint=True))
    ]
    things += [(float(rng.uniform(0.05, 0.9)), "tree") for _ in range(rng.integers(*kind.trees, endpoint=True))]
    conifers = rng.random() < 0.35
    for near, what in sorted(things):
        y = horizon + depth * near
        if what == "boulder":
            width = (0.06 + 0.3 * near) * rng.uniform(0.4, 1.2)
            painting.blob(rng, "rock", rng.uniform(0, 1), y, width, width * rng.uniform(0.4, 0.8) * painting.aspect)
            continue
        x = float(rng.choice((rng.uniform(-0.05, 0.35), rng.uniform(0.65, 1.05), rng.uniform(0, 1)), p=(0.4, 0.4, 0.2)))
        if painting.at(min(max(x, 0.0), 0.999), min(y, 0.999)) == water:
            continue
        height = (0.2 + 0.9 * near) * rng.uniform(0.7, 1.3)
        if conifers:
            painting.cone(rng, "tree", x, y - height, y, height * rng.uniform(0.3, 0.45) / painting.aspect)
        else:
            crown = height * rng.uniform(0.55, 0.8)
            painting.column("tree", x, y - height + crown / 2, y, height * 0.05)
            painting.blob(
                rng, "tree", x, y - height + crown / 2, crown * rng.uniform(0.8, 1.3) / painting.aspect, crown
            )
