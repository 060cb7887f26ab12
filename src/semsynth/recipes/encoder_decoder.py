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
