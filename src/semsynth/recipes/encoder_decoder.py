"""Encoder-decoder, a baseline of Chen and Koltun (CRN, ICCV 2017, section 4): a U-Net "with the same loss as the CRN".

Objective, optimiser, data and schedule are those of ``recipes/crn.py``, so that nothing but the network differs.

Differences and choices, for the paper gives three sentences and no code:

- *Network*: "the u-net", with the reference of Ronneberger et al.'s own: five levels of 64 to 1024 channels. pix2pix's
  variant, which the paper calls an encoder-decoder, too, is ``generator.family=unet`` of any recipe with a choice.
- *Borders* are padded, so that pictures have their layout's size; the original loses 92 pixels on every side.
- *Layers* are the cascade's: 3 x 3 convolution without bias, layer norm, leaky ReLU; the original has neither norms nor
  slopes, and trains with batches of one, as the cascade.
- *Output*: linear, as the cascade's.
"""

from __future__ import annotations

from collections.abc import Callable

from semsynth.classes import ClassSet
from semsynth.models.encoder_decoder import EncoderDecoderConfig
from semsynth.recipes.crn import CRNConfig, CRNRecipe
from semsynth.recipes.crn_presets import PRESETS as CRN_PRESETS
from semsynth.recipes.system import System


def _default(classes: ClassSet, instances: bool) -> CRNConfig:
    """256 x 512, as the cascade."""
    return _in_place_of_the_cascade("default", classes, width=64)


def _small(classes: ClassSet, instances: bool) -> CRNConfig:
    """For a few hundred photos and two CPU cores: a quarter of the widths."""
    return _in_place_of_the_cascade("small", classes, width=16)


def _in_place_of_the_cascade(preset: str, classes: ClassSet, width: int) -> CRNConfig:
    config = CRN_PRESETS[preset](classes, False)
    return config.model_copy(
        update={"generator": EncoderDecoderConfig(encoding=config.generator.encoding, width=width)}
    )


PRESETS: dict[str, Callable[[ClassSet, bool], CRNConfig]] = {"default": _default, "small": _small}

ENCODER_DECODER_SYSTEM = System(CRNConfig, PRESETS, CRNRecipe)
