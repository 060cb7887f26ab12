"""What changes per dataset in SPADE's training (section 4 and the official ``data/*_dataset.py``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from semsynth.classes import ClassSet
from semsynth.data.transforms import Pipeline
from semsynth.layout import LayoutEncoding
from semsynth.losses.augmentation import Augmentation
from semsynth.models.patch import PatchDiscriminatorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoderConfig
from semsynth.recipes.base import Adam, Schedule, Training
from semsynth.recipes.spade import LossWeights, SPADEConfig, SPADERecipe
from semsynth.recipes.system import System

Preset = Callable[[ClassSet, bool], SPADEConfig]
"""From the dataset's classes, and whether it has instance maps."""

SQUARES = Pipeline(mode="resize_and_crop", load_size=286, crop_size=256)
EPOCHS_50 = Schedule(epochs=50)


def _paper(
    classes: ClassSet,
    void: Literal["none", "after"],
    edges: bool,
    *,
    data: Pipeline = SQUARES,
    schedule: Schedule = EPOCHS_50,
    batch_size: int = 32,
    upsamplings: Literal[5, 6, 7] = 5,
) -> SPADEConfig:
    """The paper's networks for a class set."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void=void, edges=edges)
    return SPADEConfig(
        generator=SPADEGeneratorConfig(
            encoding=encoding, crop_size=data.crop_size, aspect_ratio=data.aspect_ratio, upsamplings=upsamplings
        ),
        discriminator=PatchDiscriminatorConfig(encoding=encoding),
        data=data,
        schedule=schedule,
        training=Training(batch_size=batch_size),
    )


def _default(classes: ClassSet, instances: bool) -> SPADEConfig:
    return _paper(classes, "after", instances, batch_size=1)


def _coco_stuff(classes: ClassSet, instances: bool) -> SPADEConfig:
    return _paper(classes, "after", True, schedule=Schedule(epochs=100))


def _ade20k(classes: ClassSet, instances: bool) -> SPADEConfig:
    return _paper(classes, "after", False, schedule=Schedule(epochs=100, decay_epochs=100))


def _cityscapes(classes: ClassSet, instances: bool) -> SPADEConfig:
    return _paper(
        classes,
        "none",
        True,
        data=Pipeline(mode="fixed", load_size=512, crop_size=512, aspect_ratio=2.0),
        schedule=Schedule(epochs=100, decay_epochs=100),
        batch_size=16,
        upsamplings=6,
    )


def _facades(classes: ClassSet, instances: bool) -> SPADEConfig:
    return _paper(classes, "after", False, batch_size=1)


def _small(classes: ClassSet, instances: bool) -> SPADEConfig:
    """A model for a few hundred photos and two CPU cores: how the bundled model is trained.

    A sixteenth of the paper's arithmetic, a style encoder for variety, differentiable augmentation
    against the few photos, and the perceptual term on a random quarter of the picture.
    """
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after", edges=instances)
    return SPADEConfig(
        generator=SPADEGeneratorConfig(encoding=encoding, width=16, hidden=64, input="noise", z_dim=64),
        discriminator=PatchDiscriminatorConfig(encoding=encoding, width=32, max_width=256),
        # Instance norm would take the photo's colours away, and they are most of its style.
        encoder=StyleEncoderConfig(width=16, z_dim=64, norm="none", spectral=False),
        data=SQUARES,
        generator_optimizer=Adam(lr=3e-4, beta1=0.0, beta2=0.99),
        discriminator_optimizer=Adam(lr=4e-4, beta1=0.0, beta2=0.99),
        augmentation=Augmentation(color=True, cutout=0.5),
        loss=LossWeights(pixels=10.0, kl=0.005),  # KL low, or a generator this small learns to do without styles
        perceptual_crop=128,
        schedule=Schedule(epochs=200),
        training=Training(batch_size=2, ema=0.995, precision="bf16-mixed"),
    )


def _concat(preset: Preset) -> Preset:
    """Table 4, "Concat w/o SPADE": the layout beside the features instead of SPADE layers."""

    def changed(classes: ClassSet, instances: bool) -> SPADEConfig:
        config = preset(classes, instances)
        generator = config.generator.model_copy(update={"layout_at_every_layer": "concat"})
        return config.model_copy(update={"generator": generator})

    return changed


PRESETS: dict[str, Preset] = {
    "default": _default,
    "coco_stuff": _coco_stuff,
    "ade20k": _ade20k,
    "cityscapes": _cityscapes,
    "facades": _facades,
    "small": _small,
    "coco_stuff_concat": _concat(_coco_stuff),
    "ade20k_concat": _concat(_ade20k),
    "cityscapes_concat": _concat(_cityscapes),
}
"""What changes per dataset (official ``data/*_dataset.py``): void and edge channels, size, batch, epochs. Those
that end in ``_concat`` are table 4's comparison; ``generator.width=48`` makes "fewer params" of any of them."""


SPADE_SYSTEM = System(SPADEConfig, PRESETS, SPADERecipe)
