"""What a model is: its card, and a configuration for each paper's system."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from torch import nn

from semsynth.bank.settings import CanvasSettings
from semsynth.config import Config, validated
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding, Size
from semsynth.models.generator import AnyGeneratorConfig
from semsynth.models.instance_encoder import InstanceEncoderConfig
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.sims import SIMSGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoderConfig

FORMAT = 1
"""The version of the model folder that this release writes; it reads this one and all before it."""


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
    styles: str = ""
    """The photographs whose styles seeds draw, where they were fitted to some; else seeds draw from the prior."""
    steps: int = 0
    """Optimiser steps."""
    images_seen: int = 0
    """Images that went through training, repetitions counted."""
    seconds: float = 0.0
    """Training time."""
    hardware: str = ""
    """What it was trained on."""
    trained_with: dict[str, str] | None = None
    """Networks from elsewhere whose features losses or discriminators used in training: name -> SHA-256 of the weights.
    Scores in their features say little. None: not recorded, as in models of earlier versions."""
    scores: dict[str, float] = Field(default_factory=dict)
    """Measured quality by name; each name says metric and split."""
    intended_use: str = ""
    """What the model is for, and what it is not for."""
    official_options: dict[str, str] = Field(default_factory=dict)
    """Of a converted checkpoint: the official code's options by name, each with where its value came from."""
    created: str = ""
    """ISO 8601 time of the export."""


EncoderConfig = StyleEncoderConfig | InstanceEncoderConfig
"""What finds styles in photographs: of whole ones, or of their objects."""


class ModelConfig(Config):
    """What to build and how to know that the other files belong to it; one class per system."""

    format: int = FORMAT
    """Version of the folder's format."""
    system: str
    """Which paper's system the networks form, a key of :data:`MODELS`."""
    sha256: dict[str, str] = Field(default_factory=dict)
    """File name -> checksum of the weights and of ``classes.json``; :func:`save_model` fills it in."""
    generator: AnyGeneratorConfig
    """Layout -> image."""
    encoder: EncoderConfig | None = None
    """Photo -> style; None where the model has none."""
    objects: Literal["instances", "labels"] = "instances"
    """What has features of its own, where the generator reads features: every instance, or every class."""
    data: Pipeline = Pipeline(mode="none")
    """How training prepared its photographs: styles are found in others prepared alike."""

    @property
    def network_names(self) -> tuple[str, ...]:
        """``generator``, and ``encoder`` where the model has one."""
        return ("generator",) if self.encoder is None else ("generator", "encoder")

    @property
    def style_weights(self) -> str:
        """The checksum of the weights that a style bank's vectors belong to: who made them, or else who reads them."""
        return self.sha256.get("encoder.safetensors") or self.sha256.get("generator.safetensors", "")

    @property
    def encoding(self) -> LayoutEncoding:
        """How the generator reads layouts."""
        return self.generator.encoding

    @property
    def trained_size(self) -> Size | None:
        """(height, width) of the photographs in training; None where they had several sizes, or it is not known."""
        return self.generator.output_size or self.data.output_size

    def build(self) -> dict[str, nn.Module]:
        """The networks by name, newly initialised."""
        networks: dict[str, nn.Module] = {"generator": self.generator.build()}
        return networks if self.encoder is None else networks | {"encoder": self.encoder.build()}


class SPADEModel(ModelConfig):
    """SPADE's generator, and the style encoder of its multi-modal variant."""

    system: Literal["spade"] = "spade"
    generator: SPADEGeneratorConfig
    """Layout -> image."""
    encoder: StyleEncoderConfig | None = None
    """Photo -> style; None where the model has none."""


class Pix2PixHDModel(ModelConfig):
    """pix2pixHD's generator, and the encoder of its objects' features."""

    system: Literal["pix2pixhd"] = "pix2pixhd"
    generator: Pix2PixHDGeneratorConfig
    """Layout and features -> image."""
    encoder: InstanceEncoderConfig | None = None
    """Photo and objects -> features; None where the model has none."""


class OASISModel(ModelConfig):
    """OASIS's generator."""

    system: Literal["oasis"] = "oasis"
    generator: OASISGeneratorConfig
    """Layout and noise -> image."""
    encoder: None = None
    """There is none."""


class GeneratorModel(ModelConfig):
    """A generator of any family: CRN, the papers' baselines, and families that have no system of their own."""

    system: Literal["generator"] = "generator"


class SIMSModel(ModelConfig):
    """SIMS's synthesis network, and the memory bank that its canvases are made from."""

    system: Literal["sims"] = "sims"
    generator: SIMSGeneratorConfig
    """Layout and canvas -> image."""
    encoder: None = None
    """There is none."""
    memory: CanvasSettings = CanvasSettings()
    """The bank, which may lie in the model folder as ``bank``, and how canvases are made."""


MODELS: dict[str, type[ModelConfig]] = {
    "spade": SPADEModel,
    "pix2pixhd": Pix2PixHDModel,
    "generator": GeneratorModel,
    "oasis": OASISModel,
    "sims": SIMSModel,
}
"""The systems whose models this release can build."""


def model_config(values: Any, source: str) -> ModelConfig:
    """Read the configuration of a model.

    Args:
        values: of JSON.
        source: what messages call it.

    Raises:
        SemsynthError: no configuration of a model, a newer format, an unknown system, or wrong values.
    """
    if not isinstance(values, dict) or not isinstance(values.get("format"), int) or values["format"] < 1:
        raise SemsynthError(f"{source} has no valid 'format' number: it is not the config.json of a semsynth model")
    if values["format"] > FORMAT:
        raise SemsynthError(
            f"{source} has format {values['format']}, this release reads up to {FORMAT}: "
            "upgrade with 'pip install -U semsynth'"
        )
    kind = MODELS.get(str(values.get("system")))
    if kind is None:
        raise SemsynthError(
            f"{source}: unknown system '{values.get('system')}', this release builds {', '.join(MODELS)}: "
            "upgrade with 'pip install -U semsynth', or correct the file"
        )
    return validated(kind, values, source)
