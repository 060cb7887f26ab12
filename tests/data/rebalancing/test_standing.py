from __future__ import annotations

import numpy as np
import pytest

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.data.rebalancing.standing import (
    Standing,
    Stock,
    depths,
    feet,
    ground,
    standing_objects,
    without_fragments,
)
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components

SKY, ROAD, CAR = 0, 1, 2
CLASSES = ClassSet(
    name="street",
    classes=tuple(ClassInfo(id=n, name=name, color=(n, n, n)) for n, name in enumerate(("sky", "road", "car"))),
)


def street() -> Layout:
    """10x10: sky above row 6, road below; cars of 2x3 at row 5, 2x2 at the left border, 1x2 in the sky."""
    labels = np.full((10, 10), SKY, np.uint16)
    labels[6:] = ROAD
    labels[4:6, 3:6] = CAR
    labels[7:9, 0:2] = CAR
    labels[1, 6:8] = CAR
    return instances_from_components(Layout(labels, CLASSES))


def standing(foot: float = 0.5, height: float = 0.2, support: int = ROAD, mask: np.ndarray | None = None) -> Standing:
    mask = np.ones((2, 2), np.bool_) if mask is None else mask
    return Standing(CAR, support, foot, 0.1, height, mask.shape, np.packbits(mask))


def test_whole_objects_and_what_they_stand_on() -> None:
    in_sky, on_road = standing_objects(street(), {CAR})  # the one at the border is cut
    assert (on_road.class_id, on_road.support, on_road.foot, on_road.height) == (CAR, ROAD, 0.6, 0.2)
    assert on_road.depth == 0.4  # rows 6 to 9
    assert on_road.mask.tolist() == [[True] * 3] * 2
    assert (in_sky.support, in_sky.foot, in_sky.height) == (SKY, 0.2, 0.1)
    assert in_sky.depth == 0.4  # rows 2 to 5 below columns 6 and 7
    assert [one.class_id for one in standing_objects(street(), {SKY})] == []


def test_void_between_an_object_and_the_ground_is_skipped() -> None:
    layout = street()
    labels = layout.labels.copy()
    labels[6, 3:6] = VOID
    layout = instances_from_components(Layout(labels, CLASSES))
    assert ground(layout)[6].tolist() == [ROAD] * 10
    assert [one.support for one in standing_objects(layout, {CAR})] == [SKY, ROAD]
    labels[7, 3:6] = VOID  # two rows: more than 2 % of ten
    layout = instances_from_components(Layout(labels, CLASSES))
    assert [one.support for one in standing_objects(layout, {CAR})] == [SKY]


def test_depths() -> None:
    labels = np.array([[1, 2], [1, 1], [2, 1], [2, 1]], np.uint16)
    assert depths(labels).tolist() == [[2, 1], [1, 3], [2, 2], [1, 1]]


def test_feet_are_the_columns_that_reach_the_lowest_tenth() -> None:
    mask = np.zeros((20, 4), np.bool_)
    mask[:20, 0] = mask[:19, 1] = mask[:18, 2] = True  # legs that end in the last, last but one, and third row
    rows, columns = feet(mask)
    assert (rows.tolist(), columns.tolist()) == ([20, 19], [0, 1])


def test_fragments_are_lower_than_half_of_what_stands_as_far_away() -> None:
    found = [standing(0.5, height) for height in (0.3, 0.32, 0.28, 0.1)] + [standing(0.9, 0.1)]
    assert without_fragments(found) == [*found[:3], found[4]]


def test_a_stock_is_an_even_sample() -> None:
    ones, kept = [standing(number / 100) for number in range(20)], np.zeros(20)
    for seed in range(400):
        stock = Stock(5, np.random.default_rng(seed))
        for one in ones:
            stock.offer(one)
        assert len(stock.objects) == 5
        kept += [one in stock.objects for one in ones]
    assert kept == pytest.approx(100, abs=40)  # 400 * 5 / 20, whose deviation is 8.7


def test_shapes_and_places_that_are_drawn_together() -> None:
    wide = np.ones((2, 7), np.bool_)
    wide[0, 0] = False
    stock = Stock(9, np.random.default_rng(0))
    for one in (standing(0.5, 0.2), standing(0.6, 0.3, SKY, wide), standing(0.7, 0.5)):  # 0.5 is more than twice 0.2
        stock.offer(one)
    draws = [stock.draw(np.random.default_rng(seed)) for seed in range(60)]
    assert {(mask.shape, like.foot) for mask, like in draws} == {((2, 2), 0.5), ((2, 7), 0.6), ((2, 2), 0.7)}
    assert {mask[0, 0] and not mask[0, 6] for mask, like in draws if like.foot == 0.6} == {True, False}  # mirrored
