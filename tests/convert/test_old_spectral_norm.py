"""Checkpoints of PyTorch before 1.0.1: the second singular vector is computed, the divided weight taken at its word."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from official_spade import OPTIONS, official_state

from semsynth.convert.old_spectral_norm import completed
from semsynth.convert.reading import read_network
from semsynth.convert.spade import load_official_state
from semsynth.convert.spade_options import generator_config, parse_options
from semsynth.models.spade import SPADEGenerator
from semsynth.ops.spectral_norm import SpectralConv2d


def generator(seed: int) -> SPADEGenerator:
    torch.manual_seed(seed)
    return SPADEGenerator(generator_config(parse_options(OPTIONS, "test"))).eval()


def as_saved_in_2018(network: SPADEGenerator) -> dict[str, torch.Tensor]:
    """Without ``weight_v``, and with what the forward pass used."""
    state = official_state(network)
    for name in [name for name in state if name.endswith("weight_v")]:
        module = name.removesuffix(".weight_v")
        second, first, weight = state.pop(name), state[f"{module}.weight_u"], state[f"{module}.weight_orig"]
        state[f"{module}.weight"] = weight / (first @ (weight.flatten(1) @ second))
    return state


def test_by_hand() -> None:
    weight = torch.tensor([[3.0, 4.0], [0.0, 0.0]]).view(2, 2, 1, 1)
    state = {"a.weight_orig": weight, "a.weight_u": torch.tensor([1.0, 0.0])}
    found, count = completed(state)
    assert count == 1
    torch.testing.assert_close(found["a.weight_v"], torch.tensor([0.6, 0.8]))  # the singular value is 5
    found, _ = completed({**state, "a.weight": weight / 4})  # an iteration behind
    torch.testing.assert_close(found["a.weight_v"], torch.tensor([0.6, 0.8]) * 4 / 5)
    assert "a.weight" not in found
    assert completed(found)[1] == 0


def test_a_generator_applies_the_weights_that_were_saved(tmp_path: Path) -> None:
    old, new = generator(0), generator(1)
    torch.save(as_saved_in_2018(old), tmp_path / "latest_net_G.pth")
    read = read_network(tmp_path / "latest_net_G.pth", "spade", "generator")
    (note,) = read.notes
    assert "singular vectors computed" in note
    load_official_state(new, read.state, "test")
    layers = [module for module in old.modules() if isinstance(module, SpectralConv2d)]
    for one, other in zip(layers, [m for m in new.modules() if isinstance(m, SpectralConv2d)], strict=True):
        torch.testing.assert_close(one.normalized_weight(), other.normalized_weight())
    assert layers


@pytest.mark.parametrize("vector", [torch.ones(3), torch.ones(2, 1)])
def test_vectors_that_do_not_fit_are_left_to_who_loads(vector: torch.Tensor) -> None:
    state = {"a.weight_orig": torch.ones(2, 2, 1, 1), "a.weight_u": vector}
    assert completed(state)[1] == 0
