"""The models that ship: what each is trained on, in which stages, and what its card says."""

from __future__ import annotations

from dataclasses import dataclass

from semsynth.classes import ClassSet
from semsynth.config import override
from semsynth.recipes import RECIPES
from semsynth.recipes.base import RecipeConfig


@dataclass(frozen=True)
class Stage:
    """A training; it begins with the weights of the one before."""

    steps: int
    settings: tuple[str, ...]
    """What differs from the preset, as ``--set`` takes it."""


@dataclass(frozen=True)
class Bundle:
    """One model that ships."""

    data: str
    """The dataset folder, below the folder of data sets."""
    class_set: str
    system: str
    preset: str
    stages: tuple[Stage, ...]
    init_from: str | None
    """The bundled model that the first stage begins with; None: fresh weights."""
    licence: str
    intended_use: str

    def config(self, stage: Stage, classes: ClassSet, extra: tuple[str, ...] = ()) -> RecipeConfig:
        """The resolved configuration."""
        return override(RECIPES[self.system].presets[self.preset](classes, False), [*stage.settings, *extra])

    def with_steps(self, total: int | None) -> tuple[Stage, ...]:
        """The stages, shortened or lengthened in proportion to ``total`` steps."""
        whole = sum(stage.steps for stage in self.stages)
        steps = [max(1, round(stage.steps * (total or whole) / whole)) for stage in self.stages]
        return tuple(Stage(own, stage.settings) for own, stage in zip(steps, self.stages, strict=True))


SHARPER = (
    "generator.frozen_statistics=true",  # batch statistics of two photos take away what a style would change
    "generator.noise_injection=true",  # else there is nothing inside a large region that texture could grow out of
    "loss.pixels=3",  # the discriminator, not the mean of all photos, says what a tree looks like
    "loss.perceptual=5",
    "loss.feature_matching=5",
    "loss.kl=0.001",  # seeds are fitted to the styles found (semsynth styles fit), so these may be what they like
    "training.ema=0.998",
)
"""Settings for networks that know their classes already."""

WINDOWS = (
    "data.mode=scale_shortside_and_crop",  # windows of the photos, not squeezed ones: 4:3, squares and upright
    "data.load_size=288",
)

FEATURES = (  # in a trial with one seed, nearer to photos than the patch discriminator in half the time
    "generator.noise_injection=true",
    'feature_discriminator={"size": 256, "discriminator_weight": 0}',  # instead of the patch discriminator
    "loss.pixels=3",
    "loss.perceptual=5",
    "loss.kl=0.001",
    "training.ema=0.998",
)
"""Settings for a discriminator on frozen features that sees pictures at 256x256."""

SHARPEST = (  # photos and pictures enlarged half as much again: the discriminator then sees dots and stripes, too
    *FEATURES,
    'feature_discriminator={"size": 384, "discriminator_weight": 0}',
    "generator.frozen_statistics=true",
    "loss.pixels=5",
    "loss.kl=0.0001",  # styles fade within a thousand steps where it is ten times as much
    "training.workers=0",
)
"""Settings of a last stage on a trained network: half an hour of one core."""

MODELS = {
    "landscapes": Bundle(
        data="ade_landscapes",
        class_set="ade_landscapes",
        system="spade",
        preset="small",
        stages=(
            Stage(  # at 128x128 a step costs a quarter
                40_000,
                (
                    *FEATURES,
                    "data.mode=scale_shortside_and_crop",
                    "data.load_size=144",
                    "data.crop_size=128",
                    "generator.crop_size=128",
                    "perceptual_crop=64",
                    "training.workers=0",
                    "training.seed=1",
                ),
            ),
            Stage(  # the same weights with one more doubling
                10_000,
                (
                    *FEATURES,
                    "generator.upsamplings=6",
                    "fade_in_images=4000",
                    # Batch statistics: those of the first stage are of other sizes, and pictures lose their texture.
                    *WINDOWS,
                    "training.workers=0",
                    "training.seed=2",
                ),
            ),
            Stage(  # styles: statistics of two photos take away what a style would change, and seeds all look alike
                10_000,
                (
                    *FEATURES,
                    "generator.upsamplings=6",
                    "generator.frozen_statistics=true",
                    "loss.kl=0.0001",
                    "loss.pixels=5",
                    *WINDOWS,
                    "training.workers=0",
                    "training.seed=3",
                ),
            ),
        ),
        init_from=None,
        licence=(
            "Trained on nature photographs of ADE20K (Zhou et al. 2017), which its authors give for non-commercial "
            "research and education; the perceptual term used VGG-19 (CC BY 4.0), the discriminator EfficientNet-lite0 "
            "(Apache-2.0). Weights: use as the data allows."
        ),
        intended_use=(
            "Demonstration, tests and a start for fine-tuning: scenes of nature at 256x256 from the ten ade_landscapes "
            "classes. Not a measure of what the system can do at the paper's size, and no source of facts about real "
            "places."
        ),
    ),
    "facades": Bundle(
        data="cmp_facades",
        class_set="cmp_facades",
        system="spade",
        preset="small",
        stages=(
            Stage(2_000, ()),
            Stage(18_000, (*SHARPER, "training.seed=7")),
            Stage(1_750, (*SHARPEST, "training.seed=21")),
        ),
        init_from=None,
        licence=(
            "Trained on the CMP Facade Database (Tylecek and Sara 2013), whose authors state no licence and ask for "
            "citation; the perceptual term used VGG-19 (CC BY 4.0), the discriminator EfficientNet-lite0 (Apache-2.0). "
            "Weights: use as the data allows."
        ),
        intended_use=(
            "Demonstration, tests and a start for fine-tuning: house fronts at 256x256 from the 12 cmp_facades "
            "classes. Not a measure of what the system can do at the paper's size, and no source of facts about real "
            "buildings."
        ),
    ),
    "streets": Bundle(
        data="labelmefacade",
        class_set="labelmefacade",
        system="spade",
        preset="small",
        stages=(
            Stage(6_000, (*SHARPER, *WINDOWS, "training.seed=9")),
            Stage(  # walls come out mottled unless they are then held closer to photos
                14_000,
                (
                    *SHARPER,
                    *WINDOWS,
                    "loss.pixels=5",
                    "loss.perceptual=10",
                    "generator_optimizer.lr=0.00015",
                    "discriminator_optimizer.lr=0.0002",
                    "training.seed=12",
                ),
            ),
            Stage(1_750, (*SHARPEST, *WINDOWS, "training.seed=22")),
        ),
        init_from="facades",
        licence=(
            "Trained on LabelMeFacade (Froehlich, Rodner and Denzler 2010; photos of LabelMe), which its authors give "
            "for non-commercial use and research, beginning with the weights of facades; the perceptual term used "
            "VGG-19 (CC BY 4.0), the discriminator EfficientNet-lite0 (Apache-2.0). Weights: use as the data allows."
        ),
        intended_use=(
            "Demonstration, tests and a start for fine-tuning: street scenes at 256x256 from the 8 labelmefacade "
            "classes. Not a measure of what the system can do at the paper's size, and no source of facts about real "
            "places."
        ),
    ),
}
"""What ships, by name: the one place that says how."""
