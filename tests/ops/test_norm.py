"""Parameter-free normalisation against torch's own layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semsynth.ops.norm import ParameterFreeNorm, normalize_images_, normalize_together, statistics


@pytest.mark.parametrize("kind", ["batch", "sync_batch"])
def test_batch_kinds_equal_batch_norm_in_training_and_evaluation(kind):
    ours, theirs = ParameterFreeNorm(kind, 3).double(), nn.BatchNorm2d(3, affine=False).double()
    for _ in range(3):
        x = torch.randn(4, 3, 5, 6, dtype=torch.float64) * 3 + 1
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-12, atol=1e-12)
    x = torch.randn(4, 3, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=1e-12, atol=1e-12)


def test_instance_kind_equals_instance_norm_and_has_no_state():
    norm = ParameterFreeNorm("instance", 3)
    x = torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(norm(x), nn.InstanceNorm2d(3)(x))
    assert not norm.state_dict()


def test_shared_normalisation_moves_every_layers_own_statistics():
    first, second = ParameterFreeNorm("batch", 2), ParameterFreeNorm("batch", 2)
    second.running_mean.fill_(5)
    alone = ParameterFreeNorm("batch", 2)
    alone.running_mean.fill_(5)
    x = torch.randn(3, 2, 4, 4)
    torch.testing.assert_close(normalize_together(x, first, second).value, alone(x))
    torch.testing.assert_close(second.running_mean, alone.running_mean)
    assert not torch.equal(first.running_mean, second.running_mean)


def test_layers_with_their_own_statistics_cannot_share():
    first, second = ParameterFreeNorm("batch", 2).eval(), ParameterFreeNorm("batch", 2).eval()
    with pytest.raises(ValueError, match="own running statistics"):
        normalize_together(torch.randn(1, 2, 3, 3), first, second)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_instance_norm_has_the_right_gradient_in_every_memory_format(count, memory_format):
    x = torch.randn(count, 6, 8, 9).to(memory_format=memory_format).requires_grad_()
    upstream = torch.randn(count, 6, 8, 9).contiguous(memory_format=torch.channels_last)
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
    (expected,) = torch.autograd.grad((x - mean) / (var + 1e-5).sqrt(), x, upstream)
    (gradient,) = torch.autograd.grad(ParameterFreeNorm("instance", 6)(x), x, upstream)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["batch", "instance"])
@pytest.mark.parametrize("training", [True, False])
def test_the_value_can_be_had_again_from_its_source(kind, training):
    norm = ParameterFreeNorm(kind, 3).double().train(training)
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64) * 2 + 1
    made = normalize_together(x, norm)
    again = (made.x - made.mean[..., None, None]) * made.rstd[..., None, None]
    torch.testing.assert_close(again, made.value, rtol=1e-12, atol=1e-12)


def test_frozen_statistics_are_used_in_training_and_stay():
    norm = ParameterFreeNorm("batch", 3)
    norm.frozen = True
    norm.running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(norm.train()(x), (x - norm.running_mean.view(3, 1, 1)) / (1 + 1e-5) ** 0.5)
    assert norm.running_mean.tolist() == [1, 2, 3]


@pytest.mark.parametrize("each_image", [True, False])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_statistics_are_exact_to_rounding(each_image, memory_format):
    """Far from zero, in many parts: torch's own channels-last statistics are off by 1e-5 and more here."""
    x = (torch.randn(2, 3, 600, 700) * torch.tensor([0.1, 1, 30]).view(3, 1, 1) + 5).to(memory_format=memory_format)
    mean, var = statistics(x, each_image=each_image)
    dims = (2, 3) if each_image else (0, 2, 3)
    expected_var, expected_mean = torch.var_mean(x.double(), dims, correction=0)
    torch.testing.assert_close(mean.double(), expected_mean.view_as(mean), rtol=5e-7, atol=1e-6)
    torch.testing.assert_close(var.double(), expected_var.view_as(var), rtol=2e-6, atol=0)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("with_residual", [True, False])
def test_in_place_form_equals_the_layers_one_after_another(relu, with_residual):
    x = (torch.randn(2, 5, 400, 300) + 1).contiguous(memory_format=torch.channels_last)
    residual = torch.randn_like(x) if with_residual else None
    with torch.no_grad():
        expected = ParameterFreeNorm("instance", 5)(x)
        expected = torch.relu(expected) if relu else expected
        expected = expected + residual if with_residual else expected
        made = normalize_images_(x, relu=relu, residual=residual)
    assert made.data_ptr() == x.data_ptr()
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["batch", "instance"])
def test_gradients_in_double_precision(kind):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ParameterFreeNorm(kind, 3), x)
    assert torch.autograd.gradgradcheck(ParameterFreeNorm(kind, 3), x)  # gradient penalties
