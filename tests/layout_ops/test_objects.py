"""Instance-wise pooling: hand-computed means, and the gradients of a mean."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semsynth.layout_ops.objects import ObjectMap, object_means, spread

maps = hnp.arrays(
    np.int32, st.tuples(st.integers(1, 3), *[st.integers(1, 6)] * 2), elements=st.sampled_from([-5, 0, 7, 26001])
)


def test_means_by_hand():
    objects = ObjectMap.of(torch.tensor([[[7, 7, 3]], [[7, 3, 3]]]))
    x = torch.tensor([[[[1.0, 3.0, 10.0]]], [[[5.0, 2.0, 4.0]]]])
    assert objects.ids.tolist() == [3, 7, 3, 7]
    assert objects.images.tolist() == [0, 0, 1, 1]
    assert objects.pixels.tolist() == [1, 2, 2, 1]
    assert object_means(x, objects).flatten().tolist() == [10, 2, 3, 5]
    assert spread(object_means(x, objects), objects).tolist() == [[[[2, 2, 10]]], [[[5, 3, 3]]]]


@given(maps)
@settings(deadline=None)
def test_equals_a_loop_over_instances(ids):
    objects = ObjectMap.of(torch.from_numpy(ids))
    x = torch.randn(ids.shape[0], 2, *ids.shape[1:], dtype=torch.float64)
    expected = torch.empty_like(x)
    for image, one in enumerate(ids):
        for number in np.unique(one):
            inside = torch.from_numpy(one == number)
            expected[image][:, inside] = x[image][:, inside].mean(1, keepdim=True)
    torch.testing.assert_close(spread(object_means(x, objects), objects), expected)
    assert len(objects) == sum(len(np.unique(one)) for one in ids)


def test_gradients_are_those_of_means():
    objects = ObjectMap.of(torch.tensor([[[1, 1, 2], [2, 1, -4]]]))
    x = torch.randn(1, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: spread(object_means(x, objects), objects), x)
