"""The systems that can be trained, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semsynth.config import assignments
from semsynth.errors import SemsynthError
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


def bank_setting(bank: str | Path, systems: Sequence[str]) -> str:
    """The override that names a memory bank.

    Args:
        bank: its folder.
        systems: keys of :data:`RECIPES`, of which at least one must use a bank; none: they are not known yet, and
            applying the override tells.

    Raises:
        SemsynthError: none of these systems uses a memory bank.
    """
    if systems and not any(name not in RECIPES or "memory" in RECIPES[name].config.model_fields for name in systems):
        users = [name for name, system in RECIPES.items() if "memory" in system.config.model_fields]
        raise SemsynthError(
            f"`bank={bank}`: {', '.join(systems)} uses no memory bank, only {', '.join(users)} does: leave it out"
        )
    return assignments({"memory.bank": str(Path(bank).absolute())})[0]
