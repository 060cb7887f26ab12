"""Train a run, or a run in stages, and score its checkpoints."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_fabric import Fabric

from semsynth.api.results import BestScore, TrainingResult, read_result
from semsynth.data.source import open_source
from semsynth.errors import SemsynthError
from semsynth.files import sweep_partial_files
from semsynth.models.pretrained import pretrained_networks
from semsynth.recipes.base import Recipe
from semsynth.training.devices import is_first_process
from semsynth.training.feasibility import check_pictures, check_share, device_memory
from semsynth.training.observer import SILENT, Observer
from semsynth.training.records import Record, configs_of
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.stages import StagesFolder, train_stages
from semsynth.training.start import open_data_of, prepare
from semsynth.training.trainer import Data, Trainer

if TYPE_CHECKING:
    from semsynth.evaluation.during_training import BestModel, ChosenScore, ScoreModel


@dataclass(frozen=True)
class Scoring:
    """How checkpoints are scored on the validation split."""

    every_epochs: int
    score: str
    """The score that selects the best checkpoint."""
    segmenter: str | None
    """Folder, Hugging Face id or class set; None: the bundled one for the data's classes; ``none``: there is none."""
    device: str
    features: str | None = None
    """Feature network by name, or a file of its weights; None: the protocol's."""

    def open(self, data: str) -> ScoreModel:
        """Load what scores.

        Raises:
            SemsynthError: an unknown score, no segmenter for these classes, no such features, or no validation split
                with photos.
        """
        from semsynth.evaluation.choices import find_judge
        from semsynth.evaluation.during_training import ScoreModel
        from semsynth.evaluation.protocols.shipped import find_protocol

        self._chosen()
        classes = open_source(data).classes
        segmenter = find_judge(self.segmenter, None, classes, self.device)
        protocol = find_protocol("semsynth-2026", classes)
        return ScoreModel(data, protocol, segmenter, device=self.device, features=self.features)

    def select(self, run: Path, evaluate: ScoreModel, recipe: Recipe, observer: Observer) -> BestModel:
        """What keeps the best checkpoint of a run.

        Raises:
            SemsynthError: a network that scores takes part in the training.
        """
        from semsynth.evaluation.during_training import BestModel

        evaluate.check_independence(pretrained_networks([*recipe.networks.values(), *recipe.frozen.values()]))
        return BestModel(run, evaluate, self._chosen(), self.every_epochs, observer.note)

    def _chosen(self) -> ChosenScore:
        from semsynth.evaluation.during_training import CHOICES

        for one in CHOICES:
            if one == self.score:
                return one
        raise SemsynthError(f"score {self.score}: choose {', '.join(CHOICES)}")


def run_training(
    root: Path, record: Record, fabric: Fabric, observer: Observer, *, fresh: bool, scoring: Scoring | None = None
) -> TrainingResult:
    """Train until the run is complete or a signal stops it.

    Nothing is written before everything that can be wrong has been checked.

    Args:
        root: the run folder.
        record: what to train.
        fabric: not launched yet.
        observer: told of progress, in the first process.
        fresh: whether this is a new run, whose folder must be unused.
        scoring: how checkpoints are scored; None: they are not.

    Raises:
        SemsynthError: wrong settings or data, a folder in use, or training that fails.
    """
    with ExitStack() as locks:
        if is_first_process():
            _occupy(RunFolder(root), fresh, locks)
        return _run_training(root, record, fabric, observer, fresh, scoring, locks)


def _occupy(run: RunFolder, fresh: bool, locks: ExitStack) -> None:
    """Make sure that nobody else has the folder; a new one is locked once there is something to write."""
    if fresh:
        run.check_unused()
    elif run.begun:
        locks.enter_context(run.lock())
        sweep_partial_files(run.root, recursive=True)


def _run_training(
    root: Path,
    record: Record,
    fabric: Fabric,
    observer: Observer,
    fresh: bool,
    scoring: Scoring | None,
    locks: ExitStack,
) -> TrainingResult:
    configs = configs_of(record)
    shares = [check_share(config, fabric.world_size) for config in configs]
    data = open_data_of(record)
    for config, share in zip(configs, shares, strict=True):
        check_pictures(config, data.train, share, device_memory(fabric))
    record = record.model_copy(update={"shards": data.shards, "fingerprint": data.fingerprint})
    best: BestScore | None = None
    if isinstance(record, RunRecord):
        signal, best = _train_run(RunFolder(root), record, data, fabric, observer, fresh, scoring, locks)
    elif scoring is not None:
        raise SemsynthError("score_every applies to training in one stage: leave it out, or train without stages")
    else:
        fabric.launch()
        signal = train_stages(StagesFolder(root), record, data, fabric, _in_first_process(observer, fabric), fresh)
    fabric.barrier()  # all processes read what the first one has written
    return read_result(root, record, len(data.train), signal, best)


def _in_first_process(observer: Observer, fabric: Fabric) -> Observer:
    return observer if fabric.is_global_zero else SILENT


def _train_run(
    run: RunFolder,
    record: RunRecord,
    data: Data,
    fabric: Fabric,
    observer: Observer,
    fresh: bool,
    scoring: Scoring | None,
    locks: ExitStack,
) -> tuple[int | None, BestScore | None]:
    evaluate = None if scoring is None else scoring.open(record.data)
    recipe, beginning = prepare(run, record, data)
    scorer = None
    if scoring is not None and evaluate is not None:
        scorer = scoring.select(run.root, evaluate, recipe, observer)
    fabric.launch()
    observer = _in_first_process(observer, fabric)
    trainer = Trainer(recipe, data, run, fabric, observer, scorer)
    if beginning.networks:
        observer.note(f"a new run that starts from {record.init_from}: {beginning}")
    trainer.try_first_pass() if fresh else trainer.resume()
    if fabric.is_global_zero:  # not earlier: whatever is wrong has been found by now
        if fresh:
            locks.enter_context(run.lock())
        run.begin(record) if fresh else run.rewrite(record)
    if not fresh:
        observer.note(f"continuing {run.root} after step {trainer.step} of {trainer.total_steps}")
    signal = trainer.fit()
    if scorer is None or scorer.best is None:
        return signal, None
    step, value = scorer.best
    return signal, BestScore(run.root / "best", scorer.chosen, value, step)
