"""Instance boundaries, by hand."""

from __future__ import annotations

import torch

from semsynth.ops.boundary import instance_boundary


def test_both_sides_of_a_border_are_marked_and_the_image_border_is_not():
    instances = torch.tensor([[[7, 7, 7, 7], [7, 9, 9, 7], [7, 7, 7, 7], [7, 7, 7, 7]]])
    expected = torch.tensor([[[0, 1, 1, 0], [1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]]]).bool()
    assert torch.equal(instance_boundary(instances), expected)


def test_images_of_a_batch_do_not_touch():
    instances = torch.tensor([[[1, 1]], [[2, 2]]])
    assert not instance_boundary(instances).any()
