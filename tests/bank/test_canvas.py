"""Hand-made cases on a frame of 20 x 20: squares have sides of 1 to 4 pixels there only if the height says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from semsynth.bank.borders import band
from semsynth.bank.canvas import Placed, around_objects, build_canvas, relabel, restore_background, shadows
from semsynth.bank.roles import Roles
from semsynth.classes import VOID, builtin

ROAD, CAR, TREE, SKY, PERSON = range(5)
ROLES = Roles(
    ground=frozenset({ROAD}),
    vehicles=frozenset({CAR}),
    vegetation=frozenset({TREE}),
    objects=frozenset({CAR}),
    background=frozenset({ROAD, SKY}),
)
SIDE = 20


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def piece(class_id: int, query: np.ndarray, shape: np.ndarray, value: float = 0.5, photo: int = 3) -> Placed:
    colour = np.full((SIDE, SIDE, 3), value, np.float32)
    nothing = np.zeros((SIDE, SIDE), bool)
    return Placed(class_id, query, colour, shape, nothing, np.full((SIDE, SIDE), VOID, np.uint16), photo)


def layout(**classes: np.ndarray) -> np.ndarray:
    labels = np.full((SIDE, SIDE), SKY, np.uint16)
    for name, mask in classes.items():
        labels[mask] = globals()[name]
    return labels


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_piece_stays_inside_its_segment() -> None:
    query, shape = box(4, 4, 8, 8), box(4, 8, 8, 8)
    labels = layout(PERSON=query)
    canvas = build_canvas(labels, [piece(PERSON, query, shape)], ROLES, rng())
    assert np.array_equal(canvas.filled, query & shape)
    assert np.array_equal(canvas.labels, labels)
    assert (canvas.colour[query & shape] == 0.5).all()
    assert not canvas.colour[~canvas.filled].any()
    assert canvas.photos == (3,)


def test_as_published_the_layout_takes_the_shape_of_the_piece() -> None:
    query, shape = box(4, 4, 8, 8), box(4, 8, 8, 8)
    labels = layout(PERSON=query)
    canvas = build_canvas(labels, [piece(PERSON, query, shape)], ROLES, rng(), faithful=False)
    assert np.array_equal(canvas.labels == PERSON, shape)
    assert (canvas.labels[query & ~shape] == VOID).all()  # a person is no background
    assert (canvas.labels[~query & ~shape] == SKY).all()
    assert np.array_equal(canvas.filled, shape)


def test_what_is_in_front_hides_what_is_behind_and_its_photo() -> None:
    whole = np.ones((SIDE, SIDE), bool)
    back, front = (
        piece(SKY, whole, box(5, 5, 4, 4), 0.25, photo=1),
        piece(PERSON, whole, box(4, 4, 8, 8), 0.75, photo=2),
    )
    canvas = build_canvas(layout(), [back, front], ROLES, rng())
    assert canvas.photos == (2,)
    assert not (canvas.colour == 0.25).any()
    assert build_canvas(layout(), [front, back], ROLES, rng()).photos == (1, 2)


def test_thin_objects_of_the_photo_become_void() -> None:
    labels = layout()
    one = replace(piece(PERSON, box(0, 0, 4, 4), box(0, 0, 4, 6)), thin=box(0, 7, 9, 1))
    relabel(labels, one)
    assert (labels[one.shape] == PERSON).all()
    assert (labels[one.thin] == VOID).all()
    assert (labels == SKY).sum() == SIDE * SIDE - 24 - 9


def test_backgrounds_come_back() -> None:
    given = layout(ROAD=box(10, 0, 5, 20), PERSON=box(15, 0, 5, 20))
    labels = np.full_like(given, VOID)
    labels[:5] = TREE
    restore_background(labels, given, ROLES)
    assert [np.unique(labels[rows]).tolist() for rows in (slice(5), slice(5, 10), slice(10, 15), slice(15, 20))] == [
        [TREE],
        [SKY],
        [ROAD],
        [VOID],
    ]


def test_the_ground_loses_the_shadows_of_its_photo() -> None:
    whole = np.ones((SIDE, SIDE), bool)
    around = np.full((SIDE, SIDE), ROAD, np.uint16)
    around[8:12, 8:12] = CAR
    road = replace(piece(ROAD, whole, around == ROAD), around=around)
    lost = shadows(road, ROLES, height=50)  # a square of 3 pixels around the two of the border
    assert np.array_equal(lost, box(6, 6, 8, 8))
    canvas = build_canvas(layout(ROAD=whole), [road], ROLES, rng())
    assert not (canvas.filled & band(around == CAR, 1)).any()
    assert not shadows(replace(road, class_id=SKY), ROLES, 50).any()


def test_vegetation_loses_its_border() -> None:
    tree = piece(TREE, box(2, 2, 16, 16), box(2, 2, 16, 16))
    assert np.array_equal(shadows(tree, ROLES, height=20), band(tree.shape, 0))
    wide = shadows(tree, ROLES, height=80)
    assert np.array_equal(wide & tree.shape, tree.shape & ~box(4, 4, 12, 12))


@pytest.mark.parametrize(("ground", "expected"), [(ROAD, True), (SKY, False), (VOID, True)])
def test_ground_around_objects_is_left_to_the_network(ground: int, expected: bool) -> None:
    labels = np.full((SIDE, SIDE), ground, np.uint16)
    car = box(4, 6, 8, 8)
    labels[car] = CAR
    lost = around_objects(labels, ROLES)
    assert lost.any() == expected
    assert not (lost & car).any()
    if expected:  # one pixel (12.5 % of 8) at the left, at the right and at the bottom, none above
        assert np.array_equal(lost, box(4, 5, 9, 10) & ~car)


def test_borders_inside_a_piece_lose_half_of_their_pixels() -> None:
    height = 100
    shape = np.zeros((height, height), bool)
    shape[20:80, 20:80] = True
    one = replace(
        piece(PERSON, shape, shape),
        colour=np.full((height, height, 3), 0.5, np.float32),
        thin=np.zeros_like(shape),
        around=np.full(shape.shape, VOID, np.uint16),
    )
    canvas = build_canvas(np.full(shape.shape, PERSON, np.uint16), [one], ROLES, rng())
    edge = band(shape, 3) & shape
    white = (canvas.colour == 1).all(2)
    assert not (white & ~edge).any()
    assert 0.4 < white.sum() / edge.sum() < 0.6
    assert np.array_equal(canvas.filled, shape)


def test_black_pixels_of_photos_are_no_holes() -> None:
    query = box(0, 0, 9, 9)
    canvas = build_canvas(layout(PERSON=query), [piece(PERSON, query, query, 0.0)], ROLES, rng())
    assert np.array_equal(canvas.filled, query)


def test_roles_go_by_the_names_of_classes() -> None:
    roles = Roles.of(builtin("cityscapes_19"))
    assert roles.ground == {0, 1}
    assert roles.vehicles == {13, 14, 15, 16}
    assert roles.objects == {2, 5, 6, 7, *range(11, 19)}
    assert roles.background == {0, 1, 3, 4, 8, 9, 10}
    assert Roles.of(builtin("cmp_facades")) == Roles()
