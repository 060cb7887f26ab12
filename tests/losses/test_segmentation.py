"""The segmentation loss: numbers by hand, void, and both forms of a layout's channels."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.losses.segmentation import IGNORED, class_indices, segmentation_loss


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize(("void", "channels"), [("none", [0, 1, 2]), ("after", [0, 1, 2]), ("before", [1, 2, 0])])
def test_class_indices_of_every_encoding(void, channels, edges):
    """Two classes and void, as their channels."""
    encoding = LayoutEncoding(num_classes=2, void=void, edges=edges)
    labels = torch.tensor([[channels]])
    instances = torch.tensor([[[5, 6, 6]]]) if edges else None
    level = LayoutBatch.from_channels(labels, encoding, instances).full
    assert class_indices(level).tolist() == [[[0, 1, IGNORED]]]


def level(labels, num_classes=2):
    return LayoutBatch.from_channels(torch.tensor(labels), LayoutEncoding(num_classes=num_classes)).full


def test_is_each_pictures_mean_over_its_pixels_with_a_class():
    """First picture: logits (2, 0) for class 0 and (0, 1) for class 0; second: one void pixel, one with odds 3 to 1."""
    logits = torch.tensor([[[[2.0, 0.0]], [[0.0, 1.0]]], [[[9.0, math.log(3)]], [[-9.0, 0.0]]]])
    first = (math.log(1 + math.exp(-2)) + math.log(1 + math.e)) / 2
    second = -math.log(3 / 4)
    loss = segmentation_loss(logits, level([[[0, 0]], [[2, 0]]]))
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_void_has_neither_loss_nor_gradient():
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    loss = segmentation_loss(logits, level([[[2, 2], [2, 2]]]))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_small_logits_are_enlarged_bilinearly():
    logits = torch.randn(1, 3, 2, 3, dtype=torch.float64)
    labels = level(torch.randint(0, 3, (1, 4, 6)).tolist(), 3)
    enlarged = F.interpolate(logits, (4, 6), mode="bilinear", align_corners=False)
    torch.testing.assert_close(segmentation_loss(logits, labels), segmentation_loss(enlarged, labels))


def test_gradients_are_those_of_finite_differences():
    logits = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    labels = level([[[0, 3], [1, 2]], [[3, 3], [0, 0]]], 3)
    assert torch.autograd.gradcheck(lambda x: segmentation_loss(x, labels), logits)


def test_half_precision_logits_are_summed_in_single():
    logits = torch.full((1, 2, 64, 64), 0.0, dtype=torch.bfloat16)
    loss = segmentation_loss(logits, level(torch.zeros(1, 64, 64, dtype=torch.int64).tolist()))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(math.log(2), rel=1e-6)
