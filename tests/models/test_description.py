from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.models.description import Sizes

SIDES = st.integers(1, 3000)


@given(SIDES, SIDES, st.integers(1, 64), st.integers(1, 4))
def test_the_nearest_size_is_the_nearest_possible_one(height: int, width: int, step: int, least: int) -> None:
    sizes = Sizes(step, smallest=least * step)
    near = sizes.nearest((height, width))
    for size in near:
        assert all(side % step == 0 and side >= least * step for side in size)
    possible = range(least * step, 3000 + 2 * step, step)
    for side, best in zip((height, width), near[0], strict=True):
        assert abs(best - side) == min(abs(one - side) for one in possible)
    assert (near == [(height, width)]) == ((height, width) in near)


def test_the_next_smaller_and_larger_sizes_follow() -> None:
    assert Sizes(32).nearest((70, 100)) == [(64, 96), (96, 128)]
    assert Sizes(32).nearest((80, 100)) == [(96, 96), (64, 96), (96, 128)]
    assert Sizes(32).nearest((1, 64)) == [(32, 64)]
    assert Sizes().nearest((7, 5)) == [(7, 5)]
    assert Sizes(only=(64, 128)).nearest((7, 5)) == [(64, 128)]


@pytest.mark.parametrize(
    ("sizes", "trained", "expected"),
    [
        (Sizes(32), None, (256, 256)),
        (Sizes(96), None, (288, 288)),
        (Sizes(32), (256, 512), (256, 512)),
        (Sizes(64), (200, 512), (192, 512)),
        (Sizes(only=(64, 128)), None, (64, 128)),
    ],
)
def test_the_size_where_nobody_names_one(
    sizes: Sizes, trained: tuple[int, int] | None, expected: tuple[int, int]
) -> None:
    assert sizes.default(trained) == expected
