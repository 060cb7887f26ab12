"""Procedurally drawn scenes with labels, instances and photos: a first training needs no download.

The photos follow the layouts (colour, texture and shading by class and by object, light from where the sun stands),
so that a model has something to learn and a person sees whether it did.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassInfo, ClassSet
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, save_classes
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError
from semsynth.images import save_png
from semsynth.layout import Layout

TOY_CLASSES = ClassSet(
    name="toy",
    classes=tuple(
        ClassInfo(id=index, name=name, color=color)
        for index, (name, color) in enumerate(
            (
                ("sky", (110, 170, 230)),
                ("sun", (255, 220, 60)),
                ("hill", (90, 120, 150)),
                ("grass", (90, 170, 60)),
                ("road", (120, 120, 120)),
                ("house", (200, 100, 70)),
                ("roof", (140, 50, 50)),
                ("tree", (30, 100, 40)),
            )
        )
    ),
)
SKY, SUN, HILL, GRASS, ROAD, HOUSE, ROOF, TREE = range(8)

Map = NDArray[np.float64] | NDArray[np.float32]


def draw_scene(seed: int, size: int = 256) -> Sample:
    """Draw scene number ``seed``.

    Args:
        seed: not negative; the same seed gives the same scene.
        size: width and height in pixels, at least 16.

    Returns:
        A sample with instances: class id for surfaces, ``1000 * class + number`` for houses and trees.
    """
    scene = _Scene(np.random.default_rng(seed), size)
    scene.land()
    depths = np.sort(scene.rng.uniform(0.08, 0.9, scene.rng.integers(2, 7)))
    for number, depth in enumerate(depths, 1):
        draw = scene.house if scene.rng.random() < 0.45 else scene.tree
        draw(number, scene.rng.uniform(0.02, 0.98), float(depth))
    image = np.clip(scene.image + scene.rng.normal(0, 2.5, scene.image.shape), 0, 255)
    layout = Layout(scene.labels, TOY_CLASSES, scene.instances)
    return Sample(f"toy_{seed:05d}", layout, image.round().astype(np.uint8))


def write_toy(
    out: str | Path,
    count: int,
    size: int = 256,
    seed: int = 0,
    progress: Progress = silent,
) -> None:
    """Write ``count`` scenes as a dataset folder: every fifth one to ``val``, the others to ``train``.

    Args:
        out: the dataset folder; made if missing.
        count: how many, at least 2.
        size: width and height in pixels, at least 16.
        seed: of the first scene.
        progress: called with (done, total).

    Raises:
        SemsynthError: too few or too small scenes, or the folder cannot be written.
    """
    if count < 2 or size < 16:
        raise SemsynthError(f"{count} scenes of {size}x{size} are no dataset: ask for at least 2 of at least 16x16")
    root = Path(out)
    save_classes(root, TOY_CLASSES)
    for index in range(count):
        sample = draw_scene(seed + index, size)
        folder = root / ("val" if index % 5 == 1 else "train")
        assert sample.image is not None
        save_png(folder / IMAGES / f"{sample.name}.png", sample.image)
        name = f"{sample.name}.png"
        sample.layout.save(folder / LABELS / name, folder / INSTANCES / name)
        progress(index + 1, count)


class _Scene:
    """A picture in the making; x and y are shares of the picture."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size
        centres = (np.arange(size, dtype=np.float32) + 0.5) / size
        self.y, self.x = np.meshgrid(centres, centres, indexing="ij")
        self.labels = np.zeros((size, size), np.uint16)
        self.instances = np.zeros((size, size), np.int32)
        self.image = np.zeros((size, size, 3), np.float32)
        self.horizon = float(rng.uniform(0.3, 0.55))
        self.sun_x = float(rng.uniform(0.1, 0.9))

    def land(self) -> None:
        """Sky, sun, hills, grass and a road."""
        rng, x, y = self.rng, self.x, self.y
        sky = np.array([120, 165, 225]) + rng.uniform(-25, 25, 3)
        self.paint(np.ones_like(x, bool), SKY, SKY, sky, 0.8 + 0.35 * y / self.horizon, 0.03)
        sun_y = rng.uniform(0.06, self.horizon * 0.6)
        radius = rng.uniform(0.035, 0.07)
        glow = np.hypot(x - self.sun_x, y - sun_y) / radius
        self.paint(glow < 1, SUN, SUN, np.array([255, 235, 170]), 1.05 - 0.15 * glow, 0.0)
        waves = rng.uniform(0.02, 0.05, 2)[:, None, None] * np.sin(
            x * rng.uniform(4, 12, 2)[:, None, None] + rng.uniform(0, 6, 2)[:, None, None]
        )
        crest = self.horizon - 0.08 + waves.sum(0)
        self.paint(
            (y > crest) & (y < self.horizon), HILL, HILL, np.array([95, 120, 140]), 1.1 - 0.5 * (y - crest), 0.12
        )
        near = (y - self.horizon) / (1 - self.horizon)
        grass = np.array([95, 150, 60]) + rng.uniform(-20, 20, 3)
        self.paint(near >= 0, GRASS, GRASS, grass, 0.75 + 0.35 * near, 0.25)
        end = rng.uniform(0.2, 0.8)
        middle = end + (rng.uniform(0.1, 0.9) - end) * near
        half = 0.015 + rng.uniform(0.12, 0.25) * near
        across = np.abs(x - middle) / half
        self.paint((near >= 0) & (across < 1), ROAD, ROAD, np.array([125, 122, 120]), 0.85 + 0.2 * near, 0.06)
        dashes = (near >= 0) & (across < 0.06) & (np.sin(18 / (near + 0.15)) > 0)
        self.image[dashes] = 235

    def house(self, number: int, x: float, depth: float) -> None:
        """A house whose lower edge stands ``depth`` of the way from the horizon to the viewer."""
        rng = self.rng
        base = self.horizon + depth * (1 - self.horizon)
        height = (0.12 + 0.25 * depth) * rng.uniform(0.8, 1.2)
        width = height * rng.uniform(0.8, 1.6)
        u, v = (self.x - x) / width, (base - self.y) / height
        wall = (np.abs(u) < 0.5) & (v > 0) & (v < 1)
        color = np.array([[205, 190, 165], [180, 95, 70], [225, 215, 205]])[rng.integers(3)] + rng.uniform(-15, 15, 3)
        light = 1 - 0.25 * np.sign(x - self.sun_x) * u
        self.paint(wall, HOUSE, 1000 * HOUSE + number, color, light * (0.92 + 0.08 * (np.sin(60 * v) > 0)), 0.05)
        panes = wall & (np.abs(u * 3 - np.round(u * 3)) < 0.22) & (np.abs(v - 0.55) < 0.16)
        self.image[panes] = (60, 75, 95)
        roof = (v >= 1) & (v < 1.5) & (np.abs(u) < 0.58 * (1.5 - v) / 0.5)
        tiles = 0.85 + 0.15 * (np.sin(40 * v) > 0)
        self.paint(roof, ROOF, 1000 * ROOF + number, np.array([150, 65, 50]) + rng.uniform(-20, 20, 3), tiles, 0.08)

    def tree(self, number: int, x: float, depth: float) -> None:
        """A tree; ``depth`` as for houses."""
        rng = self.rng
        base = self.horizon + depth * (1 - self.horizon)
        height = (0.16 + 0.32 * depth) * rng.uniform(0.8, 1.2)
        u, v = (self.x - x) / height, (base - self.y) / height
        trunk = (np.abs(u) < 0.05) & (v > 0) & (v < 0.5)
        instance = 1000 * TREE + number
        self.paint(trunk, TREE, instance, np.array([95, 70, 50]), 1 - 4 * u * np.sign(x - self.sun_x), 0.1)
        bumps = 1 + 0.09 * np.sin(rng.integers(5, 10) * np.arctan2(v - 0.7, u) + rng.uniform(0, 6))
        radius = np.hypot(u / rng.uniform(0.25, 0.36), (v - 0.68) / 0.34) / bumps
        light = 1.15 - 0.45 * radius * (0.5 + 0.5 * np.sign(x - self.sun_x) * u / 0.3)
        self.paint(radius < 1, TREE, instance, np.array([60, 115, 45]) + rng.uniform(-22, 22, 3), light, 0.3)

    def paint(
        self, where: NDArray[np.bool_], label: int, instance: int, color: NDArray[np.floating], light: Map, grain: float
    ) -> None:
        """Fill ``where`` with a class, an object, and ``color`` times ``light`` times a texture of ``grain``."""
        self.labels[where] = label
        self.instances[where] = instance
        shade = (light * (1 + grain * self._texture()))[where]
        self.image[where] = shade[:, None] * color

    def _texture(self) -> NDArray[np.float64]:
        """[size,size] smooth noise around 0, of two grain sizes."""
        coarse, fine = (
            np.kron(self.rng.uniform(-1, 1, (cells, cells)), np.ones((-(-self.size // cells),) * 2))
            for cells in (16, self.size // 2)
        )
        return 0.4 * coarse[: self.size, : self.size] + 0.6 * fine[: self.size, : self.size]
