from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from semsynth.classes import ClassInfo, ClassSet
from semsynth.data.rebalancing.pasting import columns_on, pasted, scaled, scene_of, visible_part, with_object
from semsynth.data.rebalancing.standing import Standing
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components, objects

SKY, ROAD, CAR, BIKE = range(4)
CLASSES = ClassSet(
    name="street",
    classes=tuple(ClassInfo(id=n, name=name, color=(n, n, n)) for n, name in enumerate(("sky", "road", "car", "bike"))),
)
LIKE = Standing(BIKE, ROAD, 0.7, 0.3, 0.2, (2, 2), np.packbits(np.ones((2, 2), np.bool_)))
SQUARE = np.ones((2, 2), np.bool_)


def street() -> Layout:
    """10x12: sky, from row 6 on road; a car in rows 5 to 7 and columns 4 to 7."""
    labels = np.full((10, 12), SKY, np.uint16)
    labels[6:] = ROAD
    labels[5:8, 4:8] = CAR
    return instances_from_components(Layout(labels, CLASSES))


def test_scenes_number_their_objects() -> None:
    scene = scene_of(street(), {CAR})
    assert scene.numbers.tolist() == (street().labels == CAR).astype(int).tolist()
    assert (scene.feet.tolist(), scene.whole.tolist()) == ([0, 8], [0, 12])


def test_masks_keep_their_proportions() -> None:
    mask = np.array([[0, 1], [1, 1]], np.bool_)
    assert scaled(mask, 4).tolist() == np.kron(mask, np.ones((2, 2), np.bool_)).tolist()
    assert scaled(np.ones((4, 6), np.bool_), 2).shape == (2, 3)
    assert scaled(np.ones((9, 1), np.bool_), 3).shape == (3, 1)


def test_columns_at_which_feet_stand() -> None:
    road = np.zeros((5, 8), np.bool_)
    road[4, 2:7] = True
    assert columns_on(road, np.ones((2, 3), np.bool_), top=2).tolist() == [2, 3, 4]
    wide = np.ones((2, 5), np.bool_)
    assert columns_on(road, wide, top=2).tolist() == [1, 2, 3]  # four of five feet are enough
    arch = np.ones((20, 3), np.bool_)
    arch[10:, 1] = False  # stands on its outer columns
    gap = np.zeros((21, 6), np.bool_)
    gap[20, [1, 3]] = True
    assert columns_on(gap, arch, top=0).tolist() == [1]


def test_what_stands_nearer_hides_what_is_behind() -> None:
    scene = scene_of(street(), {CAR})
    behind = visible_part(scene, SQUARE, 5, 3, 0.5)  # its foot is row 7, the car's is row 8
    assert behind is not None
    assert behind.tolist() == [[True, False]] * 2
    assert visible_part(scene, SQUARE, 5, 3, 0.4) is None
    nearer = visible_part(scene, SQUARE, 7, 4, 0.2)
    assert nearer is not None
    assert nearer.all()
    assert visible_part(scene, SQUARE, 7, 4, 0.1) is None  # 2 of the car's 12 pixels would be hidden


def test_overlaps_add_up() -> None:
    scene = scene_of(street(), {CAR})
    scene = pasted(scene, SQUARE, 7, 4, LIKE)
    assert visible_part(scene, SQUARE, 7, 6, 0.2) is None  # 4 of 12
    assert visible_part(scene, SQUARE, 7, 6, 0.4) is not None


def test_a_pasted_object_is_a_new_one() -> None:
    before = street()
    scene = pasted(scene_of(before, {CAR}), SQUARE, 7, 1, LIKE)
    assert (scene.layout.labels != before.labels).sum() == 4
    assert (scene.layout.labels[7:9, 1:3] == BIKE).all()
    ids = set(np.unique(scene.layout.instances).tolist()) - set(np.unique(before.instances).tolist())
    assert len(ids) == 1
    assert len(objects(scene.layout)) == len(objects(before)) + 1
    assert (scene.numbers[7, 1], scene.feet[2], scene.whole[2]) == (2, 9, 4)


def test_objects_stand_where_their_like_does() -> None:
    scene = scene_of(street(), {CAR, BIKE})
    found = {
        tuple(np.argwhere(made[0].layout.labels == BIKE)[0].tolist())
        for seed in range(60)
        if (made := with_object(scene, SQUARE, LIKE, np.random.default_rng(seed), 0))
    }
    # Rows 5 and 6, so that the foot is row 7; not before, behind or beside the car where it would be hidden.
    assert found == {(5, column) for column in (0, 1, 2, 8, 9, 10)}


@pytest.mark.parametrize(
    "change", [{"support": SKY}, {"foot": 1.0}, {"foot": 0.1}, {"depth": 0.9}, {"height": 0.75, "foot": 0.7}]
)
def test_no_place(change: dict[str, float]) -> None:
    scene = scene_of(street(), {CAR})
    assert with_object(scene, SQUARE, replace(LIKE, **change), np.random.default_rng(0), 0.2) is None
