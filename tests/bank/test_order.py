"""Which classes are in front."""

import numpy as np
import pytest

from semsynth.bank.order import PUBLISHED, count_in_front, estimate_order, order_of, published_order
from semsynth.classes import VOID, ClassInfo, ClassSet, builtin
from semsynth.layout import Layout

CLASSES = ClassSet(
    name="scene",
    classes=tuple(
        ClassInfo(id=i, name=name, color=(i, i, i)) for i, name in enumerate(("car", "wall", "window", "sky"))
    ),
)


def test_cityscapes_has_the_published_order() -> None:
    classes = builtin("cityscapes_19")
    order = published_order(classes)
    assert order is not None
    names = {item.id: item.name for item in classes.classes}
    assert tuple(names[one] for one in order) == PUBLISHED
    assert (names[order[0]], names[order[-1]]) == ("sky", "traffic light")


def test_further_classes_of_cityscapes_come_first() -> None:
    classes = builtin("cityscapes")
    order = published_order(classes)
    assert order is not None
    assert sorted(order) == sorted(classes.ids.tolist())
    names = {item.id: item.name for item in classes.classes}
    assert tuple(names[one] for one in order)[-19:] == PUBLISHED


def test_other_classes_have_no_published_order() -> None:
    assert published_order(builtin("cmp_facades")) is None


def test_what_is_surrounded_is_in_front() -> None:
    labels = np.full((40, 40), 1, np.uint16)
    labels[10:20, 5:15] = labels[10:20, 25:35] = 2
    counts = count_in_front(Layout(labels, CLASSES))
    assert counts.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0]]


def test_of_two_halves_the_lower_one_is_in_front() -> None:
    labels = np.full((40, 40), 1, np.uint16)
    labels[20:] = 2
    assert count_in_front(Layout(labels, CLASSES))[2, 1] == 1
    assert count_in_front(Layout(labels[::-1], CLASSES))[1, 2] == 1
    assert not count_in_front(Layout(labels.T, CLASSES)).any(), "side by side nothing decides"


def test_void_and_specks_have_no_say() -> None:
    labels = np.full((100, 100), 1, np.uint16)
    labels[50, 50:54] = 2
    labels[10:30, 10:30] = VOID
    assert not count_in_front(Layout(labels, CLASSES)).any()
    labels[50, 50:55] = 2
    assert count_in_front(Layout(labels, CLASSES))[2, 1] == 1


@pytest.mark.parametrize("size", [(64, 64), (50, 90)])
def test_a_scene_is_ordered_from_back_to_front(size: tuple[int, int]) -> None:
    height, _ = size
    labels = np.full(size, 3, np.uint16)
    labels[height // 4 :] = 1
    labels[height // 2 : height // 2 + 8, 10:20] = 2
    labels[-12:-4, 30:45] = 0
    order = estimate_order([Layout(labels, CLASSES)] * 3, CLASSES)
    assert order[:2] == (3, 1)
    assert sorted(order) == [0, 1, 2, 3]


def test_the_sky_is_behind_whatever_the_counts_say() -> None:
    counts = np.zeros((4, 4), np.int64)
    counts[3, 1] = 9  # sky in front of walls
    counts[0, 1] = counts[2, 0] = 5
    assert order_of(counts, CLASSES) == (3, 1, 0, 2)
    assert order_of(0 * counts, CLASSES) == (3, 0, 1, 2)
