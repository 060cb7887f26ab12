"""Which classes are in front of which: the order in which a canvas is filled, from back to front.

Source of Cityscapes' order: the released code of SIMS (``order.mat``), from how often each class was behind in pairs of
neighbours whose depth was known. Ours: without depth, an object is taken for being in front of what surrounds it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID, ClassSet
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components

PUBLISHED = (
    *("sky", "building", "terrain", "wall", "sidewalk", "road", "fence", "vegetation", "motorcycle", "bicycle"),
    *("truck", "car", "bus", "train", "person", "pole", "rider", "traffic sign", "traffic light"),
)
"""Cityscapes' classes from back to front."""
_LEAST = 1 / 2000
"""Share of the picture below which a component has no say: it may be a slip of the pen."""


def published_order(classes: ClassSet) -> tuple[int, ...] | None:
    """Ids of Cityscapes' classes from back to front; None for other class sets.

    Classes that the published order lacks, such as Cityscapes' further ones, come first.
    """
    ids = {item.name: item.id for item in classes.classes}
    if not all(name in ids for name in PUBLISHED):
        return None
    others = [item.id for item in classes.classes if item.name not in PUBLISHED]
    return *others, *(ids[name] for name in PUBLISHED)


def estimate_order(layouts: Iterable[Layout], classes: ClassSet) -> tuple[int, ...]:
    """Estimate from label maps which classes are in front.

    Args:
        layouts: label maps of ``classes``.
        classes: whose ids are ordered.

    Returns:
        Ids from back to front; see :func:`order_of`.
    """
    counts = np.zeros((classes.num_classes, classes.num_classes), np.int64)
    for layout in layouts:
        counts += count_in_front(layout)
    return order_of(counts, classes)


def order_of(in_front: NDArray[np.int64], classes: ClassSet) -> tuple[int, ...]:
    """Order classes by the mean share, over the classes that they touch, of the pairs in which they are in front.

    Args:
        in_front: [K,K]: in how many pairs the class of the row is in front of that of the column.
        classes: whose indices these are.

    Returns:
        Ids from back to front; classes that are alike, or that occur nowhere, in the class set's order.
    """
    pairs = in_front + in_front.T
    shares = np.divide(in_front, pairs, out=np.zeros(pairs.shape), where=pairs > 0)
    touched = np.count_nonzero(pairs, axis=1)
    means = np.divide(shares.sum(1), touched, out=np.full(len(pairs), 0.5), where=touched > 0)
    return tuple(classes.ids[np.argsort(means, kind="stable")].tolist())


def count_in_front(layout: Layout) -> NDArray[np.int64]:
    """[K,K]: pairs of neighbouring components in which one of the row's class is in front of one of the column's.

    In front is the one that has the larger part of its outline in common with the other: the one that is surrounded.
    The frame is a part of outlines; equal parts count for neither.
    """
    indices = layout.classes.index_of_id[layout.labels]
    counts = np.zeros((layout.classes.num_classes, layout.classes.num_classes), np.int64)
    instances = instances_from_components(layout).instances
    assert instances is not None
    _, first, numbers = np.unique(instances, return_index=True, return_inverse=True)
    numbers = numbers.reshape(layout.size)  # [H,W] 0..count-1
    class_of = indices.ravel()[first]
    large = np.bincount(numbers.ravel()) >= _LEAST * numbers.size
    large &= layout.labels.ravel()[first] != VOID
    one, other, shared = _borders(numbers)
    outline = np.bincount(one, shared, len(first)) + _frame(numbers, len(first))
    pairs = (one < other) & large[one] & large[other] & (class_of[one] != class_of[other])
    one, other = one[pairs], other[pairs]
    winners = np.where(outline[one] < outline[other], one, other)  # the shared border is the same for both
    losers = one + other - winners
    decided = outline[one] != outline[other]
    np.add.at(counts, (class_of[winners[decided]], class_of[losers[decided]]), 1)
    return counts


def _borders(numbers: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of components that touch, each in both directions, with the length of the border that they share."""
    ends = [(numbers[:, :-1], numbers[:, 1:]), (numbers[:-1], numbers[1:])]
    count = int(numbers.max()) + 1
    keys = []
    for one, other in ends:
        different = one != other
        a, b = one[different].astype(np.int64), other[different].astype(np.int64)
        keys += [a * count + b, b * count + a]
    found, lengths = np.unique(np.concatenate(keys), return_counts=True)
    return found // count, found % count, lengths.astype(np.int64)


def _frame(numbers: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """[count]: how much of the frame each component touches."""
    edges = (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])
    return sum((np.bincount(edge, minlength=count) for edge in edges), np.zeros(count, np.int64))
