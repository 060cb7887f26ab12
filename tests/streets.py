"""Small drawn streets, to be edited."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from semsynth.classes import VOID, ClassInfo, ClassSet, builtin
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components

CITYSCAPES = builtin("cityscapes")
ROAD, BUILDING, TREE, PERSON, CAR, TRUCK = 7, 11, 21, 24, 26, 27
PLAIN = ClassSet(name="plain", classes=tuple(ClassInfo(id=i, name=f"c{i}", color=(i, i, i)) for i in range(4)))


def street() -> Layout:
    """5x8: a building (11) over a road (7), with a void corner and two cars that touch."""
    labels = np.full((5, 8), ROAD, np.uint16)
    labels[:2] = BUILDING
    labels[0, 0] = VOID
    labels[2:4, 2:5] = CAR
    instances = labels.astype(np.int32)
    instances[0, 0] = 0
    instances[2:4, 2:4] = 26000
    instances[2:4, 4] = 26001
    return Layout(labels, CITYSCAPES, instances)


def box(top: int, left: int, bottom: int, right: int, size: tuple[int, int] = (5, 8)) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def ids(layout: Layout) -> NDArray[np.int32]:
    assert layout.instances is not None
    return layout.instances


def without_instances(layout: Layout) -> Layout:
    return Layout(layout.labels, layout.classes)


def same(a: Layout, b: Layout) -> bool:
    return np.array_equal(a.labels, b.labels) and np.array_equal(ids(a), ids(b))


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Blocks and noise of Cityscapes classes and void; things get the ids of their components."""
    size = draw(st.tuples(st.integers(2, 7), st.integers(2, 7)))
    labels = draw(arrays(np.uint16, size, elements=st.sampled_from([ROAD, BUILDING, PERSON, CAR, VOID])))
    labels[0, :2] = ROAD, CAR
    made = ids(instances_from_components(Layout(labels, CITYSCAPES)))
    things = (labels == PERSON) | (labels == CAR)
    return Layout(labels, CITYSCAPES, np.where(things, made, np.where(labels == VOID, 0, labels)).astype(np.int32))


def row(labels: list[int], instances: list[int], classes: ClassSet = CITYSCAPES) -> Layout:
    return Layout(np.array([labels], np.uint16), classes, np.array([instances], np.int32))
