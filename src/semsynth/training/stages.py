"""Training in stages: a folder of runs, each of which begins with the weights of the one before.

``stages.json`` (all stages, resolved), ``NAME/`` (an ordinary run folder per stage) and ``model/`` (of the newest stage
that is complete).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from semsynth.checkpoint import load_model, save_model
from semsynth.config import Config, dump_config, load_config, override, validated
from semsynth.data.fingerprint import DataFingerprint
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.training.affinity import Shares
from semsynth.training.observer import Observer
from semsynth.training.run import STAGES, RunFolder, RunRecord
from semsynth.training.start import prepare
from semsynth.training.trainer import Data, Trainer
from semsynth.version import __version__


class StagesRecord(Config):
    """``stages.json``: how the training was started, defaults filled in."""

    semsynth: str = __version__
    """The version that started it."""
    system: str
    """Key of ``semsynth.recipes.RECIPES``."""
    preset: str
    """The configuration it began with."""
    data: str
    """The dataset folder or the shards: an absolute path, or an address."""
    shards: str | None = None
    """Fingerprint of the shards; None for a dataset folder."""
    fingerprint: DataFingerprint | None = None
    """Of a dataset folder's training split; None for shards, and where an older version began the run."""
    skip_damaged: bool = False
    """Whether other samples stand in for damaged ones of shards."""
    perceptual_weights: str | None = None
    """The file of the perceptual network; None: downloaded, or not used."""
    feature_weights: str | None = None
    """The file of the feature discriminator's network; None: downloaded, or not used."""
    init_from: str | None = None
    """The model or run folder whose weights the first stage began with."""
    affinity: Shares | None = None
    """How much each class looked like the model's classes, where names do not say it."""
    stages: dict[str, dict[str, Any]]
    """The recipe's configuration by stage, in order."""


class StagesFolder:
    """The paths of a training in stages."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = root / STAGES
        self.model = root / "model"

    def rewrite(self, record: StagesRecord) -> None:
        """Write ``stages.json``."""
        dump_config(record, self.record)

    def open(self) -> StagesRecord:
        """Read ``stages.json``.

        Raises:
            SemsynthError: it is missing or not valid.
        """
        return load_config(StagesRecord, self.record)

    def runs(self, record: StagesRecord) -> list[tuple[RunFolder, RunRecord]]:
        """The stages' run folders, in order, and what their ``recipe.json`` says or will say."""
        runs: list[tuple[RunFolder, RunRecord]] = []
        for name, config in record.stages.items():
            shared = record.model_dump(exclude={"stages", "semsynth", "init_from", "affinity"})
            before = str(runs[-1][0].root.absolute()) if runs else record.init_from
            affinity = None if runs else record.affinity
            one = RunRecord(semsynth=record.semsynth, init_from=before, affinity=affinity, config=config, **shared)
            runs.append((RunFolder(self.root / name), one))
        return runs

    def reached(self, record: StagesRecord) -> int:
        """Number, from 0, of the newest stage that has begun: those before it are complete."""
        begun = [number for number, name in enumerate(record.stages) if RunFolder(self.root / name).record.exists()]
        return max(begun, default=0)

    def publish(self, run: RunFolder) -> None:
        """Make a stage's model that of the whole training."""
        model = load_model(run.model)
        card = model.card.model_copy(update={"name": self.root.resolve().name})
        save_model(self.model, model.config, model.classes, model.networks, card)


def split(record: RunRecord, settings: Sequence[str]) -> StagesRecord:
    """Make the stages of a training.

    Args:
        record: the training as one run.
        settings: changes of single stages, as ``2-enhancer:training.steps=50``.

    Raises:
        SemsynthError: a system without stages, settings that do not fit, or stages of different precision.
    """
    system = RECIPES[record.system]
    if system.stages is None:
        others = ", ".join(name for name, other in RECIPES.items() if other.stages is not None)
        raise SemsynthError(f"'{record.system}' is trained in one stage: leave out stages (only {others} have them)")
    configs = system.stages(validated(system.config, record.config, "the run's configuration"))
    shared = record.model_dump(exclude={"config"})
    stages = {name: config.model_dump(mode="json") for name, config in configs.items()}
    changed = change(StagesRecord(stages=stages, **shared), settings)
    precisions = {stage["training"]["precision"] for stage in changed.stages.values()}
    if len(precisions) > 1:
        raise SemsynthError(f"all stages need the same precision, not {', '.join(sorted(precisions))}")
    return changed


