"""R1: by hand, its own gradient against finite differences, and when it is due."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.losses.gradient_penalty import GradientPenalty, score_of_classes, score_of_patches, squared_gradient
from semsynth.models.oasis import OASISDiscriminator, OASISDiscriminatorConfig
from semsynth.models.patch import MultiScaleDiscriminator, PatchDiscriminatorConfig

ENCODING = LayoutEncoding(num_classes=3)


def test_a_linear_discriminator_by_hand() -> None:
    """D(x) = <w, x>: the gradient is w for every image, the penalty |w|^2, and its gradient 2 w."""
    weight = torch.tensor([[[1.0, -2.0]], [[0.0, 2.0]], [[3.0, 0.5]]], requires_grad=True)  # [3,1,2]
    images = torch.randn(4, 3, 1, 2, requires_grad=True)
    penalty = squared_gradient((images * weight).sum((1, 2, 3)), images)
    assert penalty.item() == pytest.approx(1 + 4 + 4 + 9 + 0.25)
    penalty.backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, 2 * weight.detach())


def test_a_quadratic_one_by_hand() -> None:
    """D(x) = a |x|^2 / 2: the gradient is a x, the penalty a^2 times the mean of |x|^2."""
    a = torch.tensor(3.0, requires_grad=True)
    images = torch.zeros(2, 3, 1, 1)
    images[0, 0], images[1, 1] = 1.0, 2.0
    images.requires_grad_()
    penalty = squared_gradient(a * images.square().sum((1, 2, 3)) / 2, images)
    assert penalty.item() == pytest.approx(9 * (1 + 4) / 2)
    (slope,) = torch.autograd.grad(penalty, a)
    assert slope.item() == pytest.approx(2 * 3 * (1 + 4) / 2)


def test_lazy_penalties_weigh_as_much_in_the_mean() -> None:
    penalty = GradientPenalty(weight=5.0, every=4)
    due = [step for step in range(12) if penalty.due(step)]
    assert due == [0, 4, 8]
    assert penalty.factor * len(due) / 12 == pytest.approx(5.0 / 2)
    assert not any(GradientPenalty().due(step) for step in range(40)), "off unless asked for"


def test_log_odds_by_hand() -> None:
    logits = torch.zeros(1, 4, 2, 2)
    assert score_of_classes(logits).item() == pytest.approx(math.log(3))
    logits[0, 0] = 2.0
    assert score_of_classes(logits).item() == pytest.approx(math.log(3) - 2)
    logits[0, 1:] += 5.0
    assert score_of_classes(logits).item() == pytest.approx(math.log(3) + 3)


def test_patches_count_alike_in_every_scale() -> None:
    fine, coarse = torch.arange(8.0).view(2, 1, 2, 2), torch.tensor([10.0, 20.0]).view(2, 1, 1, 1)
    assert score_of_patches([[fine], [coarse]]).tolist() == [(1.5 + 10) / 2, (5.5 + 20) / 2]


def oasis_score(network: nn.Module, _: LayoutBatch, images: Tensor) -> Tensor:
    return score_of_classes(network(images))


def patch_score(network: nn.Module, layout: LayoutBatch, images: Tensor) -> Tensor:
    return score_of_patches(network(layout, images))


@pytest.mark.parametrize("norm", ["instance", "none"])
@pytest.mark.parametrize("kind", ["oasis", "patch"])
def test_its_gradient_is_that_of_finite_differences(kind: str, norm: str) -> None:
    """Through the discriminators' own layers: every one of them has to be differentiable twice."""
    torch.manual_seed(1)
    if kind == "oasis":
        network: nn.Module = OASISDiscriminator(OASISDiscriminatorConfig(encoding=ENCODING, width=2, spectral=False))
        score, side = oasis_score, 64
    else:
        config = PatchDiscriminatorConfig(encoding=ENCODING, width=4, max_width=8, norm=norm, spectral=False)
        network, score, side = MultiScaleDiscriminator(config), patch_score, 24
    network.double().eval()
    layout = LayoutBatch.from_channels(torch.randint(0, 3, (2, side, side)), ENCODING)
    images = torch.randn(2, 3, side, side, dtype=torch.float64, requires_grad=True)

    def penalty() -> Tensor:
        return squared_gradient(score(network, layout, images), images)

    parameters = [p for p in network.parameters() if p.dim() > 1]
    gradients = torch.autograd.grad(penalty(), parameters, allow_unused=True)
    direction = [torch.randn_like(p) for p in parameters]
    expected = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True) if g is not None)
    step, sides = 1e-8, []  # so small that no activation bends on the way
    for sign in (1, -1):
        with torch.no_grad():
            for parameter, d in zip(parameters, direction, strict=True):
                parameter.add_(d, alpha=sign * step)
        sides.append(penalty().item())
        with torch.no_grad():
            for parameter, d in zip(parameters, direction, strict=True):
                parameter.sub_(d, alpha=sign * step)
    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(float(expected), rel=1e-3)
    assert expected != 0
