"""The moving average of networks, and networks made ready for inference."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from semsynth.data.sample import Batch
from semsynth.ops.spectral_norm import iterate_singular_vectors

POWER_ITERATIONS = 4
"""With which averaged singular vectors catch up with the averaged weights, which change slowly."""


class MovingAverage:
    """Exponential moving average of the parameters and buffers of networks.

    With ``warm_up`` the decay grows towards its final value as ``(1 + step) / (10 + step)``, so that the first steps'
    random weights are forgotten soon (source: TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``).
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float, warm_up: bool = True) -> None:
        self.decay, self.warm_up = decay, warm_up
        self.networks = {name: copy.deepcopy(network).requires_grad_(False) for name, network in networks.items()}

    @torch.no_grad()
    def update(self, networks: Mapping[str, nn.Module], step: int) -> None:
        """Move towards ``networks`` after optimiser step ``step``, counted from 1."""
        weight = 1 - (min(self.decay, (1 + step) / (10 + step)) if self.warm_up else self.decay)
        for name, average in self.networks.items():
            pairs = list(zip(tensors_of(average), tensors_of(networks[name]), strict=True))
            floating = [(a, b) for a, b in pairs if a.is_floating_point()]
            torch._foreach_lerp_([a for a, _ in floating], [b for _, b in floating], weight)
            for a, b in pairs:
                if not a.is_floating_point():
                    a.copy_(b)


def refreshed(
    networks: Mapping[str, nn.Module],
    generate: Callable[[Mapping[str, nn.Module], Batch], Tensor],
    batches: Iterable[Batch],
) -> dict[str, nn.Module]:
    """Copies of averaged networks whose batch statistics belong to the averaged weights.

    Averaged running statistics are those of past weights. Training-mode passes over ``batches`` replace them by
    the plain mean over these batches. Averages of singular vectors are not quite unit vectors: some power
    iterations put them right.
    """
    copies = {name: copy.deepcopy(network).train() for name, network in networks.items()}
    modules = [module for network in copies.values() for module in network.modules()]
    norms = [module for module in modules if isinstance(getattr(module, "running_mean", None), Tensor)]
    momenta = [norm.momentum for norm in norms]
    with torch.no_grad():
        for network in copies.values():
            iterate_singular_vectors(network, POWER_ITERATIONS)
        for number, batch in enumerate(batches if norms else ()):  # without batch statistics nothing is read or run
            for norm in norms:
                norm.momentum = 1 / (number + 1)  # type: ignore[assignment]
            generate(copies, batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return {name: network.eval() for name, network in copies.items()}


def tensors_of(network: nn.Module) -> list[Tensor]:
    """Parameters and buffers, in a fixed order."""
    return [*network.parameters(), *network.buffers()]
