"""Cascaded refinement networks (Chen and Koltun, ICCV 2017), section numbers of the paper.

Objective (section 3.3): one network, no adversary. The picture and five activations of VGG-19 are compared with those
of the photograph (equation 1); of a collection of pictures the best counts, whole or class by class (section 3.4,
equations 2 and 3). ``loss.kind="image_space"`` compares the pictures alone (equation 4).

Where paper, official code and this package differ: docs/recipes/crn.md, *Differences*.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from semsynth.checkpoint import GeneratorModel
from semsynth.classes import ClassSet
from semsynth.config import Config
from semsynth.data.sample import Batch
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.losses.content import ContentLoss, existing_levels
from semsynth.losses.level_weights import (
    INPUT,
    OFFICIAL_256P,
    OFFICIAL_512P,
    OFFICIAL_GTA,
    TAPS,
    BalancedWeights,
    LevelWeights,
)
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.generator import AnyGeneratorConfig
from semsynth.models.vgg import VGG19, load_vgg19
from semsynth.ops.initialization import initialize_glorot_uniform
from semsynth.recipes.base import (
    Adam,
    Collate,
    Networks,
    Phase,
    Recipe,
    RecipeConfig,
    Schedule,
    Step,
    Terms,
    check_classes,
    check_generator,
)
from semsynth.recipes.system import Preset, Row, System

OFFICIAL_WEIGHTS = {"official_256p": OFFICIAL_256P, "official_512p": OFFICIAL_512P, "official_gta": OFFICIAL_GTA}


class ContentConfig(Config):
    """The objective (sections 3.3 and 3.4)."""

    kind: Literal["perceptual", "image_space"] = "perceptual"
    """Equation 1, or equation 4: the picture alone."""
    weights: Literal["automatic", "official_256p", "official_512p", "official_gta"] = "automatic"
    """lambda_l: balanced in training as the paper says, or constants of the official code."""
    rescale_after_epochs: int = Field(100, ge=1, le=10**9)
    """When automatic weights are balanced."""
    last_factor: float = Field(1.0, gt=0, le=1e6)
    """Of the last tap, conv5_2, on its share of balanced weights (10 in the official constants)."""
    diversity: Literal["class_wise", "hindsight"] = "class_wise"
    """Of collections: equation 3 or equation 2."""
    mean_share: float = Field(0.0, ge=0, lt=1)
    """Of the mean over a collection in its loss; the best counts for the rest (official code: 0.001)."""


class CRNConfig(RecipeConfig):
    """The paper's system."""

    system: Literal["crn"] = "crn"
    generator: AnyGeneratorConfig
    """The cascade; or another generator, as in the paper's comparisons."""
    trained_modules: int | None = Field(None, ge=1, le=64)
    """How many refinement modules at the end of the cascade learn, with the output layer; None: all (official 1024p:
    2)."""
    loss: ContentConfig = ContentConfig()
    generator_optimizer: Adam = Adam(lr=1e-4, beta1=0.9, beta2=0.999)
    """Official code; the paper does not speak of it."""
    data: Pipeline = Pipeline(mode="fixed", crop_size=512, aspect_ratio=2.0, flip=False)
    """No augmentation at all, as the official code."""
    schedule: Schedule = Schedule(epochs=200)

    @property
    def cascade(self) -> CRNGeneratorConfig | None:
        """The generator where it is the paper's own."""
        return self.generator if isinstance(self.generator, CRNGeneratorConfig) else None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check_generator(self.generator, self.data, self.generator.images_per_layout)
        if self.trained_modules is not None:
            modules = 0 if self.cascade is None else self.cascade.refinements
            if self.trained_modules > modules:
                raise ValueError(
                    f"trained_modules={self.trained_modules}, the generator has {modules}: set fewer, or null"
                )
        return self

    def without_perceptual(self) -> tuple[str, ...]:
        """None: the loss has no other terms."""
        if self.loss.kind == "perceptual":
            raise SemsynthError(
                "the loss is made of VGG features alone, so `perceptual=False` cannot be: "
                "`overrides=loss.kind=image_space` compares colours instead"
            )
        return ()

    def check_dataset(self, classes: ClassSet) -> None:
        """Make sure that the networks are for these classes."""
        check_classes(classes, self.generator.encoding)

    def load_networks(self, perceptual_weights: Path | None, feature_weights: Path | None) -> dict[str, Any]:
        """VGG-19 with average pooling, but for the image-space loss."""
        compared = self.loss.kind == "perceptual"
        vgg = load_vgg19(perceptual_weights, pooling="average") if compared else None
        return {"vgg": vgg, **super().load_networks(None, feature_weights)}


