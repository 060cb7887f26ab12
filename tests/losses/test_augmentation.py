from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from layouts import layout_batch
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.losses import augmentation
from semsynth.losses.augmentation import Augmentation, augment_together, augment_with_layout, crop_together

MOVED = Augmentation(translation=0.25)


@pytest.fixture
def shifts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is drawn: the shifts down of all images, then those to the right."""
    drawn = [1, -1, 2, 0]

    def draw(count: int, share: float, side: int) -> Tensor:
        return torch.tensor([drawn.pop(0) for _ in range(count)])

    monkeypatch.setattr(augmentation, "_draw_shifts", draw)
    return drawn


def test_translation_by_hand(shifts: list[int]) -> None:
    rows = torch.arange(15).view(3, 5)
    layout = LayoutBatch.from_channels(torch.stack([rows, rows]), LayoutEncoding(num_classes=15))
    image = rows.float().expand(2, 3, 3, 5)
    moved, (seen,) = augment_with_layout(MOVED, layout, image)
    # One down and two to the right; the second one up. The border mirrors what lies beside it.
    first = [[7, 6, 5, 6, 7], [2, 1, 0, 1, 2], [7, 6, 5, 6, 7]]
    second = [[5, 6, 7, 8, 9], [10, 11, 12, 13, 14], [5, 6, 7, 8, 9]]
    expected = torch.tensor([first, second])
    assert torch.equal(moved.full.symbols, expected.int())
    assert torch.equal(seen, expected[:, None].float().expand(2, 3, 3, 5))


@given(
    share=st.sampled_from([0.1, 0.125, 0.3, 0.49]),
    height=st.integers(4, 17),
    width=st.integers(4, 17),
    kind=st.sampled_from(["noise", "edges", "void", "batch"]),
    seed=st.integers(0, 1000),
)
def test_pictures_and_layouts_move_alike(share: float, height: int, width: int, kind: str, seed: int) -> None:
    torch.manual_seed(seed)
    layout = layout_batch(kind, (height, width))
    one_hot = layout.full.one_hot()
    moved, (as_image,) = augment_with_layout(Augmentation(translation=share), layout, one_hot)
    assert moved.encoding == layout.encoding
    assert torch.equal(moved.full.one_hot(), as_image)
    torch.manual_seed(seed)
    again, (other,) = augment_with_layout(Augmentation(translation=share), one_hot, one_hot)  # conditioning images
    assert torch.equal(again, as_image)
    assert torch.equal(other, as_image)
    torch.manual_seed(seed)
    nothing, (alone,) = augment_with_layout(Augmentation(translation=share), None, one_hot)
    assert nothing is None
    assert torch.equal(alone, as_image)


def test_shifts_reach_both_ends_and_no_further() -> None:
    ramp = torch.arange(16.0).expand(400, 3, 16, 16)
    _, (seen,) = augment_with_layout(MOVED, None, ramp)
    middle = seen[:, 0, 8, 8]
    assert sorted(middle.unique().tolist()) == [8 + shift for shift in range(-4, 5)]


def test_nothing_moves_without_translation() -> None:
    layout, image = layout_batch("blocks", (8, 8)), torch.rand(1, 3, 8, 8)
    same, (seen,) = augment_with_layout(Augmentation(), layout, image)
    assert same is layout
    assert seen is image


def test_translation_is_refused_where_layouts_stay() -> None:
    with pytest.raises(SemsynthError, match=r"augmentation\.translation is not available here"):
        augment_together(MOVED, torch.rand(1, 3, 8, 8))


def test_everything_is_differentiable() -> None:
    config = Augmentation(color=1, cutout=0.3, translation=0.25)
    images = torch.rand(2, 3, 6, 7, dtype=torch.float64, requires_grad=True)

    def changed(x: Tensor) -> Tensor:
        torch.manual_seed(4)
        return augment_with_layout(config, None, x)[1][0]

    assert torch.autograd.gradcheck(changed, (images,))


def test_strength_of_colour_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda *size, **_: torch.tensor([1.0, 1.0, 1.0]).view(3, 1, 1, 1, 1))
    image = torch.tensor([0.4, 0.1, 0.1]).view(1, 3, 1, 1).expand(1, 3, 2, 2).clone()
    image[..., 0] = 0  # one column is black
    for strength in (0.0, 0.5, 1.0):
        (seen,) = augment_together(Augmentation(color=strength), image)
        x = image + 0.5 * strength
        grey = x.mean(1, keepdim=True)
        x = grey + (x - grey) * (1 + strength)
        x = x.mean() + (x - x.mean()) * (1 + 0.5 * strength)
        torch.testing.assert_close(seen, x)
    assert Augmentation(color=True).color == 1  # as configurations of earlier versions have it


@pytest.mark.parametrize(("side", "length"), [(64, 128), (5, 12), (12, 12), (20, 12), (1, 4)])
def test_squares_see_borders_half_as_often_as_anything(monkeypatch: pytest.MonkeyPatch, side: int, length: int) -> None:
    picture = torch.arange(length).view(1, 1, length, 1)
    seen = torch.zeros(length, dtype=torch.int64)
    begin, end = 1 - side, length
    for start in range(begin, end):
        monkeypatch.setattr(torch, "randint", lambda low, high, size, start=start: torch.tensor(start))
        (part,) = crop_together(side, picture)
        assert part.shape[2] == min(side, length)
        seen[part.flatten()] += 1
    assert seen.min() * 2 > seen.max()
    assert seen[0] == seen[-1] == (side if side < length else end - begin)


def test_squares_lie_at_one_place() -> None:
    a = torch.rand(2, 3, 9, 14)
    torch.manual_seed(3)
    one, other = crop_together(4, a, 2 * a)
    assert one.shape == (2, 3, 4, 4)
    assert torch.equal(2 * one, other)
    assert crop_together(None, a)[0] is a
