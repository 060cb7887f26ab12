"""The estimate of a dry run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from semsynth.training.devices import make_fabric
from semsynth.training.memory import count_parameters, estimate_memory
from semsynth.training.start import example_batch
from semsynth.training.trainer import Data, Trainer


def test_parameters_are_counted() -> None:
    assert count_parameters(nn.Conv2d(3, 4, 5)) == 4 * 3 * 25 + 4


def test_estimate_by_hand(start: Callable[..., Trainer], toy_data: object) -> None:
    trainer = start("run", "training.ema=0.9")
    recipe = trainer.recipe
    batch = example_batch(recipe, Data(trainer.batches.samples, trainer.batches.samples, recipe.classes))
    sizes = {name: 4 * count_parameters(network) for name, network in recipe.networks.items()}
    buffers = {name: sum(4 * b.numel() for b in network.buffers()) for name, network in recipe.networks.items()}
    one, four = (estimate_memory(recipe, make_fabric("cpu"), batch, n) for n in (1, 4))
    assert one.weights == sum(sizes.values()) + sum(buffers.values())
    assert one.gradients == max(sizes.values())
    assert one.optimizers == 2 * sum(sizes.values())
    assert one.averages == sizes["generator"] + buffers["generator"]
    assert four.activations == 4 * one.activations
    assert four.total == four.weights + four.gradients + four.optimizers + four.averages + four.activations


def test_activations_of_a_known_network(start: Callable[..., Trainer]) -> None:
    """More pixels, more activations: at least the generator's last features, at most a thousand images' worth."""
    trainer = start("run")
    samples = Data(trainer.batches.samples, trainer.batches.samples, trainer.recipe.classes)
    estimate = estimate_memory(trainer.recipe, make_fabric("cpu"), example_batch(trainer.recipe, samples), 1)
    image = 64 * 64 * 4
    assert 2 * image < estimate.activations < 1000 * image
    assert torch.is_grad_enabled()
