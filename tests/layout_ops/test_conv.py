"""Layout convolutions equal dense ones, forward and backward."""

from __future__ import annotations

import pytest
import torch
from layouts import KINDS, layout_batch
from torch.nn import functional as F

from semsynth.layout_ops.conv import concat_conv2d, layout_conv2d, look_up, segment_sum
from semsynth.ops.spectral_norm import conv2d
from semsynth.ops.windows import distinct_rows


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [(3, 1, 1, 1), (4, 2, 2, 1), (1, 1, 0, 1), (7, 1, 3, 1), (3, 1, 8, 8), (3, 1, 32, 32), (3, 2, 1, 3)],
)
def test_equals_the_dense_convolution(kind, kernel, stride, padding, dilation):
    level = layout_batch(kind, (24, 40)).full
    weight = torch.randn(6, level.encoding.num_channels, kernel, kernel, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(6, dtype=torch.float64, requires_grad=True)
    ours = layout_conv2d(level, weight, bias, stride, padding, dilation=dilation)
    dense = F.conv2d(level.one_hot(torch.float64), weight, bias, stride, padding, dilation)
    torch.testing.assert_close(ours, dense, rtol=1e-12, atol=1e-12)
    upstream = torch.randn_like(dense)
    gradients = [torch.autograd.grad(result, (weight, bias), upstream) for result in (ours, dense)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kernel", [1, 3, 7])
@pytest.mark.parametrize("reflect", [False, True])
@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("features", [0, 3])
def test_a_convolution_over_layout_and_features_equals_that_of_their_concatenation(
    kind, kernel, reflect, spectral, features
):
    level = layout_batch(kind, (16, 24)).full
    one_hot = level.one_hot(torch.float64)
    conv = conv2d(one_hot.shape[1] + features, 6, kernel, spectral=spectral).double().eval()
    x = torch.randn(len(one_hot), features, 16, 24, dtype=torch.float64, requires_grad=True)
    joined = F.pad(torch.cat([one_hot, x], 1), (kernel // 2,) * 4, mode="reflect" if reflect else "constant")
    given = x if features else None
    results = [concat_conv2d(conv, one, given, reflect=reflect) for one in (level, one_hot)]
    dense = conv(joined)
    wanted = (conv.weight, conv.bias, x) if features else (conv.weight, conv.bias)
    upstream = torch.randn_like(dense)
    expected = torch.autograd.grad(dense, wanted, upstream)
    for result in results:
        torch.testing.assert_close(result, dense, rtol=1e-12, atol=1e-12)
        for a, b in zip(torch.autograd.grad(result, wanted, upstream), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_segment_sum_is_the_adjoint_of_look_up():
    places = distinct_rows(torch.randint(0, 3, (50, 2)).unbind(1))
    table = torch.randn(places.count, 4, dtype=torch.float64)
    values = torch.randn(50, 4, dtype=torch.float64)
    left = (look_up(table, places) * values).sum()
    right = (table * segment_sum(values, places)).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-12)
