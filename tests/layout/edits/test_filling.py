from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from streets import (
    BUILDING,
    CAR,
    CITYSCAPES,
    PERSON,
    PLAIN,
    ROAD,
    ids,
    layouts,
    row,
    street,
    without_instances,
)

from semsynth.classes import VOID
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, edits
from semsynth.layout.instances import find_object, objects


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


def edges_by_class(layout: Layout, hole: NDArray[np.bool_], classes: list[int]) -> dict[int, int]:
    """How many pixel edges each of some classes shares with a hole."""
    edges = dict.fromkeys(classes, 0)
    for y, x in np.argwhere(hole):
        for place in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            inside = 0 <= place[0] < hole.shape[0] and 0 <= place[1] < hole.shape[1]
            if inside and not hole[place] and int(layout.labels[place]) in edges:
                edges[int(layout.labels[place])] += 1
    return edges


@given(layouts(), st.sampled_from(["stuff", "neighbours"]))
def test_every_removed_pixel_becomes_the_first_of_the_nearest(
    layout: Layout, fill: Literal["stuff", "neighbours"]
) -> None:
    target = int(ids(layout)[0, 1])
    hole = find_object(layout, target)[0]
    allowed = [ROAD, BUILDING, PERSON, CAR]
    if fill == "stuff":
        edges = edges_by_class(layout, hole, [ROAD, BUILDING])
        allowed = [one for one in edges if not any(edges.values()) or 4 * edges[one] >= max(edges.values())]
    sources = np.argwhere(~hole & np.isin(layout.labels, allowed))
    edited = edits.remove(layout, target, fill)
    assert np.array_equal(edited.labels[~hole], layout.labels[~hole])
    assert np.array_equal(ids(edited)[~hole], ids(layout)[~hole])
    for place in np.argwhere(hole):
        here, nearest = tuple(place), tuple(sources[((sources - place) ** 2).sum(1).argmin()])
        assert (edited.labels[here], ids(edited)[here]) == (layout.labels[nearest], ids(layout)[nearest])


@pytest.mark.parametrize(("sill", "grows"), [(4, False), (5, True)])
def test_what_hardly_touches_a_hole_does_not_grow_into_it(sill: int, grows: bool) -> None:
    """A window of 24 edges in a wall, with a sill below: 4 edges are too few beside the wall's 20, 5 are enough."""
    labels = np.full((12, 14), 1, np.uint16)
    labels[3:7, 3:11] = 2
    labels[7, 3 : 3 + sill] = 3
    edited = edits.remove(Layout(labels, PLAIN, labels.astype(np.int32)), 2)
    assert not (edited.labels == 2).any()
    assert ((edited.labels == 3).sum() > sill) == grows


def test_of_equally_near_pixels_the_first_in_reading_order_fills() -> None:
    labels, instances = np.array([[0, 2, 0], [1, 3, 3], [0, 1, 0]]), np.array([[0, 1, 2], [3, 4, 4], [6, 7, 8]])
    layout = Layout(labels.astype(np.uint16), PLAIN, instances.astype(np.int32))
    edited = edits.remove(layout, 4, "neighbours")
    assert edited.labels.tolist() == [[0, 2, 0], [1, 2, 0], [0, 1, 0]]


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
