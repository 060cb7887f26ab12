"""Full-resolution network, a baseline of Chen and Koltun (CRN, ICCV 2017, section 4): "the same loss as the CRN".

Objective, optimiser, data and schedule are those of ``recipes/crn.py``, so that nothing but the network differs: it has
dilated convolutions at the picture's own size, the first of which see farthest. What the paper's one paragraph leaves
open, and what is done here: docs/recipes/baselines.md.
"""

from __future__ import annotations

from torch import nn

from semsynth.classes import ClassSet
from semsynth.models.full_resolution import FullResolutionNetwork
from semsynth.models.vgg import VGG19
from semsynth.ops.initialization import initialize_identity
from semsynth.recipes.crn import CRNConfig, CRNRecipe, of_the_cascade
from semsynth.recipes.system import Preset, Row, System


class FullResolutionRecipe(CRNRecipe):
    """The cascade's objective on a network whose hidden layers begin as the identity."""

    def __init__(self, config: CRNConfig, classes: ClassSet, vgg: VGG19 | None) -> None:
        super().__init__(config, classes, vgg)
        generator = self.networks["generator"]
        for conv in generator.convs if isinstance(generator, FullResolutionNetwork) else ():
            assert isinstance(conv, nn.Conv2d)
            initialize_identity(conv)


ROWS: dict[str, Row] = {
    "default": {**of_the_cascade("default"), "generator.family": "full_resolution"},
    # For a few hundred photos and two CPU cores: an eighth of the channels, one layer of dilation 1 less.
    "small": {
        **of_the_cascade("small"),
        "generator.family": "full_resolution",
        "generator.width": 32,
        "generator.layers": 9,
    },
}
"""The cascade's rows with another network."""

PRESETS = {name: Preset(CRNConfig, row) for name, row in ROWS.items()}

FULL_RESOLUTION_SYSTEM = System(CRNConfig, PRESETS, FullResolutionRecipe)
