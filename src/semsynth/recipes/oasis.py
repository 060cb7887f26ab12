"""OASIS (Schönfeld, Sushko, Zhang, Gall, Schiele and Khoreva, ICLR 2021), section numbers of the paper.

Objective (sections 3.1, 3.2): the discriminator segments photos into their classes and calls pixels of synthesised
pictures "fake"; the generator wants its pixels called by their classes. Classes count alike. LabelMix consistency is
weighted 10. No network for a perceptual term is needed. Noise (section 3.3) enters every layer beside the labels.

Where paper, official code and this package differ: docs/recipes/oasis.md, *Differences*.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from semsynth.checkpoint import OASISModel
from semsynth.classes import ClassSet
from semsynth.data.sample import Batch
from semsynth.layout import LayoutBatch, pixels
from semsynth.losses.gradient_penalty import score_of_classes
from semsynth.losses.n_plus_one import (
    LabelMixKind,
    draw_coins,
    judged_as_classes,
    judged_as_fake,
    label_mix,
    label_mix_consistency,
    label_mix_mask,
)
from semsynth.losses.perceptual import Perceptual
from semsynth.models.backbones import Backbone
from semsynth.models.oasis import OASISDiscriminator, OASISDiscriminatorConfig, OASISGenerator, OASISGeneratorConfig
from semsynth.ops.initialization import initialize_xavier
from semsynth.recipes.aids import AidedConfig, AidedRecipe, PerceptualTerm
from semsynth.recipes.base import (
    Adam,
    Collate,
    Networks,
    Phase,
    Step,
    Terms,
    check_classes,
    check_size,
)
from semsynth.recipes.growth import coarse_to_fine
from semsynth.recipes.system import Preset, Row, System


class LossWeights(PerceptualTerm):
    """The objective (sections 3.1 and 3.2)."""

    balanced: bool = True
    """Whether classes count alike, not pixels."""
    label_mix: LabelMixKind = "independent"
    """How the mixed picture is put together; none: without the term."""
    label_mix_consistency: float = Field(10.0, ge=0, le=1e6)
    """lambda_labelmix."""
    perceptual: float = Field(0.0, ge=0, le=1e6)
    """lambda_vgg, 10 in the code where it is on."""


class OASISConfig(AidedConfig):
    """The paper's table."""

    system: Literal["oasis"] = "oasis"
    generator: OASISGeneratorConfig
    discriminator: OASISDiscriminatorConfig
    loss: LossWeights = LossWeights()
    generator_optimizer: Adam = Adam(lr=1e-4, beta1=0.0, beta2=0.999)
    discriminator_optimizer: Adam = Adam(lr=4e-4, beta1=0.0, beta2=0.999)
    discriminator_gain: float = Field(0.02, gt=0, le=100)
    """Of the discriminator's first, Glorot-normal weights; spectral normalisation takes their scale away."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.generator.encoding != self.discriminator.encoding:
            raise ValueError("generator.encoding and discriminator.encoding must be equal: set both")
        step = OASISDiscriminator.STEP
        check_size(self.generator, self.data)
        if self.generator.output_size[0] % step or self.generator.output_size[1] % step:
            raise ValueError(
                f"the discriminator takes multiples of {step}, not {pixels(self.generator.output_size)}: "
                "set crop_size and aspect_ratio of generator and data"
            )
        return self

    @property
    def condition_channels(self) -> int:
        """Channels of the layouts."""
        return self.generator.encoding.num_channels

    def check_dataset(self, classes: ClassSet) -> None:
        """Make sure that the networks are for these classes."""
        check_classes(classes, self.generator.encoding)

    def load_networks(self, perceptual_weights: Path | None, feature_weights: Path | None) -> dict[str, Any]:
        """The VGG term, unless its weight is 0, and what the aids need."""
        perceptual = self.loss.load_perceptual(perceptual_weights)
        return {"perceptual": perceptual, **super().load_networks(None, feature_weights)}


class OASISRecipe(AidedRecipe):
    """Networks and objective; the two ``*_terms`` methods are the paper's equations."""

    def __init__(
        self,
        config: OASISConfig,
        classes: ClassSet,
        perceptual: Perceptual | None,
        backbone: Backbone | None = None,
    ) -> None:
        self.config: OASISConfig = config
        self.classes = classes
        self.networks = {
            "generator": OASISGenerator(config.generator),
            "discriminator": OASISDiscriminator(config.discriminator),
        }
        initialize_xavier(self.networks["generator"])
        initialize_xavier(self.networks["discriminator"], config.discriminator_gain)
        self.averaged = ("generator",)
        self.frozen: dict[str, nn.Module] = {} if perceptual is None else {"perceptual": perceptual}
        self.perceptual = perceptual
        self.collate = Collate(config.generator)
        self.phases = self.aided(
            Phase(
                "generator",
                ("generator",),
                self.generator_terms,
                {"adversarial": 1.0, "perceptual": config.loss.perceptual},
                config.generator_optimizer,
            ),
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator_terms,
                {
                    "fake": 1.0,
                    "real": 1.0,
                    "label_mix": config.loss.label_mix_consistency,
                },
                config.discriminator_optimizer,
            ),
            backbone=backbone,
        )

    def generator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over G:  -E[sum_c w_c sum_(pixels of c) log D(G(z, t))_c]."""
        assert isinstance(batch.layout, LayoutBatch)
        step.fake = fake = networks["generator"](batch.layout, self._noise(batch))  # [N,3,H,W]
        terms: Terms = {}
        if "discriminator" in networks:
            logits = self._judge(networks, fake)
            terms["adversarial"] = judged_as_classes(logits, batch.layout.full, self.config.loss.balanced)
        if self.perceptual is not None:
            terms["perceptual"] = self.perceptual(fake, batch.image)
        return terms

    def discriminator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over D, for a fake of the generator as it is now and a mixture of it and the photo.

        -E[log D(fake)_fake] - E[sum_c w_c sum_(pixels of c) log D(x)_c] + 10 |M D(x) + (1-M) D(fake) - D(mixed)|^2.
        """
        assert isinstance(batch.layout, LayoutBatch)
        loss, layout, judge = self.config.loss, batch.layout.full, networks["discriminator"]
        fake, real = self._pictures_to_judge(networks, batch, step)
        of_fake, of_real = judge(fake), judge(real)
        terms = {"fake": judged_as_fake(of_fake), "real": judged_as_classes(of_real, layout, loss.balanced)}
        if loss.label_mix != "none":
            mask = label_mix_mask(layout, draw_coins(layout, loss.label_mix)).to(real.dtype)
            of_mixed = judge(label_mix(mask, real, fake))
            terms["label_mix"] = label_mix_consistency(mask, of_real, of_fake, of_mixed)
        return terms

    def scores(self, batch: Batch, images: Tensor) -> Tensor:
        """The mean over pixels of the log-odds that they are real."""
        return score_of_classes(self.networks["discriminator"](images))

    def first_class_channel(self, name: str) -> int:
        """After noise, or "fake", and void."""
        generator = self.config.generator
        before = {"generator": generator.z_dim, "discriminator": 1}
        return before.get(name, 0) + (generator.encoding.void == "before")

    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """Pictures for random noise."""
        return networks["generator"](batch.layout, self._noise(batch))  # type: ignore[no-any-return]

    def model(self) -> OASISModel:
        """The generator."""
        return OASISModel(generator=self.config.generator, data=self.config.data)

    def _judge(self, networks: Networks, fake: Tensor) -> Tensor:
        """[N,1+C,H,W]: the discriminator's logits for pictures, "fake" first."""
        (seen,) = self.shown(fake)
        return networks["discriminator"](seen)  # type: ignore[no-any-return]

    def _pictures_to_judge(self, networks: Networks, batch: Batch, step: Step) -> tuple[Tensor, ...]:
        """[N,3,H,W] each, constants: pictures of the generator as it is now, and the photos."""
        with torch.no_grad():
            step.fake = self.generate(networks, batch)
        return self.shown(step.fake, batch.image)

    def _noise(self, batch: Batch) -> Tensor | None:
        """[N,z_dim]: one vector for each image, as in the official training; None without noise."""
        if not self.config.generator.z_dim:
            return None
        return torch.randn(len(batch), self.config.generator.z_dim, device=batch.image.device, dtype=batch.image.dtype)


