"""Which styles a model has, from its configuration."""

from __future__ import annotations

import torch
from torch import nn

from semsynth.checkpoint import ModelConfig, Pix2PixHDModel
from semsynth.errors import SemsynthError
from semsynth.models.generator import GeneratorConfig
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.styles.bank import StyleBank
from semsynth.styles.choice import NoStyles, StyleReader, VectorStyles
from semsynth.styles.noise import NoiseStyles
from semsynth.styles.object_styles import ObjectStyles


def style_reader(
    model: ModelConfig,
    generator: GeneratorConfig,
    bank: StyleBank | None,
    encoder: nn.Module | None,
    device: torch.device,
) -> StyleReader:
    """What a user's wishes about styles become.

    Args:
        model: the system.
        generator: its generator's configuration.
        bank: modes, where there are any.
        encoder: reads photos; None: none can be read.
        device: where the encoder is.
    """
    if isinstance(generator, Pix2PixHDGeneratorConfig) and generator.features and isinstance(model, Pix2PixHDModel):
        assert encoder is None or isinstance(encoder, InstanceEncoder)
        return ObjectStyles(generator.features, encoder, bank, model.objects == "labels", device)
    if isinstance(generator, SPADEGeneratorConfig) and generator.input == "noise":
        return VectorStyles(generator.z_dim, encoder, device)
    if isinstance(generator, OASISGeneratorConfig) and generator.z_dim:
        return NoiseStyles(generator.z_dim, bank)
    return NoStyles()


def reads_pictures(config: GeneratorConfig) -> bool:
    """Whether the condition is a picture; official options allow other pictures, and more than a picture.

    Raises:
        SemsynthError: a picture that is not RGB, or not alone.
    """
    if not isinstance(config, Pix2PixHDGeneratorConfig) or config.image_channels == 0:
        return False
    if config.image_channels != 3 or config.encoding.edges or config.features:
        raise SemsynthError(
            f"this model reads a picture of {config.image_channels} channels, instance boundaries: "
            f"{config.encoding.edges}, features: {config.features}; only RGB pictures alone can be given"
        )
    return True
