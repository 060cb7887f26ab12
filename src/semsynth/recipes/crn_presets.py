"""What changes per dataset and size in the training of cascaded refinement networks (section 5.1, official scripts)."""

from __future__ import annotations

from collections.abc import Callable

from semsynth.classes import ClassSet
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.recipes.base import Adam, Schedule, Training
from semsynth.recipes.crn import ContentConfig, CRNConfig, CRNRecipe
from semsynth.recipes.system import System

Preset = Callable[[ClassSet, bool], CRNConfig]
"""From the dataset's classes; instance maps are not read."""

COLLECTION = 9
"""Pictures of one layout (section 5.2, "Diversity loss")."""

FINE_TUNING_DIVISORS = {"512p": 10, "1024p": 40}
"""Of the 256p model's 200 epochs: 20 at 512p, 5 at 1024p (official scripts)."""


def _paper(classes: ClassSet, height: int, refinements: int, loss: ContentConfig, epochs: int = 200) -> CRNConfig:
    """Pictures of twice the height in width, from 4 x 8; labels alone, void after them (the code's "rest")."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after")
    return CRNConfig(
        generator=CRNGeneratorConfig(encoding=encoding, refinements=refinements),
        loss=loss,
        data=Pipeline(mode="fixed", crop_size=2 * height, aspect_ratio=2.0, flip=False),
        schedule=Schedule(epochs=epochs),
    )


def _default(classes: ClassSet, instances: bool) -> CRNConfig:
    return _paper(classes, 256, 7, ContentConfig())


def _cityscapes_512p(classes: ClassSet, instances: bool) -> CRNConfig:
    return _paper(classes, 512, 8, ContentConfig(weights="official_512p"), epochs=20)


def _cityscapes_1024p(classes: ClassSet, instances: bool) -> CRNConfig:
    config = _paper(classes, 1024, 9, ContentConfig(weights="official_512p"), epochs=5)
    return config.model_copy(update={"trained_modules": 2})


def _gta(classes: ClassSet, instances: bool) -> CRNConfig:
    return _paper(classes, 256, 7, ContentConfig(weights="official_gta"), epochs=400)


def _small(classes: ClassSet, instances: bool) -> CRNConfig:
    """For a few hundred photos and two CPU cores: squares of 256, an eighth of the widths, weights balanced early."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after")
    return CRNConfig(
        generator=CRNGeneratorConfig(encoding=encoding, width_scale=1 / 8),
        loss=ContentConfig(rescale_after_epochs=1),
        generator_optimizer=Adam(lr=4e-4, beta1=0.9, beta2=0.999),
        data=Pipeline(mode="fixed", crop_size=256, flip=False),
        training=Training(ema=0.995, precision="bf16-mixed"),
    )


def _diverse(preset: Preset) -> Preset:
    """Collections of nine, with the code's share of the mean."""

    def changed(classes: ClassSet, instances: bool) -> CRNConfig:
        config = preset(classes, instances)
        generator = config.generator.model_copy(update={"count": COLLECTION})
        loss = config.loss.model_copy(update={"mean_share": 0.001})
        return config.model_copy(update={"generator": generator, "loss": loss})

    return changed


def _official_256p(classes: ClassSet, instances: bool) -> CRNConfig:
    """``demo_256p.py``: its constants instead of weights that are balanced."""
    return _paper(classes, 256, 7, ContentConfig(weights="official_256p"))


PRESETS: dict[str, Preset] = {
    "default": _default,
    "default_diverse": _diverse(_default),
    "small": _small,
    "small_diverse": _diverse(_small),
    "cityscapes_256p": _default,
    "cityscapes_256p_diverse": _diverse(_official_256p),
    "cityscapes_512p": _cityscapes_512p,
    "cityscapes_1024p": _cityscapes_1024p,
    "gta": _gta,
    "gta_diverse": _diverse(_gta),
}
"""``cityscapes_512p`` and ``cityscapes_1024p`` go on from the smaller model with ``--init-from``; ``--stages`` does all
three in a row."""


def stages(config: CRNConfig) -> dict[str, CRNConfig]:
    """Progressive growing: one more module for each doubling of the size (official scripts, 256p -> 512p -> 1024p).

    The first two stages train everything, the third the two modules at the end. Automatic weights are balanced after
    the first epoch of the later stages, which are short.

    Args:
        config: of the first stage.

    Returns:
        The configurations by stage, in order; each begins with the weights of the one before.

    Raises:
        SemsynthError: another generator than the cascade, too few widths, or data that is not scaled to a size.
    """
    generator, size = config.generator, config.data.output_size
    if not isinstance(generator, CRNGeneratorConfig) or len(generator.widths) < generator.refinements + 2:
        raise SemsynthError("stages add two refinement modules: they need the cascade, and generator.widths for them")
    if config.data.mode != "fixed" or size is None:
        raise SemsynthError(f"data.mode={config.data.mode}: stages double a size that is given: set data.mode=fixed")
    configs = {f"1-{size[0]}p": config}
    for number, divisor in enumerate(FINE_TUNING_DIVISORS.values(), 1):
        update = {
            "generator": generator.model_copy(update={"refinements": generator.refinements + number}),
            "data": config.data.model_copy(update={"crop_size": config.data.crop_size << number}),
            "loss": _later_loss(config.loss),
            "schedule": Schedule(epochs=max(1, config.schedule.epochs // divisor)),
            "trained_modules": 2 if number == 2 else None,
        }
        configs[f"{number + 1}-{size[0] << number}p"] = config.model_copy(update=update)
    return configs


def _later_loss(loss: ContentConfig) -> ContentConfig:
    weights = "official_512p" if loss.weights == "official_256p" else loss.weights
    return loss.model_copy(update={"weights": weights, "rescale_after_epochs": 1})


CRN_SYSTEM = System(CRNConfig, PRESETS, CRNRecipe, stages)
