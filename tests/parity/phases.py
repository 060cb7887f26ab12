"""One phase of a recipe as the trainer makes it, step by step, so that golden cases see what happens within."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from semsynth.data.sample import Batch
from semsynth.recipes.base import Phase, Recipe, Step


def adam_of(recipe: Recipe, phase: Phase) -> torch.optim.Adam:
    """The phase's optimiser."""
    adam = phase.optimizer
    return torch.optim.Adam(phase.parameters(recipe.networks), lr=adam.lr, betas=(adam.beta1, adam.beta2))


def run_phase(recipe: Recipe, phase: Phase, batch: Batch, step: Step, optimizer: torch.optim.Adam) -> dict[str, Tensor]:
    """A phase of a step; returns the weighted terms."""
    for network in recipe.networks.values():
        network.requires_grad_(False)
    for parameter in phase.parameters(recipe.networks):
        parameter.requires_grad_(True)
    optimizer.zero_grad()
    weighted = {name: phase.weights[name] * term for name, term in phase.terms(recipe.networks, batch, step).items()}
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
