"""What a run is asked to be: records of new runs and of resumed ones, and what may differ between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semsynth.checkpoint import CLASSES
from semsynth.classes import ClassSet
from semsynth.config import Overrides, assignments, override, validated
from semsynth.data.sample import INSTANCE
from semsynth.data.source import absolute, is_address, open_source
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.recipes.base import RecipeConfig, sized_alike
from semsynth.training.affinity import Shares
from semsynth.training.beginning import find_start
from semsynth.training.run import CHANGEABLE, FREE, RunFolder, RunRecord, changed_setting
from semsynth.training.stages import StagesFolder, StagesRecord, change, of_stage, split
from semsynth.training.start import TRAIN

Record = RunRecord | StagesRecord


def new_record(
    system: str,
    data: str | Path,
    *,
    preset: str = "default",
    overrides: Overrides = (),
    stages: bool = False,
    init_from: str | Path | None = None,
    affinity: Shares | None = None,
    perceptual: bool = True,
    perceptual_weights: str | Path | None = None,
    feature_weights: str | Path | None = None,
    skip_damaged: bool = False,
) -> Record:
    """Resolve the configuration of a new run.

    Args:
        system: key of ``semsynth.recipes.RECIPES``.
        data: dataset folder, or folder or address of shards.
        preset: the configuration that the overrides change.
        overrides: changes of it; with ``stages`` also of single stages, as ``3-joint:training.steps=9``.
        stages: whether to train coarse to fine.
        init_from: what the run starts from, as :func:`find_start` takes it.
        affinity: how much each class looks like that model's classes, where names do not say it.
        perceptual: whether to train with the term of a perceptual network, where the system has one.
        perceptual_weights: file with VGG-19.
        feature_weights: file with the network of the feature discriminator.
        skip_damaged: whether other samples stand in for damaged ones of shards.

    Raises:
        SemsynthError: an unknown system or preset, overrides that do not fit, or unreadable data.
    """
    if system not in RECIPES:
        raise SemsynthError(f"there is no system '{system}': choose {', '.join(RECIPES)}")
    presets = RECIPES[system].presets
    if preset not in presets:
        raise SemsynthError(f"preset {preset}: '{system}' has {', '.join(presets)}")
    changes = assignments(overrides)
    of_stages = [one for one in changes if of_stage(one)[0] is not None]
    if of_stages and not stages:
        raise SemsynthError(
            f"override {of_stages[0]} applies to a single stage: train in stages, or leave out what precedes the colon"
        )
    source = open_source(data, skip_damaged)
    base = presets[preset](source.classes, INSTANCE in source.kinds(TRAIN))
    config = override(base, sized_alike(base, [one for one in changes if one not in of_stages]))
    if not perceptual:
        config = override(config, config.without_perceptual())
    config = config.for_pixels(source.pixels).completed()
    record = RunRecord(
        system=system,
        preset=preset,
        data=absolute(data),
        shards=source.fingerprint,
        skip_damaged=skip_damaged,
        perceptual_weights=_absolute(perceptual_weights),
        feature_weights=_absolute(feature_weights),
        init_from=None if init_from is None else str(find_start(init_from).absolute()),
        affinity=affinity,
        config=config.model_dump(mode="json"),
    )
    return split(record, of_stages) if stages else record


def resumed_record(
    root: Path,
    overrides: Overrides = (),
    *,
    data: str | Path | None = None,
    accept_changed_data: bool = False,
    feature_weights: str | Path | None = None,
    skip_damaged: bool = False,
) -> Record:
    """Read the record of an earlier run, and apply what may change on resuming.

    Args:
        root: its folder, of one run or of stages.
        overrides: of ``training.steps`` and the other keys that do not change what a step computes; with stages, of
            those that are not complete.
        data: where the dataset folder or the shards are now.
        accept_changed_data: whether other photos, label maps, names or classes are taken from now on.
        feature_weights: where the file with the network of the feature discriminator is now.
        skip_damaged: whether other samples stand in for damaged ones of shards from now on.

    Raises:
        SemsynthError: not a run folder, or overrides that would change the run.
    """
    stages, run = StagesFolder(root), RunFolder(root)
    in_stages = stages.record.is_file()
    record: Record = stages.open() if in_stages else run.open()
    changes = assignments(overrides)
    for one in changes:
        _check_changeable(one, (of_stage(one)[1] if in_stages else one).partition("=")[0].strip())
    if data is not None:
        record = record.model_copy(update={"data": absolute(data)})
    elif not is_address(record.data) and not Path(record.data).exists():
        raise SemsynthError(
            f"{root} was trained on {record.data}, which is not there: say where the same data is now with `data`"
        )
    if record.shards is None and record.fingerprint is None and not accept_changed_data:
        _check_classes(run, record.data)
    if accept_changed_data:
        record = record.model_copy(update={"shards": None, "fingerprint": None})
    if skip_damaged:
        record = record.model_copy(update={"skip_damaged": True})
    if feature_weights is not None:
        record = record.model_copy(update={"feature_weights": _absolute(feature_weights)})
    if isinstance(record, StagesRecord):
        return change(record, changes, stages.reached(record))
    config = override(validated(RECIPES[record.system].config, record.config, f"{run.record}: config"), changes)
    return record.model_copy(update={"config": config.completed().model_dump(mode="json")})


def _check_classes(run: RunFolder, data: str) -> None:
    """Of a run without a fingerprint, begun by an older version: compare the classes with those of its model."""
    if (run.model / CLASSES).is_file():
        before, now = ClassSet.open(run.model / CLASSES), open_source(data).classes
        if before.classes != now.classes:
            raise SemsynthError(
                f"{data} has other classes, or in another order, than the model in {run.root}: restore them, or accept "
                "them with `accept_changed_data`"
            )


def _absolute(path: str | Path | None) -> str | None:
    return None if path is None else str(Path(path).absolute())


def _check_changeable(assignment: str, key: str) -> None:
    if key not in FREE:
        raise SemsynthError(
            f"override {assignment}: '{key}' would change the run; resuming can change only "
            f"training.{{{','.join(CHANGEABLE)}}} (a new run with init_from can change everything)"
        )


def check_same_run(record: Record, begun: Record, out: Path) -> None:
    """Refuse to resume a run that was started with other settings.

    Raises:
        SemsynthError: the records of the wanted and of the existing run differ.
    """
    wanted, existing = _parts(record), _parts(begun)
    if len(wanted) != len(existing):
        how = "without" if isinstance(begun, RunRecord) else "with"
        raise SemsynthError(f"{out} was begun {how} stages: choose another folder")
    for before, now in zip(existing, wanted, strict=True):
        changed = changed_setting(before, now)
        if changed is not None:
            key, then, new = changed
            raise SemsynthError(
                f"{out} was begun with {key} {then}, now it is {new}: torchrun --max-restarts resumes what has begun, "
                "so choose another folder"
            )


def _parts(record: Record) -> list[dict[str, Any]]:
    own = record.model_dump(mode="json", exclude={"semsynth", "skip_damaged", "fingerprint", "config", "stages"})
    return [own, *([record.config] if isinstance(record, RunRecord) else record.stages.values())]


def configs_of(record: Record) -> list[RecipeConfig]:
    """The configuration of a run, or of all stages in order."""
    values = [record.config] if isinstance(record, RunRecord) else record.stages.values()
    return [validated(RECIPES[record.system].config, one, "the run's configuration") for one in values]


def precision_of(record: Record) -> str:
    """The arithmetic of a run, or of all stages."""
    config = record.config if isinstance(record, RunRecord) else next(iter(record.stages.values()))
    precision: str = config["training"]["precision"]
    return precision
