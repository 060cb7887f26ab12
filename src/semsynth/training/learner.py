"""One step of training: a recipe's phases on networks, optimisers and averages."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from semsynth.data.sample import Batch
from semsynth.recipes.base import Networks, Phase, Recipe, Step
from semsynth.state_check import adam_problems, adam_state, network_problems, number_problem, scale_problems
from semsynth.training.data import seed_from
from semsynth.training.ema import MovingAverage, refreshed
from semsynth.training.log import TermWindow


class Learner:
    """Everything that learning changes, and the step that changes it.

    Noise is a function of the seed, the step and the process, so :meth:`state` holds no random number generator.
    """

    def __init__(self, recipe: Recipe, fabric: Fabric, num_images: int) -> None:
        """Put the networks on their devices.

        Args:
            recipe: its networks are trained in place.
            fabric: launched.
            num_images: images of an epoch, which the schedule counts in.
        """
        self.recipe, self.fabric, self.num_images = recipe, fabric, num_images
        self.settings = recipe.config.training
        self.step = 0
        self.terms = TermWindow()
        self._set_up_networks()
        averaged = {name: recipe.networks[name] for name in recipe.averaged}
        decay, warm_up = self.settings.average_decay, self.settings.ema_warm_up
        self.ema = MovingAverage(averaged, decay, warm_up) if decay else None

    def _set_up_networks(self) -> None:
        for network in self.recipe.networks.values():
            network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        for network in self.recipe.frozen.values():
            network.to(self.fabric.device).requires_grad_(False)
            if self.settings.precision == "64-true":
                network.double()
        for phase in self.recipe.phases:  # what never moves must not wait for gradients of other processes
            freeze_all_but(self.recipe.networks, phase, only=phase.trains)
        trained = sorted({name for phase in self.recipe.phases for name in phase.trains})
        self.wrapped = {name: self.fabric.setup_module(self.recipe.networks[name]) for name in trained}
        self.optimizers = {phase.name: self._optimizer(phase) for phase in self.recipe.phases}

    def _optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        parameters = self._parameters(phase)
        adam, fused = phase.optimizer, self.settings.fused_optimizer and self.fabric.device.type in ("cpu", "cuda")
        optimizer = torch.optim.Adam(parameters, adam.lr, (adam.beta1, adam.beta2), fused=fused or None)
        return cast(torch.optim.Optimizer, self.fabric.setup_optimizers(optimizer))

    def _parameters(self, phase: Phase) -> list[nn.Parameter]:
        return phase.parameters(self.recipe.networks)

    @property
    def images_seen(self) -> int:
        """Images that went through training so far, repetitions counted."""
        return self.step * self.settings.batch_size

    @property
    def epoch(self) -> int:
        """Times that the data has been gone through."""
        return self.images_seen // self.num_images

    def learning_rate(self, phase: Phase) -> float:
        """The rate of the next step."""
        return phase.optimizer.lr * self.recipe.config.schedule.factor(self.epoch)

    def train_step(self, batches: Sequence[Batch]) -> None:
        """One step: every phase in turn, on the micro-batches of this process."""
        torch.manual_seed(seed_from(self.settings.seed, "noise", self.step, self.fabric.global_rank))
        passes = [(batch, Step(self.step, self.epoch)) for batch in batches]
        for phase in self.recipe.phases:
            if not phase.runs_in(self.step):
                continue
            networks = self._freeze_all_but(phase)
            optimizer = self.optimizers[phase.name]
            optimizer.param_groups[0]["lr"] = self.learning_rate(phase)
            for number, (batch, step) in enumerate(passes):
                with self._gradients_meet(phase, last=number == len(batches) - 1):
                    with self.fabric.autocast():
                        terms = phase.terms(networks, batch, step)
                        loss = weighted_sum(terms, phase.weights_in(self.step)) / len(batches)
                    self.fabric.backward(loss)
                self.terms.add(self.step + 1, phase.name, terms)
            optimizer.step()
            optimizer.zero_grad()  # already here: the next phase has a use for the memory
        self.step += 1
        if self.ema is not None:
            self.ema.update(self.recipe.networks, self.step)

    def try_losses(self, batch: Batch) -> None:
        """Run the forward passes of a step, and leave everything as it was."""
        modules = [*self.recipe.networks.values(), *self.recipe.frozen.values()]
        before = [[(buffer, buffer.clone()) for buffer in module.buffers()] for module in modules]
        step = Step(self.step, self.epoch)
        for phase in self.recipe.phases:
            if phase.runs_in(self.step):
                networks = freeze_all_but(self.recipe.networks, phase)
                with self.fabric.autocast():
                    phase.terms(networks, batch, step)
        with torch.no_grad():
            for buffer, value in (pair for pairs in before for pair in pairs):
                buffer.copy_(value)

    def _freeze_all_but(self, phase: Phase) -> Networks:
        networks = freeze_all_but(self.recipe.networks, phase)
        return {name: self.wrapped[name] if name in phase.trains else network for name, network in networks.items()}

    @contextmanager
    def _gradients_meet(self, phase: Phase, last: bool) -> Iterator[None]:
        """Processes exchange gradients once a step, in its last backward pass."""
        with ExitStack() as stack:
            for name in phase.trains if self.fabric.world_size > 1 else ():
                stack.enter_context(self.fabric.no_backward_sync(self.wrapped[name], enabled=not last))
            yield

    def to_device(self, batch: Batch) -> Batch:
        """The batch where and in the arithmetic in which the networks are."""
        batch = batch.to(self.fabric.device, non_blocking=True)
        return batch.double() if self.settings.precision == "64-true" else batch

    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """Pictures for a preview, in evaluation mode and with the same noise every time; nothing changes."""
        torch.manual_seed(seed_from(self.settings.seed, "samples"))
        with evaluating(networks), torch.no_grad(), self.fabric.autocast():
            return self.recipe.generate(networks, self.to_device(batch))

    def networks_for_inference(self, batches: Iterable[Batch]) -> dict[str, nn.Module]:
        """Copies of the averaged networks in evaluation mode: what previews show and inference loads.

        Training is not touched. All processes have to take part.

        Args:
            batches: training batches, on which moving averages get fresh batch statistics.
        """
        if self.ema is None:
            return {name: copy.deepcopy(self.recipe.networks[name]).eval() for name in self.recipe.averaged}
        torch.manual_seed(seed_from(self.settings.seed, "refresh", self.fabric.global_rank))
        with self.fabric.autocast():
            return refreshed(self.ema.networks, self.recipe.generate, map(self.to_device, batches))

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        averages = {} if self.ema is None else self.ema.networks
        return {
            "step": self.step,
            "images_seen": self.images_seen,
            "num_images": self.num_images,
            "config": self.recipe.config.model_dump_json(),
            "networks": {name: network.state_dict() for name, network in self.recipe.networks.items()},
            "measured": {name: _buffers(network) for name, network in self.recipe.frozen.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "averages": {name: network.state_dict() for name, network in averages.items()},
            "precision": self.fabric.strategy.precision.state_dict(),
        }

    def misfits(self, state: Mapping[str, Any]) -> Iterator[str]:
        """What keeps :meth:`load_state` from continuing from ``state``; empty: nothing."""
        averages = {} if self.ema is None else self.ema.networks
        counts = [key for key in ("step", "images_seen", "num_images") if key == "step" or key in state]
        numbers = [number_problem(state, key) for key in counts] + [number_problem(state, "seconds", whole=False)]
        yield from filter(None, numbers)
        if any(numbers):
            return
        yield from network_problems("network", _states(self.recipe.networks), state.get("networks"))
        yield from network_problems("average", _states(averages), state.get("averages"))
        measured = state.get("measured", {})  # checkpoints of older versions have none
        if not isinstance(measured, Mapping):
            yield "what was measured is missing"
            return
        frozen = {name: _buffers(self.recipe.frozen[name]) for name in self.recipe.frozen if name in measured}
        yield from network_problems("measured", frozen, measured)
        optimizers = state.get("optimizers")
        for phase in self.recipe.phases:
            given = optimizers.get(phase.name) if isinstance(optimizers, Mapping) else None
            yield from adam_problems(phase.name, self._parameters(phase), state["step"], given)
        yield from scale_problems(self.fabric.strategy.precision.state_dict(), state.get("precision"))

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`state` gave; :meth:`misfits` has found nothing wrong with it.

        Settings of the optimisers are those of the configuration, not what the state says.
        """
        for name, network in self.recipe.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, network in self.recipe.frozen.items():
            buffers = state.get("measured", {}).get(name, {})  # checkpoints of older versions have none
            network.load_state_dict({**network.state_dict(), **buffers})
        for phase in self.recipe.phases:
            optimizer = self.optimizers[phase.name]
            adam = adam_state(self._parameters(phase), state["optimizers"][phase.name])
            optimizer.load_state_dict({"state": adam, "param_groups": optimizer.state_dict()["param_groups"]})
        for name, network in (self.ema.networks if self.ema is not None else {}).items():
            network.load_state_dict(state["averages"][name])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.step = state["step"]