class CRNRecipe(Recipe):
    """Network and objective; ``generator_terms`` is the paper's equation."""

    def __init__(self, config: CRNConfig, classes: ClassSet, vgg: VGG19 | None) -> None:
        """Make the network.

        Args:
            config: the system.
            classes: the dataset's classes.
            vgg: with average pooling, perhaps a prefix; None for the image-space loss.

        Raises:
            SemsynthError: ``vgg`` has none of the taps.
        """
        self.config: CRNConfig = config
        self.classes = classes
        self.networks: dict[str, nn.Module] = {"generator": config.generator.build()}
        initialize_glorot_uniform(self.networks["generator"])
        self.averaged = ("generator",)
        self.content = ContentLoss(vgg, _weights(config.loss, vgg), config.loss.diversity, config.loss.mean_share)
        self.frozen: dict[str, nn.Module] = {"content": self.content}
        self.collate = Collate(config.generator)
        levels = self.content.weights.levels
        self.phases = (
            Phase(
                "generator",
                ("generator",),
                self.generator_terms,
                {"content": 1.0} | {name: 0.0 for level in levels for name in (level, f"lambda_{level}")},
                config.generator_optimizer,
                moves=_in_the_last_modules(config),
            ),
        )

    def generator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise  sum_p min_u sum_l lambda_l sum_j |L_p^l * (Phi_l^j(I) - Phi_l^j(g_u(L)))|  and log its parts."""
        assert isinstance(batch.layout, LayoutBatch)
        self.content.weights.begin_epoch(step.epoch)
        fakes = networks["generator"](batch.layout)  # [N*k,3,H,W]
        content = self.content(fakes, batch.image, batch.layout)
        weights = self.content.weights
        parts = dict(zip(weights.levels, content.contributions, strict=True))
        factors = {
            f"lambda_{level}": value.clone() for level, value in zip(weights.levels, weights.values, strict=True)
        }
        weights.measure(content.contributions, len(batch))
        return {"content": content.loss} | parts | factors

    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """All pictures of each layout."""
        return networks["generator"](batch.layout)  # type: ignore[no-any-return]

    def model(self) -> GeneratorModel:
        """The generator."""
        return GeneratorModel(generator=self.config.generator, data=self.config.data)


def _weights(loss: ContentConfig, vgg: VGG19 | None) -> LevelWeights:
    """lambda_l of the levels that there are."""
    levels = (INPUT,) if vgg is None else existing_levels(vgg)
    if vgg is None:
        return LevelWeights({INPUT: 1.0})
    if loss.weights == "automatic":
        return BalancedWeights(levels, loss.rescale_after_epochs, {TAPS[-1]: loss.last_factor})
    official = OFFICIAL_WEIGHTS[loss.weights]
    return LevelWeights({level: official[level] for level in levels})


def _in_the_last_modules(config: CRNConfig) -> Callable[[str, str], bool] | None:
    """Whether a parameter belongs to the modules that are trained or the output layer; None: they all move."""
    if config.trained_modules is None or config.cascade is None:
        return None
    numbers = range(config.cascade.refinements - config.trained_modules, config.cascade.refinements)
    moving = ("to_rgb.", *(f"cascade.{number}." for number in numbers))
    return lambda network, parameter: parameter.startswith(moving)


CASCADE: Row = {"encoding.void": "after", "generator.family": "crn"}
"""Labels alone, void after them (the code's "rest")."""

DIVERSE: Row = {"generator.count": 9, "loss.mean_share": 0.001}
"""Collections of nine (section 5.2, "Diversity loss"), with the code's share of the mean."""

P256: Row = {**CASCADE, "generator.refinements": 7, "data.crop_size": 512}
P512: Row = {**CASCADE, "generator.refinements": 8, "data.crop_size": 1024}
P1024: Row = {**CASCADE, "generator.refinements": 9, "data.crop_size": 2048}
"""Pictures of twice the height in width, from 4 x 8."""

SMALL: Row = {
    **CASCADE,
    "generator.width_scale": 1 / 8,
    "loss.rescale_after_epochs": 1,
    "generator_optimizer.lr": 4e-4,
    "data.crop_size": 256,
    "data.aspect_ratio": 1.0,
    "training.ema": 0.995,
    "training.precision": "bf16-mixed",
}
"""For a few hundred photos and two CPU cores: squares, an eighth of the widths, weights balanced early."""

ROWS: dict[str, Row] = {
    "default": P256,
    "default_diverse": {**P256, **DIVERSE},
    "small": SMALL,
    "small_diverse": {**SMALL, **DIVERSE},
    "cityscapes_256p": P256,
    "cityscapes_256p_diverse": {**P256, **DIVERSE, "loss.weights": "official_256p"},
    "cityscapes_512p": {**P512, "loss.weights": "official_512p", "schedule.epochs": 20},
    "cityscapes_1024p": {**P1024, "loss.weights": "official_512p", "schedule.epochs": 5, "trained_modules": 2},
    "gta": {**P256, "loss.weights": "official_gta", "schedule.epochs": 400},
    "gta_diverse": {**P256, **DIVERSE, "loss.weights": "official_gta", "schedule.epochs": 400},
}
"""What changes per dataset and size (section 5.1, official scripts). ``cityscapes_512p`` and ``cityscapes_1024p`` go on
from the smaller model with ``--init-from``; ``--stages`` does all three in a row."""

PRESETS = {name: Preset(CRNConfig, row) for name, row in ROWS.items()}


def of_the_cascade(name: str) -> Row:
    """A row without its generator: for the paper's baselines, which change nothing else."""
    return {key: value for key, value in ROWS[name].items() if not key.startswith("generator.")}


FINE_TUNING_DIVISORS = {"512p": 10, "1024p": 40}
"""Of the 256p model's 200 epochs: 20 at 512p, 5 at 1024p (official scripts)."""


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
    generator, size = config.cascade, config.data.output_size
    if generator is None or len(generator.widths) < generator.refinements + 2:
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