PAPER: Row = {
    "encoding.void": "before",
    "data.mode": "fixed",  # squares whatever the photo's shape: the code's crop never happens
    "data.load_size": 256,
    "schedule.epochs": 200,
    "training.batch_size": 32,
    "training.ema": 0.9999,
    "training.ema_warm_up": False,
}

ROWS: dict[str, Row] = {
    "default": {**PAPER, "training.batch_size": 1},
    "ade20k": PAPER,
    "coco_stuff": {**PAPER, "schedule.epochs": 100},
    "cityscapes": {
        **PAPER,
        "data.load_size": 512,
        "data.crop_size": 512,
        "data.aspect_ratio": 2.0,
        "generator.crop_size": 512,
        "generator.aspect_ratio": 2.0,
        "generator_optimizer.lr": 4e-4,
        "loss.label_mix_consistency": 5.0,
        "training.batch_size": 20,
        "training.ema": 0.999,
    },
    # Not the paper's: a sixteenth of its arithmetic for a few hundred photos and two CPU cores, with differentiable
    # augmentation against the few photos; crops vary them.
    "small": {
        "encoding.void": "before",
        "generator.width": 16,
        "generator.hidden": 64,
        "generator.z_dim": 32,
        "discriminator.width": 32,
        "generator_optimizer.lr": 4e-4,
        "discriminator_gain": 1.0,
        "augmentation.color": True,
        "augmentation.cutout": 0.5,
        "schedule.epochs": 200,
        "training.batch_size": 2,
        "training.ema": 0.995,
        "training.precision": "bf16-mixed",
    },
}
"""What changes per dataset (official ``scripts/train_*.sh`` and ``dataloaders/*.py``): size, batch, epochs; on
Cityscapes also rates, LabelMix and the average's decay."""

PRESETS = {name: Preset(OASISConfig, row) for name, row in ROWS.items()}


def stages(config: OASISConfig) -> dict[str, OASISConfig]:
    """Coarse to fine: the later stage begins with features of twice the size.

    Raises:
        SemsynthError: data of no fixed size.
    """
    return coarse_to_fine(config, {}, {})


OASIS_SYSTEM = System(OASISConfig, PRESETS, OASISRecipe, stages)
