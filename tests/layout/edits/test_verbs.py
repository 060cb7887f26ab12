from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streets import (
    BUILDING,
    CAR,
    PERSON,
    PLAIN,
    ROAD,
    TREE,
    TRUCK,
    box,
    ids,
    layouts,
    same,
    street,
    without_instances,
)

from semsynth.classes import VOID, ClassSet
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, edits
from semsynth.layout.edits import History, Stamp
from semsynth.layout.instances import find_object, objects


def test_a_given_id_extends_its_object() -> None:
    edited = edits.add(street(), box(4, 2, 5, 4), CAR, 26000)
    assert (ids(edited) == 26000).sum() == 6
    with pytest.raises(SemsynthError, match=r"instance 26000 is of class 26 \(car\) already"):
        edits.add(street(), box(4, 2, 5, 4), TRUCK, 26000)
    with pytest.raises(SemsynthError, match=r"instance -3 is outside 0\.\."):
        edits.add(street(), box(4, 2, 5, 4), CAR, -3)


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


def test_a_real_street(shared: Path) -> None:
    folder = shared / "data/cityscapes_sample"
    classes = ClassSet.open(folder / "classes.json")
    name = "frankfurt_000000_000576.png"
    layout = Layout.open(folder / "test/labels" / name, classes, folder / "test/instances" / name)
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
