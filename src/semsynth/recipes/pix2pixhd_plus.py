"""pix2pixHD++: the strong baseline of the SPADE paper, and the layout at its intermediate layers.

Park, Liu, Wang and Zhu, CVPR 2019, section 4 ("Impact of SPADE") and table 4: pix2pixHD's generator with "all the
techniques we find useful except SPADE". These are spectral norm, synchronised batch norm, the hinge loss and the two
time-scale update rule; data, discriminator, optimisers and schedule are those of SPADE's preset for the same dataset,
so that nothing but the generator differs. SPADE's own generator with concatenation is a preset of ``spade``.

What the paper leaves open, and what is done here: docs/parameters.md.
"""

from __future__ import annotations

from semsynth.recipes.spade import ROWS as SPADE_ROWS
from semsynth.recipes.system import Row

PLUS: Row = {
    "generator.norm": "sync_batch",
    "generator.spectral": True,
    "loss.adversarial_kind": "hinge",
    "loss.feature_matching": 20.0,  # SPADE's 10, times the discriminator's two scales
    "loss.perceptual": 20.0,
    "generator_optimizer": {"lr": 1e-4, "beta1": 0.0, "beta2": 0.9},
    "discriminator_optimizer": {"lr": 4e-4, "beta1": 0.0, "beta2": 0.9},
    "schedule.epochs": 50,
    "schedule.decay_epochs": 0,
}
"""What SPADE has for every dataset and pix2pixHD has otherwise."""

DATASETS = ("default", "coco_stuff", "ade20k", "cityscapes")
"""SPADE's presets that have a counterpart here: any data, and table 4's datasets."""


def plus(dataset: str) -> Row:
    """The counterpart of a row of SPADE's table: everything but the generator stays."""
    spade = {key: value for key, value in SPADE_ROWS[dataset].items() if not key.startswith("generator.")}
    return {**PLUS, **spade}


PLUS_ROWS: dict[str, Row] = {
    **{f"{name}_plus": plus(name) for name in DATASETS},
    **{f"{name}_plus_concat": {**plus(name), "generator.layout_at_every_layer": "concat"} for name in DATASETS},
    **{f"{name}_plus_spade": {**plus(name), "generator.layout_at_every_layer": "spade"} for name in DATASETS},
}
"""Table 4: P2P++, P2P++ w/ Concat, P2P++ w/ SPADE; ``generator.width=48`` makes "fewer params"."""
