"""What changes per dataset and stage of pix2pixHD's training (section 4, appendix A and the official scripts)."""

from __future__ import annotations

from semsynth.errors import SemsynthError
from semsynth.recipes.base import Schedule
from semsynth.recipes.pix2pixhd import Pix2PixHDConfig, Pix2PixHDRecipe
from semsynth.recipes.pix2pixhd_plus import PLUS_ROWS
from semsynth.recipes.system import WITH_INSTANCES, Preset, Row, System

PAPER: Row = {
    "encoding.void": "after",
    "discriminator.scales": 3,
    "discriminator.spectral": False,
    "discriminator.bias": True,
}
"""G1 and the discriminators of the paper, from labels alone."""

WIDTH_1024: Row = {"data.mode": "scale_width", "data.load_size": 1024}
"""Appendix A, Cityscapes for G1; the height follows."""

FEATURES: Row = {"generator.features": 3, "encoder.features": 3}
"""Instance features (section 3.4); the length of an object's vector (section 4)."""

FIXED_1024: Row = {"data.mode": "fixed", "data.crop_size": 1024, "data.aspect_ratio": 2.0}

ROWS: dict[str, Row] = {
    "default": {
        **PAPER,
        "encoding.edges": WITH_INSTANCES,
        "data.mode": "resize_and_crop",
        "data.load_size": 286,
        "data.crop_size": 256,
    },
    "labels_only": {**PAPER, **WIDTH_1024},
    "cityscapes": {**PAPER, **WIDTH_1024, "encoding.void": "none", "encoding.edges": True},
    "cityscapes_features": {**PAPER, **WIDTH_1024, **FEATURES, "encoding.void": "none", "encoding.edges": True},
    "nyu": {
        **PAPER,
        "encoding.edges": WITH_INSTANCES,
        "data.mode": "fixed",
        "data.crop_size": 561,
        "data.aspect_ratio": 561 / 427,
    },
    "ade20k": {**PAPER, **WIDTH_1024, "encoding.edges": WITH_INSTANCES, "data.load_size": 512},
    "helen": {**PAPER, **FEATURES, "data.mode": "fixed", "data.crop_size": 1024},
    # Figures 2 and 13, for which the paper gives no settings: as elsewhere, at the size of CelebA-HQ's photographs.
    # Conditions that are pictures come as RGB (official ``input_nc``, with ``label_nc=0``).
    "edges": {
        **PAPER,
        **WIDTH_1024,
        "encoding.void": "none",
        "generator.image_channels": 3,
        "discriminator.image_channels": 3,
    },
    # For a few hundred photos and two CPU cores: pictures of width 256, a sixteenth of the arithmetic per pixel.
    "small": {
        **PAPER,
        "encoding.edges": WITH_INSTANCES,
        "generator.width": 16,
        "generator.downsamplings": 3,
        "generator.blocks": 4,
        "discriminator.width": 16,
        "discriminator.max_width": 128,
        "discriminator.scales": 2,
        "encoder.width": 8,
        "encoder.downsamplings": 3,
        **FEATURES,
        "data.mode": "scale_width",
        "data.load_size": 256,
        "generator_optimizer.lr": 4e-4,
        "training.ema": 0.995,
        "training.precision": "bf16-mixed",
    },
    # Tables 3 and 4: another generator "with all the other components fixed", from labels alone as table 2.
    "unet_generator": {**PAPER, **FIXED_1024, "generator.family": "unet"},
    "crn_generator": {**PAPER, **FIXED_1024, "generator.family": "crn", "generator.refinements": 8},
    **PLUS_ROWS,
}
"""Appendix A: Cityscapes at 1024 x 512 (G1; ``--stages`` goes on at twice a preset's size: 2048 x 1024), NYU at
561 x 427, ADE20K of width 512, Helen at 1024 x 1024. ``edges`` reads pictures instead of label maps.
``unet_generator`` and ``crn_generator`` are the other columns of tables 3 and 4.
``--no-perceptual`` makes the tables' "w/o VGG" of any of them."""

PRESETS = {name: Preset(Pix2PixHDConfig, row) for name, row in ROWS.items()}


def stages(config: Pix2PixHDConfig) -> dict[str, Pix2PixHDConfig]:
    """Coarse to fine (section 3.2): G1, then G2 beside a fixed G1 at twice the size, then both.

    Later stages take half as many epochs as the first, the first tenth of its number with G1 fixed (official
    ``train_1024p_*.sh``: niter 50, niter_decay 50, niter_fix_global 10 after 100 + 100). The global generator has one
    discriminator less (the scripts' two): the new one judges the new scale, and the others keep theirs.

    Args:
        config: as every preset: the global generator alone, the data's size for it, and all discriminators.

    Returns:
        The configurations by stage, in order; each begins with the weights of the one before.

    Raises:
        SemsynthError: a configuration that has enhancers already, or data that is not scaled.
    """
    small, data, scales = config.own_generator, config.data, config.discriminator.scales
    if small is None:
        raise SemsynthError(
            f"generator.family={config.generator.family}: the stages are those of pix2pixHD's own generator: train "
            "without stages"
        )
    if small.enhancers:
        raise SemsynthError(
            f"generator.enhancers={small.enhancers}: the stages begin with the global generator alone and add an "
            "enhancer themselves: leave it 0, or train without stages"
        )
    if data.mode in ("crop", "none"):
        raise SemsynthError(
            f"data.mode={data.mode} leaves photos at their size, but the first stage needs half the size of the "
            "others: set data.mode to fixed, or to one that scales"
        )
    epochs, decay_epochs = config.schedule.epochs // 2, config.schedule.decay_epochs // 2
    fixed = Schedule(epochs=max(1, round(config.schedule.epochs / 10)))
    joint = Schedule(epochs=max(1, epochs - fixed.epochs), decay_epochs=decay_epochs)
    fewer = config.discriminator.model_copy(update={"scales": max(1, scales - 1)})
    larger = config.model_copy(
        update={
            "generator": small.model_copy(update={"enhancers": 1}),
            "data": data.model_copy(update={"load_size": 2 * data.load_size, "crop_size": 2 * data.crop_size}),
        }
    )
    return {
        "1-global": config.model_copy(update={"discriminator": fewer}),
        "2-enhancer": larger.model_copy(update={"trained": "enhancer", "schedule": fixed}),
        "3-joint": larger.model_copy(update={"schedule": joint}),
    }


PIX2PIXHD_SYSTEM = System(Pix2PixHDConfig, PRESETS, Pix2PixHDRecipe, stages)
