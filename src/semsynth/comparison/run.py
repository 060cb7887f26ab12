"""Train what is compared, one entry after another, and keep record and page up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from semsynth.checkpoint import CARD, Card
from semsynth.comparison.configs import resolve
from semsynth.comparison.measure import PeakMemory, read_log
from semsynth.comparison.page import render
from semsynth.comparison.pictures import choose, legend, write_pictures, write_references
from semsynth.comparison.plan import Entry, Plan, check_plan
from semsynth.comparison.record import ComparisonFolder, Record, Result
from semsynth.config import load_config
from semsynth.data.sample import INSTANCE, Sample
from semsynth.data.source import open_source
from semsynth.errors import SemsynthError, errors_of
from semsynth.files import sweep_partial_files, write_bytes
from semsynth.layout import Size
from semsynth.recipes.base import RecipeConfig
from semsynth.training.devices import device_name, make_fabric, pick_device
from semsynth.training.log import LogLine
from semsynth.training.memory import count_parameters
from semsynth.training.observer import Observer
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.start import TRAIN, build_recipe, example_batch, open_data, prepare
from semsynth.training.trainer import Data, Trainer

Evaluate = Callable[[Path], Mapping[str, float]]
"""Scores by name, each saying metric and split, of a model folder."""


def picture_size(plan: Plan) -> Size | None:
    """(height, width) of the pictures that all entries make; None where photographs differ in size."""
    check_plan(plan)
    data = open_source(plan.data)
    configs = resolve(plan, data.classes, INSTANCE in data.kinds(TRAIN))
    return next(iter(configs.values())).data.output_size


def run_plan(
    root: Path, plan: Plan, observer: Observer, device: str = "auto", evaluate: Evaluate | None = None
) -> int | None:
    """Train every entry as far as its budget goes and it has not been yet, and write the page.

    Everything about all entries is checked before the first of them trains or anything is written. An entry whose
    training fails does not keep the others from theirs.

    Args:
        root: a new folder, or one in which the same comparison was stopped.
        plan: what to compare.
        observer: told of every training.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        evaluate: measures the finished models; None: the page shows the scores of their cards.

    Returns:
        None when every entry has spent its budget, else the number of the signal that stopped the training.

    Raises:
        SemsynthError: a wrong plan, data that does not fit, a folder of another comparison, or, after the others have
            been trained, entries whose training failed.
    """
    check_plan(plan)
    folder, run = ComparisonFolder(root), RunFolder(root)
    with ExitStack() as locks:
        resumed = folder.record.exists()
        if resumed:
            locks.enter_context(run.lock())
            sweep_partial_files(root, recursive=True)
        work = _Work.begin(folder, plan, pick_device(device))
        work.check()
        if not resumed:
            locks.enter_context(run.lock())
        return _train_all(work, evaluate, observer)


def _train_all(work: _Work, evaluate: Evaluate | None, observer: Observer) -> int | None:
    plan = work.record.plan
    work.write()
    for number, entry in enumerate(plan.entries, 1):
        title = f"{number} of {len(plan.entries)}, {entry.name}"
        if not work.result(entry).complete:
            signal = work.train(entry, observer, title)
            if signal is not None:
                return signal
        work.finish(entry, evaluate)
    failed = [f"{entry.name}: {error}" for entry in plan.entries if (error := work.result(entry).error) is not None]
    if failed:
        raise SemsynthError(f"{len(failed)} of {len(plan.entries)} entries failed: {'; '.join(failed)}")
    return None


@dataclass
class _Work:
    """A comparison in progress."""

    folder: ComparisonFolder
    data: Data
    configs: dict[str, RecipeConfig]
    samples: list[Sample]
    device: str
    record: Record

    @classmethod
    def begin(cls, folder: ComparisonFolder, plan: Plan, device: str) -> _Work:
        data = open_data(plan.data)
        configs = resolve(plan, data.classes, INSTANCE in open_source(plan.data).kinds(TRAIN))
        samples = choose(data.val, next(iter(configs.values())).data, plan.count)
        record = Record(
            plan=plan,
            classes=data.classes.name,
            legend=legend(samples, data.classes),
            num_images=len(data.train),
            shards=data.shards,
            fingerprint=data.fingerprint,
            configs={name: config.model_dump(mode="json") for name, config in configs.items()},
        )
        return cls(folder, data, configs, samples, device, folder.kept(record, data))

    def result(self, entry: Entry) -> Result:
        return self.record.results.get(entry.name, Result())

    def run_record(self, entry: Entry) -> RunRecord:
        """What ``recipe.json`` of the entry's run says."""
        plan, config = self.record.plan, self.record.configs[entry.name]
        feature = config.get("feature_discriminator")
        return RunRecord(
            system=entry.recipe,
            preset=entry.preset,
            data=plan.data,
            perceptual_weights=plan.perceptual_weights,
            feature_weights=plan.feature_weights.get(feature["backbone"]) if feature else None,
            config=config,
        )

    def check(self) -> None:
        """Build every network that is to be trained and encode a sample for it: what is wrong is found now."""
        for entry in self.record.plan.entries:
            if not self.result(entry).complete:
                with errors_of(entry.name):
                    make_fabric(self.device, 1, self.configs[entry.name].training.precision)
                    recipe = build_recipe(self.run_record(entry), self.data)
                    example_batch(recipe, self.data)
                parameters = {name: count_parameters(network) for name, network in recipe.networks.items()}
                self.set(entry, parameters=parameters, error=None)

    def write(self) -> None:
        """Write references, record and page."""
        self.record = self.record.model_copy(update={"shown": write_references(self.folder, self.samples)})
        self.save()

    def save(self) -> None:
        self.folder.save(self.record)
        write_bytes(self.folder.page, render(self.record).encode())

    def set(self, entry: Entry, **changes: object) -> None:
        results = self.record.results | {entry.name: self.result(entry).model_copy(update=changes)}
        self.record = self.record.model_copy(update={"results": results})

    def train(self, entry: Entry, observer: Observer, title: str) -> int | None:
        """Spend the rest of an entry's budget; returns the signal that stopped it, if one did."""
        memory = PeakMemory(torch.device(self.device))
        with errors_of(entry.name):
            trainer = self._trainer(entry, observer)
        observer.note(f"{title}: {'begins' if trainer.step == 0 else f'goes on after step {trainer.step}'}")
        signal, error = None, None
        try:
            signal = trainer.fit(self.record.plan.budget.seconds)
        except SemsynthError as problem:
            error = str(problem)
            observer.note(f"{title}: {error}")
        self.set(entry, complete=signal is None and error is None, error=error, scores={}, pictures=())
        self._measure(entry, trainer, memory)
        self.save()
        return signal or trainer.late_signal

    def _trainer(self, entry: Entry, observer: Observer) -> Trainer:
        """Ready to begin, or to go on from the newest checkpoint."""
        run, record, seconds = self.folder.run(entry), self.run_record(entry), self.record.plan.budget.seconds
        recipe, _ = prepare(run, record, self.data)
        fabric = make_fabric(self.device, 1, recipe.config.training.precision)
        fabric.launch()
        trainer = Trainer(recipe, self.data, run, fabric, observer)
        trainer.resume()
        if seconds is not None:
            trainer.observer = _Seconds(observer, trainer, seconds)
        run.rewrite(record)
        return trainer

    def _measure(self, entry: Entry, trainer: Trainer, memory: PeakMemory) -> None:
        curves, speed = read_log(trainer.run.log)
        peaks = [peak for peak in (self.result(entry).peak_memory, memory.read()) if peak is not None]
        self.set(
            entry,
            steps=trainer.step,
            images_seen=trainer.learner.images_seen,
            seconds=round(trainer.clock.seconds, 1),
            images_per_second=speed,
            peak_memory=max(peaks, default=None),
            device=device_name(trainer.fabric.device),
            curves=curves,
        )

    def finish(self, entry: Entry, evaluate: Evaluate | None) -> None:
        """Make a trained entry's pictures, where they are missing, and its scores."""
        result = self.result(entry)
        if not result.complete:
            return
        with errors_of(entry.name):
            self.set(entry, scores=self._scores(entry, evaluate), pictures=self._pictures(entry, result))
        self.save()

    def _pictures(self, entry: Entry, result: Result) -> tuple[str, ...]:
        there = all((self.folder.root / path).is_file() for path in result.pictures)
        if there and len(result.pictures) == len(self.samples):
            return result.pictures
        fabric = make_fabric(self.device, 1)
        model, seed = self.folder.run(entry).model, self.record.plan.seed
        return write_pictures(self.folder, entry.folder, model, self.samples, self.data.train, seed, fabric.device)

    def _scores(self, entry: Entry, evaluate: Evaluate | None) -> dict[str, float]:
        model = self.folder.run(entry).model
        measured = {} if evaluate is None else evaluate(model)
        return {**self.result(entry).scores, **load_config(Card, model / CARD).scores, **measured}


class _Seconds(Observer):
    """Counts seconds of training in place of steps."""

    def __init__(self, observer: Observer, trainer: Trainer, limit: float) -> None:
        self.observer, self.trainer, self.limit = observer, trainer, max(1, round(limit))

    def __call__(self, done: int, total: int) -> None:
        self.observer(self._spent(), self.limit)

    def started(self, done: int, total: int) -> None:
        self.observer.started(self._spent(), self.limit)

    def logged(self, line: LogLine) -> None:
        self.observer.logged(line)

    def note(self, text: str) -> None:
        self.observer.note(text)

    def _spent(self) -> int:
        return min(self.limit, round(self.trainer.clock.seconds))
