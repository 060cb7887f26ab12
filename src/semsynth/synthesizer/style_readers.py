"""Which styles a model has, from its configuration."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from semsynth.checkpoint import ModelConfig, SIMSModel
from semsynth.errors import SemsynthError
from semsynth.models.generator import GeneratorConfig
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.styles.bank import StyleBank
from semsynth.styles.canvas import CanvasStyles
from semsynth.styles.choice import NoStyles, StyleReader, VectorStyles
from semsynth.styles.noise import NoiseStyles
from semsynth.styles.object_styles import ObjectStyles


def style_reader(
    model: ModelConfig,
    bank: StyleBank | None,
    encoder: nn.Module | None,
    device: torch.device,
    folder: Path | None,
) -> StyleReader:
    """What a user's wishes about styles become.

    Args:
        model: the system.
        bank: modes, where there are any.
        encoder: reads photos; None: none can be read.
        device: where the encoder is.
        folder: of the model, which may hold a memory bank; None: an exported model in a file.

    Raises:
        SemsynthError: the model needs a memory bank, which is missing or another one.
    """
    style = model.generator.style
    if style is None:
        return NoStyles()
    if style.kind == "canvas":
        assert isinstance(model, SIMSModel)
        return CanvasStyles(model.memory.open(folder), model.memory)
    if style.kind == "features":
        assert encoder is None or isinstance(encoder, InstanceEncoder)
        return ObjectStyles(style.channels, encoder, bank, model.objects == "labels", device)
    return NoiseStyles(style.channels, bank) if style.kind == "noise" else VectorStyles(style.channels, encoder, device)


def reads_pictures(config: GeneratorConfig) -> bool:
    """Whether the condition is a picture; official options allow other pictures, and more than a picture.

    Raises:
        SemsynthError: a picture that is not RGB, or not alone.
    """
    if not config.picture_channels:
        return False
    if config.picture_channels != 3 or config.encoding.edges or config.style is not None:
        raise SemsynthError(
            f"this model reads a picture of {config.picture_channels} channels, instance boundaries: "
            f"{config.encoding.edges}, styles: {config.style is not None}; only RGB pictures alone can be given"
        )
    return True
