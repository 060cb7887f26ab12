from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from semsynth import edits
from semsynth.classes import VOID, ClassInfo, ClassSet, builtin
from semsynth.data.label_files import read_layout
from semsynth.edits import History, Stamp
from semsynth.errors import SemsynthError
from semsynth.instances import find_object, instances_from_components, objects
from semsynth.layout import Layout

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


def test_a_given_id_extends_its_object() -> None:
    edited = edits.add(street(), box(4, 2, 5, 4), CAR, 26000)
    assert (ids(edited) == 26000).sum() == 6
    with pytest.raises(SemsynthError, match=r"instance 26000 is of class 26 \(car\) already"):
        edits.add(street(), box(4, 2, 5, 4), TRUCK, 26000)
    with pytest.raises(SemsynthError, match=r"instance -3 is outside 0\.\."):
        edits.add(street(), box(4, 2, 5, 4), CAR, -3)


def row(labels: list[int], instances: list[int], classes: ClassSet = CITYSCAPES) -> Layout:
    return Layout(np.array([labels], np.uint16), classes, np.array([instances], np.int32))


def test_removing_takes_the_nearest_stuff() -> None:
    layout = row([VOID, ROAD, CAR, CAR, CAR, CAR, CAR, VOID], [0, ROAD, 26000, 26000, 26000, 26000, 26001, 0])
    edited = edits.remove(layout, 26000)  # the other car is nearer, but is no stuff
    assert edited.labels.tolist() == [[VOID, *[ROAD] * 5, CAR, VOID]]
    assert ids(edited).tolist() == [[0, *[ROAD] * 5, 26001, 0]]
    last = edits.remove(edited, 26001)  # void is nearer, but fills nothing
    assert last.labels.tolist() == [[VOID, *[ROAD] * 6, VOID]]


def test_removing_takes_whatever_is_nearest_if_asked_for() -> None:
    layout = row([VOID, ROAD, CAR, CAR, CAR, CAR, CAR, VOID], [0, ROAD, 26000, 26000, 26000, 26000, 26001, 0])
    edited = edits.remove(layout, 26000, "neighbours")
    assert edited.labels.tolist() == [[VOID, ROAD, ROAD, ROAD, CAR, CAR, CAR, VOID]]
    assert ids(edited).tolist() == [[0, ROAD, ROAD, ROAD, 26001, 26001, 26001, 0]]
    with pytest.raises(SemsynthError, match="a class id, 'stuff' or 'neighbours', not with 'road'"):
        edits.remove(layout, 26000, "road")  # type: ignore[arg-type]


@pytest.mark.parametrize("front", ["person", "truck", "license plate", "pole", "traffic sign", "ego vehicle", "static"])
def test_what_stands_in_front_of_others_fills_no_hole(front: str) -> None:
    class_id = CITYSCAPES[front].id
    layout = row([class_id, CAR, CAR, CAR, BUILDING], [class_id, 26000, 26000, 26000, BUILDING])
    assert edits.remove(layout, 26000).labels.tolist() == [[class_id, *[BUILDING] * 4]]
    assert without_instances(edits.remove(without_instances(layout), CAR)).labels[0, 1] == BUILDING


def test_things_are_what_the_layout_counts_where_the_class_set_says_nothing() -> None:
    # Class 2 is counted while class 3 is one region: the hole of class 1 is filled with 3 alone.
    told = row([2, 1, 1, 1, 1, 3, 0], [2001, 1000, 1000, 1000, 1000, 3, 0], PLAIN)
    assert edits.remove(told, 1000).labels.tolist() == [[2, 3, 3, 3, 3, 3, 0]]
    assert edits.foreground_classes(told).tolist() == [1, 2]
    # Here all are counted, as connected components are, and here ids tell nothing: only class 1 itself does not fill.
    for instances in ([2000, 1000, 1000, 1000, 1000, 3000, 0], [5, 9, 9, 9, 9, 7, 1]):
        layout = row([2, 1, 1, 1, 1, 3, 0], instances, PLAIN)
        assert edits.foreground_classes(layout).size == 0
        assert edits.remove(layout, instances[1]).labels.tolist() == [[2, 2, 2, 3, 3, 3, 0]]


def test_other_objects_of_the_removed_class_do_not_grow() -> None:
    layout = row([1, 1, 1, 1, 2], [4, 5, 5, 5, 6], PLAIN)
    edited = edits.remove(layout, 5)
    assert (edited.labels.tolist(), ids(edited).tolist()) == ([[1, 2, 2, 2, 2]], [[4, 6, 6, 6, 6]])
    moved = edits.move(layout, 5, (0, 1))
    assert (moved.labels.tolist(), ids(moved).tolist()) == ([[1, 2, 1, 1, 1]], [[4, 6, 5, 5, 5]])


