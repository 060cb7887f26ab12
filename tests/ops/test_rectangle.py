"""Rectangles of pixels."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from semsynth.ops.rectangle import Rectangle

SIZE = (12, 20)


@st.composite
def rectangles(draw: st.DrawFn) -> Rectangle:
    top, left = draw(st.integers(0, SIZE[0] - 1)), draw(st.integers(0, SIZE[1] - 1))
    return Rectangle(top, left, draw(st.integers(top + 1, SIZE[0])), draw(st.integers(left + 1, SIZE[1])))


@given(rectangles(), st.integers(0, 5))
def test_growing_is_what_a_convolution_of_ones_covers(box: Rectangle, reach: int) -> None:
    mask = torch.zeros(1, 1, *SIZE)
    box.of(mask).fill_(1)
    kernel = torch.ones(1, 1, 2 * reach + 1, 2 * reach + 1)
    reached = torch.nn.functional.conv2d(mask, kernel, padding=reach) > 0
    grown = box.grown(reach, SIZE)
    assert grown.of(reached).all()
    assert int(reached.sum()) == grown.area


@given(rectangles(), rectangles())
def test_joining_and_covering(one: Rectangle, other: Rectangle) -> None:
    joined = one.joined(other)
    assert joined.covers(one)
    assert joined.covers(other)
    assert one.covers(other) == (one == joined)
    assert one.halved().doubled().covers(one)
    assert one.doubled().halved() == one


@given(rectangles(), st.integers(0, 4))
def test_a_part_of_a_part(box: Rectangle, more: int) -> None:
    picture, around = torch.arange(SIZE[0] * SIZE[1]).view(SIZE), box.grown(more, SIZE)
    assert torch.equal(box.within(around).of(around.of(picture)), box.of(picture))
    assert box.of(picture).shape == box.size


@given(rectangles(), st.integers(0, SIZE[0]), st.integers(0, SIZE[1]))
def test_stretching_stays_inside(box: Rectangle, height: int, width: int) -> None:
    size = max(height, box.size[0]), max(width, box.size[1])
    stretched = box.stretched(size, SIZE)
    assert stretched.size == size
    assert stretched.covers(box)
    assert Rectangle.whole(SIZE).covers(stretched)


@given(rectangles(), rectangles())
def test_the_rectangle_around_a_mask(one: Rectangle, other: Rectangle) -> None:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    assert Rectangle.around(mask) is None
    for box in (one, other):
        box.of(mask).fill_(True)
    assert Rectangle.around(mask) == one.joined(other)
