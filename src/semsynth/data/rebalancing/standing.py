"""How objects stand in layouts: on which class, at which height of the picture, and how large."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID
from semsynth.layout import Layout
from semsynth.layout.instances import objects

FEET = 0.1
"""A column of an object is a foot if its lowest pixel lies in this lowest share of the object's height."""
REACH = 0.02
"""Void below an object is skipped as far as this share of the picture's height: many data sets leave borders void."""
NEAR = 0.05
"""Feet that differ by less, as a share of the picture's height, are about as far away."""
LEAST = 5e-5
"""Objects smaller than this share of the picture's pixels are fragments."""


@dataclass(frozen=True, eq=False)
class Standing:
    """A whole object as it stands in a layout; lengths are shares of the layout's height."""

    class_id: int
    support: int
    """Class id of what most of its feet stand on."""
    foot: float
    """The row below its lowest pixel."""
    depth: float
    """How far its support goes on below its feet, in the mean: a door ends where its wall does."""
    height: float
    shape: tuple[int, int]
    """(height, width) of its mask in pixels."""
    packed: NDArray[np.uint8]
    """Its mask, 8 pixels per byte."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """[h,w] bool."""
        height, width = self.shape
        return np.unpackbits(self.packed, count=height * width).reshape(self.shape).astype(np.bool_)


def ground(layout: Layout) -> NDArray[np.uint16]:
    """[H,W] class ids, with void replaced by the first class below it, if there is one within ``REACH``."""
    found = layout.labels.copy()
    for _ in range(max(1, round(REACH * layout.size[0]))):
        void = found[:-1] == VOID
        if not void.any():
            break
        found[:-1][void] = found[1:][void]
    return found


def depths(labels: NDArray[np.uint16]) -> NDArray[np.int32]:
    """[H,W]: how many pixels in a row, from each one downwards, have its class."""
    found = np.ones(labels.shape, np.int32)
    for row in range(len(labels) - 2, -1, -1):
        found[row] += np.where(labels[row] == labels[row + 1], found[row + 1], 0)
    return found


def feet(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where an object touches the ground.

    Args:
        mask: [h,w] bool, whose last row is not empty.

    Returns:
        Rows below the feet and their columns, both [F], from the mask's upper left corner.
    """
    height = len(mask)
    below = height - np.argmax(mask[::-1], 0)  # [w] the row below each column's lowest pixel
    columns = np.flatnonzero(mask.any(0) & (below > height - max(1, round(FEET * height))))
    return below[columns], columns


def standing_objects(layout: Layout, class_ids: Collection[int]) -> Iterator[Standing]:
    """The whole objects of some classes: they touch no border of the picture, and stand on another class.

    Args:
        layout: with instances.
        class_ids: the classes.
    """
    (height, width), table, below = layout.size, objects(layout), ground(layout)
    deep = depths(below)
    instances = layout.labels if layout.instances is None else layout.instances
    for row in np.flatnonzero(np.isin(table.class_ids, list(class_ids)) & (table.pixels >= LEAST * height * width)):
        top, left, bottom, right = table.boxes[row].tolist()
        if min(top, left) == 0 or bottom == height or right == width:
            continue
        box, class_id = np.s_[top:bottom, left:right], int(table.class_ids[row])
        mask = (instances[box] == table.instance_ids[row]) & (layout.labels[box] == class_id)
        rows, columns = feet(mask)
        touched = below[top + rows, left + columns]
        support = int(np.bincount(touched).argmax())
        if support in (VOID, class_id):
            continue
        depth = float(deep[top + rows, left + columns][touched == support].mean())
        yield Standing(
            class_id=class_id,
            support=support,
            foot=bottom / height,
            depth=depth / height,
            height=(bottom - top) / height,
            shape=(bottom - top, right - left),
            packed=np.packbits(mask),
        )


def without_fragments(found: Sequence[Standing]) -> list[Standing]:
    """The objects that are at least half as high as the median of those that stand about as high in the picture.

    What is hidden by others leaves fragments of objects, which are lower than whole ones at the same distance.
    """
    foot, height = (np.array([getattr(one, name) for one in found]) for name in ("foot", "height"))
    medians = [np.median(height[abs(foot - own) <= NEAR]) for own in foot]
    return [one for one, median in zip(found, medians, strict=True) if one.height >= median / 2]


class Stock:
    """Objects of one class, an even sample of those that were offered."""

    def __init__(self, limit: int, rng: np.random.Generator) -> None:
        """Keep at most ``limit`` objects."""
        self.objects: list[Standing] = []
        self.offered = 0
        self._limit, self._rng = limit, rng

    def offer(self, one: Standing) -> None:
        """Keep ``one``, perhaps in place of another (reservoir sampling: each has an equal chance to stay)."""
        self.offered += 1
        if len(self.objects) < self._limit:
            self.objects.append(one)
        elif (place := int(self._rng.integers(self.offered))) < self._limit:
            self.objects[place] = one

    def close(self) -> None:
        """Leave out fragments; nothing more is offered."""
        self.objects = without_fragments(self.objects)

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.bool_], Standing]:
        """A mask [h,w] and where it stands: the shape of one object, the place and height of another.

        Both stand on the same class, and one is at most twice as high as the other, so that a shape is neither
        enlarged to blocks nor put where such objects have another size. Half of the masks are mirrored.

        Returns:
            The mask in its own pixels, and the object whose support, foot and height it takes.
        """
        place = self.objects[int(rng.integers(len(self.objects)))]
        alike = [one for one in self.objects if one.support == place.support and 0.5 <= one.height / place.height <= 2]
        mask = alike[int(rng.integers(len(alike)))].mask
        return (mask[:, ::-1] if rng.random() < 0.5 else mask), place