def change(record: StagesRecord, settings: Sequence[str], first: int = 0) -> StagesRecord:
    """Apply settings to all stages from number ``first`` on, or with a stage's name before a colon to that one.

    Raises:
        SemsynthError: no such stage, one before ``first``, or a setting that does not fit.
    """
    kind, names = RECIPES[record.system].config, list(record.stages)
    for setting in settings:
        stage, _ = of_stage(setting)
        if stage is not None and stage not in names:
            raise SemsynthError(f"override {setting}: there is no stage '{stage}': choose {', '.join(names)}")
        if stage is not None and names.index(stage) < first:
            raise SemsynthError(f"override {setting}: stage {stage} is complete, and {names[first]} started from it")
    stages = dict(record.stages)
    for name in names[first:]:
        own = [key_value for stage, key_value in map(of_stage, settings) if stage in (None, name)]
        stages[name] = override(validated(kind, stages[name], f"stage {name}"), own).model_dump(mode="json")
    return record.model_copy(update={"stages": stages})


def of_stage(setting: str) -> tuple[str | None, str]:
    """The stage that a setting is for (None: all) and the plain ``KEY=VALUE``."""
    before_value = setting.partition("=")[0]
    stage, colon, _ = before_value.partition(":")
    return (stage, setting[len(stage) + 1 :]) if colon else (None, setting)


def train_stages(
    folder: StagesFolder, record: StagesRecord, data: Data, fabric: Fabric, observer: Observer, fresh: bool = False
) -> int | None:
    """Train all stages that are not complete, from the middle of the newest one if need be.

    Nothing is written before the first of them is ready to train.

    Args:
        folder: new, or one whose training stopped.
        record: what to write into it.
        data: of all stages.
        fabric: launched.
        observer: told of every stage as of a training of its own.
        fresh: whether the folder is new, so that nobody has locked it yet.

    Returns:
        None when the last stage is complete, else the number of the signal that stopped the training.

    Raises:
        SemsynthError: as :meth:`semsynth.training.trainer.Trainer.fit`.
    """
    with ExitStack() as locks:
        return _train_stages(folder, record, data, fabric, observer, fresh, locks)


def _train_stages(
    folder: StagesFolder,
    record: StagesRecord,
    data: Data,
    fabric: Fabric,
    observer: Observer,
    fresh: bool,
    locks: ExitStack,
) -> int | None:
    runs = folder.runs(record)
    for number, (run, one) in list(enumerate(runs, 1))[folder.reached(record) :]:
        trainer = _ready(run, one, data, fabric, observer)
        if fabric.is_global_zero:
            if fresh:
                locks.enter_context(RunFolder(folder.root).lock())
                fresh = False
            locks.enter_context(run.lock())  # it could be resumed alone
            folder.rewrite(record)
            run.rewrite(one)
        begun = f"after step {trainer.step} of {trainer.total_steps}"
        observer.note(f"stage {number} of {len(runs)}, {run.root.name}: {begun}")
        signal = trainer.fit()
        fabric.barrier()  # the next stage reads what the first process wrote
        if signal is None and fabric.is_global_zero:
            folder.publish(run)
        if signal is not None or (trainer.late_signal is not None and number < len(runs)):
            return signal or trainer.late_signal
        del trainer  # its memory is needed
    return None


def _ready(run: RunFolder, record: RunRecord, data: Data, fabric: Fabric, observer: Observer) -> Trainer:
    recipe, beginning = prepare(run, record, data)
    trainer = Trainer(recipe, data, run, fabric, observer)
    trainer.resume()
    if not trainer.step:
        trainer.try_first_pass()
    if beginning.networks:
        observer.note(f"{run.root.name} begins with {record.init_from}: {beginning}")
    return trainer
