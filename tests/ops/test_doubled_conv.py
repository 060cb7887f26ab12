from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.ops import doubled_conv
from semsynth.ops.doubled_conv import doubled, doubled_conv2d, repeated, repeated_conv2d
from semsynth.ops.spectral_norm import conv2d


@pytest.fixture(autouse=True)
def always_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubled_conv, "WORTHWHILE_CHANNELS", 1)
    monkeypatch.setattr(doubled_conv, "WORTHWHILE_PIXELS", 1)
    monkeypatch.setattr(doubled_conv, "FEWEST_CHANNELS", 2)  # so that channels come in several parts
    monkeypatch.setattr(doubled_conv, "ELEMENTS_AT_A_TIME", 1)


def with_gradients(operation: Callable[[], Tensor], inputs: list[Tensor]) -> list[Tensor]:
    output = operation()
    grad = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return [output.detach(), *torch.autograd.grad(output, inputs, grad)]


def test_a_hand_computed_row() -> None:
    x = torch.tensor([0.0, 3.0]).view(1, 1, 1, 2)
    assert doubled(x).tolist() == [[[[0, 1, 2, 3], [0, 1, 2, 3]]]]
    weight = torch.zeros(1, 1, 3, 3)
    weight[..., 1, 0] = 1  # the pixel on the left
    assert doubled_conv2d(x, weight).tolist() == [[[[0, 0, 1, 2], [0, 0, 1, 2]]]]


@settings(deadline=None, max_examples=25)
@given(st.tuples(*[st.integers(1, 5)] * 5), st.booleans())
def test_a_doubled_image_is_convolved_as_if_it_were_there(sizes: tuple[int, ...], channels_last: bool) -> None:
    images, channels, made, height, width = sizes
    torch.manual_seed(sum(sizes))
    x = torch.randn(images, channels, height, width, dtype=torch.float64)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    weight = torch.randn(made, channels, 3, 3, dtype=torch.float64, requires_grad=True)
    expected = with_gradients(lambda: F.conv2d(doubled(x), weight, padding=1), [x, weight])
    for ours, direct in zip(with_gradients(lambda: doubled_conv2d(x, weight), [x, weight]), expected, strict=True):
        torch.testing.assert_close(ours, direct, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
def test_a_repeated_image_is_convolved_as_if_it_were_there(size: tuple[int, int], spectral: bool) -> None:
    torch.manual_seed(0)
    conv = conv2d(3, 4, 3, padding=1, spectral=spectral).double().eval()
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    inputs = [x, conv.weight, conv.bias]
    expected = with_gradients(lambda: conv(repeated(x)), inputs)
    for ours, direct in zip(with_gradients(lambda: repeated_conv2d(conv, x), inputs), expected, strict=True):
        torch.testing.assert_close(ours, direct, rtol=1e-12, atol=1e-12)


def test_narrow_images_are_convolved_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    x, conv = torch.randn(1, 3, 4, 4), nn.Conv2d(3, 2, 3, padding=1)
    monkeypatch.setattr(doubled_conv, "WORTHWHILE_CHANNELS", 4)
    monkeypatch.setattr(doubled_conv, "WORTHWHILE_PIXELS", 17)
    assert torch.equal(doubled_conv2d(x, conv.weight), F.conv2d(doubled(x), conv.weight, padding=1))
    assert torch.equal(repeated_conv2d(conv, x), conv(repeated(x)))


def test_autocast_makes_it_bfloat16_and_gradients_float32() -> None:
    x, weight = torch.randn(1, 8, 6, 6, requires_grad=True), torch.randn(4, 8, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = doubled_conv2d(x, weight)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert x.grad is not None
    assert weight.grad is not None
    assert x.grad.dtype == weight.grad.dtype == torch.float32
    with torch.no_grad():
        expected = F.conv2d(doubled(x), weight, padding=1)
    torch.testing.assert_close(y.detach().float(), expected, rtol=0, atol=0.05 * float(expected.abs().max()))
