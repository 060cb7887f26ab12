"""Spectral normalisation: the arithmetic of torch's original hook, step by step."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from semsynth.ops.spectral_norm import SpectralConv2d, conv2d, conv_transpose2d, fold_spectral_norm

TRANSPOSED = {"stride": 2, "padding": 1, "output_padding": 1}


@pytest.fixture(
    params=[(torch.contiguous_format, False), (torch.channels_last, False), (torch.channels_last, True)],
    ids=["contiguous", "channels last", "transposed"],
)
def pair(request):
    """Our layer, in both memory formats and transposed, and torch's hook with the same state."""
    memory_format, transposed = request.param
    if transposed:
        ours, plain = conv_transpose2d(3, 5, 3, **TRANSPOSED, spectral=True), nn.ConvTranspose2d(3, 5, 3, **TRANSPOSED)
    else:
        ours, plain = SpectralConv2d(3, 5, 3, padding=1), nn.Conv2d(3, 5, 3, padding=1)
    ours = ours.double().to(memory_format=memory_format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs = nn.utils.spectral_norm(plain).double()
    theirs.load_state_dict({"weight_orig": ours.weight, "bias": ours.bias, "weight_u": ours.u, "weight_v": ours.v})
    return ours, theirs


def test_training_forwards_backwards_and_vectors_equal_the_hook(pair):
    ours, theirs = pair
    for size in (2, 6, 9):  # the output, or the weight, is the smaller one
        x = torch.randn(2, 3, size, size, dtype=torch.float64)
        a, b = ours(x), theirs(x)
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(ours.u, theirs.weight_u, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(ours.v, theirs.weight_v, rtol=1e-12, atol=1e-12)
    (a.square().sum()).backward()
    (b.square().sum()).backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight_orig.grad, rtol=1e-10, atol=1e-12)


def test_evaluation_leaves_the_vectors_alone(pair):
    ours, theirs = pair
    ours.eval()
    theirs.eval()
    before = ours.u.clone(), ours.v.clone()
    x = torch.randn(1, 3, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    assert torch.equal(ours.u, before[0])
    assert torch.equal(ours.v, before[1])


def test_two_forwards_before_one_backward_are_possible():
    conv = SpectralConv2d(2, 2, 3)
    x = torch.randn(1, 2, 4, 4)
    (conv(x).sum() + conv(x).sum()).backward()
    assert conv.weight.grad is not None


def test_the_largest_singular_value_becomes_one():
    conv = SpectralConv2d(4, 6, 3)
    for _ in range(200):
        conv(torch.zeros(1, 4, 3, 3))
    weight = conv.eval().normalized_weight()
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("make", [conv2d, conv_transpose2d])
def test_folding_keeps_the_result_and_happens_once(make):
    conv = make(3, 4, 3, spectral=True).eval()
    x = torch.randn(1, 3, 5, 5)
    expected = conv(x)
    fold_spectral_norm(conv)
    fold_spectral_norm(conv)
    torch.testing.assert_close(conv(x), expected)