def test_cars_without_any_stuff() -> None:
    layout = row([CAR, CAR, CAR], [26000, 26001, 26001])
    with pytest.raises(SemsynthError, match="there is no stuff in the layout to fill the hole with"):
        edits.remove(layout, 26001)
    assert ids(edits.remove(layout, 26001, "neighbours")).tolist() == [[26000] * 3]
    assert edits.remove(layout, 26001, ROAD).labels.tolist() == [[CAR, ROAD, ROAD]]


@given(layouts(), st.sampled_from(["stuff", "neighbours"]))
def test_every_removed_pixel_becomes_one_of_the_nearest(layout: Layout, fill: Literal["stuff", "neighbours"]) -> None:
    target = int(ids(layout)[0, 1])
    hole = find_object(layout, target)[0]
    allowed = [ROAD, BUILDING] if fill == "stuff" else [ROAD, BUILDING, PERSON, CAR]
    sources = np.argwhere(~hole & np.isin(layout.labels, allowed))
    edited = edits.remove(layout, target, fill)
    assert np.array_equal(edited.labels[~hole], layout.labels[~hole])
    assert np.array_equal(ids(edited)[~hole], ids(layout)[~hole])
    for place in np.argwhere(hole):
        distances = ((sources - place) ** 2).sum(1)
        nearest = sources[distances == distances.min()]
        expected = {(layout.labels[r, c], ids(layout)[r, c]) for r, c in nearest}
        assert (edited.labels[tuple(place)], ids(edited)[tuple(place)]) in expected


def test_removing_with_a_class() -> None:
    hole = ids(street()) == 26000
    edited = edits.remove(street(), 26000, fill=ROAD)
    assert (edited.labels[hole] == ROAD).all()
    assert (ids(edited)[hole] == ROAD).all()
    erased = edits.remove(street(), 26000, fill=VOID)
    assert (erased.labels[hole] == VOID).all()
    assert objects(erased).instance_ids.tolist() == [7, 11, 26001]


def test_removing_whole_classes_where_there_are_no_instances() -> None:
    layout = without_instances(street())
    assert set(np.unique(edits.remove(layout, CAR).labels)) == {ROAD, BUILDING, VOID}
    filled = edits.remove(layout, VOID)
    assert filled.labels[0, 0] == BUILDING
    assert filled.instances is None
    with pytest.raises(SemsynthError, match=r"no pixel of class 24 \(person\): it has 7 \(road\), 11 \(building\), 26"):
        edits.remove(layout, PERSON)


@pytest.mark.parametrize("rest", [ROAD, VOID])
def test_removing_everything_that_there_is(rest: int) -> None:
    labels = np.full((2, 3), ROAD, np.uint16)
    labels[0, 0] = rest
    layout = Layout(labels, CITYSCAPES, labels.astype(np.int32))
    for edit in (edits.remove, lambda *arguments: edits.move(*arguments, (1, 0))):
        with pytest.raises(SemsynthError, match="nothing else in the layout to fill the hole with"):
            edit(layout, ROAD)
    assert (edits.remove(layout, ROAD, BUILDING).labels[1] == BUILDING).all()


def test_relabelling_gives_new_ids_where_ids_tell_the_class() -> None:
    edited = edits.relabel(street(), 26001, TRUCK)
    assert objects(edited).instance_ids.tolist() == [7, 11, 26000, 27000]
    assert np.array_equal(edited.labels == TRUCK, ids(street()) == 26001)
    joined = edits.relabel(street(), BUILDING, ROAD)
    assert objects(joined).pixels.tolist() == [33, 4, 2]
    own = Layout(np.array([[0, 1, 1]], np.uint16), PLAIN, np.array([[5, 9, 4]], np.int32))
    kept = edits.relabel(own, 9, 3)
    assert (kept.labels.tolist(), ids(kept).tolist()) == ([[0, 3, 1]], [[5, 9, 4]])
    assert same(edits.relabel(street(), 26001, CAR), street())


def test_relabelling_a_class_keeps_its_objects_apart() -> None:
    edited = edits.relabel_class(street(), CAR, TRUCK)
    assert objects(edited).instance_ids.tolist() == [7, 11, 27000, 27001]
    assert objects(edited).pixels.tolist() == [18, 15, 4, 2]
    assert objects(edits.relabel_class(street(), CAR, TREE)).instance_ids.tolist() == [7, 11, 21]
    plain = edits.relabel_class(without_instances(street()), CAR, TREE)
    assert (plain.labels == TREE).sum() == 6
    assert plain.instances is None


