"""What changes per dataset and stage of pix2pixHD's training (section 4, appendix A and the official scripts)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from semsynth.classes import ClassSet
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.generator import GeneratorConfig
from semsynth.models.instance_encoder import InstanceEncoderConfig
from semsynth.models.patch import PatchDiscriminatorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.unet import UNetConfig
from semsynth.recipes.base import Adam, Schedule, Training
from semsynth.recipes.pix2pixhd import Pix2PixHDConfig, Pix2PixHDRecipe
from semsynth.recipes.pix2pixhd_plus import PLUS_PRESETS
from semsynth.recipes.system import System

FEATURES = 3
"""Length of an object's feature vector (section 4)."""

PICTURE_CHANNELS = 3
"""Conditions that are pictures come as RGB (official ``input_nc``, with ``label_nc=0``)."""

WIDTH_1024 = Pipeline(mode="scale_width", load_size=1024)
"""Appendix A, Cityscapes for G1; the height follows."""


def _paper(
    classes: ClassSet,
    edges: bool,
    *,
    void: Literal["none", "after"] = "after",
    data: Pipeline = WIDTH_1024,
    features: int = 0,
    scales: int = 3,
) -> Pix2PixHDConfig:
    """G1 and the discriminators of the paper for a class set."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void=void, edges=edges)
    return Pix2PixHDConfig(
        generator=Pix2PixHDGeneratorConfig(encoding=encoding, features=features),
        discriminator=PatchDiscriminatorConfig(encoding=encoding, scales=scales, spectral=False, bias=True),
        encoder=InstanceEncoderConfig(features=features) if features else None,
        data=data,
    )


def _default(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    return _paper(classes, instances, data=Pipeline(mode="resize_and_crop", load_size=286, crop_size=256))


def _labels_only(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    return _paper(classes, False)


def _cityscapes(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    return _paper(classes, True, void="none")


def _cityscapes_features(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    return _paper(classes, True, void="none", features=FEATURES)


def _nyu(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    return _paper(classes, instances, data=Pipeline(mode="fixed", crop_size=561, aspect_ratio=561 / 427))


def _ade20k(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    return _paper(classes, instances, data=Pipeline(mode="scale_width", load_size=512))


def _helen(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    return _paper(classes, False, data=Pipeline(mode="fixed", crop_size=1024), features=FEATURES)


def _edges(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    """Figures 2 and 13, for which the paper gives no settings: as elsewhere, at the size of CelebA-HQ's photographs."""
    encoding = LayoutEncoding(num_classes=classes.num_classes)
    return Pix2PixHDConfig(
        generator=Pix2PixHDGeneratorConfig(encoding=encoding, image_channels=PICTURE_CHANNELS),
        discriminator=PatchDiscriminatorConfig(
            encoding=encoding, scales=3, spectral=False, bias=True, image_channels=PICTURE_CHANNELS
        ),
        data=WIDTH_1024,
    )


def _with_generator(make: Callable[[LayoutEncoding], GeneratorConfig]) -> Callable[[ClassSet, bool], Pix2PixHDConfig]:
    """Tables 3 and 4: another generator "with all the other components fixed", from labels alone as table 2."""

    def preset(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
        config = _paper(classes, False, data=Pipeline(mode="fixed", crop_size=1024, aspect_ratio=2.0))
        return config.model_copy(update={"generator": make(config.generator.encoding)})

    return preset


def _small(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    """For a few hundred photos and two CPU cores: pictures of width 256, a sixteenth of the arithmetic per pixel."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after", edges=instances)
    return Pix2PixHDConfig(
        generator=Pix2PixHDGeneratorConfig(encoding=encoding, width=16, downsamplings=3, blocks=4, features=FEATURES),
        discriminator=PatchDiscriminatorConfig(
            encoding=encoding, width=16, max_width=128, scales=2, spectral=False, bias=True
        ),
        encoder=InstanceEncoderConfig(width=8, downsamplings=3, features=FEATURES),
        data=Pipeline(mode="scale_width", load_size=256),
        generator_optimizer=Adam(lr=4e-4, beta1=0.5, beta2=0.999),
        training=Training(batch_size=1, ema=0.995, precision="bf16-mixed"),
    )


PRESETS: dict[str, Callable[[ClassSet, bool], Pix2PixHDConfig]] = {
    "default": _default,
    "labels_only": _labels_only,
    "cityscapes": _cityscapes,
    "cityscapes_features": _cityscapes_features,
    "nyu": _nyu,
    "ade20k": _ade20k,
    "helen": _helen,
    "edges": _edges,
    "small": _small,
    "unet_generator": _with_generator(lambda encoding: UNetConfig(encoding=encoding)),
    "crn_generator": _with_generator(lambda encoding: CRNGeneratorConfig(encoding=encoding, refinements=8)),
    **PLUS_PRESETS,
}
"""Appendix A: Cityscapes at 1024 x 512 (G1; ``--stages`` goes on at twice a preset's size: 2048 x 1024), NYU at
561 x 427, ADE20K of width 512, Helen at 1024 x 1024. ``edges`` reads pictures instead of label maps.
``unet_generator`` and ``crn_generator`` are the other columns of tables 3 and 4.
``--no-perceptual`` makes the tables' "w/o VGG" of any of them."""


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
