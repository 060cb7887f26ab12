"""From a run's record to what the trainer needs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch

from semsynth.config import validated
from semsynth.data.fingerprint import DataFingerprint, fingerprint
from semsynth.data.first_look import first_look
from semsynth.data.sample import IMAGE, INSTANCE, Batch
from semsynth.data.source import open_source
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Recipe
from semsynth.training.beginning import Beginning, begin_with
from semsynth.training.data import MicroBatches, Share
from semsynth.training.devices import is_first_process
from semsynth.training.feasibility import within_memory
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.trainer import Data

TRAIN, VAL = "train", "val"
"""Names of the splits; without the second one, previews show training layouts."""


def open_data(location: str | Path, skip_damaged: bool = False) -> Data:
    """Open the training split and the one for previews; instance maps are read where there are any.

    Args:
        location: a dataset folder, a folder of shards, or the address of one.
        skip_damaged: of shards: whether other samples stand in for damaged ones.

    Raises:
        SemsynthError: no such data, no training split, files that do not pair, or label maps of nothing but void.
    """
    source = open_source(location, skip_damaged)
    train = source.open(TRAIN, instances=INSTANCE in source.kinds(TRAIN))
    if is_first_process():
        first_look(train, f"{location}, {TRAIN}")
    val = train
    if VAL in source.splits:
        kinds = source.kinds(VAL)
        val = source.open(VAL, images=IMAGE in kinds, instances=INSTANCE in kinds)
    return Data(train, val, source.classes, source.fingerprint, fingerprint(train))


class DataRecord(Protocol):
    """What the record of a run, or of one in stages, says of its data."""

    @property
    def data(self) -> str:
        """Dataset folder, or shards."""

    @property
    def skip_damaged(self) -> bool:
        """Whether other samples stand in for damaged ones of shards."""

    @property
    def shards(self) -> str | None:
        """Fingerprint of shards."""

    @property
    def fingerprint(self) -> DataFingerprint | None:
        """Of a dataset folder."""


def open_data_of(record: DataRecord) -> Data:
    """Open the data of a run, which must be what the run began with, if its record says what that was.

    Raises:
        SemsynthError: as :func:`open_data`, or it is other data.
    """
    data = open_data(record.data, record.skip_damaged)
    difference = data.difference(record.shards, record.fingerprint)
    if difference is not None:
        before, now = record.fingerprint, data.fingerprint
        can_insist = before is not None and now is not None and before.samples == now.samples
        raise SemsynthError(
            f"{record.data} has changed since the training began ({difference}): restore it, "
            f"{'accept it with `accept_changed_data`, ' if can_insist else ''}or start a new run from these weights "
            "(init_from)"
        )
    return data


def build_recipe(record: RunRecord, data: Data) -> Recipe:
    """Make the recipe of a run, its networks initialised from the run's seed.

    Raises:
        SemsynthError: a configuration that does not fit the system, the data or this machine's memory.
    """
    system = RECIPES[record.system]
    config = validated(system.config, record.config, "the run's configuration")
    torch.manual_seed(config.training.seed)
    perceptual, features = (
        Path(file) if file else None for file in (record.perceptual_weights, record.feature_weights)
    )
    with within_memory():
        return system.build(config, data.classes, perceptual, features)


def example_batch(recipe: Recipe, data: Data, size: int = 1) -> Batch:
    """The first training images as a batch."""
    config = recipe.config
    batches = MicroBatches(data.train, recipe.pipeline, recipe.collate, config.training.seed, Share(batch_size=size))
    return batches[0]


def prepare(run: RunFolder, record: RunRecord, data: Data) -> tuple[Recipe, Beginning]:
    """Make the recipe of a run that begins, or that goes on from a checkpoint.

    Returns:
        The recipe, and what it takes from ``record.init_from`` (nothing once there is a checkpoint, which will replace
        it anyway).

    Raises:
        SemsynthError: as :func:`build_recipe` and :func:`begin_with`.
    """
    recipe = build_recipe(record, data)
    if record.init_from is None or run.state.checkpoints():
        return recipe, Beginning()
    return recipe, begin_with(Path(record.init_from), recipe, record.affinity)
