"""The full-resolution network: the cascade's rows, and how it begins."""

from __future__ import annotations

import torch

from semsynth.config import override
from semsynth.data.toy import TOY_CLASSES
from semsynth.ops.dilated_conv import dilated_conv2d
from semsynth.recipes import RECIPES


def test_the_full_resolution_network_begins_by_handing_the_layout_on():
    """Hidden layers are the identity: beside the norms, a pixel depends on its own label alone."""
    settings = ["generator.width=4", "generator.layers=3", "loss.kind=image_space"]
    config = override(RECIPES["full_resolution"].presets["small"](TOY_CLASSES, False), settings)
    recipe = RECIPES["full_resolution"].build(config, TOY_CLASSES, None)
    for conv in recipe.networks["generator"].convs:
        x = torch.randn(1, 4, 5, 5)
        assert torch.equal(dilated_conv2d(conv, x), x)
