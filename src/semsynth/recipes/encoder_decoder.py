"""Encoder-decoder, a baseline of Chen and Koltun (CRN, ICCV 2017, section 4): a U-Net "with the same loss as the CRN".

Objective, optimiser, data and schedule are those of ``recipes/crn.py``, so that nothing but the network differs. What
the paper's three sentences leave open, and what is done here: docs/recipes/baselines.md.
"""

from __future__ import annotations

from semsynth.recipes.crn import CRNConfig, CRNRecipe, of_the_cascade
from semsynth.recipes.system import Preset, Row, System

ROWS: dict[str, Row] = {
    "default": {**of_the_cascade("default"), "generator.family": "encoder_decoder", "generator.width": 64},
    # For a few hundred photos and two CPU cores: a quarter of the widths.
    "small": {**of_the_cascade("small"), "generator.family": "encoder_decoder", "generator.width": 16},
}
"""The cascade's rows with another network."""

PRESETS = {name: Preset(CRNConfig, row) for name, row in ROWS.items()}

ENCODER_DECODER_SYSTEM = System(CRNConfig, PRESETS, CRNRecipe)
