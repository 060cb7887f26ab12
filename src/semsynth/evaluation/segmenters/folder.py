"""The segmenter's folder: what inference loads, and in ``training/`` what training goes on from."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch

from semsynth.checkpoint import Card
from semsynth.classes import NO_CLASSES
from semsynth.config import Config, dump_config, load_config
from semsynth.data.fingerprint import DataFingerprint, fingerprint
from semsynth.data.first_look import first_look
from semsynth.data.folder import DatasetFolder
from semsynth.data.progress import Progress, silent
from semsynth.data.shards.reading import ShardSplit
from semsynth.data.source import LabelledSamples, open_source
from semsynth.documents import step_of
from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.hugging_face import CARD, WEIGHTS
from semsynth.evaluation.segmenters.mappings import mapping_of
from semsynth.evaluation.segmenters.training import SegmenterSettings, SegmenterTraining, Validation
from semsynth.files import (
    make_folder,
    read_bytes,
    sha256,
    sweep_partial_files,
    write_atomically,
    write_bytes,
    write_json,
)
from semsynth.locks import LOCK, FolderLock
from semsynth.synthesizer.devices import Precision, choose_device, choose_dtype
from semsynth.tensor_files import few_problems, read_tensor_file

MAX_LOG_BYTES = 2**28
"""Of a ``log.jsonl``."""


class SegmenterRecord(Config):
    """``training/settings.json``: how the training was started."""

    data: str
    """The dataset folder or the folder of shards, as an absolute path, or the shards' address."""
    validation: str | None = None
    """The same of what chooses the checkpoint; None: ``data``."""
    validation_split: str = "val"
    """Its split."""
    shards: str | None = None
    """Fingerprint of ``data``, if it is shards, when the training began."""
    fingerprint: DataFingerprint | None = None
    """The same if it is a dataset folder."""
    settings: SegmenterSettings
    """Network and training."""


