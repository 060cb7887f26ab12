"""What changes per dataset in OASIS's training (official ``scripts/train_*.sh`` and ``dataloaders/*.py``)."""

from __future__ import annotations

from collections.abc import Callable

from semsynth.classes import ClassSet
from semsynth.data.transforms import Pipeline
from semsynth.layout import LayoutEncoding
from semsynth.losses.augmentation import Augmentation
from semsynth.models.oasis import OASISDiscriminatorConfig, OASISGeneratorConfig
from semsynth.recipes.base import Adam, Schedule, Training
from semsynth.recipes.oasis import LossWeights, OASISConfig, OASISRecipe
from semsynth.recipes.system import System

Preset = Callable[[ClassSet, bool], OASISConfig]
"""From the dataset's classes, and whether it has instance maps, which OASIS does not read."""

SQUARES = Pipeline(mode="fixed", load_size=256, crop_size=256)
"""Resized to squares whatever the shape; the code's crop never happens, see :mod:`semsynth.recipes.oasis`."""


def _paper(
    classes: ClassSet,
    *,
    data: Pipeline = SQUARES,
    epochs: int = 200,
    batch_size: int = 32,
    lr: float = 1e-4,
    label_mix: float = 10.0,
    ema: float = 0.9999,
) -> OASISConfig:
    """The paper's networks for a class set."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="before")
    return OASISConfig(
        generator=OASISGeneratorConfig(encoding=encoding, crop_size=data.crop_size, aspect_ratio=data.aspect_ratio),
        discriminator=OASISDiscriminatorConfig(encoding=encoding),
        loss=LossWeights(label_mix_consistency=label_mix),
        generator_optimizer=Adam(lr=lr, beta1=0.0, beta2=0.999),
        data=data,
        schedule=Schedule(epochs=epochs),
        training=Training(batch_size=batch_size, ema=ema, ema_warm_up=False),
    )


def _default(classes: ClassSet, instances: bool) -> OASISConfig:
    return _paper(classes, batch_size=1)


def _ade20k(classes: ClassSet, instances: bool) -> OASISConfig:
    return _paper(classes)


def _coco_stuff(classes: ClassSet, instances: bool) -> OASISConfig:
    return _paper(classes, epochs=100)


def _cityscapes(classes: ClassSet, instances: bool) -> OASISConfig:
    data = Pipeline(mode="fixed", load_size=512, crop_size=512, aspect_ratio=2.0)
    return _paper(classes, data=data, batch_size=20, lr=4e-4, label_mix=5.0, ema=0.999)


def _small(classes: ClassSet, instances: bool) -> OASISConfig:
    """A model for a few hundred photos and two CPU cores, at 256x256.

    A sixteenth of the paper's arithmetic, and differentiable augmentation against the few photos; crops vary them.
    """
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="before")
    return OASISConfig(
        generator=OASISGeneratorConfig(encoding=encoding, width=16, hidden=64, z_dim=32),
        discriminator=OASISDiscriminatorConfig(encoding=encoding, width=32),
        generator_optimizer=Adam(lr=4e-4, beta1=0.0, beta2=0.999),
        discriminator_gain=1.0,
        augmentation=Augmentation(color=True, cutout=0.5),
        data=Pipeline(mode="resize_and_crop", load_size=286, crop_size=256),
        schedule=Schedule(epochs=200),
        training=Training(batch_size=2, ema=0.995, precision="bf16-mixed"),
    )


PRESETS: dict[str, Preset] = {
    "default": _default,
    "ade20k": _ade20k,
    "coco_stuff": _coco_stuff,
    "cityscapes": _cityscapes,
    "small": _small,
}
"""What changes per dataset: size, batch, epochs; on Cityscapes also rates, LabelMix and the average's decay."""

OASIS_SYSTEM = System(OASISConfig, PRESETS, OASISRecipe)
