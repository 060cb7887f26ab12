"""One phase of a recipe as the trainer makes it, step by step, so that golden cases see what happens within."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from semsynth.data.sample import Batch
from semsynth.recipes.base import Phase, Recipe


def adam_of(recipe: Recipe, phase: Phase) -> torch.optim.Adam:
    """The phase's optimiser."""
    adam = phase.optimizer
    return torch.optim.Adam(phase.parameters(recipe.networks), lr=adam.lr, betas=(adam.beta1, adam.beta2))


def run_phase(recipe: Recipe, phase: Phase, batch: Batch, optimizer: torch.optim.Adam) -> dict[str, Tensor]:
    """One step of a phase; returns the weighted terms."""
    for name, network in recipe.networks.items():
        network.requires_grad_(name in phase.trains)
    optimizer.zero_grad()
    weighted = {name: phase.weights[name] * term for name, term in phase.terms(recipe.networks, batch).items()}
    torch.stack(list(weighted.values())).sum().backward()
    optimizer.step()
    return weighted


@contextmanager
def recorded_outputs(generator: nn.Module) -> Iterator[list[Tensor]]:
    """The images that the generator makes meanwhile."""
    images: list[Tensor] = []
    handle = generator.register_forward_hook(lambda module, inputs, output: images.append(output.detach()))
    yield images
    handle.remove()
