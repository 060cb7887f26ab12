"""The camera of a drawn street and the label map that it takes: polygons in metres become pixels, far ones first.

Coordinates of the street are metres: x across it, to the right and from the middle of the road, y up from the ground,
z along it. The camera stands at z = 0. A pinhole whose verticals stay upright, as in photographs of buildings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from semsynth.classes import ClassSet
from semsynth.layout import Size

Points = NDArray[np.float64]
"""[...,3]: x, y, z in metres."""

NEAR = 0.2
"""Depth in metres before which nothing is drawn."""


@dataclass(frozen=True)
class Camera:
    """Where the street is seen from."""

    x: float
    """Metres to the right of the middle of the road."""
    yaw: float
    """Radians: 0 looks along the street, positive ones to the right of it."""
    focal: float
    """Focal length in units of the picture's shorter side."""
    horizon: float
    """Height of the vanishing points, as a share of the picture's height from the top."""
    eye: float = 1.6
    """Metres above the ground."""

    def of_street(self, points: Points) -> Points:
        """[...,3]: metres to the right of the camera's axis, above its eye, and in front of it."""
        x, y, z = np.moveaxis(points, -1, 0)
        x = x - self.x
        sine, cosine = math.sin(self.yaw), math.cos(self.yaw)
        return np.stack([cosine * x - sine * z, y - self.eye, sine * x + cosine * z], -1)


class Wall(NamedTuple):
    """An upright plane over a line on the ground, from (x, z) to (x, z)."""

    x_0: float
    z_0: float
    x_1: float
    z_1: float

    @property
    def width(self) -> float:
        """Metres."""
        return math.hypot(self.x_1 - self.x_0, self.z_1 - self.z_0)

    def points(self, along: Points, up: Points) -> Points:
        """[...,3] of metres along the wall [...] and above the ground [...]."""
        share = along / self.width
        x = self.x_0 + share * (self.x_1 - self.x_0)
        z = self.z_0 + share * (self.z_1 - self.z_0)
        return np.stack([x, up, z], -1)

    def rectangles(self, left: Points, bottom: Points, right: Points, top: Points) -> Points:
        """[M,4,3] of M rectangles on the wall; each side's place is [M], in metres."""
        return self.points(np.stack([left, right, right, left], -1), np.stack([bottom, bottom, top, top], -1))

    def rectangle(self, left: float, bottom: float, right: float, top: float) -> Points:
        """[1,4,3]: one of them."""
        return self.rectangles(*(np.array([side]) for side in (left, bottom, right, top)))


class StreetView:
    """A label map in the making: what is added later covers what was there."""

    def __init__(self, camera: Camera, classes: ClassSet, size: Size, behind: str) -> None:
        """Begin with a map of nothing but the class ``behind``."""
        self.camera = camera
        self._classes = classes
        height, width = size
        self._image = Image.new("L", (width, height), classes[behind].id)
        self._draw = ImageDraw.Draw(self._image)
        self._scale = camera.focal * min(size)
        self._centre = np.array([width / 2, camera.horizon * height])

    def add(self, name: str, polygons: Points) -> None:
        """Paint M polygons [M,N,3] of one class; parts behind the camera are cut off."""
        for corners in self.camera.of_street(polygons):
            depth = corners[:, 2]
            if depth.max() <= NEAR:
                continue
            self._fill(name, self._pixels(corners if depth.min() >= NEAR else _in_front(corners)))

    def add_upright(self, name: str, centre: Sequence[float], outline: Points) -> None:
        """Paint an outline [N,2], metres right and up of ``centre``, that faces the camera."""
        middle = self.camera.of_street(np.array(centre, np.float64))
        if middle[2] > NEAR:
            self._fill(name, self._pixels(middle + np.pad(outline, ((0, 0), (0, 1)))))

    def labels(self) -> NDArray[np.uint16]:
        """[H,W] uint16."""
        return np.array(self._image, np.uint16)

    def _pixels(self, seen: Points) -> Points:
        """[N,2] x and y in pixels of [N,3] as the camera has them."""
        return self._centre + self._scale * seen[:, :2] * (1, -1) / seen[:, 2:]

    def _fill(self, name: str, corners: Points) -> None:
        self._draw.polygon([(x, y) for x, y in corners.tolist()], fill=self._classes[name].id)


def _in_front(corners: Points) -> Points:
    """A polygon [N,3] cut at depth ``NEAR`` (Sutherland and Hodgman 1974, one plane)."""
    after = np.roll(corners, -1, 0)
    kept: list[Points] = []
    for here, there in zip(corners, after, strict=True):
        if here[2] >= NEAR:
            kept.append(here)
        if (here[2] >= NEAR) != (there[2] >= NEAR):
            kept.append(here + (there - here) * (NEAR - here[2]) / (there[2] - here[2]))
    return np.stack(kept)
