"""What changes per dataset and stage of pix2pixHD's training (section 4, appendix A and the official scripts)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from semsynth.classes import ClassSet
from semsynth.data.transforms import Pipeline
from semsynth.layout import LayoutEncoding
from semsynth.models.instance_encoder import InstanceEncoderConfig
from semsynth.models.patch import PatchDiscriminatorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.recipes.base import Adam, RecipeConfig, Schedule, System, Training
from semsynth.recipes.pix2pixhd import Pix2PixHDConfig, build
from semsynth.recipes.pix2pixhd_plus import PLUS_PRESETS

FEATURES = 3
"""Length of an object's feature vector (section 4)."""

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


def _small(classes: ClassSet, instances: bool) -> Pix2PixHDConfig:
    """For a few hundred photos of street scenes and two CPU cores: 256 x 128, a sixty-fourth of the arithmetic."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after", edges=instances)
    return Pix2PixHDConfig(
        generator=Pix2PixHDGeneratorConfig(encoding=encoding, width=16, downsamplings=3, blocks=4, features=FEATURES),
        discriminator=PatchDiscriminatorConfig(
            encoding=encoding, width=16, max_width=128, scales=2, spectral=False, bias=True
        ),
        encoder=InstanceEncoderConfig(width=8, downsamplings=3, features=FEATURES),
        data=Pipeline(mode="fixed", crop_size=256, aspect_ratio=2.0),
        generator_optimizer=Adam(lr=4e-4, beta1=0.5, beta2=0.999),
        training=Training(batch_size=1, ema=0.995, precision="bf16-mixed"),
    )


PRESETS: dict[str, Callable[[ClassSet, bool], RecipeConfig]] = {
    "default": _default,
    "labels_only": _labels_only,
    "cityscapes": _cityscapes,
    "cityscapes_features": _cityscapes_features,
    "nyu": _nyu,
    "ade20k": _ade20k,
    "helen": _helen,
    "small": _small,
    **PLUS_PRESETS,
}
"""Appendix A: Cityscapes at 1024 x 512 (G1; ``--stages`` goes on to 2048 x 1024), NYU at 561 x 427, ADE20K of width
512, Helen at 1024 x 1024. ``--no-perceptual`` makes the tables' "w/o VGG" of any of them."""


def stages(config: RecipeConfig) -> dict[str, RecipeConfig]:
    """Coarse to fine (section 3.2): G1, then G2 beside a fixed G1 at twice the size, then both.

    Args:
        config: of the global generator alone, as every preset.

    Returns:
        The configurations by stage, in order; each begins with the weights of the one before.
    """
    assert isinstance(config, Pix2PixHDConfig)
    small, data = config.generator, config.data
    doubled = {"load_size": 2 * data.load_size, "crop_size": 2 * data.crop_size}
    larger = {
        "generator": small.model_copy(update={"enhancers": small.enhancers + 1}),
        "data": data.model_copy(update=doubled),
    }
    fixed = config.model_copy(update={**larger, "trained": "enhancer", "schedule": Schedule(epochs=10)})
    joint = fixed.model_copy(update={"trained": "everything", "schedule": Schedule(epochs=40, decay_epochs=50)})
    return {"1-global": config, "2-enhancer": fixed, "3-joint": joint}


PIX2PIXHD_SYSTEM = System(Pix2PixHDConfig, PRESETS, build, stages)
