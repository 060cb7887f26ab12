"""The training loop: phases in, checkpoints, logs and pictures out."""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from semsynth.checkpoint import Card
from semsynth.classes import ClassSet
from semsynth.data.sample import Batch
from semsynth.errors import SemsynthError
from semsynth.images import save_png
from semsynth.recipes.base import Networks, Phase, Recipe
from semsynth.training.data import MicroBatches, Samples, Share, read_batches, seed_from
from semsynth.training.devices import device_name
from semsynth.training.ema import MovingAverage, refreshed
from semsynth.training.interruption import Interruption
from semsynth.training.log import LogLine, LogWriter, TermWindow
from semsynth.training.preview import FixedLayouts, generate_for_inference
from semsynth.training.run import RunFolder

REFRESH_IMAGES = 64
"""Training images that the averaged networks' batch statistics are measured on, at least."""
REFRESH_BATCHES = 8
"""And batches."""


@dataclass(frozen=True)
class Data:
    """The samples of a training, as stored."""

    train: Samples
    val: Samples
    """For previews."""
    classes: ClassSet


class Observer(Protocol):
    """What follows a training, for example a progress bar. Every process calls its own."""

    def started(self, step: int, total_steps: int) -> None:
        """Training begins after ``step`` of ``total_steps`` steps."""

    def stepped(self, step: int) -> None:
        """A step is done (on a GPU: at least queued)."""

    def logged(self, line: LogLine) -> None:
        """A log line was written."""

    def note(self, text: str) -> None:
        """Something that the user should know."""


