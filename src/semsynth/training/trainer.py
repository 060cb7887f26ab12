"""The training loop: phases in, checkpoints, logs and pictures out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from semsynth.checkpoint import load_model
from semsynth.classes import ClassSet
from semsynth.data.decoded import DecodedSamples, write_decoded
from semsynth.data.fingerprint import DataFingerprint
from semsynth.data.sample import Samples
from semsynth.errors import SemsynthError
from semsynth.extras import install_command
from semsynth.models.pretrained import pretrained_networks
from semsynth.recipes.base import Recipe
from semsynth.tensor_files import few_problems
from semsynth.training.data import MicroBatches, Share, read_batches
from semsynth.training.devices import device_name
from semsynth.training.feasibility import first_pass
from semsynth.training.interruption import Interruption
from semsynth.training.learner import Learner
from semsynth.training.log import Clock, LogLine, LogWriter
from semsynth.training.observer import Observer
from semsynth.training.preview import FixedLayouts
from semsynth.training.run import RunFolder, check_same_training, model_card

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
    shards: str | None = None
    """Fingerprint of shards."""
    fingerprint: DataFingerprint | None = None
    """Of a dataset folder's training split."""

    def difference(self, shards: str | None, fingerprint: DataFingerprint | None) -> str | None:
        """What differs from the data with these fingerprints, in words; None: nothing, or neither is known."""
        if shards is not None and self.shards != shards:
            return "it does not hold the same shards"
        if fingerprint is None:
            return None
        return "it holds shards now" if self.fingerprint is None else fingerprint.difference(self.fingerprint)


class Scorer(Protocol):
    """Judges the exported model as a training goes on; the first process calls it."""

    every_epochs: int
    """How often, in epochs."""

    def __call__(self, model: Path, step: int) -> None:
        """Score the model folder, which is that of ``step`` steps."""


