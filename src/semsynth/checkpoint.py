"""The model folder: what training exports and inference loads.

``config.json`` (what to build, and the checksum of every other file that must fit it), one
``NAME.safetensors`` per network, ``classes.json`` (what the label ids mean) and ``card.json`` (where the
model comes from). Loading reads JSON and tensors only: it never runs code from the folder.
"""

from __future__ import annotations

import os
import re
import shutil
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from pydantic import Field
from safetensors import SafetensorError
from torch import Tensor, nn

from semsynth.classes import ClassSet
from semsynth.config import Config, dump_config, load_config, validated
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder, read_json, sha256, write_bytes
from semsynth.layout import LayoutEncoding
from semsynth.models.generators import AnyGeneratorConfig
from semsynth.models.instance_encoder import InstanceEncoder, InstanceEncoderConfig
from semsynth.models.oasis import OASISGenerator, OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGenerator, Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoder, StyleEncoderConfig

FORMAT = 1
"""The version of the model folder that this release writes; it reads this one and all before it."""

CONFIG, CLASSES, CARD = "config.json", "classes.json", "card.json"

BUNDLED = Path(__file__).parent / "models_bundled"
"""Where the models that ship with the package lie."""


class Card(Config):
    """Where a model comes from and what it is for."""

    name: str = ""
    """What people call the model."""
    data: str = ""
    """The dataset, split and number of images it was trained on."""
    licence: str = ""
    """What is known about the licences of the data and of the weights."""
    recipe: str = ""
    """The recipe, its preset and overrides."""
    steps: int = 0
    """Optimiser steps."""
    images_seen: int = 0
    """Images that went through training, repetitions counted."""
    seconds: float = 0.0
    """Training time."""
    hardware: str = ""
    """What it was trained on."""
    scores: dict[str, float] = Field(default_factory=dict)
    """Measured quality by name; each name says metric and split."""
    intended_use: str = ""
    """What the model is for, and what it is not for."""
    created: str = ""
    """ISO 8601 time of the export."""


class ModelConfig(Config):
    """What to build and how to know that the other files belong to it; one class per system."""

    format: int = FORMAT
    """Version of the folder's format."""
    system: str
    """Which paper's system the networks form, a key of :data:`MODELS`."""
    sha256: dict[str, str] = Field(default_factory=dict)
    """File name -> checksum of the weights and of ``classes.json``; :func:`save_model` fills it in."""
    encoder: Config | None = None
    """Photo -> style; None where the model has none."""

    @property
    def network_names(self) -> tuple[str, ...]:
        """``generator``, and ``encoder`` where the model has one."""
        return ("generator",) if self.encoder is None else ("generator", "encoder")

    @property
    @abstractmethod
    def encoding(self) -> LayoutEncoding:
        """How the networks read layouts."""

    @abstractmethod
    def build(self) -> dict[str, nn.Module]:
        """The networks by name, newly initialised."""


class SPADEModel(ModelConfig):
    """SPADE's generator, and the style encoder of its multi-modal variant."""

    system: Literal["spade"] = "spade"
    generator: SPADEGeneratorConfig
    """Layout -> image."""
    encoder: StyleEncoderConfig | None = None
    """Photo -> style; None where the model has none."""

    @property
    def encoding(self) -> LayoutEncoding:
        """How the generator reads layouts."""
        return self.generator.encoding

    def build(self) -> dict[str, nn.Module]:
        """Generator and style encoder, newly initialised."""
        networks: dict[str, nn.Module] = {"generator": SPADEGenerator(self.generator)}
        return networks if self.encoder is None else networks | {"encoder": StyleEncoder(self.encoder)}


class Pix2PixHDModel(ModelConfig):
    """pix2pixHD's generator, and the encoder of its objects' features."""

    system: Literal["pix2pixhd"] = "pix2pixhd"
    generator: Pix2PixHDGeneratorConfig
    """Layout and features -> image."""
    encoder: InstanceEncoderConfig | None = None
    """Photo and objects -> features; None where the model has none."""
    objects: Literal["instances", "labels"] = "instances"
    """What has features of its own: every instance, or every class."""
    data: Pipeline = Pipeline(mode="none")
    """How training prepared its photographs: styles are found in others prepared alike."""

    @property
    def encoding(self) -> LayoutEncoding:
        """How the generator reads layouts."""
        return self.generator.encoding

    def build(self) -> dict[str, nn.Module]:
        """Generator and style encoder, newly initialised."""
        networks: dict[str, nn.Module] = {"generator": Pix2PixHDGenerator(self.generator)}
        return networks if self.encoder is None else networks | {"encoder": InstanceEncoder(self.encoder)}


class GeneratorModel(ModelConfig):
    """A generator that reads nothing but layouts: CRN, and the papers' baselines."""

    system: Literal["generator"] = "generator"
    generator: AnyGeneratorConfig
    """Layout -> image."""

    @property
    def encoding(self) -> LayoutEncoding:
        """How the generator reads layouts."""
        return self.generator.encoding

    def build(self) -> dict[str, nn.Module]:
        """The generator, newly initialised."""
        return {"generator": self.generator.build()}


