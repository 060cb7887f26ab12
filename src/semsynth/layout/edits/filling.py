"""What closes the hole that a removed object leaves."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from semsynth.classes import VOID
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.layout.instances import THING_GROUPS, is_conventional

Fill = int | Literal["stuff", "neighbours"]
"""What closes a hole: a class id, or what lies around it.

Both words give every pixel label and instance of the nearest remaining pixel by exact Euclidean distance, the first in
reading order among equally near ones. ``neighbours`` chooses among all pixels that are not void. ``stuff`` leaves out
the removed object's class and classes that stand in front of others (:func:`foreground_classes`); of the remaining
classes that touch the hole, those that share less than a quarter as many pixel edges with it as the one that shares
most do not grow into it (the sill below a removed window), and neither does what does not touch it.

The studio's editor has the same rules in ``studio/static/js/filling.js``; ``tests/studio_js`` compares the two.
"""

FOREGROUND_GROUPS = (*THING_GROUPS, "object", "void")
"""Groups of Cityscapes whose classes do not go on behind others: things, poles and signs, and what has no label."""


MIN_SHARED_EDGES = 0.25
"""Of the edges that a hole shares with the class that touches it most: a class with fewer does not grow into it."""


def foreground_classes(layout: Layout) -> NDArray[np.uint16]:
    """The classes that are known to stand in front of others instead of going on behind them.

    Those of :data:`FOREGROUND_GROUPS`, and those whose objects the layout counts: their instance ids are
    ``1000 * class id + k`` while another class is one region with the class id. Connected components have such numbers
    in all classes: they tell nothing, and neither does any other numbering.

    Returns:
        Class ids, ascending; none where neither the class set nor the layout says anything.
    """
    grouped = [item.id for item in layout.classes.classes if item.group in FOREGROUND_GROUPS]
    counted = np.empty(0, np.uint16)
    if layout.instances is not None and is_conventional(layout, layout.instances):
        known, region = layout.labels != VOID, layout.instances == layout.labels
        if (known & region & (layout.labels != 0)).any():  # an instance 0 of class 0 may be either
            counted = layout.labels[known & ~region]
    return np.union1d(np.array(grouped, np.uint16), counted)


def filled_from_around(layout: Layout, hole: NDArray[np.bool_], fill: Literal["stuff", "neighbours"]) -> Layout:
    """Close ``hole`` ([H,W] bool, the pixels of one class) with what lies around it.

    Raises:
        SemsynthError: there is no such pixel.
    """
    sources = ~hole & (layout.labels != VOID)
    if not sources.any():
        raise SemsynthError("there is nothing else in the layout to fill the hole with: name a class to fill it with")
    if fill == "stuff":
        sources &= ~np.isin(layout.labels, np.append(foreground_classes(layout), layout.labels[hole][0]))
        sources &= _of_touching_classes(layout.labels, hole, sources)
    if not sources.any():
        raise SemsynthError(
            "there is no stuff in the layout to fill the hole with, only objects and the removed one's own class: "
            "name a class to fill it with, or 'neighbours' for whatever is nearest"
        )
    nearest = _nearest(sources, hole)
    labels = layout.labels.copy()
    labels[hole] = labels[nearest]
    if layout.instances is None:
        return replace(layout, labels=labels)
    instances = layout.instances.copy()
    instances[hole] = instances[nearest]
    return replace(layout, labels=labels, instances=instances)


def _of_touching_classes(
    labels: NDArray[np.uint16], hole: NDArray[np.bool_], sources: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """[H,W] bool, the pixels of classes that share enough edges with the hole; all pixels if no source touches it."""
    padded = np.pad(hole, 1).astype(np.int64)
    beside = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]  # [H,W] 0..4 edges
    edges = np.bincount(labels[sources], beside[sources], VOID + 1)  # by class id
    return (edges >= edges.max() * MIN_SHARED_EDGES)[labels] if edges.any() else np.ones_like(hole)


def _nearest(sources: NDArray[np.bool_], places: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(rows, columns) of the source nearest to each of ``places``; among equally near ones the first in reading order.

    The distance transform tells how far it is, but not which of several it takes: so the pixels at that distance are
    looked at in reading order.
    """
    row, column = np.nonzero(places)  # [P]
    squared = np.rint(ndimage.distance_transform_edt(~sources)[places] ** 2).astype(np.int64)
    reach = math.isqrt(squared.max())
    height, width = (min(reach, side - 1) for side in sources.shape)
    down, right = np.mgrid[-height : height + 1, -width : width + 1].reshape(2, -1)  # [O] offsets in reading order
    order = np.argsort(down**2 + right**2, kind="stable")
    down, right = down[order], right[order]
    offset = np.searchsorted(down**2 + right**2, squared)  # [P] the first offset of this length
    searching = np.arange(len(row))
    while len(searching):
        there = row[searching] + down[offset[searching]], column[searching] + right[offset[searching]]
        inside = (there[0] >= 0) & (there[0] < sources.shape[0]) & (there[1] >= 0) & (there[1] < sources.shape[1])
        inside[inside] = sources[there[0][inside], there[1][inside]]
        searching = searching[~inside]
        offset[searching] += 1
    return row + down[offset], column + right[offset]
