"""The run folder: where a training keeps everything it writes.

``recipe.json`` (resolved), ``log.jsonl``, ``tensorboard/`` (events), ``samples/`` (pictures of fixed layouts),
``state/`` (to resume from), ``model/`` (what inference loads) and, where asked for, ``decoded/`` (training samples).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semsynth.checkpoint import CARD, Card
from semsynth.classes import ClassSet
from semsynth.config import Config, dump_config, load_config, validated
from semsynth.data.fingerprint import DataFingerprint
from semsynth.documents import parse_json
from semsynth.errors import SemsynthError
from semsynth.files import explained
from semsynth.locks import LOCK, FolderLock
from semsynth.recipes import RECIPES
from semsynth.recipes.base import RecipeConfig
from semsynth.training.affinity import Shares
from semsynth.training.state import StateFolder
from semsynth.version import __version__

CHANGEABLE = ("steps", "workers", "log_every", "sample_every", "save_every")
"""Keys of ``training`` that may change on resuming: none of them changes what a step computes."""

FREE = frozenset({*(f"training.{key}" for key in CHANGEABLE), "memory.bank"})
"""Keys of a configuration that may change on resuming: those, and where the memory bank, which has a checksum, lies."""

STAGES = "stages.json"
"""The record of a training in stages (:mod:`semsynth.training.stages`), whose runs lie in folders beside it."""


class RunRecord(Config):
    """``recipe.json``: how the run was started, defaults filled in."""

    semsynth: str = __version__
    """The version that started the run."""
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
    """The model or run folder whose weights the run began with."""
    affinity: Shares | None = None
    """How much each class looked like the model's classes, where names do not say it."""
    config: dict[str, Any]
    """The recipe's configuration."""


class RunFolder:
    """The paths of a run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = root / "recipe.json"
        self.log = root / "log.jsonl"
        self.tensorboard = root / "tensorboard"
        self.samples = root / "samples"
        self.model = root / "model"
        self.decoded = root / "decoded"
        self.state = StateFolder(root / "state")

    @property
    def begun(self) -> bool:
        """Whether a training, in one run or in stages, has written its record here."""
        return self.record.exists() or (self.root / STAGES).exists()

    def lock(self) -> FolderLock:
        """Keep other processes from training in the folder.

        Raises:
            SemsynthError: one is doing so, or the folder cannot be written.
        """
        return FolderLock(self.root, "training in")

    def begin(self, record: RunRecord) -> None:
        """Start a new run.

        Raises:
            SemsynthError: the folder holds something already, or cannot be written.
        """
        self.check_unused()
        self.rewrite(record)

    def rewrite(self, record: RunRecord) -> None:
        """Write ``recipe.json``."""
        dump_config(record, self.record)

    def check_unused(self) -> None:
        """Refuse a folder that holds something."""
        with explained(self.root, "cannot read"):
            used = self.root.exists() and (
                not self.root.is_dir() or any(path.name != LOCK for path in self.root.iterdir())
            )
        if used:
            resume = "resume that run, or " if self.begun else ""
            raise SemsynthError(f"{self.root} exists and is not an empty folder: {resume}choose another folder")

    def open(self) -> RunRecord:
        """Read the record of an existing run.

        Raises:
            SemsynthError: it is not a run folder.
        """
        if not self.record.is_file():
            raise SemsynthError(
                f"{self.record} is missing, so {self.root} is not a run folder: give that of an earlier run"
            )
        return load_config(RunRecord, self.record)


def model_card(run: RunFolder, classes: ClassSet, num_images: int, trained_with: dict[str, str]) -> Card:
    """The part of a model's card that does not change as training goes on; people add the rest.

    Args:
        run: the run.
        classes: of the data.
        num_images: of the training split.
        trained_with: this run's networks of features, see :attr:`Card.trained_with`; those of the model that it began
            with are added.
    """
    record = run.open() if run.record.exists() else None
    begins = f", begins with {Path(record.init_from).name}" if record and record.init_from else ""
    return Card(
        name=run.root.resolve().name,
        data=f"{classes.name}: {num_images} training images",
        recipe=told(record, classes) + begins if record else "",
        trained_with=_trained_before(run, record) | trained_with,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _trained_before(run: RunFolder, record: RunRecord | None) -> dict[str, str]:
    """Networks of features that the run's earlier card names, or that of the model which it began with."""
    folders = [run.model]
    if record and record.init_from:
        folders += [Path(record.init_from), Path(record.init_from) / "model"]
    cards = [load_config(Card, folder / CARD) for folder in folders if (folder / CARD).is_file()]
    return {name: digest for card in cards for name, digest in (card.trained_with or {}).items()}


def told(record: RunRecord, classes: ClassSet) -> str:
    """A training in words: system, preset, and what differs from that."""
    here = flat(record.config)
    preset = RECIPES[record.system].presets.get(record.preset)
    bases = [] if preset is None else [flat(preset(classes, edges).model_dump(mode="json")) for edges in (False, True)]
    changes = [[key for key in here if key not in FREE and here[key] != base.get(key)] for base in bases]
    settings = [f"{key}={_text(here[key])}" for key in min(changes, key=len, default=[])]
    return ", ".join([record.system, f"preset {record.preset}", *settings])


def _text(value: object) -> str:
    """As overrides take it."""
    return value if isinstance(value, str) else json.dumps(value)


def check_same_training(state: dict[str, Any], config: RecipeConfig, num_images: int, record: Path) -> None:
    """Compare a checkpoint with the training that wants to continue from it.

    Raises:
        SemsynthError: another configuration than the checkpoint's, :data:`CHANGEABLE` keys aside, or another number of
            training images.
    """
    source = f"the checkpoint of {record}"
    written = state.get("config")
    values = parse_json(written if isinstance(written, str) else "", f"{source}: its config", "restore it")
    then = validated(type(config), values, source)
    changed = changed_setting(then.model_dump(mode="json"), config.model_dump(mode="json"))
    if changed is not None:
        key, before, now = changed
        raise SemsynthError(
            f"{record}: {key} is {now}, but the checkpoint was trained with {before}: "
            "restore it, or start a new run from these weights (init_from)"
        )
    if state.get("num_images", num_images) != num_images:
        raise SemsynthError(
            f"{record}: the dataset has {num_images} training images, but had {state['num_images']} at the checkpoint: "
            "restore it, or start a new run from these weights (init_from)"
        )


def changed_setting(before: dict[str, Any], now: dict[str, Any]) -> tuple[str, Any, Any] | None:
    """The first key, dotted, in which two configurations are different trainings, with both values; None: the same."""
    then, new = flat(before), flat(now)
    different = sorted(key for key in then.keys() | new.keys() if then.get(key) != new.get(key) and key not in FREE)
    return (different[0], then.get(different[0]), new.get(different[0])) if different else None


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A configuration in plain values, by dotted key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found