def test_relabelling_from_and_to_void() -> None:
    sky = edits.relabel_class(street(), VOID, PERSON)
    assert (sky.labels[0, 0], ids(sky)[0, 0]) == (PERSON, 24000)
    erased = edits.relabel_class(street(), CAR, VOID)
    assert ((ids(erased) == 0) == (erased.labels == VOID)).all()
    assert (erased.labels == VOID).sum() == 7


def test_void_shares_no_id_with_an_object() -> None:
    layout = Layout(np.array([[0, 1, 2]], np.uint16), PLAIN, np.array([[0, 1, 2]], np.int32))
    assert ids(edits.remove(layout, 2, VOID)).tolist() == [[0, 1, 3]]


def test_moving_clips_and_fills() -> None:
    edited = edits.move(street(), 26000, (1, -3), fill=ROAD)
    mask, class_id = find_object(edited, 26000)
    assert class_id == CAR
    assert np.argwhere(mask).tolist() == [[3, 0], [4, 0]]
    assert (edited.labels[2:4, 2:4] == ROAD).all()


@given(layouts(), st.integers(-7, 7), st.integers(-7, 7))
def test_a_moved_object_is_its_shape_clipped(layout: Layout, down: int, right: int) -> None:
    target = int(ids(layout)[0, 1])
    before = {(r + down, c + right) for r, c in np.argwhere(find_object(layout, target)[0]).tolist()}
    inside = {(r, c) for r, c in before if 0 <= r < layout.size[0] and 0 <= c < layout.size[1]}
    if not inside:
        with pytest.raises(SemsynthError, match="lies outside the layout"):
            edits.move(layout, target, (down, right), ROAD)
        return
    for edited, instance_id in (
        (edits.move(layout, target, (down, right), ROAD), target),
        (edits.duplicate(layout, target, (down, right)), None),
    ):
        new = instance_id or int(ids(edited)[min(inside)])
        assert {tuple(place) for place in np.argwhere(find_object(edited, new)[0]).tolist()} == inside
        assert instance_id is not None or new not in ids(layout)


def test_duplicates_are_new_objects() -> None:
    edited = edits.duplicate(street(), 26001, (1, 2))
    assert np.argwhere(ids(edited) == 26002).tolist() == [[3, 6], [4, 6]]
    assert (ids(edited) == 26001).sum() == 2


def test_cut_and_stamp() -> None:
    piece = edits.cut(street(), 26000)
    assert (piece.mask.tolist(), piece.class_id, piece.origin) == ([[True, True], [True, True]], CAR, (2, 2))
    edited = edits.stamp(street(), piece, (-1, 7))
    assert np.argwhere(ids(edited) == 26002).tolist() == [[0, 7]]
    plain = edits.stamp(without_instances(street()), piece, (0, 0))
    assert (plain.labels[:2, :2] == CAR).all()
    with pytest.raises(SemsynthError, match=r"2x2 pixels at row 5, column 0 lies outside the layout of 8x5"):
        edits.stamp(street(), piece, (5, 0))


def test_bringing_forward_paints_the_whole_shape_over_what_covers_it() -> None:
    shape = box(2, 3, 4, 6)
    edited = edits.bring_forward(street(), 26001, shape)
    assert (ids(edited)[shape] == 26001).all()
    assert np.argwhere(ids(edited) == 26000).tolist() == [[2, 2], [3, 2]]
    with pytest.raises(SemsynthError, match="the mask does not touch instance 26001"):
        edits.bring_forward(street(), 26001, box(0, 0, 1, 1))


