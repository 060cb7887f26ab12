"""The systems that can be trained, by name."""

from __future__ import annotations

from typing import Any

from semsynth.recipes.crn import CRN_SYSTEM
from semsynth.recipes.encoder_decoder import ENCODER_DECODER_SYSTEM
from semsynth.recipes.full_resolution import FULL_RESOLUTION_SYSTEM
from semsynth.recipes.gan_segmentation import GAN_SEGMENTATION_SYSTEM
from semsynth.recipes.image_space import IMAGE_SPACE_SYSTEM
from semsynth.recipes.oasis import OASIS_SYSTEM
from semsynth.recipes.pix2pix import PIX2PIX_SYSTEM
from semsynth.recipes.pix2pixhd_presets import PIX2PIXHD_SYSTEM
from semsynth.recipes.sims import SIMS_SYSTEM
from semsynth.recipes.spade import SPADE_SYSTEM
from semsynth.recipes.system import System

RECIPES: dict[str, System[Any]] = {
    "spade": SPADE_SYSTEM,
    "pix2pixhd": PIX2PIXHD_SYSTEM,
    "crn": CRN_SYSTEM,
    "oasis": OASIS_SYSTEM,
    "sims": SIMS_SYSTEM,
    "pix2pix": PIX2PIX_SYSTEM,
    "gan_segmentation": GAN_SEGMENTATION_SYSTEM,
    "encoder_decoder": ENCODER_DECODER_SYSTEM,
    "full_resolution": FULL_RESOLUTION_SYSTEM,
    "image_space": IMAGE_SPACE_SYSTEM,
}
