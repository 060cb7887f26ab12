"""The model folder on disk: written whole or not at all, and checked before a number of it is used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from semsynth.checkpoint.systems import Card, ModelConfig, model_config
from semsynth.classes import ClassSet
from semsynth.config import dump_config, load_config
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder, partial_path, sha256, sweep_partial_files, write_bytes
from semsynth.tensor_files import HALF_AND_SINGLE, few_problems, misfits, read_safetensors

CONFIG, CLASSES, CARD = "config.json", "classes.json", "card.json"


@dataclass(frozen=True)
class LoadedModel:
    """A model folder in memory."""

    config: ModelConfig
    classes: ClassSet
    networks: dict[str, nn.Module]
    """``generator`` and, where the model has one, ``encoder``: on the CPU, float32, in evaluation mode."""
    card: Card
    folder: Path
    """Where it was read from."""


def save_model(
    folder: Path,
    config: ModelConfig,
    classes: ClassSet,
    networks: Mapping[str, nn.Module],
    card: Card,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a model folder; a folder that is there already is replaced once everything has been written.

    Args:
        folder: where to.
        config: how to build the networks.
        classes: what the label ids mean.
        networks: ``generator`` and, if the config has one, ``encoder``; others are ignored.
        card: the model card.
        dtype: number format of the parameters in the files, for example ``torch.float16``; None keeps
            theirs. Buffers (running statistics, singular vectors) are small and always keep theirs. What is in double
            precision is written in single precision.

    Raises:
        SemsynthError: the folder cannot be written, a network is missing, or a value does not fit ``dtype``.
    """
    if classes.num_classes != config.encoding.num_classes:
        raise SemsynthError(
            f"cannot save {folder}: the class set '{classes.name}' has {classes.num_classes} classes, "
            f"the generator {config.encoding.num_classes}"
        )
    names = weight_files(config)
    missing = [name for name in names if name not in networks]
    if missing:
        raise SemsynthError(
            f"cannot save {folder}: its config describes the network '{missing[0]}', which was not given"
        )
    with _staging(folder) as staging:
        for name, file in names.items():
            write_bytes(staging / file, safetensors.torch.save(_stored_tensors(networks[name], dtype, staging / file)))
        classes.save(staging / CLASSES)
        dump_config(card, staging / CARD)
        digests = {file: sha256(staging / file) for file in (*names.values(), CLASSES)}
        dump_config(config.model_copy(update={"sha256": digests}), staging / CONFIG)
    if "encoder" not in config.network_names:
        (folder / "encoder.safetensors").unlink(missing_ok=True)  # of the model that stood here before


def load_model(folder: Path) -> LoadedModel:
    """Read and check a model folder.

    Raises:
        SemsynthError: one line: a missing, truncated or changed file, an unknown system, a newer
            format, or weights that do not fit the config.
    """
    config = read_config(folder)
    names = weight_files(config)
    for file in (*names.values(), CLASSES):
        _check_file(folder / file, config.sha256.get(file))
    classes = ClassSet.open(folder / CLASSES)
    if classes.num_classes != config.encoding.num_classes:
        raise SemsynthError(
            f"{folder / CLASSES}: the class set '{classes.name}' has {classes.num_classes} classes, the model "
            f"{config.encoding.num_classes}: restore the file that was saved with the model"
        )
    card = load_config(Card, folder / CARD) if (folder / CARD).exists() else Card()
    with torch.device("meta"):  # no time and no random numbers for an initialisation that the file replaces
        networks = config.build()
    for name, network in networks.items():
        _load_weights(network, folder / names[name])
    return LoadedModel(config, classes, networks, card, folder)


def is_model_folder(folder: Path) -> bool:
    """Whether ``folder`` looks like one that :func:`save_model` wrote."""
    return (folder / CONFIG).is_file()


def weight_files(config: ModelConfig) -> dict[str, str]:
    """Network name -> file name."""
    return {name: f"{name}.safetensors" for name in config.network_names}


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder to write into; its files move to ``folder`` at the end, or nothing does."""
    new = not folder.exists()
    make_folder(folder)
    sweep_partial_files(folder)
    staging = partial_path(folder / "model")
    try:
        yield make_folder(staging)
        with explained(folder):
            # The config goes last: until then its checksums tell that the folder is in between.
            for file in sorted(staging.iterdir(), key=lambda file: file.name == CONFIG):
                file.replace(folder / file.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if new and not any(folder.iterdir()):
            folder.rmdir()


def _stored_tensors(network: nn.Module, dtype: torch.dtype | None, path: Path) -> dict[str, Tensor]:
    parameters = {name for name, _ in network.named_parameters()}
    tensors = {}
    for name, value in network.state_dict().items():
        chosen = dtype if name in parameters else None
        if chosen is None and value.dtype == torch.float64:
            chosen = torch.float32  # trained in double precision; no synthesis needs more than single
        stored = value.detach().to("cpu", chosen).contiguous()
        if value.is_floating_point() and not stored.isfinite().all():
            reason = f"does not fit {stored.dtype}" if value.isfinite().all() else "holds NaN or infinity"
            raise SemsynthError(f"cannot save {path.name}: {name} {reason}")
        tensors[name] = stored
    return tensors


def read_config(folder: Path) -> ModelConfig:
    """The configuration of a model folder.

    Raises:
        SemsynthError: it is missing, or :func:`model_config` refuses it.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise SemsynthError(
            f"{folder} is no model folder: {CONFIG} is missing; 'semsynth train' writes one to RUN/model"
        )
    return model_config(read_json(path), str(path))


def _check_file(path: Path, digest: str | None) -> None:
    if not path.is_file():
        raise SemsynthError(f"{path} is missing: copy the whole model folder again")
    if digest is None:
        raise SemsynthError(
            f"{path.with_name(CONFIG)} holds no checksum of {path.name}: copy the whole model folder again"
        )
    if sha256(path) != digest:
        raise SemsynthError(
            f"{path} is damaged or belongs to another model (its checksum differs from the one in {CONFIG}): "
            "copy the whole model folder again"
        )


def _load_weights(network: nn.Module, path: Path) -> None:
    stored, _ = read_safetensors(path)
    expected = network.state_dict()
    problems = misfits(expected, stored, HALF_AND_SINGLE)
    if problems:
        raise SemsynthError(f"{path} does not fit {CONFIG}: {few_problems(problems)}")
    network.load_state_dict({key: stored[key].to(value.dtype) for key, value in expected.items()}, assign=True)
    network.eval()