class SegmenterFolder:
    """The paths of a segmenter that is being trained."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = root / "training" / "settings.json"
        self.state = root / "training" / "state.pt"
        self.log = root / "training" / "log.jsonl"

    def check_unused(self) -> None:
        """Refuse a folder that holds something."""
        if self.root.exists() and (not self.root.is_dir() or any(path.name != LOCK for path in self.root.iterdir())):
            go_on = f"resume that training (`resume={self.root}`), or " if self.record.exists() else ""
            raise SemsynthError(f"{self.root} exists and is not an empty folder: {go_on}choose another `out`")

    def lock(self) -> FolderLock:
        """Keep other processes from training in the folder.

        Raises:
            SemsynthError: one is doing so, or the folder cannot be written.
        """
        return FolderLock(self.root, "training in")

    def open(self) -> SegmenterRecord:
        """How the training was started.

        Raises:
            SemsynthError: there is none in this folder.
        """
        if not self.record.is_file():
            raise SemsynthError(f"{self.record} is missing: no segmenter was trained in {self.root}; give its folder")
        return load_config(SegmenterRecord, self.record)

    def load_state(self) -> dict[str, Any] | None:
        """The saved state; None before the first one.

        Raises:
            SemsynthError: it is damaged.
        """
        if not self.state.exists():
            return None
        try:
            state = read_tensor_file(self.state, checksums=True)
        except SemsynthError as error:
            raise SemsynthError(f"{error}: start a new training") from error
        if not isinstance(state, dict):
            raise SemsynthError(f"{self.state} is not the state of a training: start a new one")
        return state

    def save_state(self, state: dict[str, Any], line: Validation | None) -> None:
        """Write the state, and append to the log; lines of a session that was cut short are dropped."""
        make_folder(self.state.parent)
        write_atomically(self.state, lambda partial: torch.save(state, partial))
        lines = read_bytes(self.log, MAX_LOG_BYTES).splitlines() if self.log.exists() else []
        kept = [old for old in lines if line is None or step_of(old) < line.step]
        kept += [] if line is None else [json.dumps(asdict(line)).encode()]
        write_bytes(self.log, b"".join(one + b"\n" for one in kept))

    def save_network(self, training: SegmenterTraining, line: Validation, record: SegmenterRecord) -> None:
        """Write what :func:`load_segmenter` reads: float16 weights, configuration, mapping and card.

        Raises:
            SemsynthError: weights that float16 does not hold, or a folder that cannot be written.
        """
        network = training.network
        parameters = {name for name, _ in network.named_parameters()}
        tensors = {
            name: value.detach().cpu().to(torch.float16 if name in parameters else value.dtype).contiguous()
            for name, value in network.state_dict().items()
        }
        wrong = [name for name, value in tensors.items() if not value.isfinite().all()]
        if wrong:
            raise SemsynthError(f"cannot save {self.root}: {wrong[0]} does not fit float16: lower the learning rate")
        write_bytes(self.root / WEIGHTS, safetensors.torch.save(tensors, {"format": "pt"}))
        write_json(self.root / "config.json", cast(Any, network).config.to_dict())
        dump_config(self._card(training, line, record), self.root / CARD)
        mapping = mapping_of(training.classes).model_copy(update={"sha256": sha256(self.root / WEIGHTS)})
        dump_config(mapping, self.root / "segmenter.json")

    def _card(self, training: SegmenterTraining, line: Validation, record: SegmenterRecord) -> Card:
        width = record.settings.augmentation.crop_size
        height = round(width / record.settings.augmentation.aspect_ratio)
        return Card(
            name=f"segmenter of {training.classes.name}",
            data=f"{Path(record.data).name}: {len(training.train)} photos of split train; the checkpoint was chosen by "
            f"its mean IoU on the {len(training.val)} photos of split {record.validation_split}",
            recipe=f"SegFormer from scratch, {sum(p.numel() for p in training.network.parameters()):,} parameters",
            steps=line.step,
            images_seen=line.step * record.settings.batch_size,
            scores={
                f"mean IoU, {record.validation_split} at {width}x{height}": line.mean_iou,
                f"pixel accuracy, {record.validation_split} at {width}x{height}": line.pixel_accuracy,
            },
            intended_use="to score synthesised photos of these classes; not for anything that depends on its labels",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def continue_training(
    folder: SegmenterFolder,
    record: SegmenterRecord,
    device: str = "auto",
    workers: int = 0,
    *,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
    note: Callable[[Validation], None] = lambda line: None,
) -> bool:
    """Train in a folder, from its state if it has one. :func:`semsynth.train_segmenter` begins such a folder.

    Returns:
        Whether the training is complete.

    Raises:
        SemsynthError: unusable data or folder, other shards than before, or a state of other settings.
    """
    with ExitStack() as locks:
        if folder.record.exists():
            locks.enter_context(folder.lock())
            sweep_partial_files(folder.root, recursive=True)
        return _continue(folder, record, device, workers, locks, stopped, progress, note)


def _continue(
    folder: SegmenterFolder,
    record: SegmenterRecord,
    device: str,
    workers: int,
    locks: ExitStack,
    stopped: Callable[[], bool],
    progress: Progress,
    note: Callable[[Validation], None],
) -> bool:
    digest = open_source(record.data).fingerprint
    if record.shards not in (None, digest):
        raise SemsynthError(
            f"{record.data} does not hold the shards that the training of {folder.root} began with: restore them, or "
            "train a new segmenter"
        )
    chosen = choose_device(device)
    precision: Precision = record.settings.precision  # type: ignore[assignment]  # its pattern allows these alone
    data = _photos(record.data, "train"), _photos(record.validation or record.data, record.validation_split)
    _check_data(record, folder, now := fingerprint(data[0]))
    record = record.model_copy(update={"shards": digest, "fingerprint": now})
    training = SegmenterTraining(record.settings, data, chosen, choose_dtype(precision, chosen), workers)
    state = folder.load_state()
    if state is not None:
        problems = list(training.misfits(state))
        if problems:
            raise SemsynthError(f"{folder.state} does not fit: {few_problems(problems)}: train a new segmenter")
        training.load_state(state)
    if not folder.record.exists():
        locks.enter_context(folder.lock())
    dump_config(record, folder.record)  # not earlier: whatever is wrong has been found by now

    def save_state(line: Validation | None) -> None:
        folder.save_state(training.state(), line)
        if line is not None:
            note(line)

    return training.run(lambda line: folder.save_network(training, line, record), save_state, stopped, progress)


def _check_data(record: SegmenterRecord, folder: SegmenterFolder, now: DataFingerprint | None) -> None:
    if record.fingerprint is not None and now is not None:
        difference = record.fingerprint.difference(now)
        if difference is not None:
            raise SemsynthError(
                f"{record.data} has changed since the training of {folder.root} began ({difference}): restore it, or "
                "train a new segmenter"
            )


def _photos(location: str, split: str) -> LabelledSamples:
    """A split of a dataset folder or of shards, with photos."""
    source = open_source(location)
    if source.classes == NO_CLASSES:
        raise SemsynthError(f"{location} holds pictures as conditions: a segmenter learns label maps, which it has not")
    samples = source.open(split)
    assert isinstance(samples, DatasetFolder | ShardSplit)  # others have no classes
    first_look(samples, f"{location}, {split}")
    return samples
