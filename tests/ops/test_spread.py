"""Features repeated over a larger size."""

from __future__ import annotations

import torch

from semsynth.ops.rectangle import Rectangle
from semsynth.ops.spread import spread


def test_blocks_are_the_features_or_their_mirror_images() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    made = spread(x, (5, 7))
    assert made.shape == (1, 1, 5, 7)
    assert torch.equal(made[..., :2, :3], x)
    images = [x, x.flip(2), x.flip(3), x.flip(2, 3)]
    found = set()
    wide = spread(x, (20, 30))
    for top in range(0, 20, 2):
        for left in range(0, 30, 3):
            block = wide[..., top : top + 2, left : left + 3]
            (which,) = [number for number, image in enumerate(images) if torch.equal(block, image)]
            found.add(which)
    assert found == {0, 1, 2, 3}


def test_its_own_size_and_smaller_ones_stay() -> None:
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(spread(x, (4, 4)), x)
    assert torch.equal(spread(x, (3, 2)), x[..., :3, :2])


def test_a_part_is_that_of_the_whole() -> None:
    x = torch.randn(1, 2, 3, 4)
    area = Rectangle(2, 5, 9, 13)
    assert torch.equal(spread(x, (10, 14), area), area.of(spread(x, (10, 14))))
