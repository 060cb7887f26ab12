"""Which classes are in front of which: the order in which a canvas is filled, from back to front.

Source of Cityscapes' order: the released code of SIMS (``order.mat``), from how often each class was behind in pairs of
neighbours whose depth was known. Ours, for data without depth: a region is in front of what surrounds it, and of two
that surround each other equally the lower one is in front; nothing lies behind the sky.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components

PUBLISHED = (
    *("sky", "building", "terrain", "wall", "sidewalk", "road", "fence", "vegetation", "motorcycle", "bicycle"),
    *("truck", "car", "bus", "train", "person", "pole", "rider", "traffic sign", "traffic light"),
)
"""Cityscapes' classes from back to front."""
SKY = "sky"
"""The name of the class that is behind all others."""
_LOWER = 0.1
"""Weight of being below the other region. Chosen by hand: with 0 mountains come in front of lakes, and with 0.3 the
road in front of cars."""
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
    means[[item.name == SKY for item in classes.classes]] = -1
    return tuple(classes.ids[np.argsort(means, kind="stable")].tolist())


def count_in_front(layout: Layout) -> NDArray[np.int64]:
    """[K,K]: pairs of neighbouring components in which one of the row's class is in front of one of the column's.

    A component is surrounded by another to the degree that its outline, the frame included, is their common border. In
    front is the one that is more surrounded; that this border runs below the other one counts a little.
    """
    class_count = layout.classes.num_classes
    counts = np.zeros((class_count, class_count), np.int64)
    instances = instances_from_components(layout).instances
    assert instances is not None
    _, first, numbers = np.unique(instances, return_index=True, return_inverse=True)
    numbers = numbers.reshape(layout.size)  # [H,W] 0..components-1
    class_of = layout.classes.index_of_id[layout.labels.ravel()[first]]
    heard = (np.bincount(numbers.ravel()) >= _LEAST * numbers.size) & (class_of < class_count)  # void is not
    one, other, lengths, below = _borders(numbers)
    outlines = np.bincount(one, lengths, len(first)) + _frame(numbers, len(first))
    pairs = (one < other) & heard[one] & heard[other] & (class_of[one] != class_of[other])
    one, other, lengths, below = one[pairs], other[pairs], lengths[pairs], below[pairs]
    evidence = lengths / outlines[one] - lengths / outlines[other] + _LOWER * below / lengths
    winners, losers = np.where(evidence > 0, one, other), np.where(evidence > 0, other, one)
    decided = evidence != 0
    np.add.at(counts, (class_of[winners[decided]], class_of[losers[decided]]), 1)
    return counts


def _borders(numbers: NDArray[np.integer]) -> tuple[NDArray[np.int64], ...]:
    """Pairs of components that touch, each in both directions.

    Returns:
        The first component, the second, the length of their border in pixels, and on how many of these pixels the first
        lies below the second, less those on which it lies above.
    """
    count = int(numbers.max()) + 1
    keys, signs = [], []
    neighbours = ((numbers[1:], numbers[:-1], 1), (numbers[:, 1:], numbers[:, :-1], 0))
    for low, high, sign in neighbours:
        different = low != high
        a, b = low[different].astype(np.int64), high[different].astype(np.int64)
        keys += [a * count + b, b * count + a]
        signs += [np.full(len(a), sign), np.full(len(a), -sign)]
    found, places, lengths = np.unique(np.concatenate(keys), return_inverse=True, return_counts=True)
    below = np.bincount(places, np.concatenate(signs), len(found))
    return found // count, found % count, lengths.astype(np.int64), below.astype(np.int64)


def _frame(numbers: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """[count]: how much of the frame each component touches."""
    edges = (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])
    return sum((np.bincount(edge, minlength=count) for edge in edges), np.zeros(count, np.int64))
