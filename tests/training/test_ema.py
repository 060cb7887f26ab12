"""Moving averages, and copies of them made ready for inference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from semsynth.ops.norm import ParameterFreeNorm
from semsynth.ops.spectral_norm import SpectralConv2d
from semsynth.training.ema import MovingAverage, refreshed


class Numbers(nn.Module):
    """A parameter, a floating buffer and a counter."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((2,), value))
        self.register_buffer("statistic", torch.full((1,), 10 * value))
        self.register_buffer("count", torch.tensor(int(value)))


def test_average_by_hand() -> None:
    network = {"n": Numbers(0.0)}
    average = MovingAverage(network, decay=0.5)
    for step, value in enumerate((1.0, 2.0, 3.0), 1):
        network["n"].load_state_dict(Numbers(value).state_dict())
        average.update(network, step)
    # Warm-up decays (1 + t) / (10 + t): 2/11, 3/12, 4/13, all below 0.5.
    expected = 0.0
    for decay, value in ((2 / 11, 1.0), (3 / 12, 2.0), (4 / 13, 3.0)):
        expected = decay * expected + (1 - decay) * value
    state = average.networks["n"].state_dict()
    torch.testing.assert_close(state["weight"], torch.full((2,), expected))
    torch.testing.assert_close(state["statistic"], torch.full((1,), 10 * expected))
    assert state["count"] == 3


def test_decay_ends_at_its_value() -> None:
    network = {"n": Numbers(0.0)}
    average = MovingAverage(network, decay=0.5)
    network["n"].load_state_dict(Numbers(1.0).state_dict())
    average.update(network, 1000)
    torch.testing.assert_close(average.networks["n"].state_dict()["weight"], torch.full((2,), 0.5))


def test_average_follows_but_never_leads() -> None:
    network = {"n": Numbers(1.0)}
    average = MovingAverage(network, decay=0.9)
    average.update(network, 1)
    assert torch.equal(network["n"].weight, torch.ones(2))
    assert not average.networks["n"].weight.requires_grad


def small_network() -> nn.Sequential:
    """With singular vectors that have converged, as after some training."""
    convolution = SpectralConv2d(3, 4, 3, padding=1)
    with torch.no_grad():
        for _ in range(300):
            convolution.normalized_weight()
    return nn.Sequential(convolution, ParameterFreeNorm("batch", 4), nn.BatchNorm2d(4))


def test_refreshed_statistics_are_the_mean_over_the_batches_and_nothing_else_moves() -> None:
    network = small_network()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    batches: list[Tensor] = [torch.randn(4, 3, 8, 8) + shift for shift in range(3)]
    copies = refreshed({"g": network}, lambda networks, batch: networks["g"](batch), batches)  # type: ignore[arg-type]
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key
    copy = copies["g"]
    assert not copy.training
    assert isinstance(copy, nn.Sequential)
    with torch.no_grad():
        features = [copy[0](batch) for batch in batches]
    norm = copy[1]
    means = torch.stack([f.mean((0, 2, 3)) for f in features]).mean(0)
    variances = torch.stack([f.transpose(0, 1).flatten(1).var(1) for f in features]).mean(0)
    torch.testing.assert_close(norm.running_mean, means, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var, variances, rtol=1e-4, atol=1e-5)
    assert norm.momentum == copy[2].momentum == 0.1


def test_refreshed_spectral_norm_is_right_for_averaged_weights() -> None:
    network = small_network().eval()
    convolution = network[0]
    assert isinstance(convolution, SpectralConv2d)
    convolution.u.mul_(0.5)  # what averaging does to unit vectors, exaggerated
    copy = refreshed({"g": network}, lambda networks, batch: networks["g"](batch), [])["g"]
    assert isinstance(copy, nn.Sequential)
    largest = torch.linalg.svdvals(copy[0].normalized_weight().flatten(1))[0].item()
    assert largest == pytest.approx(1, abs=1e-4)
    assert copy[0].u.norm().item() == pytest.approx(1, abs=1e-6)
