"""The generators that a recipe may combine with its objective."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.dcgan import DCGANGeneratorConfig
from semsynth.models.encoder_decoder import EncoderDecoderConfig
from semsynth.models.full_resolution import FullResolutionConfig
from semsynth.models.generator import GeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.unet import UNetConfig


def _family(value: Any) -> str:
    """The field ``family``; configurations that were written before there was one are pix2pixHD's."""
    if isinstance(value, dict):
        return str(value.get("family", "pix2pixhd"))
    return str(getattr(value, "family", ""))


AnyGeneratorConfig = Annotated[
    Annotated[Pix2PixHDGeneratorConfig, Tag("pix2pixhd")]
    | Annotated[SPADEGeneratorConfig, Tag("spade")]
    | Annotated[CRNGeneratorConfig, Tag("crn")]
    | Annotated[UNetConfig, Tag("unet")]
    | Annotated[EncoderDecoderConfig, Tag("encoder_decoder")]
    | Annotated[FullResolutionConfig, Tag("full_resolution")]
    | Annotated[DCGANGeneratorConfig, Tag("dcgan")],
    Discriminator(_family),
]
"""A generator's configuration; its field ``family`` names the architecture."""


def reads_layouts_alone(config: GeneratorConfig) -> bool:
    """Whether the generator needs neither a random vector nor objects' features nor a picture."""
    if isinstance(config, Pix2PixHDGeneratorConfig):
        return not config.features and not config.image_channels
    return not isinstance(config, SPADEGeneratorConfig) or config.input == "layout"
