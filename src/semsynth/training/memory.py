"""How much a recipe will need: parameters, and memory measured on one image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from semsynth.data.sample import Batch
from semsynth.recipes.base import Phase, Recipe, Step
from semsynth.training.ema import tensors_of
from semsynth.training.learner import Learner, freeze_all_but


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes on each device. Work space of convolution libraries and the allocator's reserve come on top."""

    weights: int
    """Networks (their buffers too), frozen ones included."""
    gradients: int
    """Of the phase that trains most."""
    optimizers: int
    """Adam's two averages."""
    averages: int
    """The moving average (there is a second one for a moment while saving)."""
    activations: int
    """What the largest phase keeps for its backward pass, for one micro-batch."""

    @property
    def total(self) -> int:
        """The sum."""
        return self.weights + self.gradients + self.optimizers + self.averages + self.activations


def count_parameters(network: nn.Module) -> int:
    """Numbers that training moves."""
    return sum(parameter.numel() for parameter in network.parameters())


def estimate_memory(recipe: Recipe, fabric: Fabric, batch: Batch, micro_batch_size: int) -> MemoryEstimate:
    """Estimate a training's memory.

    Args:
        recipe: fresh; it takes one forward pass per phase on ``batch``.
        fabric: one CPU, in the training's arithmetic.
        batch: one or few images, whose activations are measured and scaled up.
        micro_batch_size: images of a forward pass.
    """
    learner = Learner(recipe, fabric, num_images=1)
    batch = learner.to_device(batch)
    trained = [_bytes(phase.parameters(recipe.networks)) for phase in recipe.phases]
    kept = [_kept_for_backward(learner, phase, batch) for phase in recipe.phases]
    networks = [*recipe.networks.values(), *recipe.frozen.values()]
    return MemoryEstimate(
        weights=_bytes(tensor for network in networks for tensor in tensors_of(network)),
        gradients=max(trained),
        optimizers=2 * sum(trained),
        averages=_bytes(t for network in learner.ema.networks.values() for t in tensors_of(network))
        if learner.ema
        else 0,
        activations=round(max(kept) / len(batch) * micro_batch_size),
    )


def _kept_for_backward(learner: Learner, phase: Phase, batch: Batch) -> int:
    """Bytes of the distinct tensors that autograd stores in the phase's forward pass, parameters and batch aside."""
    networks = freeze_all_but(learner.recipe.networks, phase)
    others = [*networks.values(), *learner.recipe.frozen.values()]
    known = {tensor.untyped_storage().data_ptr() for network in others for tensor in tensors_of(network)}
    known.add(batch.image.untyped_storage().data_ptr())
    sizes: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), learner.fabric.autocast():
        terms = phase.terms(networks, batch, Step())
    del terms  # held until here: a freed tensor's address would be used again
    return sum(size for address, size in sizes.items() if address not in known)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
