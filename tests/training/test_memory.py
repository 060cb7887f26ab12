"""The estimate of a dry run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

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


def peak_of_a_step(trainer: Trainer) -> int:
    """Bytes that are allocated at most, beyond what there was before, while a second step is made."""
    learner = trainer.learner
    batch = [learner.to_device(trainer.batches[0])]
    learner.train_step(batch)  # the first one makes the optimisers' state
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        learner.train_step(batch)
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    return max(accumulate(change for _, change in changes))


@pytest.mark.parametrize("system", ["spade", "pix2pixhd", "oasis"])
def test_a_step_needs_what_was_estimated(system: str, start: Callable[..., Trainer]) -> None:
    trainer = start("run", "generator.width=32", system=system)
    samples = Data(trainer.batches.samples, trainer.batches.samples, trainer.recipe.classes)
    batch = example_batch(trainer.recipe, samples)
    images = trainer.recipe.config.training.batch_size
    estimate = estimate_memory(trainer.recipe, make_fabric("cpu"), batch, images)
    assert torch.is_grad_enabled()
    needed = peak_of_a_step(trainer)
    assert 1 / 1.5 < needed / (estimate.gradients + estimate.activations) < 1.5