class OASISModel(ModelConfig):
    """OASIS's generator."""

    system: Literal["oasis"] = "oasis"
    generator: OASISGeneratorConfig
    """Layout and noise -> image."""

    @property
    def encoding(self) -> LayoutEncoding:
        """How the generator reads layouts."""
        return self.generator.encoding

    def build(self) -> dict[str, nn.Module]:
        """The generator, newly initialised."""
        return {"generator": OASISGenerator(self.generator)}


MODELS: dict[str, type[ModelConfig]] = {
    "spade": SPADEModel,
    "pix2pixhd": Pix2PixHDModel,
    "generator": GeneratorModel,
    "oasis": OASISModel,
}
"""The systems whose models this release can build."""


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
            theirs. Buffers (running statistics, singular vectors) are small and always keep theirs.

    Raises:
        SemsynthError: the folder cannot be written, a network is missing, or a value does not fit ``dtype``.
    """
    if classes.num_classes != config.encoding.num_classes:
        raise SemsynthError(
            f"cannot save {folder}: the class set '{classes.name}' has {classes.num_classes} classes, "
            f"the generator {config.encoding.num_classes}"
        )
    names = _weight_files(config)
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
    config = _read_config(folder)
    names = _weight_files(config)
    for file in (*names.values(), CLASSES):
        _check_file(folder / file, config.sha256.get(file))
    classes = ClassSet.load(folder / CLASSES)
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


def find_model(model: str | Path) -> Path:
    """The model folder that ``model`` stands for.

    Args:
        model: a bundled model's name, a model folder, a run folder, or a Hugging Face id ``user/name``,
            which is downloaded unless it has been before.

    Raises:
        SemsynthError: there is none; the message says where it was looked for.
    """
    bundled = sorted(folder.name for folder in BUNDLED.glob("*") if is_model_folder(folder))
    if model in bundled:
        return BUNDLED / model
    folder = Path(model)
    for candidate in (folder, folder / "model"):
        if is_model_folder(candidate):
            return candidate
    if folder.is_dir():
        raise SemsynthError(
            f"{folder} is neither a model folder ({CONFIG} is missing) nor a run folder with a model in it: "
            "'semsynth train' writes RUN/model with its first checkpoint"
        )
    if not folder.exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", str(model)):
        return _download(str(model))
    raise SemsynthError(
        f"there is no model '{model}': give a bundled one ({', '.join(bundled) or 'this installation has none'}), "
        "a model folder, a run folder, or a Hugging Face id such as user/name"
    )


def is_model_folder(folder: Path) -> bool:
    """Whether ``folder`` looks like one that :func:`save_model` wrote."""
    return (folder / CONFIG).is_file()


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        # Nothing but what a model folder holds: the repository cannot bring code along.
        return Path(snapshot_download(hub_id, allow_patterns=["*.json", "*.safetensors"]))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = " ".join(str(error).split())
        raise SemsynthError(
            f"there is no folder '{hub_id}' here, and no such model came from the Hugging Face hub ({reason[:200]}): "
            "check the name and the network, or download it elsewhere and give the folder"
        ) from error


def _weight_files(config: ModelConfig) -> dict[str, str]:
    """Network name -> file name."""
    return {name: f"{name}.safetensors" for name in config.network_names}


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder to write into; its files move to ``folder`` at the end, or nothing does."""
    new = not folder.exists()
    make_folder(folder)
    staging = folder / f".{os.getpid()}.part"
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
        stored = value.detach().to("cpu", dtype if name in parameters else None).contiguous()
        if value.is_floating_point() and not stored.isfinite().all():
            reason = f"does not fit {dtype}" if value.isfinite().all() else "holds NaN or infinity"
            raise SemsynthError(f"cannot save {path.name}: {name} {reason}")
        tensors[name] = stored
    return tensors


def _read_config(folder: Path) -> ModelConfig:
    path = folder / CONFIG
    if not path.is_file():
        raise SemsynthError(
            f"{folder} is no model folder: {CONFIG} is missing; 'semsynth train' writes one to RUN/model"
        )
    values: Any = read_json(path)
    if not isinstance(values, dict) or not isinstance(values.get("format"), int) or values["format"] < 1:
        raise SemsynthError(f"{path} has no valid 'format' number: it is not the {CONFIG} of a semsynth model")
    if values["format"] > FORMAT:
        raise SemsynthError(
            f"{path} has format {values['format']}, this release reads up to {FORMAT}: "
            "upgrade with 'pip install -U semsynth'"
        )
    kind = MODELS.get(str(values.get("system")))
    if kind is None:
        raise SemsynthError(
            f"{path}: unknown system '{values.get('system')}', this release builds {', '.join(MODELS)}: "
            "upgrade with 'pip install -U semsynth', or correct the file"
        )
    return validated(kind, values, str(path))


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
    try:
        stored = safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise SemsynthError(f"{path} is not a safetensors file ({error}): copy the whole model folder again") from error
    expected = network.state_dict()
    problems = [f"{key} is missing" for key in expected if key not in stored]
    problems += [f"{key} is unexpected" for key in stored if key not in expected]
    problems += [
        f"{key} is {list(stored[key].shape)} instead of {list(value.shape)}"
        for key, value in expected.items()
        if key in stored and stored[key].shape != value.shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise SemsynthError(f"{path} does not fit {CONFIG}: {', '.join(problems[:3])}{more}")
    network.load_state_dict({key: stored[key].to(value.dtype) for key, value in expected.items()}, assign=True)
    network.eval()
