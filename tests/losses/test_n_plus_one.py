"""Classes and "fake": the loss by hand, and LabelMix's coins."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from semsynth.layout import LayoutBatch, LayoutEncoding, Level
from semsynth.losses.n_plus_one import (
    class_weights,
    draw_coins,
    judged_as_classes,
    judged_as_fake,
    label_mix,
    label_mix_consistency,
    label_mix_mask,
    official_coins,
)

VOID_FIRST = LayoutEncoding(num_classes=2, void="before")


def level_of(channels: list[list[list[int]]], encoding: LayoutEncoding = VOID_FIRST) -> Level:
    return LayoutBatch.from_channels(torch.tensor(channels), encoding).full


def logits_for(level: Level, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    n, h, w = level.symbols.shape
    return torch.randn(n, 1 + level.encoding.num_channels, h, w, dtype=torch.float64, requires_grad=True)


def test_weights_by_hand() -> None:
    """Eight pixels of two images: two of void, one of class 1, five of class 2; two classes count."""
    level = level_of([[[0, 0], [1, 2]], [[2, 2], [2, 2]]])
    assert class_weights(level).tolist() == pytest.approx([0, 0, 8 / (2 * 1), 8 / (2 * 5)])


def test_the_loss_is_the_mean_over_classes_of_their_means() -> None:
    level = level_of([[[0, 0], [1, 2]], [[2, 2], [2, 2]]])
    logits = logits_for(level)
    negative = -logits.log_softmax(1)
    of_1, of_2 = ((level.symbols == channel) for channel in (1, 2))
    expected = (negative[:, 2][of_1].mean() + negative[:, 3][of_2].mean()) / 2
    torch.testing.assert_close(judged_as_classes(logits, level), expected)
    plain = torch.stack([negative[:, c + 1][level.symbols == c].sum() for c in range(3)]).sum() / 8
    torch.testing.assert_close(judged_as_classes(logits, level, balanced=False), plain)


@pytest.mark.parametrize("void", ["none", "before", "after"])
def test_void_counts_nothing_whatever_the_encoding(void: str) -> None:
    encoding = LayoutEncoding(num_classes=2, void=void)
    first = int(void == "before")
    missing = {"none": 2, "before": 0, "after": 2}[void]
    level = level_of([[[first, first + 1], [missing, missing]]], encoding)
    logits = logits_for(level)
    (gradient,) = torch.autograd.grad(judged_as_classes(logits, level), logits)
    assert (gradient[0, :, 1] == 0).all()
    assert (gradient[0, :, 0] != 0).all()
    empty = level_of([[[missing, missing]]], encoding)
    loss = judged_as_classes(logits_for(empty).detach(), empty)
    assert float(loss) == 0


def test_edges_are_no_classes() -> None:
    encoding = LayoutEncoding(num_classes=2, edges=True)
    channels, instances = torch.tensor([[[0, 1], [0, 1]]]), torch.tensor([[[1, 2], [1, 3]]])
    level = LayoutBatch.from_channels(channels, encoding, instances).full
    assert class_weights(level).tolist() == [0, 1, 1]


def test_knowing_nothing_costs_the_logarithm_of_all_classes() -> None:
    level = level_of([[[1, 2], [1, 0]]])
    logits = torch.zeros(1, 4, 2, 2, dtype=torch.bfloat16)
    assert float(judged_as_fake(logits)) == pytest.approx(math.log(4))
    assert float(judged_as_classes(logits, level)) == pytest.approx(math.log(4))


def test_gradients_are_those_of_finite_differences() -> None:
    level = level_of([[[0, 1, 2], [1, 2, 2]]])
    assert torch.autograd.gradcheck(lambda x: judged_as_classes(x, level), (logits_for(level),))
    assert torch.autograd.gradcheck(judged_as_fake, (logits_for(level),))


def test_masks_by_hand() -> None:
    level = level_of([[[0, 1], [2, 2]], [[2, 1], [0, 0]]])
    coins = torch.tensor([[True, False, True, False], [False, True, False, False]])
    assert label_mix_mask(level, coins).tolist() == [[[[1, 0], [1, 1]]], [[[0, 1], [0, 0]]]]
    assert label_mix_mask(level, coins[:1]).tolist() == [[[[1, 0], [1, 1]]], [[[1, 0], [1, 1]]]]


@given(coins=st.lists(st.booleans(), min_size=4, max_size=4), second=st.booleans())
def test_the_official_first_class_needs_two_coins_where_the_second_is_there(coins: list[bool], second: bool) -> None:
    level = level_of([[[0, 1 if second else 2]]])
    first = coins[0] and (coins[1] or not second)
    assert official_coins(torch.tensor([coins]), level).tolist() == [[first, *coins[1:]]]


def test_coins_are_fair_and_each_images_own() -> None:
    level = level_of([[[0, 1, 2]]] * 2)
    torch.manual_seed(0)
    own = torch.stack([draw_coins(level, "independent") for _ in range(500)]).float()  # [500,2,4]
    assert own.shape == (500, 2, 4)
    assert (own.mean(0) - 0.5).abs().max() < 0.1
    flat = own.flatten(1) - 0.5
    correlation = 4 * flat.t() @ flat / len(flat)
    assert (correlation - torch.eye(8)).abs().max() < 0.2
    shared = torch.stack([draw_coins(level, "official") for _ in range(500)]).float()
    assert shared.shape == (500, 1, 4)
    assert float(shared[:, 0, 0].mean()) == pytest.approx(0.25, abs=0.06)


def test_consistency_by_hand() -> None:
    mask = torch.tensor([[[[1.0, 0.0]]]])
    real, fake = torch.full((1, 2, 1, 2), 3.0), torch.full((1, 2, 1, 2), 1.0)
    assert label_mix(mask, real, fake).tolist() == [[[[3, 1]], [[3, 1]]]]
    assert float(label_mix_consistency(mask, real, fake, label_mix(mask, real, fake))) == 0
    assert float(label_mix_consistency(mask, real, fake, torch.zeros(1, 2, 1, 2))) == (9 + 1) / 2
