"""What closes the hole that a removed object leaves."""

from __future__ import annotations

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

Both words give every pixel label and instance of the nearest remaining pixel, by exact Euclidean distance. ``stuff``
chooses among the pixels that are neither void, nor of a class that stands in front of others
(:func:`foreground_classes`), nor of the removed object's class; ``neighbours`` among all that are not void.
"""

FOREGROUND_GROUPS = (*THING_GROUPS, "object", "void")
"""Groups of Cityscapes whose classes do not go on behind others: things, poles and signs, and what has no label."""


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
    if not sources.any():
        raise SemsynthError(
            "there is no stuff in the layout to fill the hole with, only objects and the removed one's own class: "
            "name a class to fill it with, or 'neighbours' for whatever is nearest"
        )
    nearest = ndimage.distance_transform_edt(~sources, return_distances=False, return_indices=True)  # [2,H,W]
    rows, columns = nearest[:, hole]
    labels = layout.labels.copy()
    labels[hole] = labels[rows, columns]
    if layout.instances is None:
        return replace(layout, labels=labels)
    instances = layout.instances.copy()
    instances[hole] = instances[rows, columns]
    return replace(layout, labels=labels, instances=instances)