class Trainer:
    """Trains one recipe in one run folder.

    The order of data, augmentation and noise are functions of the seed and the step, so the state of a run is its
    networks, optimisers and averages, and resuming continues to the bit (on a CPU).
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        run: RunFolder,
        fabric: Fabric,
        observer: Observer,
        scorer: Scorer | None = None,
    ) -> None:
        """Put the networks on their devices; ``scorer``, if there is one, is called after whole epochs.

        Raises:
            SemsynthError: the batch size does not divide among devices and micro-batches.
        """
        self.recipe, self.run, self.fabric, self.observer = recipe, run, fabric, observer
        self.scorer = scorer
        self.settings = recipe.config.training
        self.learner = Learner(recipe, fabric, len(data.train))
        self.share = Share(self.settings.batch_size, self.settings.accumulate, fabric.global_rank, fabric.world_size)
        self.batches = MicroBatches(data.train, recipe.pipeline, recipe.collate, self.settings.seed, self.share)
        self.fixed = FixedLayouts.take(data.val, recipe.pipeline, recipe.collate)
        self.clock = Clock()
        self._end: int | None = None
        self.late_signal: int | None = None
        """A signal that came in the last step: the run is complete, but nothing should be started after it."""

    @property
    def step(self) -> int:
        """Steps done."""
        return self.learner.step

    @property
    def total_steps(self) -> int:
        """Steps of the whole run; where time ends it, they are known only then."""
        return self._end or self.recipe.config.total_steps(self.learner.num_images)

    def resume(self) -> None:
        """Load the newest whole checkpoint of the run folder, if it has any: a run may end before its first.

        Raises:
            SemsynthError: all are damaged, or written with another recipe.
        """
        if self.run.state.checkpoints():
            state = self.run.state.load(self.observer.note)
            check_same_training(state, self.recipe.config, self.learner.num_images, self.run.record)
            problems = list(self.learner.misfits(state))
            if problems:
                raise SemsynthError(
                    f"{self.run.state.checkpoints()[-1]} does not fit this run: {few_problems(problems)}: remove it to "
                    "resume from the checkpoint before it, or restore it"
                )
            self.learner.load_state(state)
            self.clock = Clock(state["seconds"])

    def try_first_pass(self) -> None:
        """Compute the losses of the first micro-batch once and throw them away, before anything is written.

        Raises:
            SemsynthError: the settings do not go together, or the first sample is damaged.
        """
        batch = self.learner.to_device(self.batches[0])
        with first_pass():
            self.learner.try_losses(batch)

    # The loop ---------------------------------------------------------------------------------------------------

    def fit(self, seconds: float | None = None) -> int | None:
        """Train until the last step, or until SIGINT or SIGTERM asks to stop; either way everything is saved.

        With several processes a signal is acted upon at the next log line, the moment at which they agree.

        Args:
            seconds: training time, over all sessions, after which a step is the last one; for one process.

        Returns:
            None when the run is complete, else the number of the signal.

        Raises:
            SemsynthError: a damaged sample, a loss term that is not finite, or a folder that cannot be written.
        """
        if self.settings.decoded_cache:
            self._decode_once()
        accumulate = self.settings.accumulate
        numbers = range(self.step * accumulate, self.total_steps * accumulate)
        stream = read_batches(self.batches, numbers, self.settings.workers, pin=self.fabric.device.type == "cuda")
        self.log = LogWriter(self.run.log, self.run.tensorboard, self.step) if self.fabric.is_global_zero else None
        self.clock.start(self.step)
        self._end_in_time(seconds)
        if self.log is not None and self.log.events is None:
            self.observer.note(f"TensorBoard's event files need tensorboard: {install_command('tensorboard')}")
        self.observer.started(self.step, self.total_steps)
        try:
            if self.step >= self.total_steps and not self.fabric.broadcast(self._model_is_written()):
                self.save(self._networks_for_inference())
            with Interruption() as interruption:
                while self.step < self.total_steps:
                    self.learner.train_step([self.learner.to_device(next(stream)) for _ in range(accumulate)])
                    self._end_in_time(seconds)
                    self.observer(self.step, self.total_steps)
                    saved = self._work_between_steps()
                    signal = self._agreed_signal(interruption.signal)
                    if signal is not None and self.step < self.total_steps:
                        if not saved:
                            self.write_log()
                            self.save(self._networks_for_inference())
                        return signal
                    self.late_signal = signal
        finally:
            stream.close()
            if self.log is not None:
                self.log.close()
        return None

    def _decode_once(self) -> None:
        """Read samples from ``RUN/decoded`` from now on; the first process writes what is missing there."""
        if self.fabric.is_global_zero:
            write_decoded(self.batches.samples, self.run.decoded)
        self.fabric.barrier()
        self.batches.samples = DecodedSamples(self.run.decoded)

    def _end_in_time(self, seconds: float | None) -> None:
        if seconds is not None and self.clock.seconds >= seconds and self.step:
            self._end = self.step

    def _work_between_steps(self) -> bool:
        """Log, sample and save when due; return whether the step was saved."""
        every = self.settings
        log, sample, save = (
            self.step == self.total_steps or self.step % steps == 0
            for steps in (every.log_every, every.sample_every, every.save_every)
        )
        score = self._score_is_due()
        save = save or score
        if log or sample or save:
            self.write_log()  # also before saving: what is saved has been checked
        if sample or save:
            ready = self._networks_for_inference()
            if sample:
                self.write_samples(ready)
            if save:
                self.save(ready)
        if score and self.scorer is not None and self.fabric.is_global_zero:
            self.scorer(self.run.model, self.step)
        return save

    def _score_is_due(self) -> bool:
        """Whether this step completed the epochs after which the model is scored."""
        if self.scorer is None:
            return False
        images = self.learner.num_images * self.scorer.every_epochs
        before, now = ((self.step - back) * self.settings.batch_size // images for back in (1, 0))
        return now > before

    def _agreed_signal(self, signal: int | None) -> int | None:
        if self.fabric.world_size == 1:
            return signal
        if self.step % self.settings.log_every and self.step < self.total_steps:
            return None
        highest = self.fabric.all_reduce(torch.tensor(signal or 0, device=self.fabric.device), reduce_op="max")
        return int(cast(Tensor, highest)) or None

    # What is written --------------------------------------------------------------------------------------------

    def write_log(self) -> None:
        """Write a line with the terms' means since the last one.

        Raises:
            SemsynthError: a term is NaN or infinite.
        """
        means, bad = self.learner.terms.close(self._mean_over_processes)
        if bad is not None:
            reason = f"step {bad.step}: the loss term '{bad.name}' is {bad.value}"
            raise SemsynthError(f"{reason}, training stopped; {self._last_good()}")
        if not means:
            return
        line = LogLine(
            step=self.step,
            epoch=self.learner.epoch,
            images_seen=self.learner.images_seen,
            seconds=round(self.clock.seconds, 3),
            images_per_second=round(self.clock.lap(self.step) * self.settings.batch_size, 3),
            learning_rates={phase.name: self.learner.learning_rate(phase) for phase in self.recipe.phases},
            terms=means,
        )
        if self.log is not None:
            self.log.write(line)
        self.observer.logged(line)

    def _mean_over_processes(self, values: Tensor) -> Tensor:
        return cast(Tensor, self.fabric.all_reduce(values, reduce_op="mean"))

    def _networks_for_inference(self) -> dict[str, nn.Module]:
        count = max(REFRESH_BATCHES, math.ceil(REFRESH_IMAGES / self.share.micro_batch_size))
        return self.learner.networks_for_inference(self.batches[number] for number in range(count))

    def write_samples(self, ready: Mapping[str, nn.Module]) -> None:
        """Write ``samples/step_NNNNNNNN.png``: colours, photo, the networks as they are, and their average."""
        if self.fabric.is_global_zero:
            shown = [self.recipe.networks] + ([ready] if self.learner.ema is not None else [])
            self.fixed.write(self.run.samples / f"step_{self.step:08d}.png", shown, self.learner.generate)

    def save(self, ready: Mapping[str, nn.Module]) -> None:
        """Write the checkpoint and, from ``ready`` networks, the model folder.

        Raises:
            SemsynthError: weights are NaN or infinite, or the folder cannot be written.
        """
        self._check_weights()
        if self.fabric.is_global_zero:
            seconds, images_seen = round(self.clock.seconds, 1), self.learner.images_seen
            self.run.state.save(self.step, self.learner.state() | {"seconds": seconds})
            networks = pretrained_networks([*self.recipe.networks.values(), *self.recipe.frozen.values()])
            card = model_card(self.run, self.recipe.classes, self.learner.num_images, networks).model_copy(
                update={
                    "steps": self.step,
                    "images_seen": images_seen,
                    "seconds": seconds,
                    "hardware": f"{self.fabric.world_size} x {device_name(self.fabric.device)}",
                }
            )
            self.recipe.export(self.run.model, ready, card)

    def _model_is_written(self) -> bool:
        """Whether the model folder is whole and of this step: a run may be killed between its checkpoint and that."""
        try:
            return load_model(self.run.model).card.steps == self.step
        except SemsynthError:
            return False

    def _check_weights(self) -> None:
        """Finite loss terms can have a gradient that is not; such weights must not replace a good checkpoint."""
        for name, network in self.recipe.networks.items():
            norms = torch.stack([p.detach().float().norm() for p in network.parameters()])
            if not norms.isfinite().all():
                reason = f"step {self.step}: weights of '{name}' are NaN or infinite"
                raise SemsynthError(f"{reason}, training stopped; {self._last_good()}")

    def _last_good(self) -> str:
        checkpoints = self.run.state.checkpoints()
        if not checkpoints:
            return "there is no checkpoint yet: lower the learning rates or use precision float32"
        return f"the last good checkpoint is {checkpoints[-1]}: resuming {self.run.root} starts from it"
