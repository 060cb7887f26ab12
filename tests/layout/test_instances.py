from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streets import (
    BUILDING,
    CAR,
    CITYSCAPES,
    PERSON,
    PLAIN,
    ROAD,
    TREE,
    TRUCK,
    box,
    ids,
    layouts,
    street,
    without_instances,
)

from semsynth.classes import VOID, builtin
from semsynth.layout import Layout, edits
from semsynth.layout.instances import find_object, instances_from_components, objects


def test_objects_by_hand() -> None:
    table = objects(street())
    assert table.instance_ids.tolist() == [7, 11, 26000, 26001]
    assert table.class_ids.tolist() == [7, 11, 26, 26]
    assert table.pixels.tolist() == [18, 15, 4, 2]
    assert table.boxes.tolist() == [[2, 0, 5, 8], [0, 0, 2, 8], [2, 2, 4, 4], [2, 4, 4, 5]]
    assert len(table) == 4


def test_objects_of_a_layout_without_instances_are_its_classes() -> None:
    table = objects(without_instances(street()))
    assert table.instance_ids.tolist() == table.class_ids.tolist() == [7, 11, 26]
    assert table.pixels.tolist() == [18, 15, 6]


def test_an_instance_on_two_classes_has_two_rows_and_void_has_none() -> None:
    layout = Layout(np.array([[0, 1, VOID]], np.uint16), PLAIN, np.full((1, 3), 9, np.int32))
    assert objects(layout).instance_ids.tolist() == [9, 9]
    assert objects(layout).class_ids.tolist() == [0, 1]
    assert len(objects(Layout(np.full((2, 2), VOID, np.uint16), PLAIN))) == 0


@given(layouts())
def test_objects_agree_with_each_object_alone(layout: Layout) -> None:
    table = objects(layout)
    assert table.pixels.sum() == (layout.labels != VOID).sum()
    for number, (instance_id, bounds) in enumerate(zip(table.instance_ids.tolist(), table.boxes.tolist(), strict=True)):
        mask, class_id = find_object(layout, instance_id)
        rows, columns = np.nonzero(mask)
        assert (class_id, len(rows)) == (table.class_ids[number], table.pixels[number])
        assert bounds == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


@pytest.mark.parametrize(
    ("class_id", "expected"),
    [(CAR, 26002), (TRUCK, 27000), (PERSON, 24000), (ROAD, ROAD), (BUILDING, BUILDING), (TREE, TREE), (VOID, 0)],
)
def test_new_ids_follow_the_cityscapes_convention(class_id: int, expected: int) -> None:
    mask = box(3, 6, 5, 8)
    edited = edits.add(street(), mask, class_id)
    assert (edited.labels[mask] == class_id).all()
    assert (ids(edited)[mask] == expected).all()
    assert np.array_equal(edited.labels[~mask], street().labels[~mask])
    assert np.array_equal(ids(edited)[~mask], ids(street())[~mask])


def test_a_crowd_region_with_the_class_id_is_no_reason_to_count_cars_as_stuff() -> None:
    layout = street()
    crowd = Layout(layout.labels, CITYSCAPES, np.where(layout.labels == CAR, CAR, ids(layout)).astype(np.int32))
    assert ids(edits.add(crowd, box(4, 0, 5, 1), CAR))[4, 0] == 26000


def test_full_classes_and_other_numberings_are_continued_upwards() -> None:
    labels = np.array([[CAR] * 1001 + [ROAD]], np.uint16)
    instances = np.array([[*range(26000, 27000), CAR, ROAD]], np.int32)
    full = edits.add(Layout(labels, CITYSCAPES, instances), box(0, 1001, 1, 1002, (1, 1002)), CAR)
    assert ids(full)[0, -1] == 27000
    own = Layout(np.array([[0, 1, 1, VOID]], np.uint16), PLAIN, np.array([[5, 9, 4, 17]], np.int32))
    assert ids(edits.add(own, box(0, 1, 1, 2, (1, 4)), 2)).tolist() == [[5, 18, 4, 17]]


def test_ids_beyond_16_bits_are_avoided_while_there_are_others() -> None:
    layout = Layout(np.array([[0, 1, 1]], np.uint16), PLAIN, np.array([[0, 65535, 1]], np.int32))
    assert ids(edits.add(layout, box(0, 0, 1, 1, (1, 3)), 3))[0, 0] == 2


@given(layouts(), st.sampled_from([ROAD, BUILDING, PERSON, CAR, TRUCK]))
def test_a_new_thing_never_takes_an_id_that_is_in_use(layout: Layout, class_id: int) -> None:
    mask = box(0, 0, 1, 1, layout.size)
    edited = edits.add(layout, mask, class_id)
    new = int(ids(edited)[0, 0])
    if class_id in (PERSON, CAR, TRUCK):
        assert new not in ids(layout)
        assert new // 1000 == class_id
    else:
        assert new == class_id


def test_components_by_hand() -> None:
    labels = np.array([[26, 7, 26, 26], [7, 26, VOID, 26]], np.uint16)
    made = ids(instances_from_components(Layout(labels, CITYSCAPES)))
    assert made.tolist() == [[26000, 7000, 26001, 26001], [7001, 26002, 0, 26001]]
    plain = np.array([[0, VOID, 1]], np.uint16)
    assert ids(instances_from_components(Layout(plain, PLAIN))).tolist() == [[0, 1, 1000]]
    nothing = np.full((2, 2), VOID, np.uint16)
    assert (ids(instances_from_components(Layout(nothing, PLAIN))) == 0).all()


@pytest.mark.parametrize("reason", ["more than 1000", "more than 16 bits"])
def test_components_are_counted_where_the_convention_has_no_room(reason: str) -> None:
    if reason == "more than 1000":
        labels, classes = (np.indices((60, 60)).sum(0) % 2 + 1).astype(np.uint16), PLAIN
    else:
        labels, classes = np.array([[100, 7, 100]], np.uint16), builtin("coco_stuff")
    made = ids(instances_from_components(Layout(labels, classes)))
    assert sorted(made.ravel().tolist()) == list(range(1, labels.size + 1))


@given(layouts())
def test_components_are_the_regions_of_equal_neighbours(layout: Layout) -> None:
    made = ids(instances_from_components(layout))
    for labels, numbers in ((layout.labels, made), (layout.labels.T, made.T)):
        known = (labels[1:] != VOID) & (labels[:-1] != VOID)
        assert np.array_equal((labels[1:] == labels[:-1])[known], (numbers[1:] == numbers[:-1])[known])
    again = instances_from_components(Layout(layout.labels, CITYSCAPES, made))
    assert np.array_equal(ids(again), made)
    table = objects(again)
    assert len(np.unique(table.instance_ids)) == len(table)