def _states(networks: Networks) -> dict[str, dict[str, Tensor]]:
    return {name: network.state_dict() for name, network in networks.items()}


def _buffers(network: nn.Module) -> dict[str, Any]:
    """A state without parameters."""
    parameters = {name for name, _ in network.named_parameters()}
    return {name: value for name, value in network.state_dict().items() if name not in parameters}


@contextmanager
def evaluating(networks: Networks) -> Iterator[None]:
    """Evaluation mode inside; each network's own mode again afterwards."""
    modes = {name: network.training for name, network in networks.items()}
    try:
        for network in networks.values():
            network.eval()
        yield
    finally:
        for name, network in networks.items():
            network.train(modes[name])


def freeze_all_but(networks: Mapping[str, nn.Module], phase: Phase, only: Sequence[str] | None = None) -> Networks:
    """Let only the parameters that the phase moves have gradients, in all networks or in some; return all networks."""
    for name in networks if only is None else only:
        networks[name].requires_grad_(False)
    for parameter in phase.parameters(networks):
        parameter.requires_grad_(True)
    return networks


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The loss of a phase, at least in float32: under autocast a term may be a bfloat16."""
    weighted = [weights[name] * (term if term.dtype == torch.float64 else term.float()) for name, term in terms.items()]
    return torch.stack(weighted).sum()
