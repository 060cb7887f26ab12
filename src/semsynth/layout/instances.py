"""Which objects a layout holds, and which instance ids new ones get.

An *object* is the pixels of one instance id that have a class. Void is no object, whatever its instance id.

Instance ids follow the *Cityscapes convention* where the layout does: ``1000 * class id + k`` for things, which are
counted, and the class id itself for stuff, which is one region per class (cityscapesScripts,
``preparation/json2instanceImg.py``). Any other numbering is continued upwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from semsynth.classes import UNKNOWN, VOID, VOID_NAME
from semsynth.errors import SemsynthError
from semsynth.layout import Layout

IDS_PER_CLASS = 1000
"""Instance ids of a thing class in the Cityscapes convention."""
THING_GROUPS = ("human", "vehicle")
"""The groups of Cityscapes whose classes are things (``hasInstances`` in cityscapesScripts, ``helpers/labels.py``)."""
MAX_STORED = 65535
"""The largest instance id that a 16-bit PNG can hold."""
_SHOWN = 8
"""How many ids a message lists."""


@dataclass(frozen=True, eq=False)
class ObjectTable:
    """The S objects of a layout by ascending instance id; an instance id on two classes has two rows."""

    instance_ids: NDArray[np.int32]
    """[S]; the class ids where the layout has no instances."""
    class_ids: NDArray[np.uint16]
    """[S]."""
    pixels: NDArray[np.int64]
    """[S]: how many pixels each object has."""
    boxes: NDArray[np.int64]
    """[S,4]: top, left, bottom, right in pixels; the last two lie one past the object."""

    def __len__(self) -> int:
        """S, the number of objects."""
        return len(self.pixels)


def objects(layout: Layout) -> ObjectTable:
    """List the objects of ``layout``; whole classes where it has no instances."""
    instances = layout.labels if layout.instances is None else layout.instances
    keys = (instances.astype(np.int64) << 16) | layout.labels  # [H,W]
    # Runs of equal pixels within a row: there are far fewer of them than pixels.
    known, borders = layout.labels != VOID, keys[:, 1:] != keys[:, :-1]
    rows, lefts = np.nonzero(known & np.pad(borders, ((0, 0), (1, 0)), constant_values=True))  # [R]
    rights = np.nonzero(known & np.pad(borders, ((0, 0), (0, 1)), constant_values=True))[1] + 1  # [R]
    found, places = np.unique(keys[rows, lefts], return_inverse=True)  # [S], [R]
    pixels = np.bincount(places, rights - lefts, len(found)).astype(np.int64)
    boxes = np.tile(np.array([*layout.size, 0, 0], np.int64), (len(found), 1))  # [S,4]
    np.minimum.at(boxes[:, 0], places, rows)
    np.minimum.at(boxes[:, 1], places, lefts)
    np.maximum.at(boxes[:, 2], places, rows + 1)
    np.maximum.at(boxes[:, 3], places, rights)
    return ObjectTable((found >> 16).astype(np.int32), (found & 0xFFFF).astype(np.uint16), pixels, boxes)


def surroundings(layout: Layout, instance_id: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of an object with half its size around it, in pixels.

    Raises:
        SemsynthError: the layout has no such object.
    """
    table = objects(layout)
    boxes = table.boxes[table.instance_ids == instance_id]
    if not len(boxes):
        raise SemsynthError(f"the layout has no object {instance_id}")
    top, left, bottom, right = boxes[0].tolist()
    margin = max(bottom - top, right - left) // 2
    height, width = layout.size
    return max(0, left - margin), max(0, top - margin), min(width, right + margin), min(height, bottom + margin)


def find_object(layout: Layout, instance_id: int) -> tuple[NDArray[np.bool_], int]:
    """Where an object is ([H,W] bool), and its class id.

    Raises:
        SemsynthError: the layout has no instances, or not this one, or it is on two classes.
    """
    if layout.instances is None:
        raise SemsynthError(
            "this layout does not tell objects apart: read it with its instance map, or make instances of connected "
            "components (semsynth.layout.instances.instances_from_components, `semsynth data components`)"
        )
    known = layout.labels != VOID
    mask: NDArray[np.bool_] = (layout.instances == instance_id) & known
    class_ids = np.unique(layout.labels[mask]).tolist()
    if not class_ids:
        found = np.unique(layout.instances[known])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        listed = ", ".join(map(str, found[:_SHOWN].tolist())) or "none"
        raise SemsynthError(f"the layout has no instance {instance_id}: it has {listed}{more}")
    if len(class_ids) > 1:
        names = " and ".join(class_name(layout, class_id) for class_id in class_ids)
        raise SemsynthError(
            f"instance {instance_id} spans the classes {names}: give each its own instance id before it is edited"
        )
    return mask, class_ids[0]


