"""From a run's record to what the trainer needs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from semsynth.checkpoint import load_model
from semsynth.config import validated
from semsynth.data.sample import Batch
from semsynth.data.shards.index import IMAGE, INSTANCE
from semsynth.data.source import open_source
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Recipe
from semsynth.training.data import MicroBatches, Share
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.trainer import Data

TRAIN, VAL = "train", "val"
"""Names of the splits; without the second one, previews show training layouts."""


def open_data(location: str | Path, skip_damaged: bool = False, shards: str | None = None) -> Data:
    """Open the training split and the one for previews; instance maps are read where there are any.

    Args:
        location: a dataset folder, a folder of shards, or the address of one.
        skip_damaged: of shards: whether other samples stand in for damaged ones.
        shards: their fingerprint when the training began; None: any.

    Raises:
        SemsynthError: no such data, no training split, files that do not pair, or other shards.
    """
    source = open_source(location, skip_damaged)
    if shards is not None and source.fingerprint != shards:
        raise SemsynthError(
            f"{location} does not hold the shards that the training began with: restore them, or start a new run with "
            "--init-from"
        )
    train = source.open(TRAIN, instances=INSTANCE in source.kinds(TRAIN))
    if VAL not in source.splits:
        return Data(train, train, source.classes)
    kinds = source.kinds(VAL)
    return Data(train, source.open(VAL, images=IMAGE in kinds, instances=INSTANCE in kinds), source.classes)


def build_recipe(record: RunRecord, data: Data) -> Recipe:
    """Make the recipe of a run, its networks initialised from the run's seed.

    Raises:
        SemsynthError: a configuration that does not fit the system or the data.
    """
    system = RECIPES[record.system]
    config = validated(system.config, record.config, "the run's configuration")
    torch.manual_seed(config.training.seed)
    weights = Path(record.perceptual_weights) if record.perceptual_weights else None
    return system.build(config, data.classes, weights)


def example_batch(recipe: Recipe, data: Data) -> Batch:
    """The first training image as a batch."""
    config = recipe.config
    batches = MicroBatches(data.train, config.data, recipe.collate, config.training.seed, Share(batch_size=1))
    return batches[0]


def prepare(run: RunFolder, record: RunRecord, data: Data) -> tuple[Recipe, list[str]]:
    """Make the recipe of a run that begins, or that goes on from a checkpoint.

    Returns:
        The recipe, and the networks that begin with the weights of ``record.init_from`` (none once there is a
        checkpoint, which will replace them anyway).

    Raises:
        SemsynthError: as :func:`build_recipe` and :func:`begin_with`.
    """
    recipe = build_recipe(record, data)
    if record.init_from is None or run.state.checkpoints():
        return recipe, []
    return recipe, begin_with(Path(record.init_from), recipe)


def begin_with(model: Path, recipe: Recipe) -> list[str]:
    """Copy trained weights into a fresh recipe; return the names of the networks that got some.

    Args:
        model: a model folder, or a run folder, which also holds what inference does not need: discriminators.
        recipe: may be larger than what was trained, where it knows how to grow (:meth:`Recipe.adapted`).

    Raises:
        SemsynthError: no such folder, another class set, or networks of other shapes.
    """
    run = RunFolder(model)
    loaded = load_model(run.model if run.record.is_file() else model)
    if loaded.classes.classes != recipe.classes.classes:
        raise SemsynthError(f"--init-from {model}: its classes are not those of the data ('{recipe.classes.name}')")
    states = {name: network.state_dict() for name, network in loaded.networks.items()}
    if run.state.checkpoints():
        states = run.state.load(lambda _: None)["networks"] | states
    taken = [name for name in recipe.networks if name in states]
    for name in taken:
        _load_adapted(recipe, name, states[name], model)
    return taken


def _load_adapted(recipe: Recipe, name: str, state: dict[str, Tensor], source: Path) -> None:
    network, state = recipe.networks[name], recipe.adapted(name, state)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    other = {key: tuple(value.shape) for key, value in state.items()}
    different = sorted(key for key in shapes.keys() | other.keys() if shapes.get(key) != other.get(key))
    if different:
        key = different[0]
        raise SemsynthError(
            f"--init-from {source}: its {name} has other shapes in {len(different)} tensors, for example {key}: "
            f"{other.get(key, 'absent')} there, {shapes.get(key, 'absent')} here: use the settings of that model"
        )
    network.load_state_dict(state)
