"""pix2pixHD++: the strong baseline of the SPADE paper, and the layout at its intermediate layers.

Park, Liu, Wang and Zhu, CVPR 2019, section 4 ("Impact of SPADE") and table 4: pix2pixHD's generator with "all the
techniques we find useful except SPADE". These are spectral norm, synchronised batch norm, the hinge loss and the two
time-scale update rule; data, discriminator, optimisers and schedule are those of SPADE's preset for the same dataset,
so that nothing but the generator differs. SPADE's own generator with concatenation is a preset of ``spade``.

Differences between paper and official code, and choices where both are silent:

- *Objective*: SPADE's code averages the adversarial term over the scales, pix2pixHD sums it. The feature terms' weights
  are multiplied by the number of scales here: the ratios are SPADE's, and Adam does not see the common factor.
- *Where the layout is concatenated* ("at all the intermediate layers"): the paper does not say which. Here beside the
  features that enter every residual block, which makes the published 195M parameters; see docs/parameters.md.
- *Spectral norm*: on all convolutions but the last and the SPADE layers' own, as SPADE's code has it.
- *Biases* before norms stay, as in pix2pixHD; SPADE's code takes them away. The norm does so, too.
- *Initialisation*: pix2pixHD's, N(0, 0.02); spectral norm and norms make the scale irrelevant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from semsynth.classes import ClassSet
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.recipes.pix2pixhd import LossWeights, Pix2PixHDConfig
from semsynth.recipes.spade import SPADEConfig
from semsynth.recipes.spade_presets import PRESETS as SPADE_PRESETS

Preset = Callable[[ClassSet, bool], Pix2PixHDConfig]

DATASETS = ("default", "coco_stuff", "ade20k", "cityscapes")
"""SPADE's presets that have a counterpart here: any data, and table 4's datasets."""


def plus(spade: SPADEConfig, layout_at_every_layer: Literal["none", "concat", "spade"] = "none") -> Pix2PixHDConfig:
    """The counterpart of a configuration of SPADE: everything but the generator stays."""
    generator = Pix2PixHDGeneratorConfig(
        encoding=spade.generator.encoding,
        norm="sync_batch",
        spectral=True,
        layout_at_every_layer=layout_at_every_layer,
    )
    scales = spade.discriminator.scales
    return Pix2PixHDConfig(
        generator=generator,
        discriminator=spade.discriminator,
        loss=LossWeights(
            adversarial_kind=spade.loss.adversarial_kind,
            feature_matching=spade.loss.feature_matching * scales,
            perceptual=spade.loss.perceptual * scales,
            perceptual_input=spade.loss.perceptual_input,
        ),
        generator_optimizer=spade.generator_optimizer,
        discriminator_optimizer=spade.discriminator_optimizer,
        data=spade.data,
        schedule=spade.schedule,
        training=spade.training,
    )


def _preset(dataset: str, layout_at_every_layer: Literal["none", "concat", "spade"]) -> Preset:
    return lambda classes, instances: plus(SPADE_PRESETS[dataset](classes, instances), layout_at_every_layer)


PLUS_PRESETS: dict[str, Preset] = {
    **{f"{dataset}_plus": _preset(dataset, "none") for dataset in DATASETS},
    **{f"{dataset}_plus_concat": _preset(dataset, "concat") for dataset in DATASETS},
    **{f"{dataset}_plus_spade": _preset(dataset, "spade") for dataset in DATASETS},
}
"""Table 4: P2P++, P2P++ w/ Concat, P2P++ w/ SPADE; ``generator.width=48`` makes "fewer params"."""
