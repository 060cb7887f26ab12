"""Image-space loss, a baseline of Chen and Koltun (CRN, ICCV 2017, section 4, equation 4).

The cascade of ``recipes/crn.py`` with "only the first layer (image color) in the loss":  L = lambda_0 ||I - g(L)||_1.
Network, optimiser, data and schedule stay, so that nothing but the loss differs; no perceptual network is needed.
"""

from __future__ import annotations

from semsynth.recipes.crn import ROWS as CRN_ROWS
from semsynth.recipes.crn import CRNConfig, CRNRecipe
from semsynth.recipes.system import Preset, Row, System

ROWS: dict[str, Row] = {name: {**CRN_ROWS[name], "loss.kind": "image_space"} for name in ("default", "small")}
"""The cascade's rows with another loss."""

PRESETS = {name: Preset(CRNConfig, row) for name, row in ROWS.items()}

IMAGE_SPACE_SYSTEM = System(CRNConfig, PRESETS, CRNRecipe)
