"""pix2pix (Isola, Zhu, Zhou and Efros, CVPR 2017): the baseline of the CRN, pix2pixHD and SPADE papers.

Objective (section 3.1): min_G max_D  L_cGAN(G, D) + 100 L_L1(G), of a U-Net and of a discriminator that judges
overlapping patches of 70 x 70 pixels under their layout (sections 3.2.1 and 3.2.2).

Where paper, official code and this package differ: docs/recipes/baselines.md.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from semsynth.checkpoint import GeneratorModel
from semsynth.classes import ClassSet
from semsynth.config import Config
from semsynth.data.sample import Batch
from semsynth.losses.adversarial import AdversarialKind, discriminator_loss, generator_loss
from semsynth.losses.distance import mean_absolute_difference
from semsynth.losses.gradient_penalty import score_of_patches
from semsynth.models.backbones import Backbone
from semsynth.models.generator import AnyGeneratorConfig
from semsynth.models.patch import MultiScaleDiscriminator, PatchDiscriminatorConfig
from semsynth.ops.initialization import initialize_normal
from semsynth.recipes.aids import AidedConfig, AidedRecipe
from semsynth.recipes.base import (
    Adam,
    Collate,
    Networks,
    Phase,
    Schedule,
    Step,
    Terms,
    check_classes,
    check_generator,
)
from semsynth.recipes.system import Preset, Row, System


class LossWeights(Config):
    """The objective (section 3.1)."""

    adversarial_kind: AdversarialKind = "original"
    """Cross entropy, with G maximising log D(x, G(x)) (section 3.3)."""
    pixels: float = Field(100.0, ge=0, le=1e6)
    """lambda: of the mean absolute difference of pictures in [-1,1]."""


class Pix2PixConfig(AidedConfig):
    """The paper's table (section 3.3 and the appendix)."""

    system: Literal["pix2pix"] = "pix2pix"
    generator: AnyGeneratorConfig
    discriminator: PatchDiscriminatorConfig
    loss: LossWeights = LossWeights()
    generator_optimizer: Adam = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
    discriminator_optimizer: Adam = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
    schedule: Schedule = Schedule(epochs=100, decay_epochs=100)

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.generator.encoding != self.discriminator.encoding:
            raise ValueError("generator.encoding and discriminator.encoding must be equal: set both")
        check_generator(self.generator, self.data)
        return self

    @property
    def condition_channels(self) -> int:
        """Channels of what the discriminator reads beside pictures."""
        return self.discriminator.condition_channels

    def check_dataset(self, classes: ClassSet) -> None:
        """Make sure that the networks are for these classes."""
        check_classes(classes, self.generator.encoding)


class Pix2PixRecipe(AidedRecipe):
    """Networks and objective."""

    def __init__(self, config: Pix2PixConfig, classes: ClassSet, backbone: Backbone | None = None) -> None:
        self.config: Pix2PixConfig = config
        self.classes = classes
        self.networks: dict[str, nn.Module] = {
            "generator": config.generator.build(),
            "discriminator": MultiScaleDiscriminator(config.discriminator),
        }
        for network in self.networks.values():
            initialize_normal(network)
        self.frozen: dict[str, nn.Module] = {}
        self.averaged = ("generator",)
        self.collate = Collate(config.generator, config.discriminator if config.has_own_discriminator else None)
        self.phases = self.aided(
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator_terms,
                {"fake": 0.5, "real": 0.5},  # "we divide the objective by 2 while optimizing D" (section 3.3)
                config.discriminator_optimizer,
            ),
            Phase(
                "generator",
                ("generator",),
                self.generator_terms,
                {"adversarial": 1.0, "pixels": config.loss.pixels},
                config.generator_optimizer,
            ),
            backbone=backbone,
        )

    def discriminator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over D:  1/2 E[-log D(x, y)] + 1/2 E[-log(1 - D(x, G(x)))]."""
        kind = self.config.loss.adversarial_kind
        judged_fake, judged_real = self._judge(networks, batch, self.fakes(networks, batch, step), batch.image)
        return {
            "fake": discriminator_loss(kind, judged_fake, real=False),
            "real": discriminator_loss(kind, judged_real, real=True),
        }

    def generator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over G:  E[-log D(x, G(x))] + 100 E[|y - G(x)|]."""
        step.fake = fake = networks["generator"](batch.layout)  # [N,3,H,W]
        terms = {"pixels": mean_absolute_difference(fake, batch.image)}
        if "discriminator" in networks:
            (judged,) = self._judge(networks, batch, fake)
            terms["adversarial"] = generator_loss(self.config.loss.adversarial_kind, judged)
        return terms

    def scores(self, batch: Batch, images: Tensor) -> Tensor:
        """The mean over patches."""
        return score_of_patches(self.networks["discriminator"](batch.layout, images))

    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """One picture of each layout."""
        return networks["generator"](batch.layout)  # type: ignore[no-any-return]

    def model(self) -> GeneratorModel:
        """The generator."""
        return GeneratorModel(generator=self.config.generator, data=self.config.data)

    def _judge(self, networks: Networks, batch: Batch, *images: Tensor) -> list[list[list[Tensor]]]:
        """The discriminator's outputs for batches of pictures under their layouts."""
        return [networks["discriminator"](batch.layout, seen) for seen in self.shown(*images)]


PAPER: Row = {
    "encoding.void": "after",
    "generator.family": "unet",
    "discriminator.scales": 1,
    "discriminator.spectral": False,
    "discriminator.norm": "batch",
    "data.mode": "resize_and_crop",  # random jitter (section 3.3)
    "data.load_size": 286,
    "data.crop_size": 256,
}

ROWS: dict[str, Row] = {
    "default": PAPER,
    # For a few hundred photos and two CPU cores: a sixteenth of the parameters and of the arithmetic.
    "small": {
        **PAPER,
        "generator.width": 16,
        "discriminator.width": 16,
        "training.ema": 0.995,
        "training.precision": "bf16-mixed",
    },
}
"""The paper's networks at 256 x 256, from labels alone."""

PRESETS = {name: Preset(Pix2PixConfig, row) for name, row in ROWS.items()}

PIX2PIX_SYSTEM = System(Pix2PixConfig, PRESETS, Pix2PixRecipe)