class Trainer:
    """Trains one recipe in one run folder.

    The order of data, augmentation and noise are functions of the seed and the step, so the state of a run is its
    networks, optimisers and averages, and resuming continues to the bit (on a CPU).
    """

    def __init__(self, recipe: Recipe, data: Data, run: RunFolder, fabric: Fabric, observer: Observer) -> None:
        """Put the networks on their devices.

        Raises:
            SemsynthError: the batch size does not divide among devices and micro-batches.
        """
        self.recipe, self.run, self.fabric = recipe, run, fabric
        self.observer = observer
        self.settings = recipe.config.training
        self.share = Share(self.settings.batch_size, self.settings.accumulate, fabric.global_rank, fabric.world_size)
        self.batches = MicroBatches(data.train, recipe.config.data, recipe.collate, self.settings.seed, self.share)
        self.fixed = FixedLayouts.take(data.val, recipe.config.data, recipe.collate)
        self.images = len(data.train)
        self.step, self.seconds = 0, 0.0
        self.terms = TermWindow()
        self._set_up()
        averaged = {name: recipe.networks[name] for name in recipe.averaged}
        self.ema = MovingAverage(averaged, self.settings.ema) if self.settings.ema else None

    def _set_up(self) -> None:
        for network in self.recipe.networks.values():
            network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        for network in self.recipe.frozen.values():
            network.to(self.fabric.device).requires_grad_(False)
            if self.settings.precision == "64-true":
                network.double()
        trained = {name for phase in self.recipe.phases for name in phase.trains}
        self.wrapped = {name: self.fabric.setup_module(self.recipe.networks[name]) for name in sorted(trained)}
        self.optimizers = {phase.name: self.fabric.setup_optimizers(self._optimizer(phase)) for phase in self.recipe.phases}

    def _optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        parameters = [p for name in phase.trains for p in self.recipe.networks[name].parameters()]
        settings, fused = phase.optimizer, self.fabric.device.type in ("cpu", "cuda")
        return torch.optim.Adam(parameters, settings.lr, (settings.beta1, settings.beta2), fused=fused or None)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        epochs = self.recipe.config.schedule.total_epochs
        return self.settings.steps or math.ceil(epochs * self.images / self.settings.batch_size)

    @property
    def epoch(self) -> int:
        """Times that the data has been gone through."""
        return self.step * self.settings.batch_size // self.images

    # The step ---------------------------------------------------------------------------------------------------

    def train_step(self, batches: Sequence[Batch]) -> None:
        """One step: every phase, on the micro-batches of this process."""
        torch.manual_seed(seed_from(self.settings.seed, "noise", self.step, self.share.rank))
        factor = self.recipe.config.schedule.factor(self.epoch)
        for phase in self.recipe.phases:
            if self.step % phase.every:
                continue
            networks = self._freeze_all_but(phase)
            optimizer = self.optimizers[phase.name]
            optimizer.param_groups[0]["lr"] = phase.optimizer.lr * factor
            optimizer.zero_grad()
            for number, batch in enumerate(batches):
                with self._gradients_meet(phase, last=number == len(batches) - 1):
                    with self.fabric.autocast():
                        terms = phase.terms(networks, batch)
                        loss = _weighted_sum(terms, phase.weights) / len(batches)
                    self.fabric.backward(loss)
                self.terms.add(self.step + 1, phase.name, {name: term.detach() for name, term in terms.items()})
            optimizer.step()
        self.step += 1
        if self.ema is not None:
            self.ema.update(self.recipe.networks, self.step)

    def _freeze_all_but(self, phase: Phase) -> Networks:
        for name, network in self.recipe.networks.items():
            network.requires_grad_(name in phase.trains)
        return {name: self.wrapped[name] if name in phase.trains else self.recipe.networks[name] for name in self.recipe.networks}

    @contextmanager
    def _gradients_meet(self, phase: Phase, last: bool) -> Iterator[None]:
        """Processes exchange gradients once a step, in its last backward pass."""
        with ExitStack() as stack:
            for name in phase.trains if self.fabric.world_size > 1 else ():
                stack.enter_context(self.fabric.no_backward_sync(self.wrapped[name], enabled=not last))
            yield

    # The loop ---------------------------------------------------------------------------------------------------

    def fit(self) -> int | None:
        """Train until the last step, or until SIGINT or SIGTERM asks to stop; either way everything is saved.

        With several processes a signal is acted upon at the next log line, the moment at which they agree.

        Returns:
            None when the run is complete, else the number of the signal.

        Raises:
            SemsynthError: a damaged sample, a loss term that is not finite, or a folder that cannot be written.
        """
        accumulate = self.settings.accumulate
        numbers = range(self.step * accumulate, self.total_steps * accumulate)
        stream = read_batches(self.batches, numbers, self.settings.workers, pin=self.fabric.device.type == "cuda")
        self._clock = _Clock(self.step, self.seconds)
        self.log = LogWriter(self.run.log, self.run.tensorboard, self.step) if self.fabric.is_global_zero else None
        self.observer.started(self.step, self.total_steps)
        try:
            with Interruption() as interruption:
                while self.step < self.total_steps:
                    self.train_step([self._to_device(next(stream)) for _ in range(accumulate)])
                    self.observer.stepped(self.step)
                    self._work_between_steps()
                    signal = self._agreed_signal(interruption.signal)
                    if signal is not None and self.step < self.total_steps:
                        self.write_log()
                        self.save(self.networks_for_inference())
                        return signal
        finally:
            stream.close()
            if self.log is not None:
                self.log.close()
        return None

    def _work_between_steps(self) -> None:
        due = {
            name: self.step == self.total_steps or self.step % every == 0
            for name, every in (
                ("log", self.settings.log_every),
                ("sample", self.settings.sample_every),
                ("save", self.settings.save_every),
            )
        }
        if any(due.values()):
            self.write_log()  # also before saving: what is saved has been checked
        if due["sample"] or due["save"]:
            ready = self.networks_for_inference()
            if due["sample"]:
                self.write_samples(ready)
            if due["save"]:
                self.save(ready)

    def _agreed_signal(self, signal: int | None) -> int | None:
        if self.fabric.world_size == 1:
            return signal
        if self.step % self.settings.log_every:
            return None
        highest = self.fabric.all_reduce(torch.tensor(float(signal or 0), device=self.fabric.device), reduce_op="max")
        return int(highest) or None

    def _to_device(self, batch: Batch) -> Batch:
        batch = batch.to(self.fabric.device, non_blocking=True)
        if self.settings.precision == "64-true":
            batch = dataclasses.replace(batch, image=batch.image.double())
        return batch

    # What is written --------------------------------------------------------------------------------------------

    def write_log(self) -> None:
        """Write a line with the terms' means since the last one.

        Raises:
            SemsynthError: a term is NaN or infinite.
        """
        means, bad = self.terms.close(lambda values: self.fabric.all_reduce(values, reduce_op="mean"))  # type: ignore[return-value, arg-type]
        if bad is not None:
            raise SemsynthError(
                f"step {bad.step}: the loss term '{bad.name}' is {bad.value}, training stopped; {self._last_good()}"
            )
        if not means:
            return
        steps, elapsed = self._clock.lap(self.step)
        self.seconds = self._clock.seconds
        factor = self.recipe.config.schedule.factor(self.epoch)
        line = LogLine(
            step=self.step,
            epoch=self.epoch,
            images_seen=self.step * self.settings.batch_size,
            seconds=round(self.seconds, 3),
            images_per_second=round(steps * self.settings.batch_size / max(elapsed, 1e-9), 3),
            learning_rates={phase.name: phase.optimizer.lr * factor for phase in self.recipe.phases},
            terms=means,
        )
        if self.log is not None:
            self.log.write(line)
        self.observer.logged(line)

    def networks_for_inference(self) -> dict[str, nn.Module]:
        """Copies of the averaged networks in evaluation mode: what previews show and inference loads.

        Moving averages get fresh batch statistics; training is not touched. All processes have to take part.
        """
        if self.ema is None:
            return {name: copy.deepcopy(self.recipe.networks[name]).eval() for name in self.recipe.averaged}
        count = max(REFRESH_BATCHES, math.ceil(REFRESH_IMAGES / self.share.micro_batch_size))
        torch.manual_seed(seed_from(self.settings.seed, "refresh", self.share.rank))
        with self.fabric.autocast():
            return refreshed(
                self.ema.networks, self.recipe.generate, (self._to_device(self.batches[number]) for number in range(count))
            )

    def write_samples(self, ready: Mapping[str, nn.Module]) -> None:
        """Write ``samples/step_NNNNNNNN.png``: colours, photo, the networks as they are, and their average."""
        if not self.fabric.is_global_zero:
            return
        shown: list[Mapping[str, nn.Module]] = [self.recipe.networks] + ([ready] if self.ema is not None else [])

        def picture(networks: Mapping[str, nn.Module], batch: Batch) -> Tensor:
            torch.manual_seed(seed_from(self.settings.seed, "samples"))
            with self.fabric.autocast():
                return generate_for_inference(networks, self.recipe.generate, self._to_device(batch))

        grid = self.fixed.grid([functools.partial(picture, networks) for networks in shown])
        save_png(self.run.samples / f"step_{self.step:08d}.png", grid)

    def save(self, ready: Mapping[str, nn.Module]) -> None:
        """Write the checkpoint and the model folder, unless this step's are there already."""
        self._check_weights()
        if not self.fabric.is_global_zero:
            return
        self.seconds = self._clock.seconds
        self.run.state.save(self.step, self.state())
        card = Card(
            name=self.run.root.name,
            data=f"{self.recipe.classes.name}: {self.images} training images",
            recipe=type(self.recipe).__name__,
            steps=self.step,
            images_seen=self.step * self.settings.batch_size,
            seconds=round(self.seconds, 1),
            hardware=f"{self.fabric.world_size} x {device_name(self.fabric.device)}",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self.recipe.export(self.run.model, ready, card)

    def _check_weights(self) -> None:
        """Finite loss terms can have a gradient that is not; such weights must not replace a good checkpoint."""
        for name, network in self.recipe.networks.items():
            norms = torch.stack([p.detach().float().norm() for p in network.parameters()])
            if not norms.isfinite().all():
                raise SemsynthError(f"step {self.step}: weights of '{name}' are NaN or infinite, training stopped; {self._last_good()}")

    def _last_good(self) -> str:
        checkpoints = self.run.state.checkpoints()
        if not checkpoints:
            return "there is no checkpoint yet: lower the learning rates or use precision 32-true"
        return f"the last good checkpoint is {checkpoints[-1]}: --resume {self.run.root} starts from it"

    # State ------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "step": self.step,
            "images_seen": self.step * self.settings.batch_size,
            "seconds": self.seconds,
            "config": self.recipe.config.model_dump_json(),
            "networks": {name: network.state_dict() for name, network in self.recipe.networks.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "averages": {} if self.ema is None else {name: network.state_dict() for name, network in self.ema.networks.items()},
            "precision": self.fabric.strategy.precision.state_dict(),
        }

    def resume(self) -> None:
        """Load the newest whole checkpoint of the run folder.

        Raises:
            SemsynthError: there is none.
        """
        state = self.run.state.load(self.observer.note)
        for name, network in self.recipe.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        if self.ema is not None:
            for name, network in self.ema.networks.items():
                network.load_state_dict(state["averages"][name])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.step, self.seconds = state["step"], state["seconds"]


class _Clock:
    """Training time over all sessions, and laps between log lines."""

    def __init__(self, step: int, seconds: float) -> None:
        self._start = time.monotonic() - seconds
        self._lap = step, self.seconds

    @property
    def seconds(self) -> float:
        """Training time so far."""
        return time.monotonic() - self._start

    def lap(self, step: int) -> tuple[int, float]:
        """Steps and seconds since the last call."""
        (last_step, last_seconds), now = self._lap, self.seconds
        self._lap = step, now
        return step - last_step, now - last_seconds


def _weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """At least in float32: under autocast a term may be a bfloat16."""
    weighted = [weights[name] * (term if term.dtype == torch.float64 else term.float()) for name, term in terms.items()]
    return torch.stack(weighted).sum()