VERBS: dict[str, Callable[[Layout, int], object]] = {
    "cut": edits.cut,
    "remove": edits.remove,
    "relabel": lambda layout, instance_id: edits.relabel(layout, instance_id, ROAD),
    "move": lambda layout, instance_id: edits.move(layout, instance_id, (1, 1)),
    "duplicate": lambda layout, instance_id: edits.duplicate(layout, instance_id, (1, 1)),
    "bring_forward": lambda layout, instance_id: edits.bring_forward(layout, instance_id, box(0, 0, 5, 8)),
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_edit_changes_what_it_is_given(verb: str) -> None:
    layout = street()
    layout.labels.flags.writeable = ids(layout).flags.writeable = False
    VERBS[verb](layout, 26000)
    assert same(layout, street())


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_and_ambiguous_instances(verb: str) -> None:
    with pytest.raises(SemsynthError, match=r"no instance 26009: it has 7, 11, 26000, 26001$"):
        VERBS[verb](street(), 26009)
    with pytest.raises(SemsynthError, match=r"no instance 0"):  # void is no object
        VERBS[verb](street(), 0)
    layout = street()
    ids(layout)[2, 2] = ROAD
    with pytest.raises(SemsynthError, match=r"instance 7 spans the classes 7 \(road\) and 26 \(car\)"):
        VERBS[verb](layout, ROAD)
    if verb != "remove":
        with pytest.raises(SemsynthError, match="instances_from_components"):
            VERBS[verb](without_instances(street()), CAR)


def test_many_instances_are_not_all_listed() -> None:
    numbers = np.arange(20, dtype=np.int32)[None]
    layout = Layout(np.zeros((1, 20), np.uint16), PLAIN, numbers)
    with pytest.raises(SemsynthError, match="it has 0, 1, 2, 3, 4, 5, 6, 7 and 12 more"):
        edits.remove(layout, 99)


@pytest.mark.parametrize("class_id", [-1, 99, 70000])
def test_classes_outside_the_class_set(class_id: int) -> None:
    for edit in (
        lambda layout: edits.add(layout, box(0, 0, 1, 1), class_id),
        lambda layout: edits.relabel(layout, 26000, class_id),
        lambda layout: edits.relabel_class(layout, CAR, class_id),
        lambda layout: edits.relabel_class(layout, class_id, CAR),
        lambda layout: edits.remove(layout, 26000, class_id),
        lambda layout: edits.stamp(layout, Stamp(box(0, 0, 1, 1), class_id), (0, 0)),
    ):
        with pytest.raises(SemsynthError, match=rf"'cityscapes' has no class {class_id}: it has 0 \(unlabeled\)"):
            edit(street())


def test_masks_have_to_fit() -> None:
    with pytest.raises(SemsynthError, match="the mask is 4x3, the layout 8x5"):
        edits.add(street(), box(0, 0, 1, 1, (3, 4)), CAR)
    with pytest.raises(SemsynthError, match="the mask is empty"):
        edits.add(street(), box(0, 0, 0, 0), CAR)
    with pytest.raises(SemsynthError, match="booleans, not uint8"):
        edits.add(street(), box(0, 0, 1, 1).astype(np.uint8), CAR)  # type: ignore[arg-type]
    with pytest.raises(SemsynthError, match="the mask is empty"):
        Stamp(np.zeros((2, 2), np.bool_), CAR)
    with pytest.raises(SemsynthError, match="leave the instance id out"):
        edits.add(without_instances(street()), box(0, 0, 1, 1), CAR, 26000)


def test_history() -> None:
    steps = [Layout(np.full((1, 1), i, np.uint16), PLAIN) for i in range(4)]
    history = History(steps[0], limit=3)
    assert (history.can_undo, history.can_redo) == (False, False)
    assert history.undo() is history.redo() is steps[0]
    for step in steps[1:3]:
        history.push(step)
    assert history.undo() is steps[1]
    assert history.undo() is steps[0]
    assert history.redo() is steps[1]
    assert history.can_redo
    history.push(steps[3])  # forgets steps[2]
    assert not history.can_redo
    assert history.undo() is steps[1]
    assert history.redo() is steps[3]
    history.push(steps[2])  # one more than the limit: the first is dropped
    assert [history.undo(), history.undo(), history.undo()] == [steps[3], steps[1], steps[1]]
    with pytest.raises(SemsynthError, match="limit of 1 or more"):
        History(steps[0], limit=0)


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


def test_a_real_street(shared: Path) -> None:
    folder = shared / "data/cityscapes_sample"
    classes = ClassSet.load(folder / "classes.json")
    name = "frankfurt_000000_000576.png"
    layout = read_layout(folder / "test/labels" / name, classes, folder / "test/instances" / name)
    before = objects(layout)
    removed = edits.remove(layout, 26007)
    assert set(objects(removed).instance_ids) == set(before.instance_ids) - {26007}
    grown = edits.foreground_classes(layout)  # cars stand beside this one: none of them grew into its place
    assert not np.isin(removed.labels[ids(layout) == 26007], grown).any()
    assert CAR in edits.remove(layout, 26007, "neighbours").labels[ids(layout) == 26007]
    built = edits.relabel(layout, TREE, BUILDING)
    share = dict(zip(before.instance_ids.tolist(), before.pixels.tolist(), strict=True))
    assert (built.labels == BUILDING).sum() == share[TREE] + share[BUILDING]
    assert np.array_equal(ids(built) == BUILDING, built.labels == BUILDING)
