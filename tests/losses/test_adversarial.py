from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from semsynth.losses.adversarial import discriminator_loss, generator_loss
from semsynth.losses.divergence import kl_divergence
from semsynth.losses.feature_matching import feature_matching_loss

# Two scales of different size; only the last tensor of each counts. Means are over a scale first.
COARSE, FINE = torch.tensor([0.5, -3.0]), torch.tensor([2.0])


def outputs(*logits: Tensor) -> list[list[Tensor]]:
    return [[torch.full((4,), 99.0), scale] for scale in logits]


@pytest.mark.parametrize(
    ("kind", "real", "expected"),
    [
        ("hinge", True, ((0.5 + 4.0) / 2 + 0.0) / 2),
        ("hinge", False, ((1.5 + 0.0) / 2 + 3.0) / 2),
        ("least_squares", True, ((0.25 + 16.0) / 2 + 1.0) / 2),
        ("least_squares", False, ((0.25 + 9.0) / 2 + 4.0) / 2),
        ("wasserstein", True, -(-1.25 + 2.0) / 2),
        ("wasserstein", False, (-1.25 + 2.0) / 2),
        (
            "original",
            True,
            ((math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(3))) / 2 + math.log(1 + math.exp(-2))) / 2,
        ),
        (
            "original",
            False,
            ((math.log(1 + math.exp(0.5)) + math.log(1 + math.exp(-3))) / 2 + math.log(1 + math.exp(2))) / 2,
        ),
    ],
)
def test_discriminator_by_hand(kind, real: bool, expected: float) -> None:
    assert discriminator_loss(kind, outputs(COARSE, FINE), real).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["least_squares", "original", "wasserstein"])
def test_the_generator_wants_to_pass_for_real(kind) -> None:
    scales = outputs(COARSE, FINE)
    assert generator_loss(kind, scales) == discriminator_loss(kind, scales, real=True)


def test_the_generators_hinge_has_no_margin() -> None:
    assert generator_loss("hinge", outputs(COARSE, FINE)).item() == pytest.approx(-(-1.25 + 2.0) / 2)


def test_means_are_not_taken_in_half_precision() -> None:
    logits = torch.tensor([1.0] * 39 + [2.0], dtype=torch.bfloat16)
    assert logits.mean().item() == 1.0234375  # the nearest number in bfloat16
    loss = generator_loss("hinge", outputs(logits))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(-1.025, abs=1e-6)
    real = discriminator_loss("least_squares", outputs(logits), real=True)
    assert real.item() == pytest.approx(1 / 40, abs=1e-6)


def test_feature_matching_by_hand() -> None:
    fake = [
        [torch.tensor([1.0, 2.0]), torch.tensor([0.0]), torch.tensor([5.0])],
        [torch.tensor([4.0]), torch.tensor([9.0])],
    ]
    real = [
        [torch.tensor([0.0, 4.0]), torch.tensor([3.0]), torch.tensor([7.0])],
        [torch.tensor([2.0]), torch.tensor([1.0])],
    ]
    # (|1| + |2|) / 2 + 3 + 2, over two scales; logits do not count
    assert feature_matching_loss(fake, real).item() == pytest.approx((1.5 + 3 + 2) / 2)


def test_feature_matching_moves_the_fake_only() -> None:
    fake, real = torch.rand(3, requires_grad=True), torch.rand(3, requires_grad=True)
    feature_matching_loss([[fake, fake]], [[real, real]]).backward()
    assert fake.grad is not None
    assert real.grad is None


def test_divergence_by_hand() -> None:
    mu, logvar = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4.0)]])
    expected = 0.5 * 1 + 0.5 * (4 - 1 - math.log(4.0))  # both dimensions, summed
    assert kl_divergence(mu, logvar).item() == pytest.approx(expected, rel=1e-6)
    assert kl_divergence(mu.repeat(3, 1), logvar.repeat(3, 1)).item() == pytest.approx(3 * expected, rel=1e-6)
    assert kl_divergence(torch.zeros(2, 5), torch.zeros(2, 5)) == 0