def find_class(layout: Layout, class_id: int) -> NDArray[np.bool_]:
    """Where a class, or ``VOID``, is: [H,W] bool.

    Raises:
        SemsynthError: it is outside the class set, or nowhere in the layout.
    """
    check_class(layout, class_id)
    mask: NDArray[np.bool_] = layout.labels == class_id
    if not mask.any():
        names = ", ".join(class_name(layout, found) for found in np.unique(layout.labels).tolist())
        raise SemsynthError(f"the layout has no pixel of class {class_name(layout, class_id)}: it has {names}")
    return mask


def check_class(layout: Layout, class_id: int) -> None:
    """Refuse what is neither a class of the layout's class set nor ``VOID``.

    Raises:
        SemsynthError: naming some of the set's classes.
    """
    if not 0 <= class_id <= VOID or layout.classes.index_of_id[class_id] == UNKNOWN:
        known = ", ".join(f"{item.id} ({item.name})" for item in layout.classes.classes[:_SHOWN])
        more = f" and {layout.classes.num_classes - _SHOWN} more" if layout.classes.num_classes > _SHOWN else ""
        raise SemsynthError(f"the class set '{layout.classes.name}' has no class {class_id}: it has {known}{more}")


def class_name(layout: Layout, class_id: int) -> str:
    """The class as messages call it: ``26 (car)``."""
    names = {item.id: item.name for item in layout.classes.classes} | {VOID: VOID_NAME}
    return f"{class_id} ({names[class_id]})"


def instances_from_components(layout: Layout) -> Layout:
    """Make every connected component of a class an instance (4 neighbours), for data without instance maps.

    Two cars that touch become one object, and a car behind a pole two. Ids follow the Cityscapes convention for
    things if no class has more than 1000 components and 16 bits hold the ids, otherwise they count from 1.

    Returns:
        The same labels with new instances; those that ``layout`` has are ignored.
    """
    class_ids = np.unique(layout.labels[layout.labels != VOID]).astype(np.int64)
    places = np.searchsorted(class_ids, layout.labels)  # [H,W] 0..classes; void is last
    components = np.zeros(layout.size, np.int64)  # 1 .. count within each class
    counts = np.zeros(len(class_ids), np.int64)
    for index, box in zip(range(len(class_ids)), ndimage.find_objects(places + 1), strict=False):  # void's is left out
        mine = places[box] == index
        numbered, counts[index] = ndimage.label(mine)
        components[box] += numbered
    starts = IDS_PER_CLASS * class_ids - 1
    if (counts > IDS_PER_CLASS).any() or (starts + counts > MAX_STORED).any():
        starts = np.cumsum(counts) - counts
    known = layout.labels != VOID
    instances = np.full(layout.size, -1, np.int32)
    instances[known] = starts[places[known]] + components[known]
    instances[~known] = _first_unused(instances[known])
    return replace(layout, instances=instances)


def new_instance_ids(layout: Layout, instances: NDArray[np.int32], class_id: int, count: int = 1) -> NDArray[np.int32]:
    """Instance ids for new objects.

    Args:
        layout: where they will be.
        instances: [H,W], its instances.
        class_id: the objects' class; ``VOID`` for pixels that are no object.
        count: how many.

    Returns:
        [count]: ids that nothing in ``layout`` has; ``count`` times the region's id for stuff and void.
    """
    used = np.unique(instances)
    void = layout.labels == VOID
    if class_id == VOID:
        return np.full(count, instances[void].min() if void.any() else _first_unused(used), np.int32)
    if is_conventional(layout, instances):
        elsewhere = instances[(layout.labels != class_id) & ~void]
        if not _is_thing(layout, instances, class_id) and not (elsewhere == class_id).any():
            return np.full(count, class_id, np.int32)
        free = np.setdiff1d(IDS_PER_CLASS * class_id + np.arange(IDS_PER_CLASS), used)
        free = free[free <= MAX_STORED]
        if len(free) >= count:
            return free[:count].astype(np.int32)
    start = max(int(used[-1]) + 1, 0)
    if start + count - 1 <= MAX_STORED:
        return np.arange(start, start + count, dtype=np.int32)
    return np.setdiff1d(np.arange(len(used) + count, dtype=np.int32), used)[:count]


def is_conventional(layout: Layout, instances: NDArray[np.int32]) -> bool:
    """Whether the ``instances`` [H,W] of all objects of ``layout`` follow the Cityscapes convention."""
    labels = layout.labels.astype(np.int32)
    follows = (instances == labels) | (instances // IDS_PER_CLASS == labels)
    return bool((follows | (layout.labels == VOID)).all())


def _is_thing(layout: Layout, instances: NDArray[np.int32], class_id: int) -> bool:
    """Whether a new object of the class is counted: as the layout shows, else as the class set's groups say."""
    present = instances[layout.labels == class_id]
    if (present != class_id).any():
        return True
    things = [item.id for item in layout.classes.classes if item.group in THING_GROUPS]
    return class_id in things if things else present.size == 0


def _first_unused(used: NDArray[np.integer]) -> int:
    """The smallest id from 0 that is not in ``used``."""
    distinct = np.unique(used)
    return int(np.setdiff1d(np.arange(len(distinct) + 1), distinct)[0])
