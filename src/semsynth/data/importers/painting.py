"""Annotated objects become a label map and an instance map: one rule for overlaps and for what nothing covers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from semsynth.classes import VOID, ClassSet
from semsynth.data.annotations.outlines import Patch
from semsynth.data.importers.ids import instance_map
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, Size

Overlap = Literal["order", "area"]
"""Which object shows where several cover a pixel: the later one in the file, or the smaller one."""


@dataclass(frozen=True)
class Shape:
    """One annotated region of a picture."""

    called: str
    """What messages call it, for example ``annotation 17``."""
    name: str
    """Its class, as the file names it."""
    draw: Callable[[Size], Patch]
    """Its pixels in a picture of a size; a ``ValueError`` says what is wrong with it."""
    single: bool = True
    """Whether it is one object; if not, it is a crowd or stuff, one region per class, and single objects cover it."""
    group: Hashable = None
    """Shapes of one group are parts of one object; None: it is an object of its own."""


def painted(shapes: Sequence[Shape], ids: Mapping[str, int], size: Size, classes: ClassSet, overlap: Overlap) -> Layout:
    """Paint shapes.

    Args:
        shapes: in the order of the file.
        ids: class name -> id, or ``VOID``.
        size: of the picture.
        classes: of the ids.
        overlap: which shape shows where several are.

    Returns:
        Labels, ``VOID`` where nothing is, and instances as :func:`semsynth.data.importers.ids.instance_map` numbers
        them: objects in the order of the file.

    Raises:
        SemsynthError: a shape is malformed; the message begins with what it is called.
    """
    labels, objects = np.full(size, VOID, np.uint16), np.full(size, -1, np.int32)
    numbers: dict[Hashable, int] = {}
    owners = [
        numbers.setdefault((one.group,) if one.group is not None else place, place) for place, one in enumerate(shapes)
    ]
    order = list(range(len(shapes)))
    if overlap == "area":
        areas = [int(_drawn(one, size).mask.sum()) for one in shapes]
        order.sort(key=lambda place: -areas[place])
    order.sort(key=lambda place: shapes[place].single)  # regions first: they never hide an object
    for place in order:
        shape, patch = shapes[place], _drawn(shapes[place], size)
        labels[patch.box][patch.mask] = ids[shape.name]
        objects[patch.box][patch.mask] = owners[place] if shape.single else -1
    return Layout(labels, classes, instance_map(labels, objects))


def _drawn(shape: Shape, size: Size) -> Patch:
    try:
        return shape.draw(size)
    except (ValueError, SemsynthError) as error:
        raise SemsynthError(f"{shape.called}: {error}") from error
